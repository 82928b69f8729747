//===- Tail.h - what stands behind the last layers (internal to lib/Target) --------===//
//
// Post-processing is what no layer with a real share of the weights comes after: the
// decoding of a detector, a softmax. An application can do it. A convolution that only
// sums (the 16 constants of YOLOv8's box decoding) is no layer in this sense.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_TARGET_TAIL_H
#define DPUOPT_LIB_TARGET_TAIL_H

#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/DenseSet.h"

namespace dpuopt {

/// Ops of `g` that no layer comes after, and that are none.
llvm::DenseSet<const Op *> opsBehindLastLayers(const Graph &g);

/// `roots`, all that depends on them, and the reshapes that only lead to those. `roots` are behind the last layers.
llvm::DenseSet<const Op *> closureBehind(const Graph &g, llvm::ArrayRef<const Op *> roots);

/// What ops outside of `moved` hand to those inside: values of layers, not of the reshapes and fixes behind them.
std::vector<const Value *> cutOf(const Graph &g, const llvm::DenseSet<const Op *> &moved);

} // namespace dpuopt
#endif
