//===- AdjustTest.cpp - every repair of fix points, on both sides of its limit -------===//
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

struct Adjusted {
  std::unique_ptr<Graph> g;
  FixPlan plan;
  std::vector<FixChange> changes;
  int operator[](const char *name) const { return plan.find(g->lookup(name))->second.fixPoint; }
};

/// Adjusts `positions` (all 8 bits) on the graph `body`.
Adjusted adjust(const std::string &body, std::vector<std::pair<const char *, int>> positions,
                AdjustOptions options = {}) {
  Adjusted a{parse(body), {}, {}};
  for (auto [name, fp] : positions)
    a.plan[a.g->lookup(name)] = {8, fp};
  a.changes = adjustFixPoints(*a.g, quantGroups(*a.g), a.plan, options);
  return a;
}

Adjusted conv(int in, int weight, int bias, int out) {
  return adjust("%w = const splat(0.5) : f32<4x4x1x1>\n%b = const splat(0.5) : f32<4>\n"
                "%c = onnx.Conv(%x, %w, %b) : f32<1x4x8x8>\n%y = onnx.Relu(%c) : f32<1x4x8x8>\nreturn %y\n",
                {{"x", in}, {"w", weight}, {"b", bias}, {"y", out}});
}

Adjusted unary(const std::string &op, int in, int out) {
  return adjust("%y = " + op + " : f32<1x4x8x8>\nreturn %y\n", {{"x", in}, {"y", out}});
}

Names rules(const Adjusted &a) {
  Names out;
  for (const FixChange &c : a.changes)
    out.push_back(c.rule);
  return out;
}

} // namespace

TEST(ShiftCut, ZeroIsLegal) { EXPECT_TRUE(conv(6, 7, 7, 13).changes.empty()); }

TEST(ShiftCut, NegativeLowersTheOutput) {
  Adjusted a = conv(6, 7, 7, 14);
  EXPECT_EQ(a["y"], 13);
  ASSERT_EQ(rules(a), Names{"quant.shift-cut"});
  EXPECT_EQ(a.changes[0].message(),
            "fix point of 'y' changed from 14 to 13: shift_cut = fp_w + fp_i - fp_o = 7 + 6 - 14 = -1, must be in 0..16");
}

TEST(ShiftCut, SixteenIsLegal) { EXPECT_TRUE(conv(8, 8, 8, 0).changes.empty()); }

TEST(ShiftCut, SeventeenLowersTheWeights) {
  Adjusted a = conv(8, 9, 8, 0);
  EXPECT_EQ(a["w"], 8);
  EXPECT_EQ(rules(a), Names{"quant.shift-cut"});
}

TEST(ShiftBias, LeastIsLegal) {
  // shift_cut = 4 + 4 - 4 = 4: least = 4 - 16 = -12; shift_bias = 8 - 20 = -12.
  EXPECT_TRUE(conv(4, 4, 20, 4).changes.empty());
}

TEST(ShiftBias, BelowLowersTheBias) {
  Adjusted a = conv(4, 4, 21, 4);
  EXPECT_EQ(a["b"], 20);
  ASSERT_EQ(rules(a), Names{"quant.shift-bias"});
  EXPECT_EQ(a.changes[0].message(),
            "fix point of 'b' changed from 21 to 20: shift_bias = fp_w + fp_i - fp_b = 4 + 4 - 21 = -13, must be in -12..16");
}

TEST(ShiftBias, SixteenIsLegal) { EXPECT_TRUE(conv(8, 8, 0, 8).changes.empty()); }

TEST(ShiftBias, SeventeenLowersTheWeights) {
  Adjusted a = conv(8, 9, 0, 8);
  EXPECT_EQ(a["w"], 8);
  EXPECT_EQ(rules(a), Names{"quant.shift-bias"});
}

TEST(ShiftBias, UsesTheRepairedWeightsAndTheOldShiftCut) {
  // shift_cut = 10 + 10 - 2 = 18: fp_w := 8. shift_bias = 8 + 10 - 19 = -1 < min(0, 18 - 16) = 0.
  Adjusted a = conv(10, 10, 19, 2);
  EXPECT_EQ(a["w"], 8);
  EXPECT_EQ(a["b"], 18);
  EXPECT_EQ(rules(a), (Names{"quant.shift-cut", "quant.shift-bias"}));
}

TEST(ShiftBias, NegativeShiftCutWidensTheLimit) {
  // shift_cut = 4 - 6 = -2: fp_o := 4, and least = -18: shift_bias = 4 - 22 = -18 is legal.
  EXPECT_EQ(rules(conv(2, 2, 22, 6)), Names{"quant.shift-cut"});
  EXPECT_EQ(conv(2, 2, 23, 6)["b"], 22);
}

TEST(Shift, MovedInputHasItsSourcesPosition) {
  Adjusted a = adjust("%w = const splat(0.5) : f32<256x10>\n%f = onnx.Flatten(%x) : f32<1x256>\n"
                      "%y = onnx.Gemm(%f, %w, _) : f32<1x10>\nreturn %y\n",
                      {{"x", 3}, {"w", 4}, {"y", 9}});
  EXPECT_EQ(a["y"], 7);
}

TEST(Shift, ConcatPositionIsTheConvsOutput) {
  Adjusted a = adjust("%w = const splat(0.5) : f32<4x4x1x1>\n%c = onnx.Conv(%x, %w, _) : f32<1x4x8x8>\n"
                      "%y = onnx.Concat(%c, %x) {axis = 1} : f32<1x8x8x8>\nreturn %y\n",
                      {{"x", 3}, {"w", 4}, {"y", 9}});
  EXPECT_EQ(a["y"], 7);
}

