//===- FixPoint.cpp - rounding kernels and the DiffS search -----------------===//
//
// The loops work on blocks of sixteen so that the compiler vectorises them with
// plain SSE2: rounding is truncation plus a comparison, sums have one lane per
// element of the block.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/FixPoint.h"
#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <cstring>

namespace dpuopt {
namespace {

constexpr size_t Block = 16;
/// Blocks summed in float before the sum moves to double.
constexpr size_t BlocksPerFlush = 64;

/// Scale and integer limits of one position.
struct Grid {
  float scale, step, lo, hi;
  explicit Grid(FixPos pos)
      : scale(std::ldexp(1.0f, pos.fixPoint)), step(std::ldexp(1.0f, -pos.fixPoint)),
        lo(-std::ldexp(1.0f, pos.bits - 1)), hi(std::ldexp(1.0f, pos.bits - 1) - 1) {}
};

/// The nearest integer in [lo, hi], still as a float. Saturating first gives the
/// same as saturating last, because the limits are integers.
template <Rounding R> inline float toGrid(float x, const Grid &g) {
  float v = x * g.scale;
  float t = v > g.hi ? g.hi : (v >= g.lo ? v : g.lo);
  float whole = static_cast<float>(static_cast<int32_t>(t));
  float rest = t - whole;
  float up = rest >= 0.5f ? 1.0f : 0.0f;
  float down = (R == Rounding::HalfUp ? rest < -0.5f : rest <= -0.5f) ? 1.0f : 0.0f;
  return whole + up - down;
}

template <Rounding R> double squaredError(std::span<const float> x, const Grid &g) {
  double sum = 0;
  size_t i = 0;
  while (i + Block <= x.size()) {
    std::array<float, Block> lanes{};
    size_t stop = std::min(x.size() - Block, i + (BlocksPerFlush - 1) * Block);
    for (; i <= stop; i += Block)
      for (size_t j = 0; j < Block; ++j) {
        float d = x[i + j] - toGrid<R>(x[i + j], g) * g.step;
        lanes[j] += d * d;
      }
    for (float lane : lanes)
      sum += lane;
  }
  for (; i < x.size(); ++i) {
    double d = x[i] - toGrid<R>(x[i], g) * g.step;
    sum += d * d;
  }
  return sum;
}

double squaredError(std::span<const float> x, FixPos pos, Rounding rounding) {
  Grid g(pos);
  return rounding == Rounding::HalfUp ? squaredError<Rounding::HalfUp>(x, g) : squaredError<Rounding::HalfAway>(x, g);
}

template <Rounding R> void fakeQuantizeWith(std::span<float> x, const Grid &g) {
  for (float &v : x)
    v = toGrid<R>(v, g) * g.step;
}

/// Bytes, not floats: a slice of a mapped model need not be aligned.
template <Rounding R, class Int> void quantizeBytes(const uint8_t *in, size_t n, const Grid &g, Int *out) {
  size_t i = 0;
  for (; i + Block <= n; i += Block) {
    float block[Block];
    std::memcpy(block, in + i * sizeof(float), sizeof block);
    for (size_t j = 0; j < Block; ++j)
      out[i + j] = static_cast<Int>(static_cast<int32_t>(toGrid<R>(block[j], g)));
  }
  for (; i < n; ++i) {
    float v;
    std::memcpy(&v, in + i * sizeof(float), sizeof v);
    out[i] = static_cast<Int>(toGrid<R>(v, g));
  }
}

template <class Int> Blob quantizeBlob(const Blob &floats, const Grid &g, Rounding rounding) {
  size_t n = floats.size() / sizeof(float);
  Blob out = Blob::zeros(n * sizeof(Int));
  auto *to = reinterpret_cast<Int *>(out.mutableBytes().data());
  if (rounding == Rounding::HalfUp)
    quantizeBytes<Rounding::HalfUp>(floats.bytes().data(), n, g, to);
  else
    quantizeBytes<Rounding::HalfAway>(floats.bytes().data(), n, g, to);
  return out;
}

} // namespace

FloatRange rangeOf(std::span<const float> x) {
  FloatRange r;
  if (x.empty())
    return r;
  std::array<float, Block> lo, hi, bad{};
  lo.fill(FLT_MAX), hi.fill(-FLT_MAX);
  auto see = [&](float v, size_t lane) {
    lo[lane] = v < lo[lane] ? v : lo[lane];
    hi[lane] = v > hi[lane] ? v : hi[lane];
    bad[lane] += v - v; // 0, or NaN for NaN and infinities
  };
  size_t i = 0;
  for (; i + Block <= x.size(); i += Block)
    for (size_t j = 0; j < Block; ++j)
      see(x[i + j], j);
  for (; i < x.size(); ++i)
    see(x[i], 0);
  r.min = *std::min_element(lo.begin(), lo.end());
  r.max = *std::max_element(hi.begin(), hi.end());
  for (float b : bad)
    r.finite &= b == 0.0f;
  return r;
}

int maxMinFixPoint(const FloatRange &r, int bits) {
  double lb = -std::ldexp(1.0, bits - 1) - 0.5, ub = std::ldexp(1.0, bits - 1) - 0.5;
  double step = std::max(r.min / lb, r.max / ub);
  if (!(step > FLT_MIN))
    return 18;
  // Finite floats stay above -128; an infinity would be at minus infinity.
  return static_cast<int>(std::max(std::floor(std::log2(1 / step)), -126.0));
}

int diffsFixPoint(std::span<const float> x, int bits, int range, Rounding rounding) {
  const int limit = maxFixPoint(bits);
  const int first = maxMinFixPoint(rangeOf(x), bits);
  if (range <= 1 || first >= limit)
    return std::min(first, limit);
  int best = first;
  double least = squaredError(x, {bits, first}, rounding);
  for (int p = first + 1; p < first + range; ++p) {
    double error = squaredError(x, {bits, p}, rounding);
    if (error < least)
      least = error, best = p;
  }
  return std::min(best, limit);
}

int diffsFixPoint(const Tensor &t, int bits, int range, Rounding rounding) {
  Tensor f = t.toFloat();
  if (!f.isSplat() && reinterpret_cast<uintptr_t>(f.storage().bytes().data()) % alignof(float) == 0) {
    llvm::ArrayRef<float> all = f.as<float>();
    return diffsFixPoint(std::span(all.data(), all.size()), bits, range, rounding);
  }
  std::vector<float> copy(f.storage().size() / sizeof(float));
  if (!copy.empty())
    std::memcpy(copy.data(), f.storage().bytes().data(), copy.size() * sizeof(float));
  return diffsFixPoint(std::span<const float>(copy), bits, range, rounding);
}

std::optional<int> modeOf(std::span<const int> history) {
  if (history.empty())
    return std::nullopt;
  std::vector<int> sorted(history.begin(), history.end());
  std::sort(sorted.begin(), sorted.end());
  int best = sorted[0];
  size_t bestCount = 0;
  for (size_t i = 0; i < sorted.size();) {
    size_t end = std::upper_bound(sorted.begin() + i, sorted.end(), sorted[i]) - sorted.begin();
    if (end - i > bestCount)
      bestCount = end - i, best = sorted[i];
    i = end;
  }
  return best;
}

void fakeQuantize(std::span<float> x, FixPos pos, Rounding rounding) {
  Grid g(pos);
  if (rounding == Rounding::HalfUp)
    fakeQuantizeWith<Rounding::HalfUp>(x, g);
  else
    fakeQuantizeWith<Rounding::HalfAway>(x, g);
}

Tensor quantizeTensor(const Tensor &t, FixPos pos, Rounding rounding) {
  Tensor f = t.toFloat();
  Grid g(pos);
  Blob ints =
      pos.bits <= 8 ? quantizeBlob<int8_t>(f.storage(), g, rounding) : quantizeBlob<int16_t>(f.storage(), g, rounding);
  Type type = t.type().withElem(pos.elemType());
  return f.isSplat() ? Tensor::splat(type, ints) : Tensor(type, ints);
}

} // namespace dpuopt
