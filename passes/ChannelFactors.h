//===- ChannelFactors.h - which channels of a graph may be scaled together --------===//
//
// Private to passes/*.cpp. Dividing a channel by s > 0 where a layer makes it, and multiplying
// the weights that read it by s, changes nothing as long as everything in between commutes
// with a positive factor. This finds the channels for which that holds: a factor is a set of
// channels that must have one s (both inputs of an Add, the H * W columns of a Flatten, ...).
// Knows nothing of ranges or of what s should be. Owns nothing of the graph.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_CHANNELFACTORS_H
#define DPUOPT_PASSES_CHANNELFACTORS_H

#include "LinearOp.h"

namespace dpuopt {

/// A layer and the factor of each of its channels: its weights are multiplied by those of
/// `in` and divided (with the biases) by those of `out`.
struct FactorLayer {
  LinearOp linear;
  std::vector<unsigned> in, out; ///< numbers of factors
};

/// A Clip from 0 to `bound` that lets a factor through only as far as it goes on not clipping.
struct BoundedOp {
  const Op *op;
  double bound;
  std::vector<unsigned> factors; ///< one per channel
};

struct ChannelFactors {
  /// The number of the factor that is 1: of channels that may not be scaled.
  static constexpr unsigned Fixed = 0;

  std::vector<FactorLayer> layers; ///< in graph order; at least one channel of each can be scaled
  std::vector<BoundedOp> bounded;
  /// Factors that lie in one tensor belong to one site: site[factor]. Fixed has site 0 and is alone there.
  std::vector<unsigned> site;
  unsigned numSites = 0;

  size_t size() const { return site.size(); }
};

/// Finds them. Layers: Conv, ConvTranspose and Gemm with constant finite f32 parameters. Commute: Relu, LeakyRelu,
/// PRelu, Identity, pools, Resize, zero padding, Reshape and Flatten behind the batch axis, Add, Sub, Max, Min of equal
/// shapes, Concat and Split of channels, products with something that is not scaled. Whatever else reads or makes a
/// channel fixes it: graph inputs and outputs, values that round, other ops.
/// `throughClips`: Clip and ReLU6 from 0 to a positive bound commute too, and are listed.
ChannelFactors findChannelFactors(Graph &g, bool throughClips);

} // namespace dpuopt
#endif
