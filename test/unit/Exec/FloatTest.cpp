//===- FloatTest.cpp - what fuses, and that it stays the same --------------------------------===//
#include "../../../lib/Exec/Float/OneDnn.h"
#include "../../../lib/Exec/Steps.h"
#include "FloatTestData.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

//===- What fuses -----------------------------------------------------------------------===//

TEST(FloatFusion, Activations) {
  for (const char *op :
       {"onnx.Relu(%c)", "onnx.LeakyRelu(%c) {alpha = 0.2}", "onnx.HardSwish(%c)", "onnx.Sigmoid(%c)",
        "onnx.HardSigmoid(%c) {alpha = 0.3, beta = 0.4}", "onnx.Tanh(%c)", "onnx.Elu(%c)", "onnx.Softplus(%c)",
        "onnx.Mish(%c)", "onnx.Gelu(%c)", "onnx.Gelu(%c) {approximate = \"tanh\"}", "onnx.Abs(%c)", "onnx.Exp(%c)",
        "onnx.Clip(%c) {min = -0.5, max = 0.75}"}) {
    SCOPED_TRACE(op);
    EXPECT_EQ(expectAgreement(afterConv(fmt::format("  %y = {} : f32<2x13x9x11>\n", op))), JustConv);
  }
}

TEST(FloatFusion, LimitsThatAreOperands) {
  EXPECT_EQ(expectAgreement(afterConv("  %low = const splat(0) : f32<>\n  %high = const splat(1.5) : f32<>\n"
                                      "  %y = onnx.Clip(%c, %low, %high) : f32<2x13x9x11>\n")),
            JustConv);
}

TEST(FloatFusion, GatesOfBothKinds) {
  for (const char *gate : {"onnx.Sigmoid(%c)", "onnx.HardSigmoid(%c) {alpha = 0.16666667, beta = 0.5}"})
    for (const char *order : {"%c, %s", "%s, %c"}) {
      SCOPED_TRACE(testing::Message() << gate << " " << order);
      EXPECT_EQ(expectAgreement(afterConv(fmt::format("  %s = {} : f32<2x13x9x11>\n"
                                                      "  %y = onnx.Mul({}) : f32<2x13x9x11>\n",
                                                      gate, order))),
                JustConv);
    }
}

TEST(FloatFusion, BatchNormWhoseParametersComeLater) {
  EXPECT_EQ(expectAgreement(afterConv(R"(
  %g = const rand(5) : f32<13>
  %s = const rand(6) : f32<13>
  %m = const rand(7) : f32<13>
  %v = const splat(0.7) : f32<13>
  %n = onnx.BatchNormalization(%c, %g, %s, %m, %v) : f32<2x13x9x11>
  %y = onnx.Relu(%n) : f32<2x13x9x11>
)")),
            JustConv);
}

TEST(FloatFusion, SumThenActivationAndActivationThenSum) {
  const char *begin = "  %r = onnx.Relu(%x) : f32<2x13x9x11>\n";
  Steps expected{"onnx.Relu f32", "to channels last", "onnx.Conv f32", "from channels last"};
  auto sorted = [](Steps s) { return llvm::sort(s), s; };
  EXPECT_EQ(sorted(expectAgreement(afterConv(std::string(begin) + "  %a = onnx.Add(%c, %r) : f32<2x13x9x11>\n"
                                                                  "  %y = onnx.Relu(%a) : f32<2x13x9x11>\n"))),
            sorted(expected));
  EXPECT_EQ(sorted(expectAgreement(afterConv(std::string(begin) + "  %s = onnx.Sigmoid(%c) : f32<2x13x9x11>\n"
                                                                  "  %m = onnx.Mul(%c, %s) : f32<2x13x9x11>\n"
                                                                  "  %y = onnx.Add(%r, %m) : f32<2x13x9x11>\n"))),
            sorted(expected));
}

/// The addend is the convolution's own input: its memory must not be written while it is read.
TEST(FloatFusion, SumWithTheInput) {
  expectAgreement(afterConv("  %y = onnx.Add(%c, %x) : f32<2x13x9x11>\n"));
  expectAgreement(afterConv("  %w2 = const rand(9) : f32<13x13x1x1>\n"
                            "  %d = onnx.Conv(%c, %w2) : f32<2x13x9x11>\n"
                            "  %y = onnx.Add(%d, %c) : f32<2x13x9x11>\n"));
}

TEST(FloatFusion, AddendThatIsReadAgain) {
  expectAgreement(afterConv("  %w2 = const rand(9) : f32<13x13x1x1>\n"
                            "  %r = onnx.Relu(%c) : f32<2x13x9x11>\n"
                            "  %d = onnx.Conv(%r, %w2) : f32<2x13x9x11>\n"
                            "  %e = onnx.Conv(%d, %w2) : f32<2x13x9x11>\n"
                            "  %s = onnx.Add(%e, %r) : f32<2x13x9x11>\n"
                            "  %y = onnx.Mul(%s, %r) : f32<2x13x9x11>\n"));
}

TEST(FloatFusion, TwoConvolutionsIntoOneSum) {
  expectAgreement(afterConv("  %w2 = const rand(9) : f32<13x13x1x1>\n"
                            "  %d = onnx.Conv(%x, %w2) : f32<2x13x9x11>\n"
                            "  %s = onnx.Add(%c, %d) : f32<2x13x9x11>\n"
                            "  %y = onnx.Relu(%s) : f32<2x13x9x11>\n"));
}

TEST(FloatFusion, NothingThatSomebodyReads) {
  EXPECT_EQ(expectAgreement(afterConv("  %y = onnx.Relu(%c) : f32<2x13x9x11>\n", "%y, %c")),
            (Steps{"onnx.Conv f32", "onnx.Relu f32", "from channels last", "from channels last"}));
  expectAgreement(afterConv("  %r = onnx.Relu(%c) : f32<2x13x9x11>\n  %y = onnx.Sub(%r, %c) : f32<2x13x9x11>\n"));
}

TEST(FloatFusion, GeluWrittenOutBehindAProduct) {
  EXPECT_EQ(expectAgreement(R"(
graph @net(%x: f32<3x7x24>) {
  %w = const rand(3) : f32<24x40>
  %b = const rand(4) : f32<40>
  %r = const splat(1.41421356) : f32<>
  %o = const splat(1) : f32<>
  %h = const splat(0.5) : f32<>
  %p = onnx.MatMul(%x, %w) : f32<3x7x40>
  %a = onnx.Add(%b, %p) : f32<3x7x40>
  %d = onnx.Div(%a, %r) : f32<3x7x40>
  %e = onnx.Erf(%d) : f32<3x7x40>
  %f = onnx.Add(%e, %o) : f32<3x7x40>
  %m = onnx.Mul(%a, %f) : f32<3x7x40>
  %y = onnx.Mul(%m, %h) : f32<3x7x40>
  return %y
})"),
            Steps{"onnx.MatMul f32"});
}

//===- Fix points -----------------------------------------------------------------------===//

/// Bit for bit: the result is on a grid, and a value off by one unit of its last place may fall to the other side.
TEST(FloatFixPoints, RoundingsStay) {
  expectAgreement(R"(
graph @net(%x: q8.4<1x5x6x7>) {
  %w = const rand(3) : f32<8x5x3x3>
  %wq = onnx.Identity(%w) : q8.6<8x5x3x3>
  %c = onnx.Conv(%x, %wq) : q8.3<1x8x4x5>
  %r = onnx.Relu(%c) : q8.3<1x8x4x5>
  %s = onnx.Sigmoid(%r) : q8.7<1x8x4x5>
  %m = onnx.Mul(%r, %s) : q8.4<1x8x4x5>
  %y = onnx.Add(%m, %c) : q8.2<1x8x4x5>
  return %y
})",
                  0);
}

