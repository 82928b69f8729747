//===- QuantGroupsTest.cpp - which values get a fix point: one test per rule ---------===//
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

/// Names of the values with a position of their own, and who holds whose.
struct Groups {
  explicit Groups(const std::string &body, const std::string &inputs = "%x: f32<1x4x8x8>")
      : graph(parse(body, inputs)), groups(quantGroups(*graph)) {}
  Names activations() const { return names(groups.activations); }
  Names params() const { return names(groups.params); }
  std::string holder(const char *name) const {
    const Value *v = graph->lookup(name);
    EXPECT_NE(v, nullptr) << name;
    const Value *h = groups.holder(v);
    return h ? h->name() : "-";
  }
  std::unique_ptr<Graph> graph;
  QuantGroups groups;
};

const std::string Conv = "%w = const splat(0.5) : f32<4x4x1x1>\n"
                         "%b = const splat(0.5) : f32<4>\n"
                         "%c = onnx.Conv(%x, %w, %b) : f32<1x4x8x8>\n";

Groups behindConv(const std::string &op, const std::string &type = "f32<1x4x8x8>") {
  return Groups(Conv + "%y = " + op + " : " + type + "\nreturn %y\n");
}

} // namespace

TEST(QuantGroups, ConvInputWeightsAndBias) {
  Groups g(Conv + "return %c\n");
  EXPECT_EQ(g.activations(), (Names{"x", "c"}));
  EXPECT_EQ(g.params(), (Names{"w", "b"}));
}

TEST(QuantGroups, ReluJoinsItsProducer) {
  Groups g = behindConv("onnx.Relu(%c)");
  EXPECT_EQ(g.activations(), (Names{"x", "y"}));
  EXPECT_EQ(g.holder("c"), "y");
}

TEST(QuantGroups, LeakyReluJoins) { EXPECT_EQ(behindConv("onnx.LeakyRelu(%c)").holder("c"), "y"); }
TEST(QuantGroups, ClipJoins) { EXPECT_EQ(behindConv("onnx.Clip(%c, _, _)").holder("c"), "y"); }
TEST(QuantGroups, HardSwishDoesNotJoin) {
  EXPECT_EQ(behindConv("onnx.HardSwish(%c)").activations(), (Names{"x", "c", "y"}));
}
TEST(QuantGroups, SigmoidOutputStaysFloat) {
  Groups g = behindConv("onnx.Sigmoid(%c)");
  EXPECT_EQ(g.activations(), (Names{"x", "c"}));
  EXPECT_EQ(g.holder("y"), "-");
}
TEST(QuantGroups, SoftmaxHasAPosition) { EXPECT_EQ(behindConv("onnx.Softmax(%c)").holder("y"), "y"); }
TEST(QuantGroups, PoolHasAPosition) { EXPECT_EQ(behindConv("onnx.MaxPool(%c)").activations(), (Names{"x", "c", "y"})); }
TEST(QuantGroups, UnknownOpStaysFloat) { EXPECT_EQ(behindConv("my.domain.Thing(%c)").holder("y"), "-"); }

TEST(QuantGroups, MovementCarriesThePosition) {
  Groups g = behindConv("onnx.Flatten(%c)", "f32<1x256>");
  EXPECT_EQ(g.activations(), (Names{"x", "c"}));
  EXPECT_EQ(g.holder("y"), "c");
}

TEST(QuantGroups, ReluBehindMovementEndsTheGroup) {
  Groups g(Conv + "%f = onnx.Flatten(%c) : f32<1x256>\n%y = onnx.Relu(%f) : f32<1x256>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "y"}));
  EXPECT_EQ(g.holder("f"), "y");
}

TEST(QuantGroups, MovementBehindReluLeavesItToRelu) {
  Groups g(Conv + "%r = onnx.Relu(%c) : f32<1x4x8x8>\n%y = onnx.Flatten(%r) : f32<1x256>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "r"}));
  EXPECT_EQ(g.holder("y"), "r");
  EXPECT_EQ(g.holder("c"), "r");
}

TEST(QuantGroups, MovementOfAnInputCarriesTheInputs) {
  Groups g("%y = onnx.Transpose(%x) {perm = [0, 2, 3, 1]} : f32<1x8x8x4>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x"}));
  EXPECT_EQ(g.holder("y"), "x");
}

