//===- ReduceTest.cpp - graphs shrink as long as they show it ----------------------===//
#include "dpuopt/Reduce/Reduce.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {

std::unique_ptr<Graph> parse(llvm::StringRef text) {
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph(text, "test", {}, diags);
  return g ? std::move(*g) : nullptr;
}

std::string textOf(const Graph &g) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printGraph(g, os);
  return os.str();
}

bool has(const Graph &g, llvm::StringRef type) {
  return llvm::any_of(g.ops(), [&](const Op &op) { return op.is(type); });
}

/// Elementwise: the result is like the operand.
Status likeOperand(Op &op) {
  for (Value *r : op.results())
    r->setType(op.operand(0)->type());
  return success();
}

ReduceCallbacks asking(std::function<bool(const Graph &)> shows) { return {std::move(shows), likeOperand}; }

constexpr const char *chain = R"(
graph @net(%x: f32<1x8x32x32>) {
  %a = onnx.Relu(%x) : f32<1x8x32x32>
  %b = onnx.Sigmoid(%a) : f32<1x8x32x32>
  %c = onnx.Tanh(%b) : f32<1x8x32x32>
  %d = onnx.Abs(%c) : f32<1x8x32x32>
  %e = onnx.Neg(%d) : f32<1x8x32x32>
  return %e
})";

TEST(Reduce, OneOpStaysWithItsNames) {
  auto g = parse(chain);
  ReduceResult r = reduceGraph(g, asking([](const Graph &g) { return has(g, "onnx.Tanh"); }), {});
  EXPECT_TRUE(r.complete);
  EXPECT_EQ(countReducible(*g), 1u);
  ASSERT_EQ(g->inputs().size(), 1u);
  EXPECT_EQ(g->inputs()[0]->name(), "b");
  ASSERT_EQ(g->outputs().size(), 1u);
  EXPECT_EQ(g->outputs()[0]->name(), "c");
}

TEST(Reduce, OpsBetweenAreBypassedSoThatTheGraphStaysConnected) {
  auto g = parse(chain);
  reduceGraph(g, asking([](const Graph &g) { return has(g, "onnx.Relu") && has(g, "onnx.Neg"); }), {});
  EXPECT_EQ(countReducible(*g), 2u);
  EXPECT_EQ(g->inputs().size(), 1u);
  EXPECT_EQ(g->lookup("e")->def()->operand(0), g->lookup("a"));
}

TEST(Reduce, EveryCandidateIsValid) {
  auto g = parse(R"(
graph @net(%x: f32<1x8x4x4>) {
  %p, %q = onnx.Split(%x) {axis = 1} : f32<1x4x4x4>, f32<1x4x4x4>
  %a = onnx.Relu(%p) : f32<1x4x4x4>
  %b = onnx.Add(%a, %q) : f32<1x4x4x4>
  %i = onnx.Identity(%b) : f32<1x4x4x4>
  return %b, %i, %a
})");
  unsigned tries = 0;
  auto shows = [&](const Graph &g) {
    DiagEngine diags(&llvm::errs());
    ++tries;
    EXPECT_TRUE(succeeded(verify(g, diags)));
    EXPECT_FALSE(g.outputs().empty());
    return has(g, "onnx.Add");
  };
  ReduceResult r = reduceGraph(g, asking(shows), {});
  EXPECT_EQ(r.tries, tries);
  EXPECT_EQ(countReducible(*g), 1u);
  EXPECT_EQ(g->inputs().size(), 2u);
  EXPECT_EQ(g->outputs().size(), 1u);
}

TEST(Reduce, NothingIsAskedTwice) {
  auto g = parse(chain);
  std::vector<std::string> asked;
  reduceGraph(g, asking([&](const Graph &g) {
                asked.push_back(textOf(g));
                return false;
              }),
              {});
  std::sort(asked.begin(), asked.end());
  EXPECT_EQ(std::adjacent_find(asked.begin(), asked.end()), asked.end());
  EXPECT_EQ(countReducible(*g), 5u); // nothing could go
}

TEST(Reduce, AResultOfUnknownTypeDoesNotBecomeAnInput) {
  auto g = parse(R"(
graph @net(%x: f32<1x4>) {
  %a = acme.Odd(%x) : none<*>
  %b = acme.Even(%a) : none<*>
  return %b
})");
  reduceGraph(g, asking([](const Graph &g) { return has(g, "acme.Even"); }), {});
  EXPECT_TRUE(has(*g, "acme.Odd"));
}

TEST(Reduce, WhatOnlyComputesWithConstantsGoesWithItsReader) {
  auto g = parse(R"(
graph @net(%x: f32<1x4>) {
  %w = const rand(1) : f32<1x4>
  %v = onnx.Identity(%w) : f32<1x4>
  %a = onnx.Add(%x, %v) : f32<1x4>
  %b = onnx.Relu(%a) : f32<1x4>
  return %b
})");
  EXPECT_EQ(countReducible(*g), 2u);
  reduceGraph(g, asking([](const Graph &g) { return has(g, "onnx.Relu"); }), {});
  EXPECT_FALSE(has(*g, "onnx.Identity"));
  EXPECT_FALSE(has(*g, "const"));
}

