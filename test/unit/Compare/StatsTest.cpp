//===- StatsTest.cpp - how far apart two tensors are ---------------------------------===//
#include "dpuopt/Compare/TensorStats.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace dpuopt;

namespace {

Tensor q(int point, std::vector<int8_t> values) {
  Type type(ElemType::fix(8, point), {static_cast<int64_t>(values.size())});
  return Tensor(type, Blob::adopt(std::move(values)));
}
Tensor f(std::vector<float> values) {
  int64_t n = static_cast<int64_t>(values.size());
  return Tensor::fromFloats({n}, std::move(values));
}

TEST(Stats, Identical) {
  TensorStats s = compareTensors(q(4, {1, -2, 3}), q(4, {1, -2, 3}));
  EXPECT_TRUE(s.identical());
  EXPECT_EQ(s.maxLsb, 0.0);
  EXPECT_DOUBLE_EQ(s.cosine, 1);
  EXPECT_EQ(s.snr, INFINITY);
  EXPECT_EQ(s.firstDiffering, -1);
}

TEST(Stats, StepsOfTheFixPoint) {
  TensorStats s = compareTensors(q(4, {10, 20, 30, 40}), q(4, {10, 23, 30, 39}));
  EXPECT_EQ(s.differing, 2);
  EXPECT_EQ(s.firstDiffering, 1);
  EXPECT_EQ(s.maxLsb, 3.0);
  EXPECT_DOUBLE_EQ(s.maxAbs, 3.0 / 16);
  EXPECT_NEAR(s.snr, 10 * std::log10(3000.0 / 10), 1e-9);
}

TEST(Stats, TheCoarserStepCounts) {
  EXPECT_EQ(compareTensors(q(4, {16}), q(3, {9})).maxLsb, 1.0);
  EXPECT_TRUE(compareTensors(q(4, {16}), q(3, {8})).identical()); // the same number
}

TEST(Stats, RealNumbersHaveNoStep) {
  TensorStats s = compareTensors(f({1, 2}), f({1, 2.5f}));
  EXPECT_FALSE(s.maxLsb);
  EXPECT_DOUBLE_EQ(s.maxAbs, 0.5);
  EXPECT_EQ(*compareTensors(f({1, 2}), q(1, {2, 5})).maxLsb, 1.0);
}

TEST(Stats, NotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(compareTensors(f({nan, 1}), f({nan, 1})).identical());
  TensorStats s = compareTensors(f({nan, 1}), f({2, 1}));
  EXPECT_EQ(s.maxAbs, INFINITY);
  EXPECT_EQ(s.differing, 1);
  EXPECT_EQ(s.snr, -INFINITY);
}

TEST(Stats, Zeros) {
  EXPECT_EQ(compareTensors(f({0, 0}), f({0, 0})).cosine, 1);
  TensorStats s = compareTensors(f({0, 0}), f({0, 1}));
  EXPECT_EQ(s.cosine, 0);
  EXPECT_EQ(s.snr, -INFINITY);
}

TEST(Stats, SaturatedShareIsOfTheSecond) {
  EXPECT_DOUBLE_EQ(compareTensors(q(0, {127, -128, 1, 2}), q(0, {127, -128, 127, 2})).saturated, 0.75);
  EXPECT_EQ(compareTensors(q(0, {127}), f({127})).saturated, 0);
}

TEST(Stats, ChannelsWithFactors) {
  Tensor a = Tensor::fromFloats({2, 3}, {1, 2, 3, 4, 5, 6}), rows = Tensor::fromFloats({2, 3}, {2, 4, 6, 2, 2.5f, 3});
  EXPECT_GT(snrOfScaledChannels(a, rows, 0), 100);
  EXPECT_LT(snrOfScaledChannels(a, rows, 1), 40);
  EXPECT_LT(compareTensors(a, rows).snr, 10);
  EXPECT_EQ(snrOfScaledChannels(a, a, 0), INFINITY);
}

TEST(Align, ChannelsMoved) {
  std::vector<float> values(12);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i);
  Tensor nhwc = Tensor::fromFloats({1, 2, 2, 3}, values);
  auto nchw = alignedTo(nhwc, {1, 3, 2, 2}, std::nullopt);
  ASSERT_TRUE(nchw);
  EXPECT_EQ(nchw->at(1), 3); // channel 0, second pixel
  EXPECT_EQ(*alignedTo(*nchw, {1, 2, 2, 3}, std::nullopt), nhwc);
}

TEST(Align, LayoutsDecideWhereShapesDoNot) {
  Tensor cube = Tensor::fromFloats({1, 2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(*alignedTo(cube, {1, 2, 2, 2}, std::nullopt), cube);
  Tensor first = *alignedTo(cube, {1, 2, 2, 2}, false), last = *alignedTo(cube, {1, 2, 2, 2}, true);
  EXPECT_EQ(first.at(1), 2);
  EXPECT_EQ(last.at(1), 4);
  EXPECT_EQ(*alignedTo(first, {1, 2, 2, 2}, true), cube);
}

TEST(Align, DimensionsOfOne) {
  EXPECT_EQ(alignedTo(f({1, 2}), {1, 1, 1, 2}, true)->shape().size(), 4u);
  EXPECT_FALSE(alignedTo(f({1, 2}), {1, 3}, std::nullopt));
  EXPECT_FALSE(canAlign({2, 3}, {3, 2}));
  EXPECT_TRUE(canAlign({1, 3, 4, 5}, {1, 4, 5, 3}));
}

} // namespace
