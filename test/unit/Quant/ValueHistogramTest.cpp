//===- ValueHistogramTest.cpp - counting values, and merging counts ----------------===//
#include "dpuopt/Quant/ValueHistogram.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace dpuopt;

namespace {

const float Inf = std::numeric_limits<float>::infinity(), NaN = std::numeric_limits<float>::quiet_NaN();

ValueHistogram histogramOf(const std::vector<float> &x) {
  ValueHistogram h;
  h.add(x);
  return h;
}

std::vector<ValueHistogram::Bin> binsOf(const ValueHistogram &h) {
  std::vector<ValueHistogram::Bin> bins;
  h.forEachBin([&](const ValueHistogram::Bin &b) { bins.push_back(b); });
  return bins;
}

/// Normal numbers of many sizes, zeros, denormals, and what lies at the edges of bins.
std::vector<float> mixed(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float &v : x)
    switch (random() % 8) {
    case 0:
      v = random() % 2 ? 0.0f : -0.0f;
      break;
    case 1:
      v = static_cast<float>(static_cast<int>(random() % 256) - 128) / 64;
      break;
    case 2:
      v = std::ldexp(normal(random), static_cast<int>(random() % 250) - 149);
      break;
    default:
      v = normal(random);
    }
  return x;
}

} // namespace

TEST(ValueHistogram, NothingIsCountedAtFirst) {
  ValueHistogram h;
  EXPECT_EQ(h.count(), 0u);
  EXPECT_EQ(h.range().min, 0);
  EXPECT_EQ(h.range().max, 0);
  EXPECT_TRUE(binsOf(h).empty());
  EXPECT_EQ(h, histogramOf({}));
}

TEST(ValueHistogram, RangeAndCountAreExact) {
  ValueHistogram h = histogramOf({0.1f, -3.75f, 2.5f});
  h.add(std::vector<float>{0.3f});
  EXPECT_EQ(h.count(), 4u);
  EXPECT_EQ(h.range().min, -3.75f);
  EXPECT_EQ(h.range().max, 2.5f);
}

TEST(ValueHistogram, EachValueIsInItsBin) {
  for (float v : mixed(3000, 1)) {
    auto bins = binsOf(histogramOf({v}));
    ASSERT_EQ(bins.size(), 1u);
    ASSERT_LE(bins[0].low, v);
    ASSERT_GE(bins[0].high, v);
    ASSERT_EQ(bins[0].mean, v);
    ASSERT_EQ(bins[0].variance(), 0);
  }
}

TEST(ValueHistogram, BinsAreHalfAStepWide) {
  for (const auto &b : binsOf(histogramOf({1.0f, 1.99f, -1.5f})))
    EXPECT_EQ(b.width(), 1.0 / 128);
}

TEST(ValueHistogram, MeansOfBinsAreExact) {
  auto bins = binsOf(histogramOf({1.0f, 1.0f, 1.0f + 0x1p-9f, 1.0f + 0x1p-9f}));
  ASSERT_EQ(bins.size(), 1u);
  EXPECT_EQ(bins[0].mean, 1.0 + 0x1p-10);
  EXPECT_EQ(bins[0].count, 4u);
}

TEST(ValueHistogram, BothZerosAreOneValue) {
  EXPECT_EQ(histogramOf({0.0f, -0.0f, 0.0f, 1}).zeros(), 3u);
  EXPECT_FALSE(std::signbit(histogramOf({-0.0f, 0.0f}).range().min));
  EXPECT_FALSE(std::signbit(histogramOf({0.0f, -0.0f}).range().max));
}

// The sign of a zero is no exponent: beyond the last octave lies memory of somebody else.
TEST(ValueHistogram, ZerosAloneTouchNothingElse) {
  std::vector<float> zeros(100, 0.0f), negative(100, -0.0f);
  ValueHistogram h;
  h.add(zeros), h.add(negative);
  EXPECT_EQ(h.count(), 200u);
  EXPECT_EQ(h.zeros(), 200u);
  EXPECT_EQ(h.toWords(), [&] {
    zeros.insert(zeros.end(), negative.begin(), negative.end());
    ValueHistogram at;
    at.add(zeros);
    return at.toWords();
  }());
}

TEST(ValueHistogram, NonFiniteValuesAreCountedApart) {
  ValueHistogram h = histogramOf({1, Inf, -Inf, NaN, -2});
  EXPECT_EQ(h.nonFinite(), 3u);
  EXPECT_EQ(h.count(), 2u);
  EXPECT_EQ(h.range().min, -2);
  EXPECT_EQ(h.range().max, 1);
  EXPECT_FALSE(h.range().finite);
  EXPECT_EQ(binsOf(h).size(), 2u);
  EXPECT_EQ(histogramOf({NaN}).count(), 0u);
}

