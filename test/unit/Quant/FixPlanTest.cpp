//===- FixPlanTest.cpp - quant_info keys to types and back ------------------------------===//
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const std::string Net = "%w = const splat(0.5) : f32<4x4x1x1>\n%c = onnx.Conv(%x, %w, _) : f32<1x4x8x8>\n"
                        "%r = onnx.Relu(%c) : f32<1x4x8x8>\n%s = onnx.Sigmoid(%r) : f32<1x4x8x8>\n"
                        "%f = onnx.Flatten(%r) : f32<1x256>\nreturn %s, %f\n";

struct Bound {
  std::unique_ptr<Graph> g = parse(Net);
  DiagEngine diags;
  Result<FixPlan> plan = failure();
  std::string messages() const { return text(diags); }
};

Bound bindTo(const std::string &param, const std::string &output, BindOptions options = {},
             const std::string &input = "") {
  Bound b;
  auto info = parseQuantInfo("{\"param\":{" + param + "},\"output\":{" + output + "},\"input\":{" + input + "}}",
                             "q.json", b.diags);
  EXPECT_TRUE(bool(info));
  if (info)
    b.plan = bindQuantInfo(*b.g, quantGroups(*b.g), *info, options, "q.json", b.diags);
  return b;
}

const std::string W = "\"w\":[8,7]", XR = "\"x\":[8,6],\"r\":[8,5]";

} // namespace

TEST(BindQuantInfo, AllKeysThere) {
  Bound b = bindTo(W, XR);
  ASSERT_TRUE(bool(b.plan)) << b.messages();
  EXPECT_EQ(b.plan->size(), 3u);
  EXPECT_EQ((*b.plan)[b.g->lookup("r")], (FixPos{8, 5}));
}

TEST(BindQuantInfo, SectionsMayBeSwapped) { EXPECT_TRUE(bool(bindTo("", W + "," + XR).plan)); }

TEST(BindQuantInfo, MissingKeysAreListed) {
  Bound b = bindTo("", "\"x\":[8,6]");
  EXPECT_FALSE(bool(b.plan));
  EXPECT_HAS(b.messages(), "q.json");
  EXPECT_HAS(b.messages(), "'w', 'r'");
  EXPECT_HAS(b.messages(), "[quant-info.missing-key]");
}

TEST(BindQuantInfo, MissingKeysAreAllowed) {
  Bound b = bindTo("", "\"x\":[8,6]", {.allowMissing = true});
  ASSERT_TRUE(bool(b.plan));
  EXPECT_EQ(b.plan->size(), 1u);
  EXPECT_EQ(b.diags.warnings(), 1u);
}

TEST(BindQuantInfo, UnboundKeysAreListed) {
  Bound b = bindTo(W + ",\"nobody\":[8,1]", XR);
  EXPECT_FALSE(bool(b.plan));
  EXPECT_HAS(b.messages(), "'nobody'");
  EXPECT_HAS(b.messages(), "[quant-info.unbound-key]");
}

TEST(BindQuantInfo, UnboundKeysAreAllowed) {
  Bound b = bindTo(W, XR + ",\"nobody\":[8,1]", {.allowUnbound = true});
  ASSERT_TRUE(bool(b.plan));
  EXPECT_EQ(b.plan->size(), 3u);
  EXPECT_EQ(b.diags.warnings(), 1u);
}

TEST(BindQuantInfo, AKeyInsideAGroupIsUnbound) { EXPECT_HAS(bindTo(W, XR + ",\"c\":[8,1]").messages(), "'c'"); }

TEST(BindQuantInfo, InputSideKeysAreUnbound) { EXPECT_HAS(bindTo(W, XR, {}, "\"x\":[8,1]").messages(), "'x'"); }

TEST(BindQuantInfo, AKeyForAFloatValueIsTaken) {
  Bound b = bindTo(W, XR + ",\"s\":[8,7]");
  ASSERT_TRUE(bool(b.plan)) << b.messages();
  EXPECT_EQ((*b.plan)[b.g->lookup("s")], (FixPos{8, 7}));
}

