//===- FixedConvTest.cpp - the DPU's convolution, rule by rule ----------------------------===//
//
// One input channel, a 1 x 1 kernel of 1: the sum is the input, and what is left is shifting, rounding, saturation
// and activation. Expectations are worked out by hand.
//
//===----------------------------------------------------------------------===//
#include "FixedOp.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

struct Conv {
  int input = 4, weight = 0, output = 4; ///< fix points
  std::string bias;                      ///< "q8.5" and the number behind it; none if empty
  std::string attributes;
  ExecOptions options = {};
};

/// The result for every number of `x` as the sum, with bias.
Ints conv(Ints x, const Conv &c, int bias = 0, std::string *why = nullptr) {
  std::string shape = fmt::format("<1x1x{}x1>", x.size());
  std::string constants = fmt::format("%w = const dense(1) : q8.{}<1x1x1x1>\n", c.weight);
  if (!c.bias.empty())
    constants += fmt::format("%k = const dense({}) : {}<1>\n", bias, c.bias);
  return runStored(fmt::format("xir.conv2d-fix(%a, %w{}) {{kernel = [1, 1], stride = [1, 1]{}}}",
                               c.bias.empty() ? "" : ", %k", c.attributes),
                   {{fmt::format("q8.{}{}", c.input, shape), x}}, fmt::format("q8.{}{}", c.output, shape), constants,
                   c.options, why);
}

TEST(FixedConv, HalvesGoUp) {
  // shift_cut 1: sums in halves.
  EXPECT_EQ(conv({-3, -2, -1, 0, 1, 2, 3}, {5, 0, 4, "", ""}), (Ints{-1, -1, 0, 0, 1, 1, 2}));
}

TEST(FixedConv, ShiftsOfTwoRoundOnce) {
  // Quarters: 1/4 -> 0, 1/2 -> 1, -1/2 -> 0, -3/4 -> -1, 5/4 -> 1, 6/4 -> 2.
  EXPECT_EQ(conv({1, 2, -2, -3, 5, 6}, {6, 0, 4, "", ""}), (Ints{0, 1, 0, -1, 1, 2}));
}

TEST(FixedConv, NegativeShiftsMultiplyAndSaturate) {
  EXPECT_EQ(conv({0, 1, 31, 32, -32, -33}, {2, 0, 4, "", ""}), (Ints{0, 4, 124, 127, -128, -128}));
}

TEST(FixedConv, SaturatesAfterTheBias) {
  EXPECT_EQ(conv({126, 127, -128}, {4, 0, 4, "q8.4", ""}, 1), (Ints{127, 127, -127}));
  EXPECT_EQ(conv({-127, -128}, {4, 0, 4, "q8.4", ""}, -1), (Ints{-128, -128}));
}

TEST(FixedConv, HugeShiftsGiveZeroOrTheEnds) {
  EXPECT_EQ(conv({127, -128, 0}, {64, 64, -64, "", ""}), (Ints{0, 0, 0}));
  EXPECT_EQ(conv({1, -1, 0}, {-64, -64, 64, "", ""}), (Ints{127, -128, 0}));
}

TEST(FixedConv, ACoarserBiasIsShiftedLeft) {
  EXPECT_EQ(conv({0, 1}, {4, 2, 6, "q8.4", ""}, 3), (Ints{12, 13})); // shift_bias 2
}

TEST(FixedConv, TheGuardBitHoldsHalfABias) {
  // shift_bias -1: the bias counts halves of the sum; 1/2 -> 1, -1/2 -> 0.
  EXPECT_EQ(conv({0, 1}, {4, 0, 4, "q8.5", ""}, 1), (Ints{1, 2}));
  EXPECT_EQ(conv({0, 1}, {4, 0, 4, "q8.5", ""}, -1), (Ints{0, 1}));
}

TEST(FixedConv, AFinerBiasHasBeenShiftedByTheCompiler) {
  // shift_bias -3 by the fix points, but the bytes are in halves already: 3/2 -> 2, -3/2 -> -1.
  EXPECT_EQ(conv({0}, {4, 0, 4, "q8.7", ""}, 3), (Ints{2}));
  EXPECT_EQ(conv({0}, {4, 0, 4, "q8.7", ""}, -3), (Ints{-1}));
}

