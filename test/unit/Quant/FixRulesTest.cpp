//===- FixRulesTest.cpp - the table of constraints, each rule on both sides of its limits ---===//
#include "dpuopt/Quant/FixRules.h"
#include "Helpers.h"
#include <set>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

struct Placed {
  std::unique_ptr<Graph> g;
  QuantGroups groups;
  FixPlan plan;

  Placed(const std::string &body, std::vector<std::pair<const char *, int>> positions,
         const std::string &inputs = "%x: f32<1x4x8x8>")
      : g(parse(body, inputs)), groups(quantGroups(*g)) {
    for (auto [name, fp] : positions)
      plan[g->lookup(name)] = {8, fp};
  }
  std::vector<FixConstraint> of(llvm::StringRef rule) const {
    std::vector<FixConstraint> all;
    for (const Op &op : g->ops())
      for (FixConstraint &c : fixConstraints(op, groups, plan))
        if (rule == c.rule->id)
          all.push_back(std::move(c));
    return all;
  }
  /// The margin of the only constraint of that rule.
  int margin(llvm::StringRef rule) const {
    auto all = of(rule);
    EXPECT_EQ(all.size(), 1u) << rule.str();
    return all.size() == 1 ? all[0].margin(plan) : INT_MIN;
  }
};

Placed conv(int in, int weight, int bias, int out, const char *activation = "onnx.Relu") {
  return Placed("%w = const splat(0.5) : f32<4x4x1x1>\n%b = const splat(0.5) : f32<4>\n"
                "%c = onnx.Conv(%x, %w, %b) : f32<1x4x8x8>\n%y = " +
                    std::string(activation) + "(%c) : f32<1x4x8x8>\nreturn %y\n",
                {{"x", in}, {"w", weight}, {"b", bias}, {"y", out}});
}

Placed unary(const std::string &op, int in, int out) {
  return Placed("%y = " + op + " : f32<1x4x8x8>\nreturn %y\n", {{"x", in}, {"y", out}});
}

Placed binary(const std::string &op, int a, int b, int out) {
  return Placed("%y = " + op + "(%x, %z) : f32<1x4x8x8>\nreturn %y\n", {{"x", a}, {"z", b}, {"y", out}},
                "%x: f32<1x4x8x8>, %z: f32<1x4x8x8>");
}

Placed swish(int in, int gate, int out) {
  return Placed("%g = onnx.HardSigmoid(%x) : f32<1x4x8x8>\n%y = onnx.Mul(%x, %g) : f32<1x4x8x8>\nreturn %y\n",
                {{"x", in}, {"g", gate}, {"y", out}});
}

} // namespace

TEST(FixRules, IdsAreUniqueAndFound) {
  std::set<std::string> ids;
  for (const FixRule &rule : fixRules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_EQ(findFixRule(rule.id), &rule);
    EXPECT_TRUE(llvm::StringRef(rule.id).startswith("quant.")) << rule.id;
  }
  EXPECT_EQ(findFixRule("quant.none"), nullptr);
}

TEST(FixRules, EveryRuleIsExplained) {
  for (const FixRule &rule : fixRules())
    for (const char *text : {rule.ops, rule.why, rule.tools, rule.example, rule.source})
      EXPECT_NE(*text, 0) << rule.id;
}

TEST(FixRules, RepairsMovePositionsOfTheRule) {
  for (const FixRule &rule : fixRules())
    for (const FixRepair &r : rule.repairs)
      for (FixRole role : {r.below, r.above})
        EXPECT_TRUE(role == FixRole::None ||
                    llvm::any_of(rule.terms, [&](const FixTermSpec &t) { return t.role == role; }))
            << rule.id;
}

TEST(FixRules, FormulasAreMadeOfTheTerms) {
  EXPECT_EQ(findFixRule("quant.shift-cut")->required(), "shift_cut = fp_w + fp_i - fp_o in 0..16");
  EXPECT_EQ(findFixRule("quant.shift-bias")->required(),
            "shift_bias = fp_w + fp_i - fp_b in min(0, shift_cut - 16)..16");
  EXPECT_EQ(findFixRule("quant.hardsigmoid-shift")->required(), "shift_sigmoid = 14 + fp_i - fp_o in 0..31");
  EXPECT_EQ(findFixRule("quant.hardsigmoid-output")->required(), "fp_o at least 7");
  EXPECT_EQ(findFixRule("quant.same-position")->required(), "fp_o - fp_i is 0");
}

TEST(FixRules, NegativePositionsAreInParentheses) {
  Placed p = conv(-2, 7, 5, 6);
  EXPECT_EQ(p.of("quant.shift-cut")[0].str(p.plan),
            "shift_cut = fp_w + fp_i - fp_o = 7 + (-2) - 6 = -1, must be in 0..16");
}

