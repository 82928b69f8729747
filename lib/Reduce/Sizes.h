//===- Sizes.h - the same graph with smaller tensors ------------------------------===//
#ifndef DPUOPT_LIB_REDUCE_SIZES_H
#define DPUOPT_LIB_REDUCE_SIZES_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt::reduce {

/// As ReduceCallbacks::refineTypes.
using RefineTypes = llvm::function_ref<Status(Op &)>;

/// Which two dimensions of four are height and width.
enum class Layout : uint8_t {
  ChannelsFirst,
  ChannelsLast,
  Square, ///< those that are equal, of each input for itself: models that have both
};

/// Halves height and width of each input of four dimensions, as far as they are even and at least 8. Null: nothing is
/// halved, or ops contradict it.
std::unique_ptr<Graph> halveInputs(const Graph &g, Layout layout, RefineTypes refine);

/// Halves the channels of inputs and of every layer with weights (NCHW), as far as they are even and at least 8, and
/// crops weights to what fits. Null: nothing is halved, or ops contradict it.
std::unique_ptr<Graph> halveChannels(const Graph &g, RefineTypes refine);

} // namespace dpuopt::reduce
#endif