TEST(Shift, LinearBiasIsABias) {
  Adjusted a = adjust("%w = const splat(0.5) : f32<8x6>\n%b = const splat(0.5) : f32<6>\n"
                      "%m = onnx.MatMul(%x, %w) : f32<1x4x8x6>\n%y = onnx.Add(%m, %b) : f32<1x4x8x6>\nreturn %y\n",
                      {{"x", 4}, {"w", 4}, {"b", 21}, {"y", 4}});
  EXPECT_EQ(a["b"], 20);
}

TEST(Shift, MatMulOfTwoActivationsHasNoWeights) {
  EXPECT_TRUE(adjust("%y = onnx.MatMul(%x, %x) : f32<1x4x8x8>\nreturn %y\n", {{"x", 0}, {"y", 9}}).changes.empty());
}

TEST(SamePosition, Pad) { EXPECT_EQ(unary("onnx.Pad(%x)", 5, 6)["y"], 5); }
TEST(SamePosition, NearestResize) { EXPECT_EQ(unary("onnx.Resize(%x) {mode = \"nearest\"}", 5, 6)["y"], 5); }
TEST(SamePosition, ResizeIsNearestByDefault) { EXPECT_EQ(unary("onnx.Resize(%x)", 5, 6)["y"], 5); }
TEST(SamePosition, LinearResizeMayShift) { EXPECT_EQ(unary("onnx.Resize(%x) {mode = \"linear\"}", 5, 6)["y"], 6); }
TEST(SamePosition, PoolMayShift) { EXPECT_EQ(unary("onnx.MaxPool(%x)", 5, 6)["y"], 6); }

TEST(SamePosition, NotForAResizeThatFeedsAConcat) {
  Adjusted a = adjust("%r = onnx.Resize(%x) : f32<1x4x8x8>\n%p = onnx.MaxPool(%r) : f32<1x4x8x8>\n"
                      "%y = onnx.Concat(%r, %p) {axis = 1} : f32<1x8x8x8>\nreturn %y\n",
                      {{"x", 5}, {"r", 6}, {"y", 4}});
  EXPECT_TRUE(a.changes.empty());
}

TEST(SamePosition, APadInAConcatLeavesTheConcatAlone) {
  Adjusted a =
      adjust("%p = onnx.Pad(%x) : f32<1x4x8x8>\n%y = onnx.Concat(%p, %p) {axis = 1} : f32<1x8x8x8>\nreturn %y\n",
             {{"x", 5}, {"y", 4}});
  EXPECT_TRUE(a.changes.empty());
}

TEST(SamePosition, SliceWithItsOwnKey) { EXPECT_EQ(unary("onnx.Slice(%x)", 5, 3)["y"], 5); }

TEST(HardSigmoid, OutputAtLeastSeven) {
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 3, 6)["y"], 7);
  EXPECT_TRUE(unary("onnx.HardSigmoid(%x)", 0, 7).changes.empty());
}

TEST(HardSigmoid, InputNotNegative) {
  Adjusted a = unary("onnx.HardSigmoid(%x)", -1, 7);
  EXPECT_EQ(a["x"], 0);
  EXPECT_EQ(rules(a), Names{"quant.hardsigmoid-input"});
}

TEST(HardSwish, InputNotNegative) { EXPECT_EQ(unary("onnx.HardSwish(%x)", -2, 1)["x"], 0); }

TEST(HardSwish, OutputAtMostInputPlusSeven) {
  EXPECT_TRUE(unary("onnx.HardSwish(%x)", 2, 9).changes.empty());
  Adjusted a = unary("onnx.HardSwish(%x)", 2, 10);
  EXPECT_EQ(a["y"], 9);
  EXPECT_EQ(rules(a), Names{"quant.hardswish-output"});
}

TEST(Align, OffByDefault) {
  EXPECT_TRUE(adjust("%y = onnx.Add(%x, %x) : f32<1x4x8x8>\nreturn %y\n", {{"x", 5}, {"y", 4}}).changes.empty());
}

TEST(Align, AddInputsTakeTheOutputs) {
  Adjusted a = adjust("%y = onnx.Add(%x, %x) : f32<1x4x8x8>\nreturn %y\n", {{"x", 5}, {"y", 4}}, {false, true, false});
  EXPECT_EQ(a["x"], 4);
  EXPECT_EQ(rules(a), Names{"quant.align-add"});
}

TEST(Align, ConcatInputsTakeTheOutputs) {
  Adjusted a = adjust("%y = onnx.Concat(%x, %x) {axis = 1} : f32<1x8x8x8>\nreturn %y\n", {{"x", 5}, {"y", 4}},
                      {true, false, false});
  EXPECT_EQ(a["x"], 4);
}

TEST(Align, GoesFromTailToHead) {
  Adjusted a = adjust("%p = onnx.MaxPool(%x) : f32<1x4x8x8>\n%y = onnx.AveragePool(%p) : f32<1x4x8x8>\nreturn %y\n",
                      {{"x", 5}, {"p", 4}, {"y", 3}}, {false, false, true});
  EXPECT_EQ(a["p"], 3);
  EXPECT_EQ(a["x"], 3);
}

TEST(Adjust, ChangesBecomeRemarks) {
  DiagEngine diags;
  reportChanges(conv(6, 7, 7, 14).changes, diags);
  ASSERT_EQ(diags.all().size(), 1u);
  EXPECT_EQ(diags.all()[0].severity, Severity::Remark);
  EXPECT_EQ(diags.all()[0].rule, "quant.shift-cut");
}
