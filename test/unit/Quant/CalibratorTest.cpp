//===- CalibratorTest.cpp - histories, order of rounding, the DPU's averages -----------===//
#include "dpuopt/Quant/Calibrator.h"
#include "Helpers.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct Calibration : testing::Test {
  std::unique_ptr<Graph> g = parse("%w = const dense(0.5, -0.25, 0.3, 0.1) : f32<4x1x1x1>\n"
                                   "%c = onnx.Conv(%x, %w, _) : f32<1x4x8x8>\n%y = onnx.Relu(%c) : f32<1x4x8x8>\n"
                                   "%a = onnx.GlobalAveragePool(%y) : f32<1x4x1x1>\nreturn %a\n");
  QuantGroups groups = quantGroups(*g);
  Calibrator calibrator{*g, groups, {}};
  DiagEngine diags;

  float see(const char *name, float value) {
    Tensor t = Tensor::fromFloats({1}, {value});
    calibrator.observe(*g->lookup(name), t);
    return static_cast<float>(t.at(0));
  }
  int position(const char *name) { return calibrator.plan()[g->lookup(name)].fixPoint; }
};
} // namespace

TEST_F(Calibration, ParametersAreRoundedInPlace) {
  ASSERT_TRUE(succeeded(calibrator.quantizeParams(diags)));
  EXPECT_EQ(position("w"), 7);
  EXPECT_EQ(constantOf(g->lookup("w"))->elemType(), ElemKind::F32);
  EXPECT_FLOAT_EQ(static_cast<float>(constantOf(g->lookup("w"))->at(2)), 38 / 128.0f);
}

TEST_F(Calibration, InfiniteConstantIsNamed) {
  g->lookup("w")->def()->setAttr("value", Attr::tensor(Tensor::splatFloat({4, 1, 1, 1}, INFINITY)));
  EXPECT_TRUE(failed(calibrator.quantizeParams(diags)));
  EXPECT_HAS(text(diags), "'w'");
}

TEST_F(Calibration, PositionIsTheMode) {
  see("y", 100), see("y", 1), see("y", 1.1f), see("y", 120);
  int large = position("y");
  see("y", 1.05f);
  EXPECT_LT(large, position("y")); // tie first: the smallest; then the small numbers have the majority
}

TEST_F(Calibration, ValuesAreRoundedBeforeTheyFlowOn) {
  EXPECT_EQ(see("y", 100.3f), 100.0f); // position 0: at 1 it would be clipped to 63.5
}

TEST_F(Calibration, ValuesInsideAGroupAreLeftAlone) {
  EXPECT_EQ(see("c", 100.3f), 100.3f);
  EXPECT_EQ(calibrator.plan().count(g->lookup("c")), 0u);
}

TEST_F(Calibration, InputsAreNotSearched) {
  Tensor t = Tensor::fromFloats({3}, {1.0f, 0.01f, 0.01f});
  calibrator.feed(*g->inputs()[0], t);
  EXPECT_EQ(position("x"), 6);
}

TEST_F(Calibration, AveragesAreTheDpus) {
  // 8x8 = 64 is exact in binary; the 3x3 constant is 7/64.
  EXPECT_EQ(see("a", 1.0f), 1.0f);
  EXPECT_DOUBLE_EQ(dpuAverage(8, 8).value(), 1.0 / 64);
  EXPECT_DOUBLE_EQ(dpuAverage(3, 3).value(), 7.0 / 64);
  EXPECT_DOUBLE_EQ(dpuAverage(7, 7).value(), 21.0 / 1024);
  EXPECT_DOUBLE_EQ(dpuAverage(2, 2).value(), 1.0 / 4);
  EXPECT_DOUBLE_EQ(dpuAverage(11, 5).value(), 37.0 / 2048); // 74/4096 is as near: the first wins
}

TEST(AverageCorrection, TheTableAndTheSearch) {
  EXPECT_EQ(averageCorrection(2, 2), 1);
  EXPECT_EQ(averageCorrection(4, 4), 1);
  EXPECT_EQ(averageCorrection(3, 3), 0.984375);
  EXPECT_EQ(averageCorrection(7, 7), 49 * 21 / 1024.0);
  // One row of 14: 73 / 1024, seen in a vendor file as 0.9980469.
  EXPECT_EQ(averageCorrection(14, 1), 14 * 73 / 1024.0);
  // vai_q_pytorch takes these two for 6x6.
  EXPECT_EQ(averageCorrection(3, 6), 36 * 7 / 256.0);
  EXPECT_EQ(averageCorrection(6, 3), 36 * 7 / 256.0);
}

TEST(AverageCorrection, MeansCountAllTheirElements) {
  auto g = parse("  %h = onnx.ReduceMean(%x) {axes = [2]} : f32<1x9x1x3>\n"
                 "  %m = onnx.ReduceMean(%x) {axes = [2, -1]} : f32<1x9x1x1>\n"
                 "  %a = onnx.ReduceMean(%x) {axes = [1]} : f32<1x1x3x3>\n"
                 "  %p = onnx.GlobalAveragePool(%x) : f32<1x9x1x1>\n"
                 "  %r = onnx.Relu(%x) : f32<1x9x3x3>\n"
                 "  return %h, %m, %a, %p, %r\n",
                 "%x: f32<1x9x3x3>");
  ASSERT_TRUE(g);
  auto of = [&](const char *name) { return averageCorrection(*g->lookup(name)->def()); };
  EXPECT_EQ(of("h"), 3 * 85 / 256.0);
  EXPECT_EQ(of("m"), 9 * 114 / 1024.0); // not the pool's 7 / 64
  EXPECT_EQ(of("a"), 9 * 114 / 1024.0);
  EXPECT_EQ(of("p"), 9 * 7 / 64.0);
  EXPECT_EQ(of("r"), std::nullopt);
}

TEST_F(Calibration, InfinityIsRemembered) {
  EXPECT_EQ(calibrator.nonFinite(), nullptr);
  see("y", INFINITY);
  EXPECT_EQ(calibrator.nonFinite(), g->lookup("y"));
}
