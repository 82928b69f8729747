//===- FixPointTest.cpp - rounding, DiffS, mode ------------------------------------===//
#include "dpuopt/Quant/FixPoint.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace dpuopt;

namespace {

/// DiffS word by word, with double arithmetic and the C library's rounding.
int slowDiffs(const std::vector<float> &x, int bits, int range, Rounding rounding) {
  double lb = -std::pow(2, bits - 1) - 0.5, ub = std::pow(2, bits - 1) - 0.5;
  double step = std::max(*std::min_element(x.begin(), x.end()) / lb, *std::max_element(x.begin(), x.end()) / ub);
  int p0 = step > std::numeric_limits<float>::min() ? static_cast<int>(std::floor(std::log2(1 / step))) : 18;
  int best = p0;
  double least = INFINITY;
  for (int p = p0; p < p0 + range; ++p) {
    double sum = 0;
    for (double v : x) {
      double s = v * std::pow(2, p), r = rounding == Rounding::HalfUp ? std::floor(s + 0.5) : std::round(s);
      double q = std::min(std::pow(2, bits - 1) - 1, std::max(-std::pow(2, bits - 1), r)) * std::pow(2, -p);
      sum += (v - q) * (v - q);
    }
    if (sum < least)
      least = sum, best = p;
  }
  return std::min(best, maxFixPoint(bits));
}

int diffs(std::vector<float> x, int bits = 8, int range = SearchRange) {
  return diffsFixPoint(std::span<const float>(x), bits, range, Rounding::HalfAway);
}

std::vector<float> rounded(std::vector<float> x, FixPos pos, Rounding rounding) {
  fakeQuantize(x, pos, rounding);
  return x;
}

const float Inf = std::numeric_limits<float>::infinity(), NaN = std::numeric_limits<float>::quiet_NaN();

} // namespace

TEST(FixPoint, HalvesGoUpForActivations) {
  EXPECT_EQ(rounded({0.5f, -0.5f, 1.5f, -1.5f, -1.25f}, {8, 0}, Rounding::HalfUp),
            (std::vector<float>{1, 0, 2, -1, -1}));
}

TEST(FixPoint, HalvesGoAwayFromZeroForParameters) {
  EXPECT_EQ(rounded({0.5f, -0.5f, 1.5f, -1.5f, -1.25f}, {8, 0}, Rounding::HalfAway),
            (std::vector<float>{1, -1, 2, -2, -1}));
}

TEST(FixPoint, JustBelowAHalfGoesDown) {
  EXPECT_EQ(rounded({std::nextafter(0.5f, 0.0f)}, {8, 0}, Rounding::HalfUp), std::vector<float>{0});
}

TEST(FixPoint, SaturatesAtBothEnds) {
  EXPECT_EQ(rounded({1000, -1000, 127.4f, -128.4f, Inf, -Inf}, {8, 0}, Rounding::HalfUp),
            (std::vector<float>{127, -128, 127, -128, 127, -128}));
}

TEST(FixPoint, NegativePositionsRoundToPowersOfTwo) {
  EXPECT_EQ(rounded({7, 9, -9}, {8, -2}, Rounding::HalfUp), (std::vector<float>{8, 8, -8}));
}

TEST(FixPoint, LongVectorsAreRoundedToTheLastElement) {
  std::vector<float> x(1003, 0.3f);
  for (float v : rounded(x, {8, 2}, Rounding::HalfUp))
    ASSERT_EQ(v, 0.25f);
}

TEST(DiffS, MaximumThatJustFitsStaysAtItsPosition) {
  // 127.49 < 127.5 rounds to 127: position 0 does not overflow.
  EXPECT_EQ(diffs({127.49f}, 8, 1), 0);
  EXPECT_EQ(diffs({127.6f}, 8, 1), -1);
}

TEST(DiffS, MinimumHasOneStepMore) {
  EXPECT_EQ(diffs({-128.4f}, 8, 1), 0);
  EXPECT_EQ(diffs({-128.6f}, 8, 1), -1);
}

TEST(DiffS, ZerosGetTheLimit) {
  EXPECT_EQ(diffs({0, 0, 0}), 12);
  EXPECT_EQ(diffs({0, 0, 0}, 16), 15);
}

TEST(DiffS, TinyNumbersAreClampedToTheLimit) {
  EXPECT_EQ(diffs({1e-6f, -1e-6f}), 12);
  EXPECT_EQ(diffs({1e-6f, -1e-6f}, 9), 15);
}

TEST(DiffS, EmptyTensorGetsTheLimit) { EXPECT_EQ(diffs({}), 12); }

TEST(DiffS, LargeNumbersGetNegativePositions) { EXPECT_EQ(diffs({1000}, 8, 1), -3); }

TEST(DiffS, AnOutlierIsClippedWhenThatIsCheaper) {
  std::vector<float> x(10000, 0.01f);
  x[0] = 1.1f; // p0 is 6, where 0.01 rounds to 1/64
  EXPECT_EQ(diffs(x, 8, 1), 6);
  EXPECT_GT(diffs(x), 6);
}

TEST(DiffS, FirstMinimumWins) {
  // 0.5 is exact at 7 and not clipped; 8 clips. 0.25 alone is exact from 2 on: p0 = 8.
  EXPECT_EQ(diffs({0.25f}), 8);
}

