//===- FixedRulesTest.cpp - the DPU's other ops, rule by rule -----------------------------===//
//
// Sums, products, averages, maxima and functions of one number: shifts, roundings and saturations at their edges,
// worked out by hand.
//
//===----------------------------------------------------------------------===//
#include "FixedOp.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

//===- Eltwise --------------------------------------------------------------------------===//

/// Two or three tensors of one row.
Ints eltwise(const std::string &kind, const std::string &attributes, std::vector<std::pair<int, Ints>> in,
             int fixPoint) {
  std::vector<Stored> inputs;
  std::string operands;
  for (size_t i = 0; i < in.size(); ++i) {
    inputs.push_back({fmt::format("q8.{}<1x{}>", in[i].first, in[i].second.size()), in[i].second});
    operands += std::string(i ? ", %" : "%") + char('a' + i);
  }
  return runStored(fmt::format("xir.{}({}) {{{}}}", kind, operands, attributes), inputs,
                   fmt::format("q8.{}<1x{}>", fixPoint, in[0].second.size()));
}

const std::string Add = "type = \"ADD\", nonlinear = \"NONE\"", Mul = "type = \"MUL\", nonlinear = \"NONE\"";

TEST(FixedEltwise, AddRoundsHalvesUpAndSaturates) {
  EXPECT_EQ(eltwise("eltwise-fix", Add, {{4, {1, -1, -2, 127, -128}}, {4, {0, 0, -1, 127, -128}}}, 3),
            (Ints{1, 0, -1, 127, -128}));
  EXPECT_EQ(eltwise("eltwise-fix", Add, {{4, {100, -100}}, {4, {28, -29}}}, 4), (Ints{127, -128}));
}

TEST(FixedEltwise, AddTruncatesOperandsToTwoGuardBits) {
  // 3/8 and 1/8 of the coarse unit make 1/2, but floor to 1/4 and 0.
  EXPECT_EQ(eltwise("eltwise-fix", Add, {{5, {3}}, {5, {1}}, {2, {0}}}, 2), (Ints{0}));
  // Toward minus infinity: -1/8 twice is taken as -1/4 twice.
  EXPECT_EQ(eltwise("eltwise-fix", Add, {{5, {-1, -3}}, {5, {-1, -1}}, {2, {0, 0}}}, 2), (Ints{0, -1}));
}

TEST(FixedEltwise, AFinerResultMultiplies) {
  EXPECT_EQ(eltwise("eltwise-fix", Add, {{2, {1, 20}}, {2, {2, 20}}}, 4), (Ints{12, 127}));
}

TEST(FixedEltwise, MulRoundsTheExactProductOnce) {
  // 3 * 3 / 2 = 4.5 -> 5; -4.5 -> -4; -128 * -128 saturates.
  EXPECT_EQ(eltwise("eltwise-fix", Mul, {{4, {3, -3, -128}}, {3, {3, 3, -128}}}, 6), (Ints{5, -4, 127}));
  EXPECT_EQ(eltwise("eltwise-fix", Mul, {{2, {3}}, {2, {5}}, {2, {7}}}, 2), (Ints{7})); // 105 / 16 = 6.56
}

TEST(FixedEltwise, SubMaxMin) {
  EXPECT_EQ(eltwise("eltwise-fix", "type = \"SUB\"", {{4, {1, -128}}, {4, {2, 127}}}, 3),
            (Ints{0, -127})); // -1/2, -127.5
  EXPECT_EQ(eltwise("eltwise-fix", "type = \"MAX\"", {{4, {1, -5}}, {4, {2, -7}}}, 3), (Ints{1, -2}));
  EXPECT_EQ(eltwise("eltwise-fix", "type = \"MIN\"", {{4, {1, -5}}, {4, {2, -7}}}, 3), (Ints{1, -3}));
}

