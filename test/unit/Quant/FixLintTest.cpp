//===- FixLintTest.cpp - broken constraints, the ways out, who takes them, what they break ---===//
#include "dpuopt/Quant/FixLint.h"
#include "Helpers.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

struct Linted {
  std::unique_ptr<Graph> g;
  FixPlan plan;
  std::vector<FixFinding> findings;

  Linted(const std::string &body, std::vector<std::pair<const char *, int>> positions,
         const std::string &inputs = "%x: f32<1x4x8x8>")
      : g(parse(body, inputs)) {
    for (auto [name, fp] : positions)
      plan[g->lookup(name)] = {8, fp};
    findings = lintFixPoints(*g, quantGroups(*g), plan);
  }
  const FixFinding *broken(llvm::StringRef rule) const {
    for (const FixFinding &f : findings)
      if (rule == f.constraint.rule->id && !f.constraint.holds(plan))
        return &f;
    return nullptr;
  }
};

/// The way that moves `name` to `fp` alone.
const FixWay *way(const FixFinding *f, llvm::StringRef name, int fp) {
  for (const FixWay &w : f ? llvm::makeArrayRef(f->ways) : llvm::ArrayRef<FixWay>())
    if (w.moves.size() == 1 && w.moves[0].value->name() == name && w.moves[0].after.fixPoint == fp)
      return &w;
  return nullptr;
}

const char *const Conv = "%w = const dense(0.5, -0.25, 0.125, 0.9375) : f32<4x1x1x1>\n"
                         "%b = const splat(0.5) : f32<4>\n%y = onnx.Conv(%x, %w, %b) : f32<1x4x8x8>\nreturn %y\n";
const char *const OneChannel = "%x: f32<1x1x8x8>";

} // namespace

TEST(FixLint, NothingBrokenNoWays) {
  Linted l(Conv, {{"x", 6}, {"w", 7}, {"b", 7}, {"y", 6}}, OneChannel);
  EXPECT_EQ(l.findings.size(), 2u);
  for (const FixFinding &f : l.findings)
    EXPECT_TRUE(f.ways.empty());
}

TEST(FixLint, EachPositionOfTheSumIsAWayOut) {
  Linted l(Conv, {{"x", 6}, {"w", 7}, {"b", 7}, {"y", 14}}, OneChannel);
  const FixFinding *f = l.broken("quant.shift-cut");
  ASSERT_TRUE(f);
  ASSERT_TRUE(way(f, "y", 13) && way(f, "w", 8) && way(f, "x", 7));
  EXPECT_EQ(way(f, "y", 13)->tools, (llvm::SmallVector<FixTool, 3>{FixTool::VaiQPytorch}));
  EXPECT_EQ(way(f, "w", 8)->tools, (llvm::SmallVector<FixTool, 3>{FixTool::VaiQOnnx, FixTool::VaiQTensorflow2}));
  EXPECT_TRUE(way(f, "x", 7)->tools.empty());
}

TEST(FixLint, AParameterMayDoBetterThanTheLimit) {
  Linted l(Conv, {{"x", 6}, {"w", 17}, {"b", 7}, {"y", 4}}, OneChannel);
  const FixFinding *f = l.broken("quant.shift-cut");
  ASSERT_TRUE(way(f, "w", 14) && way(f, "w", 7));
  EXPECT_GT(paramCost(way(f, "w", 7)->moves[0])->snrAfter, paramCost(way(f, "w", 14)->moves[0])->snrAfter);
}

TEST(FixLint, SaysWhatAWayBreaks) {
  // The second convolution is at its limit: a coarser output of the first would be beyond it.
  Linted l("%w = const splat(0.5) : f32<4x4x1x1>\n%c = onnx.Conv(%x, %w, _) : f32<1x4x8x8> @\"one\"\n"
           "%y = onnx.Conv(%c, %w, _) : f32<1x4x8x8> @\"two\"\nreturn %y\n",
           {{"x", 3}, {"w", 4}, {"c", 9}, {"y", 13}});
  const FixWay *lower = way(l.broken("quant.shift-cut"), "c", 7);
  ASSERT_TRUE(lower);
  ASSERT_EQ(lower->breaks.size(), 1u);
  EXPECT_EQ(lower->breaks[0].op->loc().node, "two");
}

TEST(FixLint, EveryInputThatIsTooFineMoves) {
  Linted l("%y = onnx.Sum(%x, %a, %b) : f32<1x4x8x8>\nreturn %y\n", {{"x", -4}, {"a", 13}, {"b", 12}, {"y", 0}},
           "%x: f32<1x4x8x8>, %a: f32<1x4x8x8>, %b: f32<1x4x8x8>");
  const FixFinding *f = l.broken("quant.shift-read");
  ASSERT_TRUE(f);
  ASSERT_EQ(f->ways[0].moves.size(), 2u);
  for (const FixMove &m : f->ways[0].moves)
    EXPECT_EQ(m.after.fixPoint, 11) << m.value->name();
}

