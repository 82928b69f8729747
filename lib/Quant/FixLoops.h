//===- FixLoops.h - the loops over floats that calibration waits for ----------===//
//
// Each exists for several instruction sets and is chosen at run time. All of them give
// the same bits: sums have the same sixteen lanes everywhere, and products are rounded
// before they are added. Local to lib/Quant and its tests.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_QUANT_FIXLOOPS_H
#define DPUOPT_LIB_QUANT_FIXLOOPS_H

#include "dpuopt/Quant/FixPoint.h"
#include "llvm/ADT/ArrayRef.h"
#include <cmath>

namespace dpuopt {

/// Scale and integer limits of one position.
struct FixGrid {
  float scale, step, lo, hi;
  explicit FixGrid(FixPos pos)
      : scale(std::ldexp(1.0f, pos.fixPoint)), step(std::ldexp(1.0f, -pos.fixPoint)),
        lo(-std::ldexp(1.0f, pos.bits - 1)), hi(std::ldexp(1.0f, pos.bits - 1) - 1) {}
};

/// The nearest integer in [lo, hi], still as a float; NaN gives lo. Saturating first gives the
/// same as saturating last, because the limits are integers.
template <Rounding R> [[gnu::always_inline]] inline float toGrid(float x, const FixGrid &g) {
  float v = x * g.scale;
  float t = v > g.hi ? g.hi : (v >= g.lo ? v : g.lo);
  float whole = static_cast<float>(static_cast<int32_t>(t));
  float rest = t - whole;
  float up = rest >= 0.5f ? 1.0f : 0.0f;
  float down = (R == Rounding::HalfUp ? rest < -0.5f : rest <= -0.5f) ? 1.0f : 0.0f;
  return whole + up - down;
}

struct FixLoops {
  const char *name;
  FloatRange (*range)(const float *x, size_t n);
  /// Bits of the smallest magnitude that is not zero; all ones if there is none.
  uint32_t (*leastMagnitude)(const float *x, size_t n);
  /// In place.
  void (*quantizeHalfUp)(float *x, size_t n, const FixGrid &g);
  void (*quantizeHalfAway)(float *x, size_t n, const FixGrid &g);
  /// Sum of squared errors in steps, of at most ErrorBlock finite numbers. Halves may go either way: the error is the
  /// same.
  double (*error)(const float *x, size_t n, const FixGrid &g);
};

/// Stays in the first cache while each position looks at it.
constexpr size_t ErrorBlock = 1024;

/// Those this machine can run, slowest first.
llvm::ArrayRef<FixLoops> supportedFixLoops();
/// The fastest of them.
inline const FixLoops &fixLoops() { return supportedFixLoops().back(); }

} // namespace dpuopt
#endif