TEST(FixedConv, VendorBiasesAreShiftedAgainTowardMinusInfinity) {
  Conv c{4, 0, 5, "q8.7", ""};
  c.options.vendorBiases = true;
  // floor(2 * b / 8) halves of a sum, doubled by the result's fix point: 3 -> 0, 4 -> 1/2, -1 -> -1/2.
  EXPECT_EQ(conv({0}, c, 3), (Ints{0}));
  EXPECT_EQ(conv({0}, c, 4), (Ints{1}));
  EXPECT_EQ(conv({0}, c, -1), (Ints{-1}));
}

TEST(FixedConv, ReluComesBeforeTheRounding) {
  EXPECT_EQ(conv({-128, -1, 0, 1, 3}, {5, 0, 4, "", ", nonlinear = \"RELU\""}), (Ints{0, 0, 0, 1, 2}));
}

TEST(FixedConv, LeakyReluIs26Of256) {
  // -64 * 26 / 256 = -6.5 -> -6; -128 -> -13; -5 -> -0.51 -> -1; -4 -> -0.41 -> 0.
  EXPECT_EQ(conv({-64, -128, -5, -4, 0, 7}, {4, 0, 4, "", ", nonlinear = \"LEAKYRELU\""}),
            (Ints{-6, -13, -1, 0, 0, 7}));
}

TEST(FixedConv, LeakyReluRoundsOnceOnly) {
  // t = -9/2; t * 26/256 = -0.457 -> 0, though DPU_ROUND(t) * 26/256 = -0.41 would be 0 too; -10/2: -0.508 -> -1.
  EXPECT_EQ(conv({-9, -10}, {5, 0, 4, "", ", nonlinear = \"LEAKYRELU\""}), (Ints{0, -1}));
}

TEST(FixedConv, PreluHasItsOwnSlope) {
  std::string attributes = ", nonlinear = \"PRELU\", prelu_in = 64, prelu_shift = 8";
  EXPECT_EQ(conv({-10, -2, -3, 5}, {4, 0, 4, "", attributes}), (Ints{-2, 0, -1, 5}));
}

TEST(FixedConv, Relu6CapsAt96UpToFixPoint4) {
  std::string attributes = ", nonlinear = \"RELU6\"";
  EXPECT_EQ(conv({-1, 95, 96, 97, 127}, {4, 0, 4, "", attributes}), (Ints{0, 95, 96, 96, 96}));
  EXPECT_EQ(conv({97, 127}, {3, 0, 3, "", attributes}), (Ints{96, 96})); // 12.0, the hardware's constant
  EXPECT_EQ(conv({97, 127}, {5, 0, 5, "", attributes}), (Ints{97, 127}));
}

TEST(FixedConv, HardSigmoidRoundsToItsOwnInputFirst) {
  std::string attributes = ", nonlinear = \"HSIGMOID\", hsigmoid_in = 2, shift_hsigmoid = 9";
  // Sums at fix point 3 become numbers at 2: 0 -> (3 * 2731 * 4) / 512 = 64.01; 3.0 -> 128.01 -> 127; -3.0 -> 0;
  // 21 / 8 = 10.5 quarters -> 11 -> (30041 + 32772) / 512 = 122.7 -> 123; -21 / 8 -> -10 -> 10.7 -> 11.
  EXPECT_EQ(conv({0, 24, -24, 21, -21}, {3, 0, 7, "", attributes}), (Ints{64, 127, 0, 123, 11}));
}

TEST(FixedConv, HardSwishMultipliesWithTheRoundedOnes) {
  std::string attributes = ", nonlinear = \"HSWISH\", hsigmoid_in = 2, shift_hsigmoid = 9, shift_hswish = 7";
  // x = 12: h = 127, 12 * 127 / 128 = 11.9 -> 12; x = -6: h = 32.0 -> -1.5 -> -1; x = 0: 0.
  EXPECT_EQ(conv({12, -6, 0, -12}, {2, 0, 2, "", attributes}), (Ints{12, -1, 0, 0}));
}

