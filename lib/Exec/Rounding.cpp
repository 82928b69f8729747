//===- Rounding.cpp - real numbers to fix points ------------------------------------------===//
#include "Rounding.h"
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

template <RoundMode Mode> static void roundAll(llvm::MutableArrayRef<float> x, float scale, float low, float high) {
  for (float &v : x) {
    float scaled = v * scale;
    // Saturating first keeps huge values out of the rounding; the order does not show in the result.
    scaled = scaled > high ? high : scaled < low ? low : scaled == scaled ? scaled : 0.0f;
    v = rounded<Mode>(scaled) / scale;
  }
}

void exec::roundToFix(Tensor &t, ElemType fix, RoundMode mode) {
  if (t.isSplat()) {
    Tensor one(Type(ElemKind::F32, {1}), t.storage());
    roundToFix(one, fix, mode);
    t = Tensor::splat(t.type(), one.storage());
    return;
  }
  float scale = std::ldexp(1.0f, fix.fixPoint);
  float high = std::ldexp(1.0f, int(fix.bits) - (fix.isSigned ? 1 : 0)) - 1;
  float low = fix.isSigned ? -std::ldexp(1.0f, int(fix.bits) - 1) : 0.0f;
  auto elements = t.mut<float>();
  if (mode == RoundMode::HalfUp)
    roundAll<RoundMode::HalfUp>(elements, scale, low, high);
  else if (mode == RoundMode::HalfAway)
    roundAll<RoundMode::HalfAway>(elements, scale, low, high);
  else
    roundAll<RoundMode::HalfEven>(elements, scale, low, high);
}