TEST(DiffS, NonFiniteNumbersDoNotCrash) {
  diffs({Inf, 1});
  diffs({-Inf, 1});
  diffs({NaN, 1});
  EXPECT_FALSE(rangeOf(std::vector<float>{1, NaN}).finite);
  EXPECT_FALSE(rangeOf(std::vector<float>{-Inf}).finite);
  EXPECT_TRUE(rangeOf(std::vector<float>{-1, 3e38f}).finite);
}

TEST(DiffS, RangeSeesEveryLane) {
  for (size_t i = 0; i < 40; ++i) {
    std::vector<float> x(40, 1.0f);
    x[i] = -7;
    EXPECT_EQ(rangeOf(x).min, -7) << i;
    x[i] = 9;
    EXPECT_EQ(rangeOf(x).max, 9) << i;
  }
}

TEST(DiffS, AgreesWithTheFormulaOnRandomTensors) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::normal_distribution<float> normal(0, std::ldexp(1.0f, static_cast<int>(random() % 20) - 10));
    std::vector<float> x(1 + random() % 3000);
    for (float &v : x)
      v = normal(random);
    for (Rounding rounding : {Rounding::HalfUp, Rounding::HalfAway})
      for (int bits : {4, 8, 12})
        ASSERT_EQ(diffsFixPoint(std::span<const float>(x), bits, SearchRange, rounding),
                  slowDiffs(x, bits, SearchRange, rounding))
            << round;
  }
}

TEST(DiffS, PositionsLeftOutEarlyWouldNotHaveWon) {
  std::mt19937 random(11);
  for (int round = 0; round < 60; ++round) {
    // All the weight of clipping at one end, in the middle or spread; long enough for several blocks.
    std::vector<float> x(20000);
    std::normal_distribution<float> normal(0, 0.02f * static_cast<float>(1 + random() % 20));
    for (float &v : x)
      v = std::clamp(normal(random), -1.0f, 1.0f);
    for (size_t i = 0, large = random() % 400, at = random() % 15000; i < large; ++i)
      x[at + i * (round % 3)] = static_cast<float>(random() % 1000) / 1000;
    ASSERT_EQ(diffsFixPoint(std::span<const float>(x), 8, SearchRange, Rounding::HalfUp),
              slowDiffs(x, 8, SearchRange, Rounding::HalfUp))
        << round;
  }
}

TEST(DiffS, HugeNumbersAreSearchedToo) {
  std::vector<float> x(1000, 1e36f);
  x[0] = 3e38f;
  EXPECT_EQ(diffs(x), slowDiffs(x, 8, SearchRange, Rounding::HalfAway));
}

TEST(DiffS, NonFiniteNumbersEndTheSearch) {
  std::vector<float> x(100, 0.3f);
  x[0] = 10, x[50] = NaN;
  EXPECT_EQ(diffs(x), 3);
}

TEST(Mode, MostFrequentWins) { EXPECT_EQ(modeOf(std::vector<int>{7, 5, 5, 9}), 5); }
TEST(Mode, SmallestWinsOnTies) { EXPECT_EQ(modeOf(std::vector<int>{7, 5, 7, 5, 9}), 5); }
TEST(Mode, NothingOfNothing) { EXPECT_EQ(modeOf(std::vector<int>{}), std::nullopt); }

TEST(QuantizeTensor, DenseFloatsBecomeIntegers) {
  Tensor q = quantizeTensor(Tensor::fromFloats({2, 2}, {0.5f, -0.25f, 100, 0.124f}), {8, 2}, Rounding::HalfAway);
  EXPECT_EQ(q.type().str(), "q8.2<2x2>");
  EXPECT_EQ(q.toInts(), (std::vector<int64_t>{2, -1, 127, 0}));
}

TEST(QuantizeTensor, SplatsStaySplats) {
  Tensor q = quantizeTensor(Tensor::splatFloat({1000000, 1000}, 0.5f), {8, 7}, Rounding::HalfAway);
  EXPECT_TRUE(q.isSplat());
  EXPECT_EQ(q.intAt(999999999), 64);
}

TEST(QuantizeTensor, WidthsAboveEightAreStoredInSixteenBits) {
  Tensor q = quantizeTensor(Tensor::fromFloats({1}, {1000}), {12, 0}, Rounding::HalfAway);
  EXPECT_EQ(q.storage().size(), 2u);
  EXPECT_EQ(q.intAt(0), 1000);
}

TEST(QuantizeTensor, OtherElementTypesAreConverted) {
  Tensor q = quantizeTensor(Tensor::fromInts({2}, {3, -300}), {8, 0}, Rounding::HalfAway);
  EXPECT_EQ(q.toInts(), (std::vector<int64_t>{3, -128}));
}

TEST(QuantizeTensor, UnalignedBytesAreRead) {
  std::vector<uint8_t> bytes(1 + 20 * sizeof(float));
  float value = 1.5f;
  for (int i = 0; i < 20; ++i)
    memcpy(bytes.data() + 1 + i * sizeof value, &value, sizeof value);
  Tensor t(Type(ElemKind::F32, {20}), Blob::copy(bytes).slice(1, 20 * sizeof(float)));
  EXPECT_EQ(quantizeTensor(t, {8, 1}, Rounding::HalfAway).toInts(), std::vector<int64_t>(20, 3));
  EXPECT_EQ(diffsFixPoint(t, 8, 1, Rounding::HalfAway), 6);
}
