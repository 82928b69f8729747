//===- PositionSearchTest.cpp - fix points from histograms ---------------------------===//
#include "dpuopt/Quant/PositionSearch.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace dpuopt;

namespace {

ValueHistogram histogramOf(const std::vector<float> &x) {
  ValueHistogram h;
  h.add(x);
  return h;
}

int search(const std::vector<float> &x, SearchMethod method, int bits = 8) {
  return searchFixPoint(histogramOf(x), method, bits);
}

double trueError(const std::vector<float> &x, FixPos pos, Rounding rounding) {
  std::vector<float> q = x;
  fakeQuantize(q, pos, rounding);
  double sum = 0;
  for (size_t i = 0; i < x.size(); ++i)
    sum += (double(x[i]) - q[i]) * (double(x[i]) - q[i]);
  return sum;
}

/// Half normal as after a Relu, or normal; some with a heavy tail; of any size.
std::vector<float> activations(unsigned seed, size_t n = 20000) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  float scale = std::ldexp(1.0f, static_cast<int>(random() % 12) - 6) * (1 + static_cast<float>(seed % 7) / 7);
  std::vector<float> x(n);
  for (float &v : x) {
    v = normal(random) * scale;
    if (seed % 3 == 1)
      v = std::max(v, 0.0f);
    if (seed % 5 == 2)
      v *= std::abs(v) / scale;
  }
  return x;
}

std::vector<float> withOutlier() {
  std::vector<float> x = activations(3, 500000);
  float largest = *std::max_element(x.begin(), x.end());
  x[77] = largest * 4;
  return x;
}

} // namespace

TEST(PositionSearch, MseAgreesWithBruteForce) {
  for (unsigned seed = 0; seed < 60; ++seed)
    for (Rounding rounding : {Rounding::HalfUp, Rounding::HalfAway})
      for (int bits : {4, 6, 8}) {
        std::vector<float> x = activations(seed, 5000);
        int first = std::min(maxMinFixPoint(rangeOf(x), bits), maxFixPoint(bits)), best = first;
        for (int p = first; p < first + 9 && p <= maxFixPoint(bits); ++p)
          if (trueError(x, {bits, p}, rounding) < trueError(x, {bits, best}, rounding))
            best = p;
        ASSERT_EQ(searchFixPoint(histogramOf(x), SearchMethod::Mse, bits, {rounding}), best) << seed << ' ' << bits;
      }
}

TEST(PositionSearch, ExpectedErrorIsCloseToTheTrueOne) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::vector<float> x = activations(seed);
    ValueHistogram h = histogramOf(x);
    int first = maxMinFixPoint(h.range(), 8);
    for (int p = first - 1; p < first + 7; ++p) {
      double expected = trueError(x, {8, p}, Rounding::HalfUp);
      ASSERT_NEAR(expectedError(h, {8, p}, Rounding::HalfUp), expected, expected * 0.03) << seed << ' ' << p;
    }
  }
}

TEST(PositionSearch, ExpectedErrorOfNumbersOnTheGridIsZero) {
  std::vector<float> x;
  for (int i = -128; i < 128; ++i)
    x.insert(x.end(), 3, static_cast<float>(i) / 16);
  EXPECT_EQ(expectedError(histogramOf(x), {8, 4}, Rounding::HalfUp), 0);
  EXPECT_GT(expectedError(histogramOf(x), {8, 3}, Rounding::HalfUp), 0);
  EXPECT_EQ(search(x, SearchMethod::Mse), 4);
}

TEST(PositionSearch, ErrorOfWideIntegersIsThatOfEvenlySpreadValues) {
  std::vector<float> x = activations(8);
  ValueHistogram h = histogramOf(x);
  int p = std::min(maxMinFixPoint(h.range(), 16), maxFixPoint(16));
  double expected = trueError(x, {16, p}, Rounding::HalfUp);
  EXPECT_NEAR(expectedError(h, {16, p}, Rounding::HalfUp), expected, expected * 0.03);
  EXPECT_EQ(search(x, SearchMethod::Mse, 16), p);
}