TEST(QuantGroups, ReluOfAnInputHasItsOwn) {
  EXPECT_EQ(Groups("%y = onnx.Relu(%x) : f32<1x4x8x8>\nreturn %y\n").activations(), (Names{"x", "y"}));
}

TEST(QuantGroups, TwoConsumersSplitTheGroup) {
  Groups g(Conv + "%r = onnx.Relu(%c) : f32<1x4x8x8>\n%y = onnx.Add(%r, %c) : f32<1x4x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "c", "r", "y"}));
}

TEST(QuantGroups, AGraphOutputIsAConsumer) {
  Groups g(Conv + "%r = onnx.Relu(%c) : f32<1x4x8x8>\nreturn %r, %c\n");
  EXPECT_EQ(g.activations(), (Names{"x", "c", "r"}));
}

TEST(QuantGroups, UsingAValueTwiceIsOneConsumer) {
  Groups g(Conv + "%r = onnx.Relu(%c) : f32<1x4x8x8>\n%y = onnx.Mul(%r, %r) : f32<1x4x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "r", "y"}));
}

TEST(QuantGroups, MovementBesideAnotherConsumerStillCarries) {
  Groups g(Conv + "%f = onnx.Flatten(%c) : f32<1x256>\n%y = onnx.Relu(%c) : f32<1x4x8x8>\nreturn %f, %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "c", "y"}));
  EXPECT_EQ(g.holder("f"), "c");
}

TEST(QuantGroups, ConcatOnlyProducersShareItsPosition) {
  Groups g(Conv + "%r = onnx.Relu(%c) : f32<1x4x8x8>\n%p = onnx.MaxPool(%x) : f32<1x4x8x8>\n"
                  "%y = onnx.Concat(%r, %p) {axis = 1} : f32<1x8x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "y"}));
  EXPECT_EQ(g.holder("c"), "y");
  EXPECT_EQ(g.holder("p"), "y");
}

TEST(QuantGroups, AnotherConsumerBesideConcatKeepsItsOwn) {
  Groups g(Conv + "%p = onnx.MaxPool(%c) : f32<1x4x8x8>\n"
                  "%y = onnx.Concat(%c, %p) {axis = 1} : f32<1x8x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "c", "y"}));
  EXPECT_EQ(g.holder("p"), "y");
}

TEST(QuantGroups, ConcatSharesThePositionOfItsOwnGroup) {
  Groups g(Conv + "%k = onnx.Concat(%c) {axis = 1} : f32<1x4x8x8>\n%y = onnx.Relu(%k) : f32<1x4x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "y"}));
  EXPECT_EQ(g.holder("c"), "y");
}

TEST(QuantGroups, ConcatIntoConcat) {
  Groups g(Conv + "%k = onnx.Concat(%c, %x) {axis = 1} : f32<1x8x8x8>\n"
                  "%y = onnx.Concat(%k, %x) {axis = 1} : f32<1x12x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "y"}));
  EXPECT_EQ(g.holder("c"), "y");
}

TEST(QuantGroups, InputsKeepTheirOwnBeforeAConcat) {
  Groups g("%y = onnx.Concat(%x, %x) {axis = 1} : f32<1x8x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "y"}));
}

TEST(QuantGroups, FloatInputOfAQuantizableOpGetsOne) {
  Groups g(Conv + "%s = onnx.Sigmoid(%c) : f32<1x4x8x8>\n%y = onnx.Mul(%c, %s) : f32<1x4x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "c", "s", "y"}));
}

TEST(QuantGroups, FloatInputThroughMovementGetsItAtItsSource) {
  Groups g("%s = onnx.Sigmoid(%x) : f32<1x4x8x8>\n%f = onnx.Flatten(%s) : f32<1x256>\n"
           "%y = onnx.Softmax(%f) : f32<1x256>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "s", "y"}));
  EXPECT_EQ(g.holder("f"), "s");
}

TEST(QuantGroups, SplitResultsCarry) {
  Groups g(Conv + "%p, %q = onnx.Split(%c) {axis = 1} : f32<1x2x8x8>, f32<1x2x8x8>\n"
                  "%y = onnx.Add(%p, %q) : f32<1x2x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "c", "y"}));
  EXPECT_EQ(g.holder("q"), "c");
}

TEST(QuantGroups, ResultsOfAnUnknownOpHaveOneEach) {
  Groups g("%p, %q = my.domain.Two(%x) : f32<1x4x8x8>, f32<1x4x8x8>\n"
           "%y = onnx.Add(%p, %q) : f32<1x4x8x8>\nreturn %y\n");
  EXPECT_EQ(g.activations(), (Names{"x", "p", "q", "y"}));
}

TEST(QuantGroups, ShapeOperandsAreNoProducersAndNoParams) {
  Groups g(Conv + "%s = const dense(1, 256) : i64<2>\n%y = onnx.Reshape(%c, %s) : f32<1x256>\nreturn %y\n");
  EXPECT_EQ(g.holder("y"), "c");
  EXPECT_EQ(g.params(), (Names{"w", "b"}));
}

TEST(QuantGroups, ClipBoundsAreNoParams) {
  Groups g(Conv + "%lo = const splat(0.0) : f32<>\n%y = onnx.Clip(%c, %lo, _) : f32<1x4x8x8>\nreturn %y\n");
  EXPECT_EQ(g.params(), (Names{"w", "b"}));
}

TEST(QuantGroups, ResizeScalesAreNoParams) {
  Groups g("%s = const dense(1.0, 1.0, 2.0, 2.0) : f32<4>\n%y = onnx.Resize(%x, _, %s) : f32<1x4x16x16>\nreturn %y\n");
  EXPECT_TRUE(g.params().empty());
}

TEST(QuantGroups, ConstantOperandsOfEltwiseAreParams) {
  Groups g("%k = const splat(3.0) : f32<1x4x1x1>\n%y = onnx.Add(%x, %k) : f32<1x4x8x8>\nreturn %y\n");
  EXPECT_EQ(g.params(), (Names{"k"}));
}

TEST(QuantGroups, GemmAndMatMulParams) {
  Groups g("%w = const splat(0.5) : f32<8x8>\n%b = const splat(0.5) : f32<8>\n"
           "%m = onnx.MatMul(%x, %w) : f32<1x4x8x8>\n%f = onnx.Reshape(%m, _) : f32<32x8>\n"
           "%y = onnx.Gemm(%f, %w, %b) : f32<32x8>\nreturn %y\n");
  EXPECT_EQ(g.params(), (Names{"w", "b"}));
  EXPECT_EQ(g.activations(), (Names{"x", "m", "y"}));
}

namespace {
Groups matMulAdd(const std::string &row) {
  return Groups("%w = const splat(0.5) : f32<8x6>\n%b = const splat(0.5) : " + row +
                "\n%m = onnx.MatMul(%x, %w) : f32<1x4x8x6>\n%a = onnx.Add(%b, %m) : f32<1x4x8x6>\n"
                "%y = onnx.Relu(%a) : f32<1x4x8x6>\nreturn %y\n");
}
} // namespace

TEST(QuantGroups, ALinearLayersBiasJoins) {
  Groups g = matMulAdd("f32<6>");
  EXPECT_EQ(g.activations(), (Names{"x", "y"}));
  EXPECT_EQ(g.params(), (Names{"w", "b"}));
}

TEST(QuantGroups, AScalarBehindMatMulIsNoBias) { EXPECT_EQ(matMulAdd("f32<1>").activations(), (Names{"x", "m", "y"})); }

TEST(QuantGroups, AColumnBehindMatMulIsNoBias) {
  EXPECT_EQ(matMulAdd("f32<8x1>").activations(), (Names{"x", "m", "y"}));
}

TEST(QuantGroups, IntegersHaveNone) {
  Groups g("%y = onnx.Add(%i, %i) : i64<4>\nreturn %y\n", "%i: i64<4>");
  EXPECT_TRUE(g.activations().empty());
}
