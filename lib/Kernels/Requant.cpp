//===- Requant.cpp - from an exact sum to an int8: the definition -----------------------===//
#include "dpuopt/Kernels/Requant.h"
#include <algorithm>

using namespace dpuopt::kernels;

int8_t dpuopt::kernels::roundShift(int64_t numerator, int shift) {
  using Wide = __int128; // 62 bits shifted by 62 still fit
  Wide n = numerator;
  Wide y = shift > 0 ? (n + (Wide(1) << (shift - 1))) >> shift : n << -shift;
  return static_cast<int8_t>(std::clamp<Wide>(y, -128, 127));
}

/// t * 2^-shift as the real number it is, then the activation, then one rounding.
int8_t Requant::apply(int64_t acc, size_t channel) const {
  int64_t t = acc * (int64_t(1) << guard) + (bias.empty() ? 0 : bias[channel]);
  int shift = guard + cut;
  if (activation == Activation::Leaky && t < 0)
    t *= slope, shift += slopeShift;
  if (t < 0 && (activation == Activation::Relu || activation == Activation::Clip))
    t = 0;
  int8_t y = roundShift(t, std::clamp(shift, -62, 62));
  if (activation == Activation::Clip) // rounding is monotone: capping after it is capping before it
    y = static_cast<int8_t>(std::min<int>(y, cap));
  return table ? (*table)[static_cast<size_t>(y + 128)] : y;
}
