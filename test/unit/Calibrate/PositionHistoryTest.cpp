//===- PositionHistoryTest.cpp - histories, and the order of rounding ------------------===//
#include "dpuopt/Calibrate/PositionHistory.h"
#include "Quant/Helpers.h"
#include "dpuopt/Calibrate/Quantize.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct Diffs : testing::Test {
  std::unique_ptr<Graph> g = parse("%w = const dense(0.5, -0.25, 0.3, 0.1) : f32<4x1x1x1>\n"
                                   "%c = onnx.Conv(%x, %w, _) : f32<1x4x8x8>\n%y = onnx.Relu(%c) : f32<1x4x8x8>\n"
                                   "%a = onnx.GlobalAveragePool(%y) : f32<1x4x1x1>\nreturn %a\n");
  Quantization q{*g, 8, true};
  PositionHistory history{q.activations.size()};
  DiagEngine diags;

  /// A sample in which `name` alone is computed, with these numbers.
  SamplePositions see(const char *name, std::vector<float> &numbers) {
    FlowGraph flow = q.flow(false);
    DiffsVisitor visitor(q, flow, history, SearchRange);
    Tensor t = Tensor::fromFloats({static_cast<int64_t>(numbers.size())}, numbers);
    visitor.observe(0, *flow.graph->lookup(name), t);
    numbers.assign(t.as<float>().begin(), t.as<float>().end());
    return visitor.positions;
  }
  float rounded(const char *name, float number) {
    std::vector<float> numbers = {number};
    history.add(see(name, numbers));
    return numbers[0];
  }
  int position(const char *name) {
    return *history.mode(static_cast<size_t>(q.activationSlot(q.graph().lookup(name))));
  }
};
} // namespace

TEST_F(Diffs, PositionIsTheMode) {
  for (float x : {100.0f, 1.0f, 1.1f, 120.0f})
    rounded("y", x);
  int large = position("y");
  rounded("y", 1.05f);
  EXPECT_LT(large, position("y")); // tie first: the smallest; then the small numbers have the majority
}

TEST_F(Diffs, ValuesAreRoundedBeforeTheyFlowOn) {
  EXPECT_EQ(rounded("y", 100.3f), 100.0f); // position 0: at 1 it would be clipped to 63.5
}

TEST_F(Diffs, ValuesInsideAGroupAreLeftAlone) {
  EXPECT_EQ(rounded("c", 100.3f), 100.3f);
  EXPECT_EQ(q.activationSlot(q.graph().lookup("c")), -1);
}

TEST_F(Diffs, InputsAreNotSearched) {
  std::vector<float> numbers = {1.0f, 0.01f, 0.01f};
  history.add(see("x", numbers));
  EXPECT_EQ(position("x"), 6);
}

TEST_F(Diffs, InfinityIsRemembered) {
  std::vector<float> numbers = {1, 2};
  EXPECT_EQ(see("y", numbers).nonFinite, nullptr);
  numbers = {1, INFINITY};
  EXPECT_EQ(see("y", numbers).nonFinite, q.graph().lookup("y"));
}

TEST_F(Diffs, ARunMadeTooEarlyIsFoundOut) {
  std::vector<float> early = {1.0f};
  SamplePositions guess = see("y", early); // no history: rounded with what it found
  EXPECT_TRUE(history.agrees(guess));
  rounded("y", 100.0f), rounded("y", 101.0f);
  EXPECT_FALSE(history.agrees(guess));
  std::vector<float> late = {1.0f};
  EXPECT_TRUE(history.agrees(see("y", late)));
}

TEST_F(Diffs, ParametersAreRoundedInTheFlow) {
  ASSERT_TRUE(succeeded(placeParams(q, {}, diags)));
  EXPECT_EQ(q.params[0].pos.fixPoint, 7);
  FlowGraph flow = q.flow(true);
  EXPECT_EQ(constantOf(flow.graph->lookup("w"))->elemType(), ElemKind::F32);
  EXPECT_FLOAT_EQ(static_cast<float>(constantOf(flow.graph->lookup("w"))->at(2)), 38 / 128.0f);
}

TEST_F(Diffs, InfiniteConstantIsNamed) {
  q.params[0].floats = Tensor::splatFloat({4, 1, 1, 1}, INFINITY);
  EXPECT_TRUE(failed(placeParams(q, {}, diags)));
  EXPECT_HAS(text(diags), "'w'");
}
