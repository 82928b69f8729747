//===- Axis.cpp - a convolution along one of the two image axes -------------------------===//
#include "Axis.h"
#include <algorithm>
#include <numeric>

using namespace dpuopt::kernels;

llvm::SmallVector<Axis, 4> dpuopt::kernels::gatherAxes(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                                       int64_t dilation, int64_t pad) {
  return {Axis{in, out, kernel, stride, dilation, pad}};
}

/// Output o gets input (o + pad - k * dilation) / stride for every k for which that is whole: with
/// r = (o + pad) mod stride, the k of k * dilation = r (mod stride), which are every (stride / gcd)-th.
static Axis phase(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                  int64_t first) {
  int64_t common = std::gcd(stride, dilation), every = stride / common, k = 0;
  while (k < every && (first + pad - k * dilation) % stride)
    ++k;
  int64_t taps = k < every && k < kernel ? (kernel - 1 - k) / every + 1 : 0;
  int64_t last = k + (taps - 1) * every; // reads the lowest input, so it comes first
  Axis a{in, (out - 1 - first) / stride + 1, taps, 1, dilation / common, 0, first, stride};
  if (taps) {
    a.pad = -((first + pad - last * dilation) / stride);
    a.tapFirst = kernel - 1 - last, a.tapStep = every; // stored turned by half a turn
  }
  return a;
}

llvm::SmallVector<Axis, 4> dpuopt::kernels::scatterAxes(int64_t in, int64_t out, int64_t kernel, int64_t stride,
                                                        int64_t dilation, int64_t pad) {
  llvm::SmallVector<Axis, 4> axes;
  for (int64_t first = 0; first < std::min(stride, out); ++first)
    axes.push_back(phase(in, out, kernel, stride, dilation, pad, first));
  return axes;
}
