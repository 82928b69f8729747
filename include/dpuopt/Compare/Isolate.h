//===- Isolate.h - a graph cut into layers that can be fed one by one --------------===//
#ifndef DPUOPT_COMPARE_ISOLATE_H
#define DPUOPT_COMPARE_ISOLATE_H

#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/DenseSet.h"

namespace dpuopt {

/// A copy of a graph in which every reader of a cut value reads a new input instead, and whose outputs are the cut
/// values: running it computes each layer from given operands, not from what the layers before it computed.
struct IsolatedGraph {
  std::unique_ptr<Graph> graph;
  /// For each input, in order: which of the cut values it stands for, or SIZE_MAX for an input of the original. Those
  /// come as graphFeeds() has them.
  std::vector<std::pair<const Value *, size_t>> inputs;
};
/// `cuts` are results of ops of `g`, each once. Outputs of the copy are in their order.
IsolatedGraph isolateLayers(const Graph &g, llvm::ArrayRef<const Value *> cuts);

/// The ops that compute `v` from values of `known`, inputs and constants; in graph order.
std::vector<const Op *> segmentOf(const Value &v, const llvm::DenseSet<const Value *> &known);

/// Why two ways of computing a layer differ.
struct LayerCause {
  std::string text;   ///< empty: not known
  double mostLsb = 0; ///< what the compiler is known to change on purpose differs by so much; 0: it is no such change
};
/// Why `b` (of a compiled graph) is not what `a` (of the quantized one) is, from how the two compute it. The segments
/// are those of segmentOf().
LayerCause explainDifference(llvm::ArrayRef<const Op *> a, llvm::ArrayRef<const Op *> b);

} // namespace dpuopt
#endif