TEST(PositionSearch, MaxMinIsTheLargestPositionWithoutOverflow) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    std::vector<float> x = activations(seed, 1000);
    ASSERT_EQ(search(x, SearchMethod::MaxMin), diffsFixPoint(std::span<const float>(x), 8, 1, Rounding::HalfUp));
  }
  EXPECT_EQ(search({127.49f}, SearchMethod::MaxMin), 0);
  EXPECT_EQ(search({127.6f}, SearchMethod::MaxMin), -1);
}

TEST(PositionSearch, ZerosAndNothingGetTheLimit) {
  for (SearchMethod m : {SearchMethod::Mse, SearchMethod::MaxMin, SearchMethod::Percentile, SearchMethod::Entropy}) {
    EXPECT_EQ(search({0, 0, -0.0f}, m), 12);
    EXPECT_EQ(search({}, m), 12);
    EXPECT_EQ(search({0, 0}, m, 16), 15);
    EXPECT_EQ(search({1e-9f, -1e-8f}, m), 12);
  }
}

TEST(PositionSearch, AConstantIsRepresented) {
  std::vector<float> x(1000, 6.0f);
  for (SearchMethod m : {SearchMethod::Mse, SearchMethod::MaxMin, SearchMethod::Percentile, SearchMethod::Entropy})
    EXPECT_EQ(search(x, m), 4) << searchMethodName(m).str();
}

TEST(PositionSearch, OneOutlierMovesMaxMinOnly) {
  std::vector<float> x = withOutlier(), without = x;
  without[77] = 0;
  int p = search(without, SearchMethod::MaxMin);
  EXPECT_EQ(search(x, SearchMethod::MaxMin), p - 2);
  EXPECT_GE(search(x, SearchMethod::Mse), p);
  EXPECT_GE(search(x, SearchMethod::Percentile), p);
  EXPECT_GE(search(x, SearchMethod::Entropy), p);
}

TEST(PositionSearch, PercentileCoversTheShareAskedFor) {
  std::vector<float> x(1000, 1.0f);
  std::fill(x.begin(), x.begin() + 10, 100.0f);
  ValueHistogram h = histogramOf(x);
  EXPECT_EQ(searchFixPoint(h, SearchMethod::Percentile, 8, {.percentile = 0.99}), 6);
  EXPECT_EQ(searchFixPoint(h, SearchMethod::Percentile, 8, {.percentile = 0.991}), 0);
  EXPECT_EQ(searchFixPoint(h, SearchMethod::Percentile, 8, {.percentile = 1}), 0);
}

TEST(PositionSearch, EntropyKeepsARangeThatIsUsedEvenly) {
  std::vector<float> x;
  for (int i = 0; i < 100000; ++i)
    x.push_back(static_cast<float>(i) / 100000);
  EXPECT_EQ(search(x, SearchMethod::Entropy), search(x, SearchMethod::MaxMin));
}

TEST(PositionSearch, NonFiniteValuesAreIgnored) {
  EXPECT_EQ(search({1, INFINITY, NAN, -INFINITY}, SearchMethod::Mse), 6);
}

TEST(PositionSearch, HugeNumbersHaveAPosition) {
  for (SearchMethod m : {SearchMethod::Mse, SearchMethod::MaxMin, SearchMethod::Percentile, SearchMethod::Entropy})
    EXPECT_EQ(search({3e38f, -1}, m), -121) << searchMethodName(m).str();
}

TEST(PositionSearch, SaturatedShare) {
  ValueHistogram h = histogramOf({0, 1, 127.4f, 127.5f, 200, -128.4f, -129});
  EXPECT_DOUBLE_EQ(saturatedShare(h, {8, 0}), 3.0 / 7);
  EXPECT_EQ(saturatedShare(h, {8, -1}), 0);
  EXPECT_EQ(saturatedShare(ValueHistogram(), {8, 0}), 0);
}

TEST(PositionSearch, NamesAreReadBack) {
  for (SearchMethod m :
       {SearchMethod::Diffs, SearchMethod::Mse, SearchMethod::MaxMin, SearchMethod::Percentile, SearchMethod::Entropy})
    EXPECT_EQ(parseSearchMethod(searchMethodName(m)), m);
  EXPECT_EQ(parseSearchMethod("MSE"), std::nullopt);
}
