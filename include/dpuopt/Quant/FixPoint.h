//===- FixPoint.h - fix points: rounding, and the search for the best one --===//
//
// A fix point p of b bits stands for integers q in [-2^(b-1), 2^(b-1)-1] that mean
// q * 2^-p. Here: numbers to integers and back, and the DiffS search that
// vai_q_pytorch uses (smallest squared error). Knows tensors, not graphs.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_FIXPOINT_H
#define DPUOPT_QUANT_FIXPOINT_H

#include "dpuopt/IR/Tensor.h"
#include <optional>
#include <span>

namespace dpuopt {

/// Bit width (signed) and number of fractional bits (may be negative).
struct FixPos {
  int bits = 8;
  int fixPoint = 0;
  ElemType elemType() const { return ElemType::fix(static_cast<unsigned>(bits), fixPoint); }
  friend bool operator==(const FixPos &, const FixPos &) = default;
};

/// Bit widths we read, search and store.
constexpr int MinBits = 2, MaxBits = 16;
/// Fix points beyond these are refused when read (2^64 is far outside any tensor).
constexpr int MinFixPoint = -64, MaxFixPoint = 64;

/// What happens to exact halves: up (activations, DPU_ROUND: floor(x + 0.5)), or
/// away from zero (weights, biases, model inputs: std::round).
enum class Rounding { HalfUp, HalfAway };

/// Upper limit of a searched fix point: 12 up to 8 bits, else 15.
constexpr int maxFixPoint(int bits) { return bits <= 8 ? 12 : 15; }

/// How many positions DiffS tries: activations and parameters, and model inputs
/// (1: only the largest position that does not overflow).
constexpr int SearchRange = 5, InputSearchRange = 1;

/// Smallest and largest number; `finite` is false if there was a NaN or infinity.
struct FloatRange {
  float min = 0, max = 0;
  bool finite = true;
};
FloatRange rangeOf(std::span<const float> x);

/// The largest position that does not overflow, before any limit: with lb = -2^(b-1) - 0.5, ub = 2^(b-1) - 0.5 and
/// step = max(min/lb, max/ub), floor(log2(1/step)); 18 for all zeros.
int maxMinFixPoint(const FloatRange &r, int bits);

/// DiffS: with p0 = maxMinFixPoint(), the first p of p0, p0+1, ..., p0+range-1 with the least sum of squared rounding
/// errors, at most maxFixPoint(b). p0 if an element is not finite.
int diffsFixPoint(std::span<const float> x, int bits, int range, Rounding rounding);
/// The same, if `r` = rangeOf(x) is known.
int diffsFixPoint(std::span<const float> x, const FloatRange &r, int bits, int range, Rounding rounding);

/// The most frequent number, the smallest of them on ties; nullopt if empty.
std::optional<int> modeOf(std::span<const int> history);

/// x := clip(round(x * 2^p)) * 2^-p, in place. NaN becomes the smallest number.
void fakeQuantize(std::span<float> x, FixPos pos, Rounding rounding);

/// The integers of `t` (any numeric type) at `pos`, as a q tensor. A splat stays a
/// splat; dense f32 is one pass.
Tensor quantizeTensor(const Tensor &t, FixPos pos, Rounding rounding);

/// DiffS over a whole constant; a splat costs one element.
int diffsFixPoint(const Tensor &t, int bits, int range, Rounding rounding);

} // namespace dpuopt
#endif