//===- Memory ---------------------------------------------------------------------------===//

/// Convolutions in a row with a residual: no more at a time than the tensors that one step reads and writes.
TEST(FloatMemory, NoMoreThanTheLargestTensorsOfAStep) {
  std::string text = "graph @net(%v0: f32<1x16x32x32>) {\n  %w = const rand(3) : f32<16x16x3x3>\n";
  for (int i = 0; i < 12; ++i)
    text += fmt::format("  %c{0} = onnx.Conv(%v{0}, %w) {{pads = [1, 1, 1, 1]}} : f32<1x16x32x32>\n"
                        "  %r{0} = onnx.Relu(%c{0}) : f32<1x16x32x32>\n"
                        "  %d{0} = onnx.Conv(%r{0}, %w) {{pads = [1, 1, 1, 1]}} : f32<1x16x32x32>\n"
                        "  %v{1} = onnx.Add(%d{0}, %v{0}) : f32<1x16x32x32>\n",
                        i, i + 1);
  auto g = parse(text + "  return %v12\n}");
  ASSERT_TRUE(g);
  DiagEngine diags(&llvm::errs());
  ExecOptions options;
  auto program = exec::planProgram(*g, options, diags);
  ASSERT_TRUE(program && succeeded(exec::placeInArena(*program, options, diags)));
  size_t tensor = 16 * 32 * 32 * sizeof(float);
  EXPECT_EQ(program->arenaBytes, 2 * tensor); // a sum takes the memory of its addend
}

//===- Functions of one element ---------------------------------------------------------===//

TEST(FloatEltwise, EveryFunctionAgreesWithItsDefinition) {
  using K = exec::PostOp::Kind;
  std::vector<float> x;
  for (int i = -200; i <= 200; ++i)
    x.push_back(float(i) / 16);
  for (K kind : {K::Leaky, K::Clip, K::Linear, K::Sigmoid, K::Swish, K::HardSwish, K::Tanh, K::Elu, K::GeluErf,
                 K::GeluTanh, K::SoftPlus, K::Mish, K::Exp, K::Log, K::Sqrt, K::Abs, K::Square}) {
    exec::PostOp op{kind, 0.75f, 1.5f};
    auto kernel = exec::oneDnnEltwise(int64_t(x.size()), op);
    ASSERT_TRUE(kernel) << int(kind);
    std::vector<float> y(x.size());
    ASSERT_TRUE(kernel->run({x.data()}, {y.data()}));
    for (size_t i = 0; i < x.size(); ++i) {
      float expected = exec::apply(op, x[i]);
      if (std::isfinite(expected)) {
        EXPECT_NEAR(y[i], expected, 1e-5 * std::max(1.0f, std::fabs(expected))) << int(kind) << " of " << x[i];
      }
    }
  }
}

