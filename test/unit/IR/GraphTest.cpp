//===- GraphTest.cpp - Graph, Op and Value ------------------------------------===//
#include "dpuopt/IR/Graph.h"
#include <gtest/gtest.h>

using namespace dpuopt;

static const Type T(ElemKind::F32, {1});

namespace {
struct Chain : testing::Test {
  Graph g{"g"};
  Value *x = g.addInput("x", T);
  Op *a = g.create({"onnx.A", {x}, {{"a", T}}});
  Op *b = g.create({"onnx.B", {a->result(), x}, {{"b", T}}});
  void SetUp() override { g.setOutputs({b->result()}); }
};
} // namespace

TEST_F(Chain, UsesAreKept) {
  EXPECT_EQ(x->uses().size(), 2u);
  EXPECT_EQ(a->result()->soleUser(), b);
  EXPECT_TRUE(b->result()->isGraphOutput());
  EXPECT_EQ(b->result()->soleUser(), nullptr); // only the return
}

TEST_F(Chain, ReplaceAllUsesReachesTheReturn) {
  b->result()->replaceAllUsesWith(x);
  EXPECT_EQ(g.outputs()[0], x);
  EXPECT_TRUE(b->unused());
}

TEST_F(Chain, EraseForgetsTheName) {
  b->result()->replaceAllUsesWith(x);
  g.erase(b);
  EXPECT_EQ(g.lookup("b"), nullptr);
  EXPECT_EQ(g.size(), 1u);
  EXPECT_TRUE(a->unused());
}

TEST_F(Chain, TakeName) {
  a->result()->takeName(b->result());
  EXPECT_EQ(a->result()->name(), "b");
  EXPECT_EQ(g.lookup("b"), a->result());
  EXPECT_NE(b->result()->name(), "b");
}

TEST_F(Chain, NamesAreMadeUnique) {
  Op *c = g.create({"onnx.C", {}, {{"a", T}, {"", T}}});
  EXPECT_EQ(c->result(0)->name(), "a_1");
  EXPECT_EQ(c->result(1)->name(), "onnx.C");
}

TEST_F(Chain, SetOperandsToItself) {
  b->setOperands(b->operands());
  EXPECT_EQ(b->operand(0), a->result());
  EXPECT_EQ(a->result()->uses().size(), 1u);
}

TEST_F(Chain, OperandPastTheEndIsAbsent) { EXPECT_EQ(a->operand(7), nullptr); }

TEST_F(Chain, SortRestoresOrder) {
  g.moveBefore(b, a);
  ASSERT_TRUE(succeeded(g.sortTopologically()));
  EXPECT_EQ(&g.ops().front(), a);
}

TEST_F(Chain, SortKeepsARightOrder) {
  Op *c = g.create({"onnx.C", {}, {{"c", T}}});
  Op *d = g.create({"onnx.D", {x}, {{"d", T}}});
  ASSERT_TRUE(succeeded(g.sortTopologically()));
  std::vector<Op *> order;
  for (Op &op : g.ops())
    order.push_back(&op);
  EXPECT_EQ(order, (std::vector<Op *>{a, b, c, d}));
}

TEST_F(Chain, SortFindsACycle) {
  a->setOperand(0, b->result());
  EXPECT_TRUE(failed(g.sortTopologically()));
  a->setOperand(0, x);
}

TEST_F(Chain, CloneIsIndependent) {
  auto copy = g.clone();
  copy->lookup("a")->def()->setAttr("k", Attr::i64(1));
  EXPECT_FALSE(a->hasAttr("k"));
  EXPECT_EQ(copy->outputs()[0]->name(), "b");
}

TEST_F(Chain, AttributesOfAnotherKindGiveTheDefault) {
  a->setAttr("k", Attr::string("text"));
  EXPECT_EQ(a->getInt("k", 7), 7);
  EXPECT_EQ(a->getInts("missing", {1}), std::vector<int64_t>{1});
}
