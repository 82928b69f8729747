//===- Conv.h - int8 convolutions -------------------------------------------------------===//
//
// NHWC int8 in and out, weights as xmodels store them, exact sums, Requant at the end.
// Made once (weights packed for the ISA), run many times; running allocates nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_KERNELS_CONV_H
#define DPUOPT_KERNELS_CONV_H

#include "dpuopt/Kernels/Isa.h"
#include "dpuopt/Kernels/Requant.h"
#include "dpuopt/Kernels/Team.h"
#include <memory>

namespace dpuopt::kernels {

/// What is where. Elements are bytes; padding is 0. out[y][x] sums in[y * stride - padTop + ky * dilation]...
/// A transposed one scatters: out[y * stride - padTop + ky] gets in[y] * w[ky], the kernel NOT flipped by us:
/// weights are given as xmodels store them (facts, conv2d: O,h,w,I; transposed: flipped along h and w).
struct ConvGeometry {
  int64_t batch = 1, inH = 1, inW = 1, inC = 1, outH = 1, outW = 1, outC = 1;
  int64_t kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, dilationH = 1, dilationW = 1;
  int64_t padTop = 0, padLeft = 0;
  bool depthwise = false;  ///< weights [multiplier][h][w][inC]; outC = multiplier * inC
  bool transposed = false; ///< with `strides` the upsampling
};

/// Where a run reads and writes: bytes between neighbouring pixels (at least inC, outC): a
/// result may be a slice of the channels of a wider tensor.
struct ConvBuffers {
  const int8_t *in = nullptr;
  int8_t *out = nullptr;
  int64_t inPixel = 0, outPixel = 0; ///< 0: dense
  uint8_t *scratch = nullptr;        ///< scratchBytes(), 64-byte aligned
};

class Conv {
public:
  /// `weights` is only read here. Null for more than 2^24 products per result (from 2^16 on it is slow), or if a size is not
  /// positive.
  static std::unique_ptr<Conv> create(const ConvGeometry &g, const int8_t *weights, Requant requant,
                                      Isa isa = defaultIsa());
  virtual ~Conv() = default;
  /// For a team of that size.
  virtual size_t scratchBytes(unsigned threads) const = 0;
  /// Bytes of packed weights held.
  virtual size_t packedBytes() const = 0;
  virtual void run(const ConvBuffers &b, Team &team) const = 0;
};

} // namespace dpuopt::kernels
#endif
