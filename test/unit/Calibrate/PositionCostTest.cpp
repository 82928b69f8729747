//===- PositionCostTest.cpp - what a position does to an activation, on data ---------------===//
#include "dpuopt/Calibrate/PositionCost.h"
#include "Calibrate/Helpers.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct PositionCostTest : SampleTest {
  std::unique_ptr<Graph> g = parse("%w = const dense(1.0) : f32<1x1x1x1>\n%y = onnx.Conv(%x, %w, _) : f32<1x1x1x2>\n"
                                   "return %y\n",
                                   "%x: f32<1x1x1x2>");
  std::vector<PositionCost> costs(std::vector<PositionQuery> queries, unsigned threads = 1) {
    Quantization q(*g, 8, true);
    Samples s = samples(*g);
    auto found = positionCosts(q, queries, s, firstSamples(s.size()), threads, diags);
    EXPECT_TRUE(bool(found)) << text(diags);
    return found ? *found : std::vector<PositionCost>(queries.size());
  }
};
constexpr int Output = 1;
} // namespace

TEST_F(PositionCostTest, ExactNumbersCostNothing) {
  write({1, 0.5, -1, 2});
  PositionCost c = costs({{Output, {8, 4}}})[0];
  EXPECT_EQ(c.noise, 0);
  EXPECT_TRUE(std::isinf(c.decibels()));
  EXPECT_EQ(c.total, 4u);
  EXPECT_EQ(c.saturated, 0u);
}

TEST_F(PositionCostTest, RoundingIsNoise) {
  write({1, 0.5, -1, 2.25}); // to integers, half up: 1 1 -1 2
  PositionCost c = costs({{Output, {8, 0}}})[0];
  EXPECT_DOUBLE_EQ(c.noise, 0.25 + 0.0625);
  EXPECT_DOUBLE_EQ(c.signal, 1 + 0.25 + 1 + 2.25 * 2.25);
  EXPECT_EQ(c.saturated, 0u);
}

TEST_F(PositionCostTest, SaturatedIsWhatTheRangeDoesNotReach) {
  write({1, 3.99f, -4, 4.5}); // at 5 the range ends at 127/32 = 3.97 and -4
  PositionCost c = costs({{Output, {8, 5}}})[0];
  EXPECT_EQ(c.saturated, 2u);
  EXPECT_DOUBLE_EQ(c.saturatedShare(), 0.5);
}

TEST_F(PositionCostTest, NothingFlowsOn) {
  write({1, 0.3f, -1, 2});
  auto c = costs({{0, {8, 0}}, {Output, {8, 0}}}); // the input rounded to integers is not what the output is made of
  EXPECT_GT(c[1].noise, 0.08);
}

TEST_F(PositionCostTest, ThreadsDoNotMatter) {
  std::vector<float> numbers;
  for (int i = 0; i < 64; ++i)
    numbers.push_back(std::sin(static_cast<float>(i)));
  write(numbers);
  EXPECT_EQ(costs({{Output, {8, 3}}}, 1)[0].noise, costs({{Output, {8, 3}}}, 4)[0].noise);
}
