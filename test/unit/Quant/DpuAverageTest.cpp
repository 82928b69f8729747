//===- DpuAverageTest.cpp - the DPU's averages -----------------------------------------===//
#include "dpuopt/Quant/DpuAverage.h"
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

TEST(DpuAverage, TheTableThenTheSearch) {
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
