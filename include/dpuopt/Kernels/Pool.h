//===- Pool.h - maxima and sums over windows ----------------------------------------------===//
//
// NHWC int8 in and out. A window is cut at the image's border: a maximum ignores what is
// outside (all outside: -128), a sum counts it as 0.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_KERNELS_POOL_H
#define DPUOPT_KERNELS_POOL_H

#include "dpuopt/Kernels/Elementwise.h"
#include "dpuopt/Kernels/Team.h"

namespace dpuopt::kernels {

struct PoolGeometry {
  int64_t batch = 1, inH = 1, inW = 1, channels = 1, outH = 1, outW = 1;
  int64_t kernelH = 1, kernelW = 1, strideH = 1, strideW = 1, padTop = 0, padLeft = 0;
};

/// Bytes between neighbouring pixels as in ConvBuffers; 0: dense.
struct PoolBuffers {
  const int8_t *in = nullptr;
  int8_t *out = nullptr;
  int64_t inPixel = 0, outPixel = 0;
};

/// y = table[maximum + 128]; without a table the maximum itself.
void maxPool(const PoolGeometry &g, const PoolBuffers &b, const ByteTable *table, Team &team, Isa isa = defaultIsa());

/// y = clamp(floor(sum * factor / 2^cut + 1/2), low, high). The DPU's average: factor N, cut = M - (fp_o - fp_i).
/// A window has fewer than 2^23 cells, and those times 128 times |factor| are below 2^62.
struct SumRule {
  int64_t factor = 1;
  int cut = 0; ///< -62..62
  int low = -128, high = 127;
};
void sumPool(const PoolGeometry &g, const PoolBuffers &b, const SumRule &rule, Team &team, Isa isa = defaultIsa());

} // namespace dpuopt::kernels
#endif