TEST(FixRules, ShiftCut) {
  EXPECT_EQ(conv(6, 7, 7, 13).margin("quant.shift-cut"), 0);
  EXPECT_EQ(conv(6, 7, 7, 14).margin("quant.shift-cut"), -1);
  EXPECT_EQ(conv(8, 8, 8, 0).margin("quant.shift-cut"), 0);
  EXPECT_EQ(conv(8, 9, 8, 0).margin("quant.shift-cut"), -1);
}

TEST(FixRules, ShiftBiasDependsOnShiftCut) {
  EXPECT_EQ(conv(4, 4, 20, 4).margin("quant.shift-bias"), 0);
  EXPECT_EQ(conv(4, 4, 21, 4).margin("quant.shift-bias"), -1);
  EXPECT_EQ(conv(8, 8, 0, 8).margin("quant.shift-bias"), 0);
  EXPECT_EQ(conv(8, 9, 0, 8).margin("quant.shift-bias"), -1);
}

TEST(FixRules, ShiftBiasInFrontOfALeakyRelu) {
  EXPECT_EQ(conv(4, 4, 8, 4, "onnx.LeakyRelu").margin("quant.shift-bias-leaky"), 0);
  EXPECT_EQ(conv(4, 4, 9, 4, "onnx.LeakyRelu").margin("quant.shift-bias-leaky"), -1);
  EXPECT_TRUE(conv(4, 4, 9, 4).of("quant.shift-bias-leaky").empty());
}

TEST(FixRules, ShiftRead) {
  EXPECT_EQ(binary("onnx.Add", 12, -3, 0).margin("quant.shift-read"), 0);
  EXPECT_EQ(binary("onnx.Add", -4, 12, 0).margin("quant.shift-read"), -1);
}

TEST(FixRules, ShiftWrite) {
  EXPECT_EQ(binary("onnx.Add", 12, 12, -3).margin("quant.shift-write"), 0);
  EXPECT_EQ(binary("onnx.Add", 12, 12, -4).margin("quant.shift-write"), -1);
  EXPECT_EQ(binary("onnx.Sub", -4, 0, 11).margin("quant.shift-write"), 0);
  EXPECT_EQ(binary("onnx.Sub", -4, 0, 12).margin("quant.shift-write"), -1);
}

TEST(FixRules, TwoGuardBitsOfAnAddition) {
  EXPECT_EQ(binary("onnx.Add", 5, 3, 3).margin("quant.align-add"), 0);
  EXPECT_EQ(binary("onnx.Add", 6, 3, 3).margin("quant.align-add"), -1);
}

TEST(FixRules, SwishShift) {
  EXPECT_EQ(swish(2, 7, 9).margin("quant.swish-shift"), 0);
  EXPECT_EQ(swish(2, 7, 10).margin("quant.swish-shift"), -1);
  EXPECT_EQ(swish(8, 7, 0).margin("quant.swish-shift"), 0);
  EXPECT_EQ(swish(9, 7, 0).margin("quant.swish-shift"), -1);
  EXPECT_TRUE(binary("onnx.Mul", 2, 7, 10).of("quant.swish-shift").empty());
}

TEST(FixRules, ProductsThatAreNoSwish) {
  EXPECT_EQ(binary("onnx.Mul", 2, 7, 9).margin("quant.mul-shift"), 0);
  EXPECT_EQ(binary("onnx.Mul", 2, 7, 10).margin("quant.mul-shift"), -1);
  EXPECT_EQ(binary("onnx.Mul", 16, 16, 0).margin("quant.mul-shift"), 0);
  EXPECT_EQ(binary("onnx.Mul", 17, 16, 0).margin("quant.mul-shift"), -1);
  EXPECT_TRUE(swish(2, 7, 10).of("quant.mul-shift").empty());
}

TEST(FixRules, HardSigmoid) {
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 0, 7).margin("quant.hardsigmoid-input"), 0);
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", -1, 7).margin("quant.hardsigmoid-input"), -1);
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 15, 7).margin("quant.hardsigmoid-input"), 0);
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 16, 7).margin("quant.hardsigmoid-input"), -1);
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 3, 7).margin("quant.hardsigmoid-output"), 0);
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 3, 6).margin("quant.hardsigmoid-output"), -1);
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 0, 14).margin("quant.hardsigmoid-shift"), 0);
  EXPECT_EQ(unary("onnx.HardSigmoid(%x)", 0, 15).margin("quant.hardsigmoid-shift"), -1);
}

TEST(FixRules, HardSwish) {
  EXPECT_EQ(unary("onnx.HardSwish(%x)", 0, 5).margin("quant.hardswish-input"), 0);
  EXPECT_EQ(unary("onnx.HardSwish(%x)", -1, 5).margin("quant.hardswish-input"), -1);
  EXPECT_EQ(unary("onnx.HardSwish(%x)", 2, 9).margin("quant.hardswish-output"), 0);
  EXPECT_EQ(unary("onnx.HardSwish(%x)", 2, 10).margin("quant.hardswish-output"), -1);
}

