//===- Verifier.h - is this graph well formed? -----------------------------===//
#ifndef DPUOPT_IR_VERIFIER_H
#define DPUOPT_IR_VERIFIER_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// Structure (def before use, use lists, unique names, constants' types) and,
/// for `xir.*` ops, the argument counts, attribute kinds and element types of
/// Ops.def. Every violation is an error diagnostic at the op.
Status verify(const Graph &g, DiagEngine &diags);

} // namespace dpuopt
#endif
