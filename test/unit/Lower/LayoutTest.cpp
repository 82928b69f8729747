//===- LayoutTest.cpp - the algebra of layouts, on real tensors ---------------===//
//
// Every claim is checked by moving numbers: what a layout says of a reshape or a
// transpose must be what happens to a tensor of distinct elements.
//
//===----------------------------------------------------------------------===//
#include "../../../passes/LowerToXir.h"
#include "gtest/gtest.h"
#include <numeric>
#include <random>

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
Tensor distinct(llvm::ArrayRef<int64_t> shape) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.f);
  return Tensor::fromFloats(shape, std::move(values));
}

Layout randomLayout(size_t rank, std::mt19937 &rng) {
  Layout l = Layout::identity(rank);
  std::shuffle(l.order.begin(), l.order.end(), rng);
  if (rng() % 4 == 0)
    l.order.insert(l.order.begin() + rng() % (l.order.size() + 1), -1);
  return l;
}

/// Splits `n` into a random list of factors, ones mixed in.
Shape randomFactors(int64_t n, std::mt19937 &rng) {
  Shape out;
  while (n > 1) {
    std::vector<int64_t> divisors;
    for (int64_t d = 2; d <= n; ++d)
      if (n % d == 0)
        divisors.push_back(d);
    int64_t d = divisors[rng() % divisors.size()];
    out.push_back(d);
    n /= d;
    if (rng() % 3 == 0)
      out.push_back(1);
  }
  if (out.empty() || rng() % 2)
    out.insert(out.begin(), 1);
  return out;
}

bool always(int) { return true; }
bool never(int) { return false; }

TEST(Layout, ChannelsLastMovesTheChannelAxis) {
  Layout nhwc = Layout::channelsLast(4);
  EXPECT_EQ(nhwc.physical({1, 3, 8, 9}), (Shape{1, 8, 9, 3}));
  EXPECT_EQ(nhwc.find(1), 3);
  EXPECT_EQ(nhwc.apply(distinct({1, 2, 1, 3})).toInts(), (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(Layout, ScalarsAreVectorsOfOne) {
  EXPECT_EQ(Layout::identity(0).physical({}), (Shape{1}));
  EXPECT_EQ(Layout::identity(0).apply(Tensor::splatFloat({}, 2)).shape(), llvm::ArrayRef<int64_t>({1}));
}

TEST(Layout, TransposeOnlyRenamesAxes) {
  std::mt19937 rng(1);
  for (int round = 0; round < 200; ++round) {
    Shape shape{2, 3, 4, 5};
    Layout in = randomLayout(4, rng);
    std::vector<int64_t> perm{0, 1, 2, 3};
    std::shuffle(perm.begin(), perm.end(), rng);
    Tensor t = distinct(shape);
    llvm::SmallVector<unsigned, 6> order(perm.begin(), perm.end());
    EXPECT_EQ(transposedLayout(in, perm).apply(t.transposed(order)), in.apply(t));
  }
}

TEST(Layout, ReshapePlanMovesTheRightElements) {
  std::mt19937 rng(2);
  for (int round = 0; round < 3000; ++round) {
    Shape from = randomFactors(48, rng), to = randomFactors(48, rng);
    Layout in = randomLayout(from.size(), rng);
    ReshapePlan plan = planReshape(from, to, in, never);
    Tensor t = distinct(from);
    Tensor direct = plan.output.apply(t.reshaped(to));
    EXPECT_EQ(plan.input.apply(t).reshaped(plan.output.physical(to)), direct);
    EXPECT_EQ(plan.output.shuffled, -1);
  }
}

TEST(Layout, ReshapePlanWithShuffleMovesTheRightElements) {
  std::mt19937 rng(3);
  int shuffles = 0;
  for (int round = 0; round < 3000; ++round) {
    Shape from = randomFactors(48, rng), to = randomFactors(48, rng), back = randomFactors(48, rng);
    Tensor t = distinct(from);
    ReshapePlan plan = planReshape(from, to, randomLayout(from.size(), rng), always);
    EXPECT_EQ(plan.input.apply(t).reshaped(plan.output.physical(to)), plan.output.apply(t.reshaped(to)));
    ReshapePlan next = planReshape(to, back, plan.output, always); // a second reshape behind it
    EXPECT_EQ(next.input.apply(t.reshaped(to)).reshaped(next.output.physical(back)),
              next.output.apply(t.reshaped(back)));
    shuffles += plan.output.shuffled >= 0;
  }
  EXPECT_GT(shuffles, 100);
}

TEST(Layout, ReshapeThatFitsNeedsNoConversion) {
  Layout nhwc = Layout::channelsLast(4);
  EXPECT_EQ(planReshape({1, 12, 2, 3}, {1, 3, 4, 2, 3}, nhwc, never).input, nhwc);
  EXPECT_EQ(planReshape({1, 12, 2, 3}, {1, 12, 6}, nhwc, never).input, nhwc);
  EXPECT_EQ(planReshape({1, 12, 1, 1}, {1, 12}, nhwc, never).input, nhwc);
  EXPECT_EQ(planReshape({1, 12, 2, 3}, {1, 72}, nhwc, always).input, nhwc);
}

TEST(Layout, ReshapeThatMixesAxesNeedsOne) {
  Layout nhwc = Layout::channelsLast(4);
  EXPECT_NE(planReshape({1, 12, 2, 3}, {1, 72}, nhwc, never).input, nhwc);
  EXPECT_NE(planReshape({1, 12, 2, 3}, {1, 4, 18}, nhwc, always).input, nhwc);
}

TEST(Layout, EmptyTensorsKeepOnnxOrder) {
  ReshapePlan plan = planReshape({1, 0, 4}, {0, 7}, Layout::channelsLast(3), always);
  EXPECT_TRUE(plan.input.isIdentity());
  EXPECT_TRUE(plan.output.isIdentity());
}

TEST(Layout, SplatsStaySplats) {
  Tensor t = Tensor::splatFloat({1, 64, 1 << 10, 1 << 10}, 1);
  EXPECT_TRUE(Layout::channelsLast(4).apply(t).isSplat());
}
} // namespace
