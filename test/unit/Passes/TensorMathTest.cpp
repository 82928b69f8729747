//===- TensorMathTest.cpp - arithmetic on weights, per channel ----------------===//
#include "../../../passes/TensorMath.h"
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {

Tensor counting(llvm::ArrayRef<int64_t> shape) {
  std::vector<float> values(Type(ElemKind::F32, shape).numElements());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = float(i + 1);
  return Tensor::fromFloats(shape, std::move(values));
}

std::vector<float> floats(const Tensor &t) { return t.expanded().as<float>().vec(); }

TEST(TensorMath, ScalesRows) {
  Tensor t = scaleChannels(counting({2, 3}), {1, 1, 2, 3}, {10, 100});
  EXPECT_EQ(floats(t), (std::vector<float>{10, 20, 30, 400, 500, 600}));
}

TEST(TensorMath, ScalesColumns) {
  Tensor t = scaleChannels(counting({2, 3}), {1, 2, 3, 1}, {1, 10, 100});
  EXPECT_EQ(floats(t), (std::vector<float>{1, 20, 300, 4, 50, 600}));
}

TEST(TensorMath, ScalesGroupsSeparately) {
  // [groups 2, repeat 2, channels 1, inner 2]: each group has its own channel.
  Tensor t = scaleChannels(counting({4, 1, 2}), {2, 2, 1, 2}, {1, 10});
  EXPECT_EQ(floats(t), (std::vector<float>{1, 2, 3, 4, 50, 60, 70, 80}));
}

TEST(TensorMath, OneFactorIsForAllChannels) {
  Tensor t = scaleChannels(counting({4}), {1, 1, 4, 1}, {2});
  EXPECT_EQ(floats(t), (std::vector<float>{2, 4, 6, 8}));
}

TEST(TensorMath, DoesNotTouchTheOriginal) {
  Tensor t = counting({2});
  (void)scaleChannels(t, {1, 1, 2, 1}, {2, 2});
  EXPECT_EQ(floats(t), (std::vector<float>{1, 2}));
}

TEST(TensorMath, SplatTimesEqualFactorsStaysSplat) {
  // 2^32 elements: expanding it would not go unnoticed.
  Tensor t = Tensor::splatFloat({65536, 65536}, 0.5f);
  Tensor scaled = scaleChannels(t, {1, 1, 65536, 65536}, std::vector<double>(65536, 3.0));
  EXPECT_TRUE(scaled.isSplat());
  EXPECT_EQ(scaled.at(0), 1.5);
}

TEST(TensorMath, SplatTimesDifferentFactorsIsExpanded) {
  Tensor t = scaleChannels(Tensor::splatFloat({2, 2}, 0.5f), {1, 1, 2, 2}, {2, 4});
  EXPECT_EQ(floats(t), (std::vector<float>{1, 1, 2, 2}));
}

TEST(TensorMath, KeepsTheElementType) {
  for (ElemKind kind : {ElemKind::F16, ElemKind::BF16, ElemKind::F64}) {
    Tensor t = fromDoubles(Type(kind, {2, 2}), {1, 2, 3, 4});
    Tensor scaled = scaleChannels(t, {1, 1, 2, 2}, {2, 0.5});
    EXPECT_EQ(scaled.elemType(), kind);
    EXPECT_EQ(toDoubles(scaled), (std::vector<double>{2, 4, 1.5, 2}));
  }
}

TEST(TensorMath, SumsOverChannels) {
  // Two output rows of two channels of two taps.
  EXPECT_EQ(channelSums(counting({2, 2, 2}), {1, 2, 2, 2}, {1, 10}), (std::vector<double>{3 + 70, 11 + 150}));
}

TEST(TensorMath, SumsOfASplatAreThoseOfItsExpansion) {
  Tensor splat = Tensor::splatFloat({4, 2, 3}, 0.5f);
  ChannelView view{2, 2, 2, 3};
  std::vector<double> values{1, 2, 3, 4};
  EXPECT_EQ(channelSums(splat, view, values), channelSums(splat.expanded(), view, values));
}

TEST(TensorMath, EqualDoublesMakeASplat) {
  EXPECT_TRUE(fromDoubles(Type(ElemKind::F32, {3}), {2, 2, 2}).isSplat());
  EXPECT_FALSE(fromDoubles(Type(ElemKind::F32, {3}), {2, 2, 3}).isSplat());
  EXPECT_EQ(fromDoubles(Type(ElemKind::F32, {0}), {}).numElements(), 0);
}

TEST(TensorMath, UniformValue) {
  EXPECT_EQ(uniformValue(Tensor::splatFloat({3}, 2)), 2.0);
  EXPECT_EQ(uniformValue(Tensor::fromInts({2}, {7, 7})), 7.0);
  EXPECT_EQ(uniformValue(counting({2})), std::nullopt);
  EXPECT_EQ(uniformValue(Tensor::fromInts({0}, {})), std::nullopt);
}

/// The f32 quotient differs from the product with the f32 reciprocal: 5 / 3 and 5 * (1 / 3).
TEST(TensorMath, DividesWithOneRounding) {
  Tensor t = Tensor::fromFloats({2, 2}, {5, 7, 5, 7});
  Tensor q = divideChannels(t, {1, 1, 2, 2}, {3, 1});
  EXPECT_EQ(toDoubles(q), (std::vector<double>{5.0f / 3.0f, 7.0f / 3.0f, 5, 7}));
}

TEST(TensorMath, DividedSplatStaysSplat) {
  Tensor q = divideChannels(Tensor::splatFloat({4, 8}, 6), {1, 1, 4, 8}, {2, 2, 2, 2});
  EXPECT_TRUE(q.isSplat());
  EXPECT_EQ(q.at(0), 3);
}

TEST(TensorMath, RowsOfGroupedInputs) {
  Tensor t = Tensor::fromFloats({4, 2, 1, 1}, {0, 1, 2, 3, 4, 5, 6, 7});
  // Two groups of two inputs; each input is read by the two outputs of its group.
  EXPECT_EQ(channelRows(t, {2, 2, 2, 1}), (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
}

TEST(TensorMath, RowsOfASplatHaveOneElement) {
  EXPECT_EQ(channelRows(Tensor::splatFloat({3, 100, 100}, 2), {1, 1, 3, 10000}), (std::vector<float>{2, 2, 2}));
}

} // namespace
