//===- PipelineTest.cpp - the text of --passes, and the runner -------------------===//
#include "dpuopt/IR/Text.h"
#include "dpuopt/Pass/PassManager.h"
#include <gtest/gtest.h>

using namespace dpuopt;

static const PassInfo nop{"do-nothing",
                          "s",
                          "d",
                          Preserves::Exactly,
                          {{"file", "FILE", "h"}, {"strict", nullptr, "h", "false"}, {"count", "N", "h", "3"}},
                          [](Graph &, PassContext &) { return PassResult::Unchanged; }};
static const PassInfo breaker{"break-graph", "s", "d", Preserves::Exactly, {}, [](Graph &g, PassContext &) {
                                g.moveBefore(&g.ops().back(), &g.ops().front());
                                return PassResult::Changed;
                              }};
static const PassInfo silentFailure{
    "fail-silently", "s", "d", Preserves::Exactly, {}, [](Graph &, PassContext &) { return PassResult::Failure; }};
static const PassRegistry registry{{&nop, &breaker, &silentFailure},
                                   {{"both", "s", "do-nothing,do-nothing<count=4>"}, {"loop", "s", "loop"}}};

static std::string errorOf(llvm::StringRef text) {
  DiagEngine diags;
  EXPECT_FALSE(parsePipeline(text, registry, diags));
  return diags.all().empty() ? "" : diags.all()[0].message;
}

TEST(Pipeline, OptionsAndDefaults) {
  DiagEngine diags;
  auto p = parsePipeline("do-nothing<file=a/b.json,strict>", registry, diags);
  ASSERT_TRUE(p);
  EXPECT_EQ((*p)[0].options.at("file"), "a/b.json");
  EXPECT_EQ((*p)[0].options.at("strict"), "true");
  EXPECT_EQ((*p)[0].options.at("count"), "3");
}
TEST(Pipeline, NamedPipelineExpands) {
  DiagEngine diags;
  auto p = parsePipeline("both,do-nothing", registry, diags);
  ASSERT_TRUE(p);
  EXPECT_EQ(p->size(), 3u);
  EXPECT_EQ((*p)[1].options.at("count"), "4");
}
TEST(Pipeline, UnknownPassSuggestsTheNearest) {
  DiagEngine diags;
  EXPECT_FALSE(parsePipeline("do-noting", registry, diags));
  EXPECT_EQ(diags.all()[0].notes[0], "did you mean 'do-nothing'?");
}
TEST(Pipeline, UnknownOption) { EXPECT_EQ(errorOf("do-nothing<fil=x>"), "pass 'do-nothing' has no option 'fil'"); }
TEST(Pipeline, OptionWithoutValue) { EXPECT_NE(errorOf("do-nothing<file>").find("needs a value"), std::string::npos); }
TEST(Pipeline, FlagWithValue) { EXPECT_NE(errorOf("do-nothing<strict=3>").find("is a flag"), std::string::npos); }
TEST(Pipeline, Unbalanced) { EXPECT_NE(errorOf("do-nothing<file=a").find("unbalanced"), std::string::npos); }
TEST(Pipeline, UnbalancedClose) { EXPECT_NE(errorOf("do-nothing>").find("unbalanced"), std::string::npos); }
TEST(Pipeline, EndlessExpansion) { EXPECT_NE(errorOf("loop").find("without end"), std::string::npos); }

static Status run(llvm::StringRef pipeline, DiagEngine &diags) {
  auto g = parseGraph("graph @g(%x: f32<1>) {\n  %y = onnx.A(%x) : f32<1>\n  %z = onnx.B(%y) : f32<1>\n  return %z\n}",
                      "t", {}, diags);
  auto p = parsePipeline(pipeline, registry, diags);
  return runPipeline(*g, *p, {}, diags);
}
TEST(Runner, NamesThePassThatBrokeTheGraph) {
  DiagEngine diags;
  EXPECT_TRUE(failed(run("do-nothing,break-graph", diags)));
  EXPECT_NE(diags.all().back().message.find("'break-graph' broke the graph"), std::string::npos);
}
TEST(Runner, AFailureAlwaysHasAMessage) {
  DiagEngine diags;
  EXPECT_TRUE(failed(run("fail-silently", diags)));
  EXPECT_EQ(diags.errors(), 1u);
}
