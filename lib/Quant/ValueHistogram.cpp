//===- ValueHistogram.cpp - what values a tensor took, over all samples -------===//
//
// The bin of a float is its upper 16 bits. One addition to a 64-bit cell counts it
// (upper bits) and adds its lower 16 bits (lower bits). Each bin has two cells that take
// turns, because an addition to a cell has to wait for the one before it, and zeros come
// in crowds; side by side, so that what is in use stays in the first cache.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/ValueHistogram.h"
#include "FixLoops.h"
#include <bit>
#include <cmath>
#include <cstring>
#include <memory>

namespace dpuopt {
namespace {

constexpr uint64_t One = uint64_t(1) << 40; ///< a value, above the sum of its low bits
constexpr uint64_t LowMask = 0xffff;
constexpr size_t ChunkSize = size_t(1) << 22; ///< a cell holds 2^24 values
constexpr size_t BlockSize = 4096;            ///< floats that stay in the first cache between three looks at them
constexpr uint16_t ExponentMask = 0xff;       ///< of an octave's number; all ones: not finite
constexpr uint64_t WordsVersion = 1;
constexpr uint64_t MaxCount = uint64_t(1) << 44; ///< of a bin in words; sums then fit

/// The float whose upper bits are `bin`, as a double.
double edge(uint32_t bin) { return std::bit_cast<float>(bin << 16); }

/// Distance of neighbouring floats in an octave.
double spacing(uint16_t octave) { return std::ldexp(1.0, std::max(octave & ExponentMask, 1) - 150); }

uint64_t bitsOf(float x) { return std::bit_cast<uint32_t>(x); }

} // namespace

/// The cells of one thread, all 0 between two calls.
struct ValueHistogram::Scratch {
  static constexpr size_t Octaves = 512;
  uint64_t cells[Octaves * BinsPerOctave][2];
  /// Between them lie all octaves in use, but for that of the zeros.
  uint32_t leastExponent, mostExponent;

