//===- Fold.cpp - a Requant as the kernels apply it ---------------------------------------===//
#include "Fold.h"
#include <algorithm>

using namespace dpuopt::kernels;

namespace {
constexpr int64_t Limit = (int64_t(1) << 31) - 1;

struct Folding {
  const Requant &requant;
  const std::vector<int64_t> &magnitude, &weightSum;
  int zero;
  size_t channels = magnitude.size();

  int64_t bias(size_t c) const { return requant.bias.empty() ? 0 : requant.bias[c]; }
  int shift() const { return requant.guard + requant.cut; }
  int64_t half() const { return shift() > 0 ? int64_t(1) << (shift() - 1) : 0; }
  int64_t start(size_t c) const { return (bias(c) + half()) >> requant.guard; }
  /// The largest |sum| of channel c.
  int64_t most(size_t c) const { return 128 * magnitude[c]; }

  template <typename Fits> bool all(Fits fits) const {
    for (size_t c = 0; c < channels; ++c)
      if (!fits(c))
        return false;
    return true;
  }
  bool plain() const {
    return requant.activation != Requant::Activation::Leaky && requant.cut >= 0 && requant.cut <= 31 &&
           all([&](size_t c) { return most(c) + std::abs(start(c)) <= Limit; });
  }
  bool leaky() const {
    int leakyShift = shift() + requant.slopeShift;
    return requant.activation == Requant::Activation::Leaky && requant.cut >= 0 && requant.slope >= 1 &&
           requant.slope <= 1 << 15 && requant.slopeShift >= 1 && leakyShift <= 23 &&
           all([&](size_t c) { return (most(c) << requant.guard) + std::abs(bias(c)) + half() <= Limit; });
  }
  std::vector<int32_t> starts(bool folded) const {
    std::vector<int32_t> s(channels);
    for (size_t c = 0; c < channels; ++c) // wraps where the sums wrap back
      s[c] = int32_t(uint32_t(uint64_t((folded ? start(c) : 0) - zero * weightSum[c])));
    return s;
  }
};
} // namespace

Fold dpuopt::kernels::fold(const Requant &requant, const std::vector<int64_t> &magnitude,
                           const std::vector<int64_t> &weightSum, int zero) {
  Folding f{requant, magnitude, weightSum, zero};
  Fold result;
  result.way = f.plain() ? Fold::Way::Plain : f.leaky() ? Fold::Way::Leaky : Fold::Way::OneByOne;
  result.start = f.starts(result.way == Fold::Way::Plain);

  Finish &out = result.finish = {};
  bool clip = requant.activation == Requant::Activation::Clip;
  out.low = clip || requant.activation == Requant::Activation::Relu ? 0 : -128;
  out.high = clip ? std::clamp(requant.cap, -128, 127) : 127;
  out.shift = requant.cut;
  if (result.way == Fold::Way::Leaky) {
    result.bias.resize(f.channels);
    for (size_t c = 0; c < f.channels; ++c)
      result.bias[c] = int32_t(f.bias(c));
    out.leaky = true;
    out.guard = requant.guard, out.slope = requant.slope;
    out.shift = f.shift(), out.leakyShift = out.shift + requant.slopeShift;
    // From here down the result is -128 anyway, and the product with the slope fits.
    int64_t floor = ((int64_t(129) << out.leakyShift) + out.slope - 1) / out.slope;
    out.floor = int(-std::min(floor, Limit));
  }
  return result;
}
