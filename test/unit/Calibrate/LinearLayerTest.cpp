//===- LinearLayerTest.cpp - rows times weights are what the op computes -----------------===//
#include "../../../lib/Calibrate/LinearLayer.h"
#include "Quant/Helpers.h"
#include "dpuopt/Exec/Executor.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

struct LinearLayerTest : testing::Test {
  /// The one layer of a graph, computed by rows, against what the executor makes of its output.
  void expectRowsGiveTheOutput(const std::string &body, const std::string &inputs) {
    auto g = parse(body, inputs);
    ASSERT_TRUE(g);
    Quantization q(*g, 8, true);
    auto layers = linearLayers(q);
    ASSERT_EQ(layers.size(), 1u);
    const LinearLayer &l = layers[0];
    Tensor x = randomTensor(g->inputs()[0]->type(), 1);
    auto executor = Executor::create(*g, {}, diags);
    ASSERT_TRUE(bool(executor)) << text(diags);
    auto y = (*executor)->run({x});
    ASSERT_TRUE(bool(y));
    const Tensor w = q.params[l.weight].floats.expanded();
    std::vector<float> row(l.inputs);
    size_t compared = 0;
    for (size_t p = 0; p < l.positions; ++p)
      for (size_t group = 0; group < l.groups; ++group) {
        l.gather(x.as<float>(), p, group, row.data());
        for (size_t o = 0; o < l.outputs; ++o, ++compared) {
          double sum = l.bias < 0 ? 0 : q.params[size_t(l.bias)].floats.at(int64_t(l.biasAt(group, o)));
          for (size_t k = 0; k < l.inputs; ++k)
            sum += double(row[k]) * w.as<float>()[l.weightAt(group, o, k)];
          ASSERT_NEAR(sum, (*y)[0].at(int64_t(l.outputAt(p, group, o))), 1e-4) << p << " " << group << " " << o;
        }
      }
    EXPECT_EQ(compared, size_t((*y)[0].numElements()));
  }
  size_t layersOf(const std::string &body, const std::string &inputs = "%x: f32<1x4x8x8>") {
    auto g = parse(body, inputs);
    return linearLayers(Quantization(*g, 8, true)).size();
  }
  FreeRange rangeOf(const std::string &behind, std::optional<int> position) {
    auto g = parse("%w = const rand(1) : f32<4x4x1x1>\n%c = onnx.Conv(%x, %w, _) : f32<1x4x8x8>\n" + behind);
    Quantization q(*g, 8, true);
    if (position)
      for (auto &a : q.activations)
        a.pos = FixPos{8, *position};
    return freeRange(linearLayers(q)[0], q);
  }
  DiagEngine diags;
};

} // namespace

TEST_F(LinearLayerTest, StridedPaddedDilated) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<3x4x3x2>\n%b = const rand(2) : f32<3>\n"
                          "%y = onnx.Conv(%x, %w, %b) {strides = [2, 1], pads = [1, 0, 2, 1], dilations = [2, 3]} : "
                          "f32<2x3x4x6>\nreturn %y\n",
                          "%x: f32<2x4x8x8>");
}

TEST_F(LinearLayerTest, Grouped) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<6x2x3x3>\n%b = const rand(2) : f32<6>\n"
                          "%y = onnx.Conv(%x, %w, %b) {group = 2} : f32<1x6x6x6>\nreturn %y\n",
                          "%x: f32<1x4x8x8>");
}

TEST_F(LinearLayerTest, Depthwise) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<4x1x3x3>\n"
                          "%y = onnx.Conv(%x, %w, _) {group = 4, pads = [1, 1, 1, 1]} : f32<1x4x8x8>\nreturn %y\n",
                          "%x: f32<1x4x8x8>");
}

TEST_F(LinearLayerTest, OneDimension) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<3x4x3>\n"
                          "%y = onnx.Conv(%x, %w, _) {pads = [1, 1]} : f32<1x3x8>\nreturn %y\n",
                          "%x: f32<1x4x8>");
}

