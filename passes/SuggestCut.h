//===- SuggestCut.h - where a model could be cut so that the DPU runs the rest ----===//
#ifndef DPUOPT_PASSES_SUGGESTCUT_H
#define DPUOPT_PASSES_SUGGESTCUT_H

#include "dpuopt/IR/Graph.h"
#include "dpuopt/Target/Target.h"

namespace dpuopt {

/// Tensors behind which nothing is on the DPU with its whole input cone, producers first; at most 32. Empty if all of
/// the graph is on the DPU, or none, or it cannot be lowered. `g` is not changed.
std::vector<std::string> suggestCut(const Graph &g, const TargetRequest &target);

} // namespace dpuopt
#endif
