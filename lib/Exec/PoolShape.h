//===- PoolShape.h - sliding windows without weights -----------------------------===//
//
// A tensor seen as [planes][spatial, up to 3 axes][inner]: NCHW has inner 1 and a
// plane per channel, NHWC a plane per image and the channels inside.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_POOLSHAPE_H
#define DPUOPT_LIB_EXEC_POOLSHAPE_H

#include "Kernel.h"
#include <array>

namespace dpuopt::exec {

struct PoolShape {
  using Three = std::array<int64_t, 3>;
  int64_t planes = 1, inner = 1;
  Three in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, padBegin{}, padEnd{};

  /// Copies per-axis numbers into the last entries (fewer axes have leading ones).
  static void assign(Three &to, llvm::ArrayRef<int64_t> from) {
    std::copy(from.begin(), from.end(), to.end() - from.size());
  }
  /// Fills `out`; `ceil`: a last partial window counts if it starts before the end
  /// padding. False if a window does not fit.
  bool outputSizes(bool ceil);
};

/// What an average divides by.
enum class Divisor {
  Kernel, ///< always the whole kernel
  Padded, ///< the taps inside the padded input
  Inside, ///< the taps inside the input
};

/// Result of an average over windows of `x` into `y`.
void averageWindows(const PoolShape &s, const float *x, float *y, Divisor divisor);
/// y = (sum |x|^p)^(1/p).
void lpWindows(const PoolShape &s, const float *x, float *y, int64_t p);
/// Largest element; `indices` (may be null) gets its position in the whole tensor.
template <class T> void maxWindows(const PoolShape &s, const T *x, T *y, int64_t *indices, bool columnMajor);

} // namespace dpuopt::exec
#endif