TEST(Reduce, SizesAreHalvedWhileItShows) {
  auto g = parse(chain);
  auto shows = [](const Graph &g) { return g.inputs()[0]->type().dim(2) >= 16 && has(g, "onnx.Relu"); };
  reduceGraph(g, asking(shows), {});
  EXPECT_EQ(g->inputs()[0]->type().str(), "f32<1x4x16x16>");
  g = parse(chain);
  reduceGraph(g, asking(shows), {.keepSizes = true});
  EXPECT_EQ(g->inputs()[0]->type().str(), "f32<1x8x32x32>");
}

TEST(Reduce, LayoutsThatMeetAreHalvedTogether) {
  auto g = parse(R"(
graph @net(%x: f32<1x3x32x32>, %y: f32<1x32x32x3>) {
  %t = onnx.Transpose(%x) {perm = [0, 2, 3, 1]} : f32<1x32x32x3>
  %a = onnx.Add(%t, %y) : f32<1x32x32x3>
  return %a
})");
  ReduceCallbacks callbacks = asking([](const Graph &g) { return countReducible(g) == 2; });
  callbacks.refineTypes = [](Op &op) -> Status {
    if (op.is("onnx.Add"))
      return op.operand(0)->type() == op.operand(1)->type() ? likeOperand(op) : failure();
    auto s = op.operand(0)->type().shape();
    op.result()->setType(Type(ElemKind::F32, {s[0], s[2], s[3], s[1]}));
    return success();
  };
  reduceGraph(g, callbacks, {});
  EXPECT_EQ(g->lookup("y")->type().str(), "f32<1x4x4x3>");
}

TEST(Reduce, BodiesKeepTheirSizes) {
  auto g = parse(R"(
graph @net(%x: f32<1x8x32x32>) {
  %a = onnx.If(%x) : f32<1x8x32x32>
  return %a
})");
  reduceGraph(g, asking([](const Graph &g) { return has(g, "onnx.If"); }), {});
  EXPECT_EQ(g->inputs()[0]->type().str(), "f32<1x8x32x32>");
}

constexpr const char *weighted = R"(
graph @net(%x: f32<1x4>) {
  %w = const dense(1, -2, 3, 4) : f32<4>
  %v = const dense(5, 6, 7, 8) : f32<4>
  %a = onnx.Add(%x, %w) : f32<1x4>
  %b = onnx.Mul(%a, %v) : f32<1x4>
  return %b
})";

TEST(Reduce, WeightsThatMatterAreKept) {
  auto g = parse(weighted);
  auto shows = [](const Graph &g) {
    const Value *v = g.lookup("v");
    return has(g, "onnx.Add") && v && constantOf(v)->at(1) == 6;
  };
  ReduceResult r = reduceGraph(g, asking(shows), {});
  EXPECT_EQ(r.kept, std::vector<std::string>{"v"});
  EXPECT_EQ(r.randomWeights, 1u);
  EXPECT_NE(constantOf(g->lookup("w"))->toFloat(), Tensor::fromFloats({4}, {1, -2, 3, 4}));
}

TEST(Reduce, StopsWhenItIsTold) {
  auto g = parse(chain);
  ReduceCallbacks callbacks = asking([](const Graph &g) { return has(g, "onnx.Tanh"); });
  unsigned asked = 0;
  callbacks.stop = [&] { return asked++ > 1; };
  ReduceResult r = reduceGraph(g, callbacks, {});
  EXPECT_FALSE(r.complete);
  EXPECT_LE(r.tries, 2u);
  EXPECT_TRUE(has(*g, "onnx.Tanh"));
}

TEST(RandomLike, HasTheSameRangeAndOnlyThat) {
  Tensor t = Tensor::fromFloats({6}, {-1, 0.5, 0, 0, 2, 0});
  Tensor r = randomLike(t, 7);
  EXPECT_EQ(r.type(), t.type());
  double low = 9, high = -9;
  for (int i = 0; i < 6; ++i)
    low = std::min(low, r.at(i)), high = std::max(high, r.at(i));
  EXPECT_EQ(low, -1);
  EXPECT_EQ(high, 2);
  EXPECT_NE(r, t);
  EXPECT_EQ(r, randomLike(t, 7));
  EXPECT_NE(r, randomLike(t, 8));
}

TEST(RandomLike, EqualNumbersStayEqual) {
  Tensor t = Tensor::fromFloats({3}, {0.25, 0.25, 0.25});
  EXPECT_EQ(randomLike(t, 1), t);
  Tensor splat = Tensor::splatFloat({1000, 1000}, 0.5);
  EXPECT_TRUE(randomLike(splat, 1).isSplat());
  EXPECT_EQ(randomLike(Tensor::fromFloats({0}, {}), 1).numElements(), 0);
}

TEST(RandomLike, OddNumbersDoNotWidenIt) {
  Tensor r = randomLike(Tensor::fromFloats({4}, {1, INFINITY, NAN, 3}), 1);
  for (int i = 0; i < 4; ++i)
    EXPECT_TRUE(r.at(i) >= 1 && r.at(i) <= 3);
}

} // namespace
