//===- Axis.h - a convolution along one of the two image axes ---------------------------===//
//
// Ordinary and transposed convolutions told in the same words. A transposed one with
// stride s falls into s phases: outputs whose positions are equal modulo s read the same
// taps, and neighbours among them read neighbouring inputs: each phase is an ordinary
// convolution of stride 1 with every s-th tap, whose results are s apart.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_AXIS_H
#define DPUOPT_LIB_KERNELS_AXIS_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace dpuopt::kernels {

/// Result i, at position outFirst + i * outStep, sums over t < taps the input i * stride - pad + t * dilation times
/// the stored tap tapFirst + t * tapStep.
struct Axis {
  int64_t in, count;
  int64_t taps, stride, dilation, pad;
  int64_t outFirst = 0, outStep = 1;
  int64_t tapFirst = 0, tapStep = 1;

  /// Inputs that `n` neighbouring results read, from the first to the last.
  int64_t reach(int64_t n) const { return taps ? (n - 1) * stride + (taps - 1) * dilation + 1 : 0; }
};

/// Neighbouring results [first, last) that read the same taps [begin, end) inside the image; the others meet padding.
struct TapRange {
  int64_t first, last, begin, end;
};
/// All results, in order. If that would be more than `most` ranges: one range of all taps.
llvm::SmallVector<TapRange, 3> tapRanges(const Axis &a, size_t most);

/// An ordinary convolution has one.
llvm::SmallVector<Axis, 4> gatherAxes(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                                      int64_t pad);
/// The phases that have results; one may have no taps (its sums are 0).
llvm::SmallVector<Axis, 4> scatterAxes(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation,
                                       int64_t pad);

} // namespace dpuopt::kernels
#endif