TEST(ValueHistogram, OrderDoesNotMatter) {
  std::vector<float> x = mixed(50000, 2);
  ValueHistogram h = histogramOf(x);
  std::shuffle(x.begin(), x.end(), std::mt19937(3));
  EXPECT_EQ(h, histogramOf(x));
  EXPECT_EQ(h.toWords(), histogramOf(x).toWords());
}

TEST(ValueHistogram, PartsMergeToTheWhole) {
  std::vector<float> x = mixed(30000, 4);
  x[100] = NaN;
  ValueHistogram merged, backwards;
  std::vector<ValueHistogram> parts;
  for (size_t i = 0, n = 1; i < x.size(); i += n, n = n * 3 + 1) {
    n = std::min(n, x.size() - i);
    parts.push_back(histogramOf({x.begin() + i, x.begin() + i + n}));
  }
  for (const ValueHistogram &part : parts)
    merged.merge(part);
  for (size_t i = parts.size(); i-- > 0;)
    backwards.merge(parts[i]);
  EXPECT_EQ(merged, histogramOf(x));
  EXPECT_EQ(backwards, histogramOf(x));
}

TEST(ValueHistogram, NothingIsLeftOverForTheNextOne) {
  const std::vector<float> clean{0.5f, 0.25f};
  const ValueHistogram expected = histogramOf(clean);
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::vector<float> x = mixed(1000 + seed * 977, seed);
    x[seed] = seed % 2 ? NaN : -Inf;
    histogramOf(x);
    ASSERT_EQ(histogramOf(clean), expected) << seed;
  }
}

TEST(ValueHistogram, ManyValuesInOneBinDoNotOverflow) {
  std::vector<float> x(size_t(9) << 20, std::nextafter(2.0f, 0.0f)); // all low bits set
  auto bins = binsOf(histogramOf(x));
  ASSERT_EQ(bins.size(), 1u);
  EXPECT_EQ(bins[0].count, x.size());
  EXPECT_EQ(bins[0].mean, std::nextafter(2.0f, 0.0f));
}

TEST(ValueHistogram, SquareSumIsCloseToTheTrueOne) {
  std::vector<float> x = mixed(50000, 5);
  for (float &v : x)
    v = std::clamp(v, -4.0f, 4.0f);
  double sum = 0;
  for (double v : x)
    sum += v * v;
  EXPECT_NEAR(histogramOf(x).squareSum(), sum, sum * 1e-5);
}

TEST(ValueHistogram, SplitCountsEverythingOnce) {
  std::vector<float> x = mixed(20000, 6);
  for (float &v : x)
    v = std::clamp(v, -4.0f, 4.0f);
  double all = 0;
  for (double part : histogramOf(x).split(-4, 4, 37))
    all += part;
  EXPECT_NEAR(all, static_cast<double>(x.size()), 1e-6);
}

TEST(ValueHistogram, SplitPutsValuesWhereTheyAre) {
  EXPECT_EQ(histogramOf({0, 0, 0.3f, 0.6f, 0.6f, 1, 5}).split(0, 1, 4), (std::vector<double>{2, 1, 2, 1}));
  EXPECT_EQ(histogramOf({1}).split(1, 1, 2), (std::vector<double>{0, 0}));
}

TEST(ValueHistogram, WordsAreReadBack) {
  std::vector<float> x = mixed(5000, 7);
  x[0] = Inf;
  for (const ValueHistogram &h : {histogramOf(x), histogramOf({}), histogramOf({0}), histogramOf({NaN})}) {
    std::optional<ValueHistogram> back = ValueHistogram::fromWords(h.toWords());
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, h);
  }
}

TEST(ValueHistogram, DamagedWordsAreRefused) {
  const std::vector<uint64_t> good = histogramOf({1, 1.5f, -2}).toWords();
  for (size_t n = 0; n < good.size(); ++n)
    EXPECT_FALSE(ValueHistogram::fromWords(llvm::ArrayRef(good).take_front(n))) << n;
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<uint64_t> bad = good;
    bad[i] = ~uint64_t(0);
    EXPECT_FALSE(ValueHistogram::fromWords(bad)) << i;
  }
  std::vector<uint64_t> twice = good;
  twice.insert(twice.end(), good.begin() + 5, good.end());
  EXPECT_FALSE(ValueHistogram::fromWords(twice));
}
