//===- TensorTest.cpp - tensors, conversions and copy on write -----------------===//
#include "dpuopt/IR/Tensor.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace dpuopt;

TEST(Tensor, SplatEqualsItsExpansion) {
  Tensor s = Tensor::splatFloat({2, 3}, 0.5f), d = s.expanded();
  EXPECT_FALSE(d.isSplat());
  EXPECT_TRUE(s == d);
  EXPECT_EQ(s.hash(), d.hash());
}

TEST(Tensor, DifferentShapesDiffer) { EXPECT_FALSE(Tensor::splatFloat({2, 3}, 1) == Tensor::splatFloat({3, 2}, 1)); }

TEST(Tensor, WritingCopiesSharedBytes) {
  Tensor a = Tensor::fromFloats({2}, {1, 2}), b = a;
  b.mut<float>()[0] = 9;
  EXPECT_EQ(a.at(0), 1);
  EXPECT_EQ(b.at(0), 9);
}

TEST(Tensor, FixStoresIntegersAndMeansReals) {
  Tensor t(Type(ElemType::fix(8, 5), {2}), Blob::adopt(std::vector<int8_t>{16, -128}));
  EXPECT_EQ(t.at(0), 0.5);
  EXPECT_EQ(t.intAt(1), -128);
  EXPECT_EQ(t.toFloat().at(1), -4);
}

TEST(Tensor, NegativeFixPoint) {
  Tensor t(Type(ElemType::fix(8, -2), {1}), Blob::adopt(std::vector<int8_t>{3}));
  EXPECT_EQ(t.at(0), 12);
}

/// Transposing by definition, element by element.
static Tensor slowTranspose(const Tensor &t, std::vector<unsigned> perm) {
  Shape shape;
  for (unsigned p : perm)
    shape.push_back(t.shape()[p]);
  std::vector<float> out(t.numElements());
  for (int64_t i = 0; i < t.numElements(); ++i) {
    int64_t rest = i, source = 0;
    std::vector<int64_t> index(shape.size());
    for (size_t d = shape.size(); d-- > 0; rest /= shape[d])
      index[perm[d]] = rest % shape[d];
    for (size_t d = 0; d < shape.size(); ++d)
      source = source * t.shape()[d] + index[d];
    out[i] = t.as<float>()[source];
  }
  return Tensor::fromFloats(shape, out);
}

TEST(Tensor, TransposeOfEveryPermutation) {
  for (Shape shape : {Shape{2, 3, 4, 5}, Shape{1, 3, 1, 5}, Shape{40, 1, 1, 37}, Shape{3, 70, 2, 2}}) {
    Type type(ElemKind::F32, shape);
    std::vector<float> values(type.numElements());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = float(i);
    Tensor t = Tensor::fromFloats(shape, values);
    std::vector<unsigned> perm = {0, 1, 2, 3};
    do
      EXPECT_TRUE(t.transposed(perm) == slowTranspose(t, perm)) << perm[0] << perm[1] << perm[2] << perm[3];
    while (std::next_permutation(perm.begin(), perm.end()));
  }
}

TEST(Tensor, TransposedSplatStaysSplat) {
  Tensor t = Tensor::splatFloat({1000, 1000, 1000}, 1).transposed({2, 0, 1});
  EXPECT_TRUE(t.isSplat());
}

TEST(Tensor, DeferredIsComputedOnceWhenRead) {
  int computed = 0;
  Tensor source = Tensor::splatFloat({2, 3}, 1.5f);
  Tensor later = Tensor::deferred(source.type(), source, [&](const Tensor &t) { return ++computed, t; });
  Tensor copy = later.reshaped({3, 2});
  EXPECT_FALSE(later.isSplat());
  EXPECT_EQ(computed, 0);
  EXPECT_EQ(copy.at(5), 1.5);
  EXPECT_EQ(later, source.expanded());
  EXPECT_EQ(computed, 1);
}

TEST(Tensor, HalfConversionsAreExactOnAllValues) {
  for (unsigned h = 0; h < 0x10000; ++h) {
    float f = halfToFloat(h);
    if (!std::isnan(f)) {
      ASSERT_EQ(floatToHalf(f), h);
    }
  }
}
TEST(Tensor, HalfRoundsToEven) {
  EXPECT_EQ(floatToHalf(1.0f + 1.0f / 2048), floatToHalf(1.0f));
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00); // halfway to the first value that is too large
  EXPECT_EQ(floatToHalf(65519.0f), 0x7bff);
}
TEST(Tensor, BfloatRoundTrip) {
  for (unsigned h = 0; h < 0x10000; ++h) {
    float f = bfloatToFloat(h);
    if (!std::isnan(f)) {
      ASSERT_EQ(floatToBfloat(f), h);
    }
  }
}

TEST(Type, ElementNamesRoundTrip) {
  for (const char *name : {"none", "f32", "f16", "bf16", "f64", "bool", "i8", "u64", "str", "q8.5", "q8.-2", "uq16.0"})
    EXPECT_EQ(ElemType::parse(name)->str(), name);
}
TEST(Type, BadElementNames) {
  for (const char *name : {"", "q8", "q0.1", "q33.0", "uq", "q8.x", "f", "q8.99999"})
    EXPECT_FALSE(ElemType::parse(name)) << name;
}
TEST(Type, OverflowingCountIsUnknown) { EXPECT_EQ(Type(ElemKind::F32, {1ll << 40, 1ll << 40}).numElements(), -1); }
TEST(Type, ZeroDimension) { EXPECT_EQ(Type(ElemKind::F32, {0, 1ll << 62, 1ll << 62}).numElements(), 0); }

TEST(Tensor, AMisalignedSliceIsReadCorrectly) {
  Blob file = Blob::copy(std::string("xyz") + std::string("\x00\x00\x80\x3f\x00\x00\x00\x40", 8));
  Tensor t(Type(ElemKind::F32, {2}), file.slice(3, 8));
  EXPECT_EQ(t.at(1), 2);
  EXPECT_EQ(t.as<float>()[0], 1.0f);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(t.as<float>().data()) % 4, 0u);
}