TEST(FixedEltwise, Activations) {
  EXPECT_EQ(eltwise("eltwise-fix", "type = \"ADD\", nonlinear = \"RELU\"", {{4, {-9, 3}}, {4, {1, 2}}}, 3),
            (Ints{0, 3}));
  EXPECT_EQ(eltwise("eltwise-fix", "type = \"ADD\", nonlinear = \"LEAKYRELU\"", {{4, {-100, 3}}, {4, {-28, 2}}}, 4),
            (Ints{-13, 5}));
  EXPECT_EQ(eltwise("eltwise-fix", "type = \"ADD\", nonlinear = \"RELU6\"", {{4, {90, -3}}, {4, {9, 2}}}, 4),
            (Ints{96, 0}));
  // Hard sigmoid of the sum at fix point 2.
  EXPECT_EQ(eltwise("eltwise-fix", "type = \"ADD\", nonlinear = \"HSIGMOID\", hsigmoid_in = 2, shift_hsigmoid = 9",
                    {{3, {0, 24, -20}}, {3, {0, 0, -4}}}, 7),
            (Ints{64, 127, 0}));
}

TEST(FixedEltwise, DepthwiseBroadcastsAndDoesNotTruncate) {
  EXPECT_EQ(runStored("xir.depthwise-fix(%a, %b) {type = \"MUL\"}",
                      {{"q8.4<1x2x1x2>", {3, -3, 100, 5}}, {"q8.1<1x1x1x2>", {1, 3}}}, "q8.4<1x2x1x2>"),
            (Ints{2, -4, 50, 8})); // 3/2, -9/2, 50, 15/2
  EXPECT_EQ(eltwise("depthwise-fix", "type = \"ADD\"", {{5, {3}}, {5, {1}}, {2, {0}}}, 2), (Ints{1}));
}

TEST(FixedEltwise, RepeatsAlongTheLastAxisToo) {
  EXPECT_EQ(runStored("xir.depthwise-fix(%a, %b) {type = \"MUL\"}",
                      {{"q8.4<1x2x1x2>", {3, -3, 100, 5}}, {"q8.0<1x2x1x1>", {2, -1}}}, "q8.4<1x2x1x2>"),
            (Ints{6, -6, -100, -5}));
}

//===- Pools ----------------------------------------------------------------------------===//

/// One channel, one window over a whole square of equal numbers.
Ints average(int size, int value, int from = 4, int to = 4) {
  return runStored(fmt::format("xir.pool-fix(%a) {{type = \"AVG\", kernel = [{0}, {0}], stride = [1, 1]}}", size),
                   {{fmt::format("q8.{}<1x{}x{}x1>", from, size, size), {value}}}, fmt::format("q8.{}<1x1x1x1>", to));
}

TEST(FixedPool, AveragesMultiplyByTheHardwaresConstants) {
  EXPECT_EQ(average(2, 100), (Ints{100}));
  EXPECT_EQ(average(3, 100), (Ints{98}));   // 900 * 7 / 64 = 98.44
  EXPECT_EQ(average(5, 100), (Ints{98}));   // 2500 * 10 / 256 = 97.66
  EXPECT_EQ(average(6, 100), (Ints{98}));   // 3600 * 7 / 256 = 98.44
  EXPECT_EQ(average(7, 100), (Ints{100}));  // 4900 * 21 / 1024 = 100.49
  EXPECT_EQ(average(14, 100), (Ints{100})); // 19600 * 21 / 4096 = 100.49
  EXPECT_EQ(average(3, -128), (Ints{-126}));
  EXPECT_EQ(average(4, -128), (Ints{-128}));
}

TEST(FixedPool, OtherWindowsTakeTheFirstBestFraction) {
  // 1/12 ~ 85/1024: 12 * 102 * 85 / 1024 = 101.6.
  auto run = [](int value) {
    return runStored("xir.pool-fix(%a) {type = \"AVG\", kernel = [4, 3], stride = [1, 1]}",
                     {{"q8.4<1x3x4x1>", {value}}}, "q8.4<1x1x1x1>");
  };
  EXPECT_EQ(run(102), (Ints{102}));
  EXPECT_EQ(run(-102), (Ints{-102}));
}