  void count(const float *x, size_t n) {
    auto into = [&](uint32_t bits, size_t turn) { cells[bits >> 16][turn] += One | (bits & LowMask); };
    size_t i = 0;
    for (; i + 2 <= n; i += 2) {
      uint64_t bits; // one load for two
      std::memcpy(&bits, x + i, sizeof bits);
      into(static_cast<uint32_t>(bits), 0);
      into(static_cast<uint32_t>(bits >> 32), 1);
    }
    if (i < n)
      into(std::bit_cast<uint32_t>(x[i]), 0);
  }
};

double ValueHistogram::Bin::variance() const {
  return count <= 1 ? 0 : std::min(width() * width() / 12, (mean - low) * (high - mean));
}

void ValueHistogram::add(std::span<const float> x) {
  while (!x.empty()) {
    size_t n = std::min(x.size(), ChunkSize);
    addChunk(x.first(n));
    x = x.subspan(n);
  }
}

void ValueHistogram::addChunk(std::span<const float> x) {
  static thread_local const std::unique_ptr<Scratch> scratch(new Scratch());
  scratch->leastExponent = UINT32_MAX, scratch->mostExponent = 0;
  for (size_t i = 0; i < x.size(); i += BlockSize) {
    std::span<const float> block = x.subspan(i, std::min(BlockSize, x.size() - i));
    see(block, *scratch);
    scratch->count(block.data(), block.size());
  }
  take(*scratch);
}

/// The extremes of a block that is not empty.
void ValueHistogram::see(std::span<const float> x, Scratch &scratch) {
  FloatRange r = fixLoops().range(x.data(), x.size());
  const uint32_t smallest = fixLoops().leastMagnitude(x.data(), x.size());
  const float most = r.finite ? std::max(std::fabs(r.min), std::fabs(r.max)) : INFINITY; // zeros have signs
  scratch.leastExponent = std::min(scratch.leastExponent, smallest >> 23);
  scratch.mostExponent = std::max(scratch.mostExponent, std::bit_cast<uint32_t>(most) >> 23);
  size_t n = x.size();
  std::vector<float> rest;
  if (!r.finite) {
    std::copy_if(x.begin(), x.end(), std::back_inserter(rest), [](float v) { return std::isfinite(v); });
    n = rest.size();
    strange += x.size() - n;
    if (n == 0)
      return;
    r = rangeOf(rest);
  }
  least = finite ? std::min(least, r.min) : r.min;
  largest = finite ? std::max(largest, r.max) : r.max;
  finite += n;
}

void ValueHistogram::take(Scratch &scratch) {
  auto takeOctave = [&](uint16_t k) {
    uint64_t(*cells)[2] = scratch.cells + k * BinsPerOctave;
    uint64_t any = 0;
    for (size_t j = 0; j < BinsPerOctave; ++j)
      any |= cells[j][0] | cells[j][1];
    if (any == 0)
      return;
    if ((k & ExponentMask) != ExponentMask) {
      Octave &octave = octaves[k];
      for (size_t j = 0; j < BinsPerOctave; ++j) {
        octave.counts[j] += cells[j][0] / One + cells[j][1] / One;
        octave.sums[j] += cells[j][0] % One + cells[j][1] % One;
      }
    }
    std::memset(cells, 0, BinsPerOctave * sizeof *cells);
  };
  for (uint16_t sign : {0, 256}) {
    takeOctave(sign);
    for (uint32_t e = std::max(scratch.leastExponent, 1u); e <= scratch.mostExponent; ++e)
      takeOctave(static_cast<uint16_t>(sign + e));
  }
}

void ValueHistogram::merge(const ValueHistogram &other) {
  for (const auto &[k, from] : other.octaves) {
    Octave &to = octaves[k];
    for (size_t j = 0; j < BinsPerOctave; ++j) {
      to.counts[j] += from.counts[j];
      to.sums[j] += from.sums[j];
    }
  }
  if (other.finite) {
    least = finite ? std::min(least, other.least) : other.least;
    largest = finite ? std::max(largest, other.largest) : other.largest;
  }
  finite += other.finite;
  strange += other.strange;
}

uint64_t ValueHistogram::zeros() const {
  uint64_t n = 0;
  for (uint16_t k : {0, 256})
    if (auto octave = octaves.find(k); octave != octaves.end())
      for (uint64_t count : octave->second.counts)
        n += count;
  return n;
}

FloatRange ValueHistogram::range() const { return {finite ? least : 0, finite ? largest : 0, strange == 0}; }

void ValueHistogram::forEachBin(llvm::function_ref<void(const Bin &)> visit) const {
  for (const auto &[k, octave] : octaves)
    for (size_t j = 0; j < BinsPerOctave; ++j) {
      uint64_t count = octave.counts[j];
      if (count == 0)
        continue;
      bool negative = k >> 8;
      uint32_t magnitude = (k & ExponentMask) * BinsPerOctave + j;
      double near = edge(magnitude), width = spacing(k) * (LowMask + 1);
      double mean = near + static_cast<double>(octave.sums[j]) / static_cast<double>(count) * spacing(k);
      if (negative)
        visit({-near - width, -near, -mean, count});
      else
        visit({near, mean == 0 ? 0 : near + width, mean, count});
    }
}

double ValueHistogram::squareSum() const {
  double sum = 0;
  forEachBin([&](const Bin &b) { sum += static_cast<double>(b.count) * (b.mean * b.mean + b.variance()); });
  return sum;
}

std::vector<double> ValueHistogram::split(double low, double high, size_t n) const {
  std::vector<double> parts(n);
  if (n == 0 || !(low < high))
    return parts;
  const double width = (high - low) / static_cast<double>(n);
  auto partOf = [&](double x) {
    return static_cast<size_t>(std::clamp((x - low) / width, 0.0, static_cast<double>(n) - 1));
  };
  forEachBin([&](const Bin &b) {
    size_t first = partOf(b.low), last = partOf(b.high);
    if (b.high < low || b.low > high)
      return;
    if (first == last || b.variance() == 0) {
      parts[partOf(b.mean)] += static_cast<double>(b.count);
      return;
    }
    for (size_t i = first; i <= last; ++i) {
      double edge = low + static_cast<double>(i) * width;
      double from = std::max(b.low, edge), to = std::min(b.high, edge + width);
      parts[i] += static_cast<double>(b.count) * std::max(0.0, to - from) / b.width();
    }
  });
  return parts;
}

std::vector<uint64_t> ValueHistogram::toWords() const {
  std::vector<uint64_t> words{WordsVersion, strange, finite, bitsOf(range().min), bitsOf(range().max)};
  for (const auto &[k, octave] : octaves) {
    size_t first = 0, end = BinsPerOctave;
    while (first < end && octave.counts[first] == 0)
      ++first;
    while (end > first && octave.counts[end - 1] == 0)
      --end;
    if (first == end)
      continue;
    words.insert(words.end(), {k, first, end - first});
    words.insert(words.end(), octave.counts.begin() + first, octave.counts.begin() + end);
    words.insert(words.end(), octave.sums.begin() + first, octave.sums.begin() + end);
  }
  return words;
}

std::optional<ValueHistogram> ValueHistogram::fromWords(llvm::ArrayRef<uint64_t> words) {
  if (words.size() < 5 || words[0] != WordsVersion || words[1] > MaxCount || words[3] > UINT32_MAX ||
      words[4] > UINT32_MAX)
    return std::nullopt;
  const uint64_t total = words[2];
  ValueHistogram h;
  h.strange = words[1];
  h.least = std::bit_cast<float>(static_cast<uint32_t>(words[3]));
  h.largest = std::bit_cast<float>(static_cast<uint32_t>(words[4]));
  if (!std::isfinite(h.least) || !std::isfinite(h.largest) || h.least > h.largest)
    return std::nullopt;
  for (words = words.drop_front(5); !words.empty();) {
    if (words.size() < 3)
      return std::nullopt;
    const uint64_t k = words[0], first = words[1], n = words[2];
    words = words.drop_front(3);
    if (k >= Scratch::Octaves || (k & ExponentMask) == ExponentMask || first >= BinsPerOctave || n == 0 ||
        n > BinsPerOctave - first || words.size() < 2 * n || h.octaves.count(static_cast<uint16_t>(k)))
      return std::nullopt;
    Octave &octave = h.octaves[static_cast<uint16_t>(k)];
    for (size_t i = 0; i < n; ++i) {
      uint64_t count = words[i], sum = words[n + i];
      if (count > MaxCount || sum > count * LowMask || h.finite > MaxCount)
        return std::nullopt;
      octave.counts[first + i] = count, octave.sums[first + i] = sum;
      h.finite += count;
    }
    words = words.drop_front(2 * n);
  }
  return h.finite == total ? std::optional(std::move(h)) : std::nullopt;
}

} // namespace dpuopt