//===- Types that do not say what comes -------------------------------------------------===//

/// A graph may declare anything; a kernel made for that must not read or write past the memory that was planned.
TEST(FloatTypes, ResultsOfAnotherSizeThanDeclared) {
  for (const char *body : {"%x: f32<1x4x6x6>) {\n  %y = onnx.Relu(%x) : f32<1x4x6x60>",
                           "%x: f32<1x4x6x6>) {\n  %y = onnx.Add(%x, %x) : f32<1x4x6x60>",
                           "%x: f32<1x4x6x6>) {\n  %y = onnx.GlobalAveragePool(%x) : f32<1x2x1x1>",
                           "%x: f32<1x4x6x6>) {\n  %y = onnx.ReduceMean(%x) {axes = [2, 3]} : f32<1x2x1x1>",
                           "%x: f32<1x4x6x6>) {\n  %y = onnx.MaxPool(%x) {kernel_shape = [2, 2]} : f32<1x4x4x5>",
                           "%x: f32<1x4x6x6>) {\n  %y = onnx.Concat(%x, %x) {axis = 1} : f32<1x7x6x6>",
                           "%x: f32<1x4x6x6>) {\n  %y = onnx.Softmax(%x) {axis = 3} : f32<1x4x6x5>",
                           "%x: f32<1x4x6x6>) {\n  %y = onnx.Transpose(%x) {perm = [0, 0, 0, 0]} : f32<1x1x1x1>",
                           "%x: f32<3x4>) {\n  %w = const rand(3) : f32<4x5>\n  %y = onnx.MatMul(%x, %w) : f32<3x4>",
                           "%x: f32<1x4x6x6>) {\n  %w = const rand(3) : f32<5x4x3x3>\n"
                           "  %y = onnx.Conv(%x, %w) : f32<1x5x3x4>"}) {
    SCOPED_TRACE(body);
    llvm::StringRef declared = llvm::StringRef(body).rsplit(" : ").second;
    auto g = parse(fmt::format("graph @net({}\n  %z = onnx.Relu(%y) : {}\n  return %z\n}}", body, declared.str()));
    ASSERT_TRUE(g);
    DiagEngine diags(nullptr);
    auto executor = Executor::create(*g, {}, diags);
    EXPECT_TRUE(!executor || !(*executor)->run({randomTensor(g->inputs()[0]->type(), 1)}));
  }
}

//===- Other convolutions ---------------------------------------------------------------===//

TEST(FloatConv, GroupsDilationTransposedAndOtherRanks) {
  for (const char *body : {
           "%x: f32<2x12x9x7>) {\n  %w = const rand(3) : f32<18x4x3x3>\n"
           "  %c = onnx.Conv(%x, %w) {dilations = [2, 1], group = 3, strides = [1, 2]} : f32<2x18x5x3>\n"
           "  %y = onnx.Relu(%c) : f32<2x18x5x3>",
           "%x: f32<2x15x9x7>) {\n  %w = const rand(3) : f32<15x1x3x3>\n"
           "  %c = onnx.Conv(%x, %w) {group = 15, pads = [0, 1, 2, 1]} : f32<2x15x9x7>\n"
           "  %y = onnx.HardSwish(%c) : f32<2x15x9x7>",
           "%x: f32<2x6x5x4>) {\n  %w = const rand(3) : f32<6x5x3x3>\n  %b = const rand(4) : f32<10>\n"
           "  %c = onnx.ConvTranspose(%x, %w, %b) {group = 2, output_padding = [1, 1], strides = [2, 2]} : "
           "f32<2x10x12x10>\n  %y = onnx.Relu(%c) : f32<2x10x12x10>",
           "%x: f32<2x5x17>) {\n  %w = const rand(3) : f32<7x5x4>\n"
           "  %c = onnx.Conv(%x, %w) : f32<2x7x14>\n  %y = onnx.Relu(%c) : f32<2x7x14>",
           "%x: f32<1x3x5x6x7>) {\n  %w = const rand(3) : f32<4x3x2x3x3>\n"
           "  %c = onnx.Conv(%x, %w) : f32<1x4x4x4x5>\n  %y = onnx.Relu(%c) : f32<1x4x4x4x5>",
       }) {
    SCOPED_TRACE(body);
    expectAgreement(std::string("graph @net(") + body + "\n  return %y\n}");
  }
}

/// A convolution whose weights are computed has no kernel made beforehand.
TEST(FloatConv, WeightsThatChange) {
  expectAgreement(R"(
graph @net(%x: f32<1x4x6x6>, %w: f32<5x4x3x3>) {
  %c = onnx.Conv(%x, %w) : f32<1x5x4x4>
  %y = onnx.Relu(%c) : f32<1x5x4x4>
  return %y
})");
}

} // namespace