TEST(FixedConv, NonlinearMayBeANumberOrEmpty) {
  EXPECT_EQ(conv({-1, 1}, {4, 0, 4, "", ", nonlinear = 1"}), (Ints{0, 1}));
  EXPECT_EQ(conv({-1, 1}, {4, 0, 4, "", ", nonlinear = \"\""}), (Ints{-1, 1}));
}

TEST(FixedConv, PadsAreZeroAndAttributesAreWidthFirst) {
  // 1 x 2 input, kernel 3 wide and 1 high of ones, pads left 1, right 2: sums of up to three neighbours.
  EXPECT_EQ(runStored("xir.conv2d-fix(%a, %w) {kernel = [3, 1], stride = [1, 1], pad = [1, 2, 0, 0]}",
                      {{"q8.0<1x1x2x1>", {10, 20}}}, "q8.0<1x1x3x1>", "%w = const dense(1, 1, 1) : q8.0<1x1x3x1>\n"),
            (Ints{30, 30, 20}));
}

TEST(FixedConv, TransposedKernelsLieTurned) {
  // 2 x upsampling of a row: out[x * 2 + k] += in[x] * w[k]; the file has w turned round: 1, 2, 4 means 4, 2, 1.
  EXPECT_EQ(runStored("xir.transposed-conv2d-fix(%a, %w) {kernel = [3, 1], stride = [2, 1]}",
                      {{"q8.0<1x1x2x1>", {1, 10}}}, "q8.0<1x1x5x1>", "%w = const dense(1, 2, 4) : q8.0<1x1x3x1>\n"),
            (Ints{4, 2, 41, 20, 10}));
}

TEST(FixedConv, DepthwiseMultiplier) {
  // Two results per channel: weights [multiplier][h][w][channel].
  EXPECT_EQ(runStored("xir.depthwise-conv2d-fix(%a, %w) {kernel = [1, 1], stride = [1, 1]}",
                      {{"q8.0<1x1x1x2>", {1, 10}}}, "q8.0<1x1x1x4>", "%w = const dense(1, 2, 3, 4) : q8.0<2x1x1x2>\n"),
            (Ints{1, 3, 20, 40}));
}

TEST(FixedConv, ManyThreadsGiveTheSameBits) {
  ExecOptions two;
  two.threads = 2;
  Ints x;
  for (int i = 0; i < 31 * 17 * 5; ++i)
    x.push_back(i * 37 % 256 - 128);
  auto run = [&](ExecOptions options) {
    return runStored("xir.conv2d-fix(%a, %w) {kernel = [3, 3], stride = [1, 1], pad = [1, 1, 1, 1]}",
                     {{"q8.4<1x31x17x5>", x}}, "q8.3<1x31x17x7>", "%w = const splat(3) : q8.7<7x3x3x5>\n", options);
  };
  EXPECT_EQ(run(two), run({}));
  EXPECT_EQ(run({}).size(), 31u * 17 * 7);
}

TEST(FixedConv, SumsOfMoreThan31Bits) {
  // 2^17 products of -128 * -128 are 2^31; with shift_cut 25 that is 64.
  EXPECT_EQ(runStored("xir.conv2d-fix(%a, %w) {kernel = [1, 1], stride = [1, 1]}", {{"q8.20<1x1x1x131072>", {-128}}},
                      "q8.-5<1x1x1x1>", "%w = const splat(-128) : q8.0<1x1x1x131072>\n"),
            (Ints{64}));
}

//===- What is refused ------------------------------------------------------------------===//

void expectError(const std::string &op, const std::string &result, const std::string &constants,
                 const std::string &words) {
  std::string why;
  EXPECT_TRUE(runStored(op, {{"q8.4<1x4x4x2>", {1}}}, result, constants, {}, &why).empty()) << op;
  EXPECT_NE(why.find(words), std::string::npos) << op << "\n" << why;
}

const char *Weights = "%w = const splat(1) : q8.4<3x3x3x2>\n";

