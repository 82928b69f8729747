//===- TensorMath.h - arithmetic on weights, per channel --------------------===//
//
// Private to passes/*.cpp. One sweep over the bytes; each result is rounded once, to
// the tensor's own element type. A splat stays a splat as long as the result is one.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_TENSORMATH_H
#define DPUOPT_PASSES_TENSORMATH_H

#include "dpuopt/IR/Tensor.h"
#include <vector>

namespace dpuopt {

/// A weight seen as [groups, repeat, channels, inner]: element (g, r, c, i) belongs
/// to channel g * channels + c.
struct ChannelView {
  int64_t groups = 1, repeat = 1, channels = 1, inner = 1;
  int64_t total() const { return groups * channels; }
};

/// Every element times its channel's factor; one factor is for all channels. Computed when
/// somebody reads it. Float types only; the view must have as many elements as `t` (asserted).
Tensor scaleChannels(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> factors);

/// Every element divided by its channel's divisor, rounded once; otherwise as scaleChannels.
Tensor divideChannels(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> divisors);

/// All elements as f32, one row per channel, so total() rows of equal length. A splat gives rows of one element.
std::vector<float> channelRows(const Tensor &t, const ChannelView &view);

/// out[g * repeat + r] = sum over c and i of t(g, r, c, i) * values[g * channels + c].
std::vector<double> channelSums(const Tensor &t, const ChannelView &view, llvm::ArrayRef<double> values);

/// Each plane of the last two axes turned by 180 degrees; any element type.
Tensor flippedPlanes(const Tensor &w);

/// All elements as double; for small tensors.
std::vector<double> toDoubles(const Tensor &t);
/// The values in a float type, rounded once; a splat if they are all equal.
Tensor fromDoubles(const Type &type, llvm::ArrayRef<double> values);

/// The one value of all elements; nullopt if they differ, or there are none, or no numbers.
std::optional<double> uniformValue(const Tensor &t);

} // namespace dpuopt
#endif