TEST(FixLint, ConcatMayTakeTheSmallestPosition) {
  Linted l("%y = onnx.Concat(%x, %z) {axis = 1} : f32<1x8x8x8>\nreturn %y, %x, %z\n", {{"x", 5}, {"z", 3}, {"y", 4}},
           "%x: f32<1x4x8x8>, %z: f32<1x4x8x8>");
  const FixFinding *f = l.broken("quant.align-concat");
  ASSERT_TRUE(f);
  auto smallest = llvm::find_if(f->ways, [](const FixWay &w) { return w.moves.size() == 2; });
  ASSERT_NE(smallest, f->ways.end());
  EXPECT_EQ(smallest->tools, (llvm::SmallVector<FixTool, 3>{FixTool::VaiQOnnx, FixTool::VaiQTensorflow2}));
}

TEST(FixLint, PositionsBeyondAllBoundsAreNotProposed) {
  Linted l(Conv, {{"x", 64}, {"w", -64}, {"b", 64}, {"y", -64}}, OneChannel);
  for (const FixFinding &f : l.findings)
    for (const FixWay &w : f.ways)
      for (const FixMove &m : w.moves)
        EXPECT_TRUE(!w.tools.empty() || (m.after.fixPoint >= MinFixPoint && m.after.fixPoint <= MaxFixPoint));
}

TEST(ParamCost, RoundingAndSaturation) {
  Linted l(Conv, {{"x", 6}, {"w", 7}, {"b", 7}, {"y", 6}}, OneChannel);
  Value *w = l.g->lookup("w");
  auto coarser = paramCost({w, {8, 4}, {8, 3}});
  ASSERT_TRUE(coarser);
  EXPECT_TRUE(std::isinf(coarser->snrBefore));
  EXPECT_DOUBLE_EQ(coarser->maxErrorAfter, 1); // 15/16 becomes 1: a step of the position before
  auto finer = paramCost({w, {8, 7}, {8, 8}});
  EXPECT_DOUBLE_EQ(finer->maxErrorAfter, (0.9375 - 127.0 / 256) * 128);
  EXPECT_FALSE(paramCost({l.g->lookup("y"), {8, 4}, {8, 3}}));
}

TEST(ParamCost, ConstantsThatAreIntegersAlready) {
  auto g = parse("%w = const dense(7, -3) : q8.2<2>\n%y = onnx.Add(%x, %w) : f32<2>\nreturn %y\n", "%x: f32<2>");
  auto cost = paramCost({g->lookup("w"), {8, 2}, {8, 1}});
  ASSERT_TRUE(cost);
  EXPECT_TRUE(std::isinf(cost->snrBefore));
  EXPECT_DOUBLE_EQ(cost->maxErrorAfter, 1);
}

TEST(KnownBound, OfActivations) {
  auto g = parse("%lo = const splat(0) : f32<>\n%hi = const splat(6) : f32<>\n"
                 "%c = onnx.Clip(%x, %lo, %hi) : f32<1x4x8x8>\n%s = onnx.HardSigmoid(%x) : f32<1x4x8x8>\n"
                 "%r = onnx.Relu(%x) : f32<1x4x8x8>\nreturn %c, %s, %r\n");
  EXPECT_EQ(knownBound(g->lookup("c")), 6.0);
  EXPECT_EQ(knownBound(g->lookup("s")), 1.0);
  EXPECT_EQ(knownBound(g->lookup("r")), std::nullopt);
  EXPECT_TRUE(rangeFits(g->lookup("c"), {8, 4}));
  EXPECT_FALSE(rangeFits(g->lookup("c"), {8, 5}));
  EXPECT_TRUE(rangeFits(g->lookup("s"), {8, 7}));
  EXPECT_FALSE(rangeFits(g->lookup("s"), {8, 8}));
}

TEST(FixSites, CompiledOpsHaveThemInTheirTypes) {
  auto g = parse("%w = const splat(32) : q8.7<4x1x1x4>\n%b = const splat(32) : q8.7<4>\n"
                 "%x = xir.data-fix() {shape = [1, 8, 8, 4], data_type = \"xint8\"} : q8.6<1x8x8x4>\n"
                 "%y = xir.conv2d-fix(%x, %w, %b) {kernel = [1, 1], stride = [1, 1], nonlinear = \"RELU6\"} : "
                 "q8.3<1x8x8x4>\nreturn %y\n",
                 "");
  FixPlan plan = planOf(*g);
  auto found = fixConstraints(*g->lookup("y")->def(), QuantGroups(), plan);
  Names rules;
  for (const FixConstraint &c : found)
    rules.push_back(c.rule->id);
  EXPECT_EQ(rules, (Names{"quant.shift-cut", "quant.shift-bias", "quant.relu6"}));
  EXPECT_EQ(found[0].amount(plan), 10);
  EXPECT_FALSE(found[2].holds(plan));
}