TEST_F(LinearLayerTest, Transposed) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<4x3x3x3>\n%b = const rand(2) : f32<3>\n"
                          "%y = onnx.ConvTranspose(%x, %w, %b) {strides = [2, 2], pads = [1, 1, 1, 1], "
                          "output_padding = [1, 0]} : f32<1x3x10x9>\nreturn %y\n",
                          "%x: f32<1x4x5x5>");
}

TEST_F(LinearLayerTest, TransposedInGroups) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<4x3x2x2>\n"
                          "%y = onnx.ConvTranspose(%x, %w, _) {group = 2, strides = [2, 2]} : f32<1x6x10x10>\n"
                          "return %y\n",
                          "%x: f32<1x4x5x5>");
}

TEST_F(LinearLayerTest, GemmBothWays) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<5x3>\n%b = const rand(2) : f32<3>\n"
                          "%y = onnx.Gemm(%x, %w, %b) : f32<2x3>\nreturn %y\n",
                          "%x: f32<2x5>");
  expectRowsGiveTheOutput("%w = const rand(1) : f32<3x5>\n%b = const rand(2) : f32<3>\n"
                          "%y = onnx.Gemm(%x, %w, %b) {transB = 1} : f32<2x3>\nreturn %y\n",
                          "%x: f32<2x5>");
}

TEST_F(LinearLayerTest, MatMulWithItsBias) {
  expectRowsGiveTheOutput("%w = const rand(1) : f32<5x3>\n%b = const rand(2) : f32<3>\n"
                          "%m = onnx.MatMul(%x, %w) : f32<2x4x3>\n%y = onnx.Add(%b, %m) : f32<2x4x3>\nreturn %y\n",
                          "%x: f32<2x4x5>");
}

TEST_F(LinearLayerTest, WhatIsNoneIsLeftOut) {
  EXPECT_EQ(layersOf("%y = onnx.MatMul(%x, %x) : f32<1x4x8x8>\nreturn %y\n"), 0u);
  EXPECT_EQ(layersOf("%w = const rand(1) : f32<5x3>\n%y = onnx.Gemm(%x, %w, _) {alpha = 2.0} : f32<2x3>\nreturn %y\n",
                     "%x: f32<2x5>"),
            0u);
  // Weights that two layers share belong to neither.
  EXPECT_EQ(layersOf("%w = const rand(1) : f32<4x4x1x1>\n%a = onnx.Conv(%x, %w, _) : f32<1x4x8x8>\n"
                     "%y = onnx.Conv(%a, %w, _) : f32<1x4x8x8>\nreturn %y\n"),
            0u);
}

TEST_F(LinearLayerTest, AReluFreesWhatIsNegative) {
  FreeRange range = rangeOf("%y = onnx.Relu(%c) : f32<1x4x8x8>\nreturn %y\n", 4);
  EXPECT_EQ(range.low, 0);
  EXPECT_EQ(range.high, 127 / 16.0f);
  EXPECT_EQ(range.target(-3, -1), -1); // becomes 0 as it is
  EXPECT_EQ(range.target(-3, 2), 0);
  EXPECT_EQ(range.target(3, -1), 3);
  EXPECT_EQ(range.target(100, 9), 9); // saturates as it is
  EXPECT_EQ(range.target(100, 5), 127 / 16.0f);
}

TEST_F(LinearLayerTest, AClipFreesBothEnds) {
  FreeRange range = rangeOf("%lo = const splat(0.0) : f32<>\n%hi = const splat(6.0) : f32<>\n"
                            "%y = onnx.Clip(%c, %lo, %hi) : f32<1x4x8x8>\nreturn %y\n",
                            3);
  EXPECT_EQ(range.low, 0);
  EXPECT_EQ(range.high, 6);
}

TEST_F(LinearLayerTest, WithoutActivationThePositionLimits) {
  FreeRange range = rangeOf("return %c\n", 7);
  EXPECT_EQ(range.low, -1);
  EXPECT_EQ(range.high, 127 / 128.0f);
}

TEST_F(LinearLayerTest, ALeakyReluFreesNothing) {
  FreeRange range = rangeOf("%y = onnx.LeakyRelu(%c) {alpha = 0.1015625} : f32<1x4x8x8>\nreturn %y\n", 7);
  EXPECT_TRUE(std::isinf(range.low) && std::isinf(range.high));
}