TEST(FixedConvErrors, Attributes) {
  auto with = [](const std::string &attributes) { return "xir.conv2d-fix(%a, %w) {" + attributes + "}"; };
  const char *window = "kernel, stride, dilation and pad do not fit", *size = "do not give the declared result";
  expectError(with("kernel = [3], stride = [1, 1]"), "q8.4<1x2x2x3>", Weights, window);
  expectError(with("kernel = [3, 3], stride = [0, 1]"), "q8.4<1x2x2x3>", Weights, window);
  expectError(with("kernel = [3, 3], stride = [1, 1], dilation = [-1, 1]"), "q8.4<1x2x2x3>", Weights, window);
  expectError(with("kernel = [3, 3], stride = [1, 1], pad = [0, 0, -1, 0]"), "q8.4<1x2x2x3>", Weights, window);
  expectError(with("kernel = [3, 3], stride = [1, 1], pad = [1, 1]"), "q8.4<1x2x2x3>", Weights, window);
  expectError(with("kernel = [2000000000, 3], stride = [1, 1]"), "q8.4<1x2x2x3>", Weights, "do not fit");
  expectError(with("kernel = [3, 3], stride = [1, 1]"), "q8.4<1x3x2x3>", Weights, size);
  expectError(with("kernel = [3, 3], stride = [1, 1], dilation = [2, 1]"), "q8.4<1x2x2x3>", Weights, size);
  expectError(with("kernel = [3, 3], stride = [1, 1], pad_mode = \"AUTO\""), "q8.4<1x2x2x3>", Weights, "pad_mode");
  expectError(with("kernel = [3, 2], stride = [1, 1]"), "q8.4<1x2x2x3>", Weights, "weights q8.4<3x3x3x2> do not fit");
  expectError(with("kernel = [3, 3], stride = [1, 1], nonlinear = \"TANH\""), "q8.4<1x2x2x3>", Weights,
              "its nonlinear");
  expectError(with("kernel = [3, 3], stride = [1, 1], nonlinear = 7"), "q8.4<1x2x2x3>", Weights, "its nonlinear");
  expectError(with("kernel = [3, 3], stride = [1, 1], nonlinear = \"HSIGMOID\""), "q8.4<1x2x2x3>", Weights,
              "hsigmoid_in");
  expectError(with("kernel = [3, 3], stride = [1, 1], nonlinear = \"PRELU\", prelu_in = 3"), "q8.4<1x2x2x3>", Weights,
              "prelu_shift");
  expectError(with("kernel = [3, 3], stride = [1, 1], nonlinear = \"LEAKYRELU\", LEAKYRELU_alpha = 0.1"),
              "q8.4<1x2x2x3>", Weights, "slope");
}

TEST(FixedConvErrors, Operands) {
  const char *conv = "xir.conv2d-fix(%a, %w) {kernel = [3, 3], stride = [1, 1]}";
  const char *biased = "xir.conv2d-fix(%a, %w, %k) {kernel = [3, 3], stride = [1, 1]}";
  std::string weights = Weights;
  expectError(conv, "q8.4<1x2x2x4>", Weights, "do not fit");
  expectError(conv, "q8.4<2x2x3>", Weights, "do not fit together");
  expectError(conv, "q8.4<1x2x2x3>", "%w = const splat(1) : q8.4<3x3x3x1>\n", "do not fit");
  expectError("xir.conv2d-fix(%a, %a) {kernel = [4, 4], stride = [1, 1]}", "q8.4<1x1x1x1>", "", "constant");
  expectError(biased, "q8.4<1x2x2x3>", weights + "%k = const splat(1) : q8.4<2>\n", "3 constant numbers");
  expectError(biased, "q8.4<1x2x2x3>", weights + "%k = const splat(1) : q8.-60<3>\n", "too far apart");
  expectError(conv, "q8.100<1x2x2x3>", Weights, "fix point");
  expectError(conv, "q4.4<1x2x2x3>", Weights, "8 signed bits");
  expectError("xir.conv2d-fix(%a, %w) {kernel = [1, 1], stride = [1, 1]}", "q8.4<1x4x4x1>",
              "%w = const splat(1) : q16.4<1x1x1x2>\n", "at most 8 bits");
}

} // namespace
