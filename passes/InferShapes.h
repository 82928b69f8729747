//===- InferShapes.h - infer-shapes for other passes ---------------------------------===//
//
// The walk of the pass infer-shapes without its report, for a pass that has made types
// and constants known in the middle of its work. Not a pipeline step.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_INFERSHAPES_H
#define DPUOPT_PASSES_INFERSHAPES_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// Types all results and folds shape arithmetic, but not the ops that `keeps` names. Fails, with an error, where
/// operands contradict their operator.
Status inferShapes(Graph &g, llvm::function_ref<bool(const Op &)> keeps, DiagEngine &diags);

} // namespace dpuopt
#endif
