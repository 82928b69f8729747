//===- Weights.h - which constants are weights, and random ones instead ------------===//
#ifndef DPUOPT_LIB_REDUCE_WEIGHTS_H
#define DPUOPT_LIB_REDUCE_WEIGHTS_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt::reduce {

/// Constants that hold what was learned: not scalars, shapes, scales or sizes, which say what an op does.
std::vector<Op *> weightsOf(Graph &g);

/// A copy of `g` in which the weights with these names are random. The same name and seed give the same numbers.
std::unique_ptr<Graph> withRandom(const Graph &g, llvm::ArrayRef<std::string> names, uint64_t seed);

/// The elements of `t` in the corner of all indices below those of `shape`.
Tensor cropped(const Tensor &t, llvm::ArrayRef<int64_t> shape);

} // namespace dpuopt::reduce
#endif