TEST(BindQuantInfo, AKeyForMovedDataIsTaken) {
  Bound b = bindTo(W, XR + ",\"f\":[8,5]");
  ASSERT_TRUE(bool(b.plan)) << b.messages();
  EXPECT_EQ(b.plan->count(b.g->lookup("f")), 1u);
}

TEST(BindQuantInfo, NullPositionsAreListed) {
  Bound b = bindTo("\"w\":[8,null]", "\"x\":[8,6],\"r\":null");
  EXPECT_FALSE(bool(b.plan));
  EXPECT_HAS(b.messages(), "'w', 'r'");
  EXPECT_HAS(b.messages(), "[quant-info.null-position]");
}

TEST(BindQuantInfo, NullPositionsAreAllowedAsMissing) {
  Bound b = bindTo("\"w\":[8,null]", XR, {.allowMissing = true});
  ASSERT_TRUE(bool(b.plan));
  EXPECT_EQ(b.plan->count(b.g->lookup("w")), 0u);
}

TEST(BindQuantInfo, MissingUnboundAndNullAreSaidAtOnce) {
  Bound b = bindTo("\"w\":null", "\"x\":[8,6],\"nobody\":[8,1]");
  EXPECT_EQ(b.diags.errors(), 3u);
}

TEST(BindQuantInfo, LongListsAreCut) {
  std::string many;
  for (int i = 0; i < 20; ++i)
    many += ",\"k" + std::to_string(i) + "\":[8,1]";
  EXPECT_HAS(bindTo(W + many, XR).messages(), "and 12 more");
}

TEST(ApplyFixPlan, TypesAndConstants) {
  Bound b = bindTo(W, XR);
  ASSERT_TRUE(bool(b.plan));
  applyFixPlan(*b.plan);
  EXPECT_EQ(b.g->inputs()[0]->type().str(), "q8.6<1x4x8x8>");
  EXPECT_EQ(b.g->lookup("r")->type().str(), "q8.5<1x4x8x8>");
  EXPECT_EQ(b.g->lookup("c")->type().str(), "f32<1x4x8x8>");
  const Tensor *w = constantOf(b.g->lookup("w"));
  EXPECT_EQ(w->type(), b.g->lookup("w")->type());
  EXPECT_TRUE(w->isSplat());
  EXPECT_EQ(w->intAt(0), 64);
}

TEST(ApplyFixPlan, TwiceIsOnce) {
  Bound b = bindTo(W, XR);
  applyFixPlan(*b.plan);
  std::string once;
  llvm::raw_string_ostream(once) << (printGraph(*b.g, llvm::nulls()), printOp(*b.g->lookup("w")->def()));
  applyFixPlan(*b.plan);
  EXPECT_EQ(printOp(*b.g->lookup("w")->def()), once);
}

TEST(CollectQuantInfo, GivesBackWhatWasApplied) {
  Bound b = bindTo(W, XR);
  applyFixPlan(*b.plan);
  std::string out;
  llvm::raw_string_ostream os(out);
  printQuantInfo(collectQuantInfo(*b.g), os);
  EXPECT_HAS(os.str(), "\"param\":\n  {\n    \"w\":[[8,7]]\n  }");
  EXPECT_HAS(os.str(), "\"output\":\n  {\n    \"x\":[[8,6]],\n    \"r\":[[8,5]]\n  }");
}

TEST(EffectiveFix, LooksThroughMovement) {
  Bound b = bindTo(W, XR);
  applyFixPlan(*b.plan);
  EXPECT_EQ(effectiveFix(b.g->lookup("f")), ElemType::fix(8, 5));
  EXPECT_EQ(effectiveFix(b.g->lookup("s")), std::nullopt);
  EXPECT_EQ(effectiveFix(b.g->lookup("c")), std::nullopt);
}
