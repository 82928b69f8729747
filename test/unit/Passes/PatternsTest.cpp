//===- PatternsTest.cpp - matchers and rewrites that passes share -------------===//
#include "../../../passes/Patterns.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {

/// Parses the ops of a graph with inputs %x: f32<1x2x3x3> and %y: f32<2>.
std::unique_ptr<Graph> graphOf(const std::string &ops, const std::string &outputs) {
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph("graph @g(%x: f32<1x2x3x3>, %y: f32<2>) {\n" + ops + "\n return " + outputs + "\n}", "test", {},
                      diags);
  return g ? std::move(*g) : nullptr;
}

void expectWellFormed(const Graph &g) {
  DiagEngine diags(&llvm::errs());
  EXPECT_TRUE(succeeded(verify(g, diags)));
}

TEST(Patterns, PerChannelNumbers) {
  auto g = graphOf("%channels = const dense(1, 2) : f32<2x1x1>\n"
                   "%columns = const dense(1, 2, 3) : f32<3>\n"
                   "%same = const splat(4) : f32<1x2x3x3>\n"
                   "%tall = const splat(4) : f32<5x1x1x1>\n"
                   "%ints = const splat(4) : i64<>",
                   "%channels, %columns, %same, %tall, %ints");
  const Type &x = g->lookup("x")->type();
  EXPECT_EQ(perChannel(g->lookup("channels"), x, 1), (std::vector<double>{1, 2}));
  EXPECT_EQ(perChannel(g->lookup("columns"), x, 1), std::nullopt);
  EXPECT_EQ(perChannel(g->lookup("columns"), x, 3), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(perChannel(g->lookup("same"), x, 1), (std::vector<double>{4}));
  EXPECT_EQ(perChannel(g->lookup("tall"), x, 1), std::nullopt);
  EXPECT_EQ(perChannel(g->lookup("ints"), x, 1), std::nullopt);
  EXPECT_EQ(perChannel(g->lookup("y"), x, 1), std::nullopt);
  EXPECT_EQ(perChannel(nullptr, x, 1), std::nullopt);
}

TEST(Patterns, Relu6InEveryForm) {
  auto g = graphOf("%zero = const dense(0) : f32<>\n%six = const dense(6) : f32<1>\n"
                   "%a = onnx.Clip(%x) {max = 6.0, min = 0.0} : f32<1x2x3x3>\n"
                   "%b = onnx.Clip(%x, %zero, %six) : f32<1x2x3x3>\n"
                   "%c = onnx.Clip(%x, %zero) {max = 6.0} : f32<1x2x3x3>\n"
                   "%d = onnx.Clip(%x, %zero) : f32<1x2x3x3>\n"
                   "%e = onnx.Clip(%x, %x, %six) : f32<1x2x3x3>\n"
                   "%f = onnx.Relu(%x) : f32<1x2x3x3>",
                   "%a, %b, %c, %d, %e, %f");
  for (const char *name : {"a", "b", "c"})
    EXPECT_TRUE(isRelu6(*g->lookup(name)->def())) << name;
  for (const char *name : {"d", "e", "f"})
    EXPECT_FALSE(isRelu6(*g->lookup(name)->def())) << name;
}

TEST(Patterns, NonNegative) {
  auto g = graphOf("%r = onnx.Relu(%x) : f32<1x2x3x3>\n"
                   "%s = onnx.Sigmoid(%x) : f32<1x2x3x3>\n"
                   "%c = onnx.Concat(%r, %s) {axis = 1} : f32<1x4x3x3>\n"
                   "%p = onnx.MaxPool(%c) {kernel_shape = [1, 1]} : f32<1x4x3x3>\n"
                   "%n = onnx.Concat(%r, %x) {axis = 1} : f32<1x4x3x3>",
                   "%p, %n");
  EXPECT_TRUE(isNonNegative(g->lookup("p")));
  EXPECT_FALSE(isNonNegative(g->lookup("n")));
  EXPECT_FALSE(isNonNegative(g->lookup("x")));
}

TEST(Patterns, EraseIfUnusedTakesWhatOnlyItUsed) {
  auto g = graphOf("%c = const dense(1, 2) : f32<2>\n"
                   "%kept = onnx.Abs(%y) : f32<2>\n"
                   "%a = onnx.Add(%c, %c) : f32<2>\n"
                   "%b = onnx.Add(%a, %kept) : f32<2>",
                   "%kept");
  eraseIfUnused(g->lookup("b")->def());
  EXPECT_EQ(g->size(), 1u);
  expectWellFormed(*g);
}

TEST(Patterns, ASameValueTakesAnOutputsName) {
  auto g = graphOf("%a = onnx.Abs(%y) : f32<2>\n%b = onnx.Identity(%a) : f32<2>", "%b");
  EXPECT_TRUE(replaceBySame(g->lookup("b"), g->lookup("a")));
  EXPECT_EQ(g->outputs()[0]->name(), "b");
  EXPECT_EQ(g->size(), 1u);
  expectWellFormed(*g);
}

TEST(Patterns, AnInputCannotBeRenamed) {
  auto g = graphOf("%b = onnx.Identity(%y) : f32<2>", "%b");
  EXPECT_FALSE(replaceBySame(g->lookup("b"), g->lookup("y")));
  EXPECT_EQ(g->size(), 1u);
}

TEST(Patterns, ConstOperandKeepsItsName) {
  auto g = graphOf("%w = const dense(1, 2) : f32<2>\n%b = onnx.Add(%y, %w) : f32<2>", "%b");
  Op &add = *g->lookup("b")->def();
  setConstOperand(add, 1, Tensor::fromFloats({2}, {3, 4}), "");
  EXPECT_EQ(add.operand(1)->name(), "w");
  EXPECT_EQ(constantOf(add.operand(1))->at(0), 3);
  EXPECT_EQ(g->size(), 2u);
  expectWellFormed(*g);
}

TEST(Patterns, SharedConstOperandIsCopied) {
  auto g = graphOf("%w = const dense(1, 2) : f32<2>\n%b = onnx.Add(%y, %w) : f32<2>", "%b, %w");
  Op &add = *g->lookup("b")->def();
  setConstOperand(add, 1, Tensor::fromFloats({2}, {3, 4}), "");
  EXPECT_EQ(add.operand(1)->name(), "w_1");
  EXPECT_EQ(constantOf(g->lookup("w"))->at(0), 1);
  expectWellFormed(*g);
}

TEST(Patterns, BiasNames) {
  Graph g;
  for (auto [weight, bias] : {std::pair("conv1.weight", "conv1.bias"), {"a_weight", "a_bias"}, {"w", "w_bias"}})
    EXPECT_EQ(biasName(g.addInput(weight, Type())), bias);
}

TEST(Patterns, OpsWithoutOperandsMatchNothing) {
  auto g = graphOf("%a = onnx.Mul() : f32<2>\n%b = onnx.Clip() : f32<2>\n%c = onnx.Conv() : f32<2>", "%a, %b, %c");
  EXPECT_FALSE(matchScalarOp(g->lookup("a")->def(), "onnx.Mul").has_value());
  EXPECT_FALSE(isRelu6(*g->lookup("b")->def()));
  EXPECT_FALSE(sameStaticType(nullptr, g->lookup("c")));
}

} // namespace