TEST(FixRules, Relu6NeedsFourFractionalBits) {
  const char *clip =
      "%lo = const splat(0) : f32<>\n%hi = const splat(6) : f32<>\n%w = const splat(0.5) : f32<4x4x1x1>\n"
      "%c = onnx.Conv(%x, %w, _) : f32<1x4x8x8>\n%y = onnx.Clip(%c, %lo, %hi) : f32<1x4x8x8>\nreturn %y\n";
  EXPECT_EQ(Placed(clip, {{"x", 5}, {"w", 7}, {"y", 4}}).margin("quant.relu6"), 0);
  EXPECT_EQ(Placed(clip, {{"x", 5}, {"w", 7}, {"y", 3}}).margin("quant.relu6"), -1);
}

TEST(FixRules, ConcatInputsAndPoolsAreOnePosition) {
  const char *two = "%p = onnx.MaxPool(%x) : f32<1x4x8x8>\n%y = onnx.Concat(%x, %p) {axis = 1} : f32<1x8x8x8>\n"
                    "return %y, %p\n";
  Placed p(two, {{"x", 5}, {"p", 4}, {"y", 4}});
  EXPECT_EQ(p.margin("quant.align-pool"), -1);
  auto concat = p.of("quant.align-concat");
  ASSERT_EQ(concat.size(), 2u);
  EXPECT_EQ(concat[0].margin(p.plan), -1);
  EXPECT_EQ(concat[1].margin(p.plan), 0);
}

TEST(FixRules, MovementKeepsThePosition) {
  EXPECT_EQ(unary("onnx.Pad(%x)", 5, 5).margin("quant.same-position"), 0);
  EXPECT_EQ(unary("onnx.Pad(%x)", 5, 4).margin("quant.same-position"), -1);
}

TEST(FixRules, WantedBringsTheSumToItsLimit) {
  Placed p = conv(6, 7, 7, 14);
  FixConstraint c = p.of("quant.shift-cut")[0];
  EXPECT_EQ(c.wanted(*c.term(FixRole::Output), p.plan), 13);
  EXPECT_EQ(c.wanted(*c.term(FixRole::Weight), p.plan), 8);
  EXPECT_EQ(c.term(FixRole::Bias), nullptr);
}

namespace {
std::vector<FixChange> repaired(Placed &p, FixTool tool) {
  AdjustOptions options;
  options.tool = tool;
  return adjustFixPoints(*p.g, p.groups, p.plan, options);
}
} // namespace

TEST(FixTools, TensorflowAndOnnxMoveTheWeightsBothWays) {
  for (FixTool tool : {FixTool::VaiQOnnx, FixTool::VaiQTensorflow2}) {
    Placed below = conv(6, 7, 7, 14), above = conv(8, 9, 8, 0);
    repaired(below, tool), repaired(above, tool);
    EXPECT_EQ(below.plan[below.g->lookup("w")].fixPoint, 8);
    EXPECT_EQ(above.plan[above.g->lookup("w")].fixPoint, 8);
  }
}

TEST(FixTools, TheyMoveTheBiasBothWays) {
  Placed p = conv(8, 9, 0, 8);
  repaired(p, FixTool::VaiQTensorflow2);
  EXPECT_EQ(p.plan[p.g->lookup("b")].fixPoint, 1);
}

TEST(FixTools, OnlyTensorflowRepairsAdditions) {
  for (FixTool tool : {FixTool::VaiQPytorch, FixTool::VaiQOnnx}) {
    Placed p = binary("onnx.Add", -4, 12, 0);
    EXPECT_TRUE(repaired(p, tool).empty());
  }
  Placed p = binary("onnx.Add", -4, 12, 0);
  repaired(p, FixTool::VaiQTensorflow2);
  EXPECT_EQ(p.plan[p.g->lookup("z")].fixPoint, 11);
}

TEST(FixTools, TensorflowSetsShiftWriteToTheNumberOfTheLimit) {
  Placed p = binary("onnx.Add", 12, 12, -4);
  repaired(p, FixTool::VaiQTensorflow2);
  EXPECT_EQ(p.plan[p.g->lookup("y")].fixPoint, 15);
}

TEST(FixTools, ConcatTakesTheSmallestPosition) {
  Placed p("%y = onnx.Concat(%x, %z) {axis = 1} : f32<1x8x8x8>\nreturn %y, %x, %z\n", {{"x", 5}, {"z", 3}, {"y", 4}},
           "%x: f32<1x4x8x8>, %z: f32<1x4x8x8>");
  EXPECT_EQ(repaired(p, FixTool::VaiQOnnx).size(), 2u);
  for (const char *name : {"x", "y", "z"})
    EXPECT_EQ(p.plan[p.g->lookup(name)].fixPoint, 3) << name;
}
