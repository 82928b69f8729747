//===- ConvTest.cpp - oneDNN against the definition -----------------------------------===//
//
// The two ways a convolution can be computed must agree on every kind of geometry.
//
//===----------------------------------------------------------------------===//
#include "../../../lib/Exec/Conv.h"
#include "TestData.h"

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::test;

namespace {

ConvShape shapeOf(std::vector<int64_t> in, std::vector<int64_t> kernel) {
  ConvShape s;
  s.batch = 2, s.inChannels = 4, s.outChannels = 6, s.bias = true;
  s.in = in, s.kernel = kernel;
  s.strides.assign(in.size(), 1), s.dilations.assign(in.size(), 1);
  s.padsBegin.assign(in.size(), 0), s.padsEnd.assign(in.size(), 0);
  return s;
}

void expectAgreement(ConvShape s) {
  ASSERT_TRUE(outputSizes(s));
  Shape weights{s.outChannels, s.inChannels / s.group};
  weights.append(s.kernel.begin(), s.kernel.end());
  Tensor x = randomTensor(Type(ElemKind::F32, s.tensorShape(s.in, s.inChannels)), 1);
  Tensor w = randomTensor(Type(ElemKind::F32, weights), 2), b = randomTensor(Type(ElemKind::F32, {s.outChannels}), 3);
  std::vector<Tensor> results;
  for (auto make : {oneDnnConv, directConv}) {
    Tensor y = randomTensor(Type(ElemKind::F32, s.tensorShape(s.out, s.outChannels)), 4); // what a Sum adds
    auto plan = make(s);
    ASSERT_TRUE(plan != nullptr);
    plan->setWeights(w);
    plan->run(data<float>(x), s.bias ? data<float>(b) : nullptr, mutData<float>(y));
    results.push_back(y);
  }
  EXPECT_LE(worstError(results[0], results[1]), 1e-5);
}

/// Every case in both layouts, forward and transposed.
void expectAgreementEverywhere(const ConvShape &s) {
  for (bool transposed : {false, true})
    for (bool channelsLast : {false, true}) {
      SCOPED_TRACE(testing::Message() << "transposed " << transposed << ", channels last " << channelsLast);
      ConvShape t = s;
      t.transposed = transposed, t.channelsLast = channelsLast;
      expectAgreement(t);
    }
}

TEST(Conv, Plain) { expectAgreementEverywhere(shapeOf({9, 7}, {3, 2})); }

TEST(Conv, OneDimension) { expectAgreementEverywhere(shapeOf({9}, {3})); }

TEST(Conv, ThreeDimensions) { expectAgreementEverywhere(shapeOf({4, 5, 6}, {2, 3, 1})); }

TEST(Conv, StridesAndUnequalPads) {
  ConvShape s = shapeOf({9, 8}, {3, 4});
  s.strides = {2, 3}, s.padsBegin = {1, 0}, s.padsEnd = {2, 1};
  expectAgreementEverywhere(s);
}

TEST(Conv, Dilation) {
  ConvShape s = shapeOf({9, 9}, {3, 2});
  s.dilations = {2, 3};
  expectAgreementEverywhere(s);
}

TEST(Conv, Groups) {
  ConvShape s = shapeOf({5, 5}, {3, 3});
  s.group = 2;
  expectAgreementEverywhere(s);
}

TEST(Conv, Depthwise) {
  ConvShape s = shapeOf({5, 5}, {3, 3});
  s.group = s.outChannels = s.inChannels, s.bias = false;
  expectAgreementEverywhere(s);
}

TEST(Conv, WhatFollowsIt) {
  using K = PostOp::Kind;
  std::vector<PostOps> lists{{{K::Sum}, {K::Leaky}},
                             {{K::Swish, 1}, {K::Sum}},
                             {{K::Sum}},
                             {{K::Clip, -0.25f, 0.5f}},
                             {{K::Leaky, 0.125f}},
                             {{K::HardSwish}},
                             {{K::Linear, 2, 0.5f}, {K::Clip, 0, 1}}};
  for (const PostOps &post : lists) {
    ConvShape s = shapeOf({7, 5}, {3, 3});
    s.channelsLast = true, s.post = post;
    SCOPED_TRACE(testing::Message() << "first " << int(post[0].kind));
    expectAgreement(s);
  }
}

/// Without the memory to reorder it an addend in another layout cannot be added.
TEST(Conv, SumNeedsChannelsLast) {
  ConvShape s = shapeOf({7, 5}, {3, 3});
  s.post = {{PostOp::Kind::Sum}};
  ASSERT_TRUE(outputSizes(s));
  EXPECT_EQ(oneDnnConv(s), nullptr);
}

/// Larger than the pieces in which weights are read, and not aligned.
void expectUnalignedWeights(int64_t outChannels) {
  ConvShape s = shapeOf({1, 1}, {1, 1});
  s.inChannels = 4096, s.outChannels = outChannels, s.bias = false, s.channelsLast = true;
  ASSERT_TRUE(outputSizes(s));
  Type type(ElemKind::F32, {outChannels, 4096, 1, 1});
  Tensor aligned = randomTensor(type, 1);
  std::vector<uint8_t> bytes(aligned.storage().size() + 1);
  llvm::copy(aligned.storage().bytes(), bytes.begin() + 1);
  Tensor shifted(type, Blob::adopt(std::move(bytes)).slice(1, aligned.storage().size()));
  Tensor x = randomTensor(Type(ElemKind::F32, {2, 1, 1, 4096}), 2);
  std::vector<float> fast(2 * outChannels), slow(2 * outChannels);
  auto a = oneDnnConv(s), b = directConv(s);
  ASSERT_TRUE(a && a->setWeights(shifted) && b->setWeights(shifted));
  EXPECT_TRUE(a->run(data<float>(x), nullptr, fast.data()) && b->run(data<float>(x), nullptr, slow.data()));
  for (size_t i = 0; i < fast.size(); ++i)
    ASSERT_NEAR(fast[i], slow[i], 1e-3) << i;
}

TEST(Conv, WeightsReadInPieces) { expectUnalignedWeights(1152); }
TEST(Conv, WeightsReadAtOnce) { expectUnalignedWeights(1100); }

TEST(Conv, WindowLargerThanThePaddedInputIsEmpty) {
  ConvShape s = shapeOf({2, 2}, {3, 3});
  EXPECT_FALSE(outputSizes(s));
}

TEST(MatrixMultiply, AllTranspositions) {
  const float a[] = {1, 2, 3, 4, 5, 6}, at[] = {1, 4, 2, 5, 3, 6}; // 2 x 3
  const float b[] = {1, 0, 0, 1, 1, 1}, bt[] = {1, 0, 1, 0, 1, 1}; // 3 x 2
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      float c[4] = {};
      matrixMultiply(ta, tb, 2, 2, 3, 1, ta ? at : a, tb ? bt : b, 0, c);
      EXPECT_EQ(std::vector<float>(c, c + 4), (std::vector<float>{4, 5, 10, 11}));
    }
}

TEST(MatrixMultiply, NothingToAdd) {
  float c[1] = {7};
  matrixMultiply(false, false, 1, 1, 0, 1, nullptr, nullptr, 0, c);
  EXPECT_EQ(c[0], 0);
}

} // namespace