TEST(FixedPool, AverageRoundsOnceWithTheShift) {
  EXPECT_EQ(average(2, 3, 4, 3), (Ints{2})); // 12 / 4 / 2 = 1.5
  EXPECT_EQ(average(2, -3, 4, 3), (Ints{-1}));
  EXPECT_EQ(average(2, 100, 4, 6), (Ints{127}));
}

TEST(FixedPool, PaddingCountsAsZeroInAFullWindow) {
  EXPECT_EQ(runStored("xir.pool-fix(%a) {type = \"AVG\", kernel = [2, 1], stride = [1, 1], pad = [1, 0, 0, 0]}",
                      {{"q8.4<1x1x2x1>", {5, -4}}}, "q8.4<1x1x2x1>"),
            (Ints{3, 1})); // 5/2, 1/2
}

TEST(FixedPool, MaximumIgnoresPaddingThenShifts) {
  EXPECT_EQ(runStored("xir.pool-fix(%a) {type = \"MAX\", kernel = [2, 1], stride = [1, 1], pad = [1, 1, 0, 0]}",
                      {{"q8.1<1x1x2x1>", {-5, -3}}}, "q8.0<1x1x3x1>"),
            (Ints{-2, -1, -1})); // -5/2, -3/2, -3/2
  EXPECT_EQ(runStored("xir.pool-fix(%a) {type = 0, kernel = [2, 1], stride = [2, 1]}", {{"q8.1<1x1x2x1>", {40, 3}}},
                      "q8.3<1x1x1x1>"),
            (Ints{127}));
}

TEST(FixedPool, ReductionMeanMultipliesOneFractionPerAxis) {
  auto run = [](int value) {
    return runStored("xir.reduction_mean-fix(%a) {axis = [1, 2], keep_dims = true}", {{"q8.4<1x2x3x1>", {value}}},
                     "q8.4<1x1x1x1>");
  };
  // 1/2 * 85/256: 6 * 127 * 85 / 512 = 126.5 -> 127 and a bit; -768 * 85 / 512 = -127.5 -> -127.
  EXPECT_EQ(run(127), (Ints{127}));
  EXPECT_EQ(run(-128), (Ints{-127}));
}

TEST(FixedPool, ReductionMax) {
  EXPECT_EQ(runStored("xir.reduction_max-fix(%a) {axis = [1], keep_dims = false}",
                      {{"q8.1<2x3>", {1, 5, 3, -9, -7, -8}}}, "q8.0<2>"),
            (Ints{3, -3})); // 5/2, -7/2
}

//===- Functions of one number ----------------------------------------------------------===//

TEST(FixedScalar, HardSigmoid) {
  auto run = [](Ints x, int in, int shift) {
    return runStored(fmt::format("xir.hard-sigmoid-fix(%a) {{hsigmoid_in = {}, shift_hsigmoid = {}}}", in, shift),
                     {{fmt::format("q8.{}<1x{}>", in, x.size()), x}}, fmt::format("q8.7<1x{}>", x.size()));
  };
  // (2731 x + 3 * 2731 * 4) / 512: -12 -> 0, -11 -> 5.33, 0 -> 64.01, 11 -> 122.7, 12 -> 128.02.
  EXPECT_EQ(run({-128, -12, -11, 0, 11, 12, 127}, 2, 9), (Ints{0, 0, 5, 64, 123, 127, 127}));
  // A negative fix point: three is 3/2 units of 2. (2731 x + 4096.5) / 64: -1 -> 21.3, -2 -> 0, 0 -> 64.0, 1 -> 106.7.
  EXPECT_EQ(run({-2, -1, 0, 1, 2}, -1, 6), (Ints{0, 21, 64, 107, 127}));
}

TEST(FixedScalar, ReluLikes) {
  EXPECT_EQ(runStored("xir.fix(%a) {round_mode = \"DPU_ROUND\"}", {{"q8.1<1x4>", {1, -1, 3, -3}}}, "q8.0<1x4>"),
            (Ints{1, 0, 2, -1}));
}

//===- What is refused ------------------------------------------------------------------===//

void expectError(const std::string &op, std::vector<Stored> inputs, const std::string &result,
                 const std::string &words) {
  std::string why;
  EXPECT_TRUE(runStored(op, inputs, result, "", {}, &why).empty()) << op;
  EXPECT_NE(why.find(words), std::string::npos) << op << "\n" << why;
}

