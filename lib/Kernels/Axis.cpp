//===- Axis.cpp - a convolution along one of the two image axes -------------------------===//
#include "Axis.h"
#include <algorithm>
#include <numeric>

using namespace dpuopt::kernels;

llvm::SmallVector<TapRange, 3> dpuopt::kernels::tapRanges(const Axis &a, size_t most) {
  llvm::SmallVector<TapRange, 3> ranges;
  for (int64_t i = 0; i < a.count && ranges.size() <= most; ++i) {
    int64_t at = i * a.stride - a.pad; // tap t reads at + t * dilation
    int64_t begin = at < 0 ? std::min((-at + a.dilation - 1) / a.dilation, a.taps) : 0;
    int64_t end = std::clamp(at < a.in ? (a.in - 1 - at) / a.dilation + 1 : 0, begin, a.taps);
    if (!ranges.empty() && ranges.back().begin == begin && ranges.back().end == end)
      ranges.back().last = i + 1;
    else
      ranges.push_back({i, i + 1, begin, end});
  }
  if (ranges.size() > most)
    ranges.assign(1, {0, a.count, 0, a.taps});
  return ranges;
}

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
