//===- FixPoint.cpp - the DiffS search, rounding of tensors ---------------------===//
#include "dpuopt/Quant/FixPoint.h"
#include "FixLoops.h"
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

namespace dpuopt {
namespace {

constexpr size_t Block = 16;

/// The first of `first`, first+1, ..., `last` with the least sum of squared errors. `first` does not overflow, so none
/// of its errors is above half a step: a position that has done worse than that can make of it is left out early, and
/// the result is as if it had not been.
int leastError(std::span<const float> x, int bits, int first, int last) {
  struct Candidate {
    FixGrid grid;
    double unit; ///< the square of its step
    int position;
    double sum = 0;
  };
  llvm::SmallVector<Candidate, 8> candidates;
  for (int p = first; p <= last; ++p)
    candidates.push_back({FixGrid({bits, p}), std::ldexp(1.0, -2 * p), p});
  const FixLoops &loops = fixLoops();
  for (size_t i = 0; i < x.size() && candidates.size() > 1; i += ErrorBlock) {
    std::span<const float> block = x.subspan(i, std::min(ErrorBlock, x.size() - i));
    for (Candidate &c : candidates)
      c.sum += loops.error(block.data(), block.size(), c.grid) * c.unit;
    const double left = static_cast<double>(x.size() - i - block.size());
    const double most = (candidates[0].sum + left * 0.25 * candidates[0].unit) * 1.001; // sums are rounded
    llvm::erase_if(candidates, [&](const Candidate &c) { return c.position != first && c.sum > most; });
  }
  auto less = [](const Candidate &a, const Candidate &b) { return a.sum < b.sum; };
  return std::min_element(candidates.begin(), candidates.end(), less)->position;
}

/// Bytes, not floats: a slice of a mapped model need not be aligned.
template <Rounding R, class Int> void quantizeBytes(const uint8_t *in, size_t n, const FixGrid &g, Int *out) {
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

template <class Int> Blob quantizeBlob(const Blob &floats, const FixGrid &g, Rounding rounding) {
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

FloatRange rangeOf(std::span<const float> x) { return x.empty() ? FloatRange() : fixLoops().range(x.data(), x.size()); }

int maxMinFixPoint(const FloatRange &r, int bits) {
  double lb = -std::ldexp(1.0, bits - 1) - 0.5, ub = std::ldexp(1.0, bits - 1) - 0.5;
  double step = std::max(r.min / lb, r.max / ub);
  if (!(step > FLT_MIN))
    return 18;
  // Finite floats stay above -128; an infinity would be at minus infinity.
  return static_cast<int>(std::max(std::floor(std::log2(1 / step)), -126.0));
}

int diffsFixPoint(std::span<const float> x, const FloatRange &r, int bits, int range, Rounding) {
  const int limit = maxFixPoint(bits);
  const int first = maxMinFixPoint(r, bits);
  if (range <= 1 || first >= limit || !r.finite) // no sum of infinities or NaNs is less than another
    return std::min(first, limit);
  return std::min(leastError(x, bits, first, first + range - 1), limit);
}

int diffsFixPoint(std::span<const float> x, int bits, int range, Rounding rounding) {
  return diffsFixPoint(x, rangeOf(x), bits, range, rounding);
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
  const FixLoops &loops = fixLoops();
  (rounding == Rounding::HalfUp ? loops.quantizeHalfUp : loops.quantizeHalfAway)(x.data(), x.size(), FixGrid(pos));
}

Tensor quantizeTensor(const Tensor &t, FixPos pos, Rounding rounding) {
  Tensor f = t.toFloat();
  FixGrid g(pos);
  Blob ints =
      pos.bits <= 8 ? quantizeBlob<int8_t>(f.storage(), g, rounding) : quantizeBlob<int16_t>(f.storage(), g, rounding);
  Type type = t.type().withElem(pos.elemType());
  return f.isSplat() ? Tensor::splat(type, ints) : Tensor(type, ints);
}

} // namespace dpuopt