TEST(FixedErrors, Eltwise) {
  std::vector<Stored> two{{"q8.4<1x2>", {1}}, {"q8.4<1x2>", {1}}};
  expectError("xir.eltwise-fix(%a, %b) {type = \"DIV\"}", two, "q8.4<1x2>", "its type is not one of");
  expectError("xir.eltwise-fix(%a, %b) {type = \"ADD\", nonlinear = \"GELU\"}", two, "q8.4<1x2>", "its nonlinear");
  expectError("xir.eltwise-fix(%a, %b) {type = \"ADD\"}", two, "q8.4<1x3>", "does not broadcast");
  expectError("xir.eltwise-fix(%a, %b) {type = \"ADD\"}", {{"q8.4<2x2>", {1}}, {"q8.4<1x2>", {1}}}, "q8.4<1x2>",
              "does not broadcast");
  expectError("xir.eltwise-fix(%a, %a, %a, %a, %a, %a, %a, %a, %a) {type = \"ADD\"}", {{"q8.4<1x2>", {1}}}, "q8.4<1x2>",
              "at most 8");
  expectError("xir.depthwise-fix(%a, %b) {type = \"ADD\"}", {{"q8.-30<1x2>", {1}}, {"q8.30<1x2>", {1}}}, "q8.4<1x2>",
              "60 apart");
}

TEST(FixedErrors, Pools) {
  std::vector<Stored> x{{"q8.4<1x4x4x2>", {1}}};
  expectError("xir.pool-fix(%a) {kernel = [2, 2], stride = [2, 2], type = \"MEDIAN\"}", x, "q8.4<1x2x2x2>",
              "neither MAX nor AVG");
  expectError("xir.pool-fix(%a) {kernel = [2, 2], stride = [2, 2]}", x, "q8.4<1x2x2x2>", "neither MAX nor AVG");
  expectError("xir.pool-fix(%a) {kernel = [5, 2], stride = [2, 2], type = \"MAX\"}", x, "q8.4<1x2x2x2>", "do not give");
  expectError("xir.pool-fix(%a) {kernel = [2, 2], stride = [2, 2], type = \"MAX\"}", x, "q8.4<1x2x2x3>",
              "cannot be pooled");
  expectError("xir.pool-fix(%a) {kernel = [2, 2], stride = [2, 2], type = \"MAX\"}", {{"q8.4<4x4>", {1}}}, "q8.4<2x2>",
              "1 or 2 spatial axes");
  expectError(
      "xir.pool-fix(%a) {kernel = [1000000, 1000000], stride = [1, 1], pad = [999999, 0, 999999, 0], type = \"AVG\"}",
      {{"q8.4<1x1x1x1>", {1}}}, "q8.4<1x1x1x1>", "more than");
  expectError("xir.reduction_mean-fix(%a) {axis = [9], keep_dims = true}", x, "q8.4<1x1x4x2>", "out of range");
  expectError("xir.reduction_mean-fix(%a) {axis = [1], keep_dims = true}", x, "q8.4<1x4x4x2>", "is reduced to");
  expectError("xir.reduction_max-fix(%a) {axis = [1, 3], keep_dims = true}", x, "q8.4<1x1x4x1>", "next to each other");
}

TEST(FixedErrors, Scalars) {
  expectError("xir.hard-sigmoid-fix(%a) {hsigmoid_in = 2}", {{"q8.2<1x2>", {1}}}, "q8.7<1x2>", "shift_hsigmoid");
  expectError("xir.hard-sigmoid-fix(%a) {hsigmoid_in = -128, shift_hsigmoid = 9}", {{"q8.2<1x2>", {1}}}, "q8.7<1x2>",
              "hsigmoid_in");
  expectError("xir.hard-sigmoid-fix(%a) {hsigmoid_in = 2, shift_hsigmoid = 9}", {{"q8.2<1x2>", {1}}}, "q8.7<1x3>",
              "element by element");
}

} // namespace
