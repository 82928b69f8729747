//===- Rounding.cpp - real numbers to fix points ------------------------------------------===//
#include "Rounding.h"
#include "dpuopt/Kernels/Elementwise.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

RoundMode exec::roundModeOf(const Op &op) {
  std::string mode = op.getString("round_mode");
  return mode == "STD_ROUND" ? RoundMode::HalfAway : mode == "PY3_ROUND" ? RoundMode::HalfEven : RoundMode::HalfUp;
}

/// The fraction x - trunc(x) is exact, so no sum can push a value over the half.
template <RoundMode Mode> static inline float rounded(float x) {
  if (Mode == RoundMode::HalfEven)
    return std::nearbyint(x);
  float whole = std::trunc(x), part = x - whole;
  bool down = Mode == RoundMode::HalfUp ? part < -0.5f : part <= -0.5f;
  return whole + (part >= 0.5f ? 1.0f : 0.0f) - (down ? 1.0f : 0.0f);
}

namespace {
/// The numbers of a fix type in float32.
struct Grid {
  explicit Grid(ElemType fix)
      : scale(std::ldexp(1.0f, fix.fixPoint)), high(std::ldexp(1.0f, int(fix.bits) - (fix.isSigned ? 1 : 0)) - 1),
        low(fix.isSigned ? -std::ldexp(1.0f, int(fix.bits) - 1) : 0.0f) {}
  float scale, high, low;
};
} // namespace

/// round(x * 2^f), clipped. Saturating first keeps huge values out of the rounding; the order does not show in the
/// result.
template <RoundMode Mode> static inline float toInteger(float x, const Grid &grid) {
  float scaled = x * grid.scale;
  scaled = scaled > grid.high ? grid.high : scaled < grid.low ? grid.low : scaled == scaled ? scaled : 0.0f;
  return rounded<Mode>(scaled);
}

template <RoundMode Mode> static void roundAll(llvm::MutableArrayRef<float> x, const Grid &grid) {
  for (float &v : x)
    v = toInteger<Mode>(v, grid) / grid.scale;
}

void exec::roundToFix(Tensor &t, ElemType fix, RoundMode mode) {
  if (t.isSplat()) {
    Tensor one(Type(ElemKind::F32, {1}), t.storage());
    roundToFix(one, fix, mode);
    t = Tensor::splat(t.type(), one.storage());
    return;
  }
  auto elements = t.mut<float>();
  if (mode == RoundMode::HalfUp)
    roundAll<RoundMode::HalfUp>(elements, Grid(fix));
  else if (mode == RoundMode::HalfAway)
    roundAll<RoundMode::HalfAway>(elements, Grid(fix));
  else
    roundAll<RoundMode::HalfEven>(elements, Grid(fix));
}

void exec::floatToFix(llvm::ArrayRef<float> x, ElemType fix, int8_t *y) {
  Grid grid(fix);
  if (fix.bits == 8 && fix.isSigned)
    return kernels::floatToInt8(x.data(), y, x.size(), grid.scale);
  for (size_t i = 0; i < x.size(); ++i)
    y[i] = static_cast<int8_t>(toInteger<RoundMode::HalfUp>(x[i], grid));
}

void exec::fixToFloat(llvm::ArrayRef<int8_t> x, ElemType fix, float *y) {
  kernels::int8ToFloat(x.data(), y, x.size(), std::ldexp(1.0f, -fix.fixPoint));
}
