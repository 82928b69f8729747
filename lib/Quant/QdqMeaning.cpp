//===- QdqMeaning.cpp - from scale and zero point to a fix point ----------------------===//
//
// A fix point is one power-of-two scale, zero at 0, signed integers of 2 to 16 bits.
// Everything else has a nearest one: the position whose range is closest to the file's.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/Qdq.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

using namespace dpuopt;

/// p if `scale` is exactly 2^-p with a legal p.
static std::optional<int> positionOf(double scale) {
  int exponent = 0;
  const double mantissa = std::frexp(scale, &exponent);
  const int p = 1 - exponent;
  return mantissa == 0.5 && p >= MinFixPoint && p <= MaxFixPoint ? std::optional(p) : std::nullopt;
}

/// Bits of the integers low..high; at least 1.
static int widthOf(const QdqNumbers &n) {
  int bits = 1;
  while (bits < 33 && (int64_t(1) << bits) < n.high - n.low + 1)
    ++bits;
  return bits;
}

namespace {
struct RealRange {
  double low = 0, high = 0;
};
} // namespace

static RealRange rangeOfNumbers(const QdqNumbers &n) {
  RealRange r;
  for (size_t i = 0; i < n.scales.size(); ++i) {
    r.low = std::min(r.low, double(n.low - n.zeros[i]) * n.scales[i]);
    r.high = std::max(r.high, double(n.high - n.zeros[i]) * n.scales[i]);
  }
  return r;
}

/// The position whose range is closest to `r` (in powers of two).
static FixPos nearestPosition(const RealRange &r, int bits) {
  const double half = std::ldexp(1.0, bits - 1);
  const double step = std::max(-r.low / half, r.high / (half - 1));
  const double p = step > 0 && std::isfinite(step) ? std::nearbyint(-std::log2(step)) : 0;
  return {bits, static_cast<int>(std::clamp(p, double(MinFixPoint), double(MaxFixPoint)))};
}

static std::string describeFix(const QdqNumbers &n, const FixPos &pos) {
  RealRange r = rangeOfNumbers(n);
  const double step = std::ldexp(1.0, -pos.fixPoint), half = std::ldexp(1.0, pos.bits - 1);
  auto [least, most] = std::minmax_element(n.scales.begin(), n.scales.end());
  std::string steps = *least == *most ? fmt::format("{:.4g}", *least) : fmt::format("{:.4g} to {:.4g}", *least, *most);
  return fmt::format(
      "nearest is {} (step {:.4g}, range {:.4g} to {:.4g}; the file's step is {}, range {:.4g} to {:.4g})",
      pos.elemType().str(), step, -half * step, (half - 1) * step, steps, r.low, r.high);
}

QdqMeaning dpuopt::meaningOf(const QdqNumbers &n) {
  QdqMeaning m;
  const int bits = widthOf(n);
  m.clampsAtZero = llvm::all_of(n.zeros, [&](int64_t z) { return z == n.low; });
  const std::optional<int> position = positionOf(n.scales[0]);
  const int64_t zero = n.zeros[0];
  if (n.perTensor() && position && bits >= MinBits && bits <= MaxBits && n.low - zero == -(int64_t(1) << (bits - 1)) &&
      n.high - zero == (int64_t(1) << (bits - 1)) - 1) {
    m.pos = {bits, *position};
    m.exact = true, m.offset = zero;
    return m;
  }
  m.pos = nearestPosition(rangeOfNumbers(n), bits <= MaxBits ? std::max(bits, MinBits) : 8);
  std::string found;
  if (!n.perTensor())
    m.rule = "qdq.per-channel", found = fmt::format("it has {} scales, the DPU has one per tensor", n.scales.size());
  else if (!position)
    m.rule = "qdq.scale", found = fmt::format("scale {:.6g} is not a power of two", n.scales[0]);
  else if (bits < MinBits || bits > MaxBits)
    m.rule = "qdq.bits", found = fmt::format("integers of {} bits are none of the DPU's", bits);
  else if (n.low == 0)
    m.rule = "qdq.unsigned",
    found = fmt::format("integers 0 to {} around {} are not signed ones around 0", n.high, zero);
  else
    m.rule = "qdq.zero-point", found = fmt::format("zero point {} is not 0", zero);
  m.why = found + ": " + describeFix(n, m.pos);
  return m;
}

//===-- Constants --------------------------------------------------------------------===//

namespace {
/// Which scale element `i` of a tensor has.
class ChannelOf {
public:
  ChannelOf(llvm::ArrayRef<int64_t> shape, const QdqNumbers &n) {
    if (n.perTensor())
      return;
    fits = n.axis >= 0 && n.axis < static_cast<int64_t>(shape.size()) &&
           shape[n.axis] == static_cast<int64_t>(n.scales.size());
    if (!fits)
      return;
    channels = shape[n.axis];
    for (int64_t d : shape.drop_front(n.axis + 1))
      inner *= d;
  }
  size_t operator()(int64_t i) const { return channels == 1 ? 0 : static_cast<size_t>(i / inner % channels); }
  bool fits = true;

private:
  int64_t inner = 1, channels = 1;
};

template <class Fn> std::optional<Tensor> mapReal(const Tensor &t, const QdqNumbers &n, Fn fn) {
  ChannelOf channel(t.shape(), n);
  if (!channel.fits)
    return std::nullopt;
  if (t.isSplat() && n.perTensor())
    return Tensor::splatFloat(t.shape(), static_cast<float>(fn(t, 0, 0)));
  std::vector<float> values(static_cast<size_t>(t.numElements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(fn(t, static_cast<int64_t>(i), channel(static_cast<int64_t>(i))));
  return Tensor::fromFloats(t.shape(), std::move(values));
}
} // namespace

std::optional<Tensor> dpuopt::dequantized(const Tensor &q, const QdqNumbers &n) {
  return mapReal(q, n,
                 [&](const Tensor &t, int64_t i, size_t c) { return double(t.intAt(i) - n.zeros[c]) * n.scales[c]; });
}

std::optional<Tensor> dpuopt::requantized(const Tensor &x, const QdqNumbers &n) {
  return mapReal(x, n, [&](const Tensor &t, int64_t i, size_t c) {
    // ONNX divides in f32; NaN becomes the zero point, as a C cast would not promise.
    float q =
        std::nearbyint(static_cast<float>(t.at(i)) / static_cast<float>(n.scales[c])) + static_cast<float>(n.zeros[c]);
    double clipped = q == q ? std::clamp(double(q), double(n.low), double(n.high)) : double(n.zeros[c]);
    return (clipped - double(n.zeros[c])) * n.scales[c];
  });
}

RoundingCost dpuopt::roundingCost(const Tensor &real, const Tensor &fixed) {
  RoundingCost cost;
  cost.total = real.numElements();
  double signal = 0, noise = 0;
  const double step = std::ldexp(1.0, -fixed.elemType().fixPoint);
  const int64_t distinct = real.isSplat() && fixed.isSplat() ? std::min<int64_t>(1, cost.total) : cost.total;
  for (int64_t i = 0; i < distinct; ++i) {
    const double x = real.at(i), error = x - fixed.at(i);
    cost.changed += error != 0;
    cost.maxError = std::max(cost.maxError, std::fabs(error) / step);
    signal += x * x, noise += error * error;
  }
  if (distinct == 1)
    cost.changed *= cost.total;
  cost.snr = noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity();
  return cost;
}

std::string RoundingCost::str() const {
  if (!changed)
    return "no value changes";
  return fmt::format("{} of {} values change, SNR {:.1f} dB, largest error {:.2g} steps", changed, total, snr,
                     maxError);
}
