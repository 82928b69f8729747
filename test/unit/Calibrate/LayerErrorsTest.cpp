//===- LayerErrorsTest.cpp - the error of every layer, by hand ---------------------------===//
#include "dpuopt/Calibrate/LayerErrors.h"
#include "Calibrate/Helpers.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct LayerErrorsTest : SampleTest {
  std::unique_ptr<Graph> g = parse("%w = const dense(1.0, -0.5) : f32<2x1x1x1>\n"
                                   "%y = onnx.Conv(%x, %w, _) : f32<1x2x1x2>\nreturn %y\n",
                                   "%x: f32<1x1x1x2>");
  Quantization at(std::vector<int> params, std::vector<int> activations) {
    Quantization q(*g, 8, true);
    for (size_t i = 0; i < params.size(); ++i)
      q.params[i].pos = {8, params[i]};
    for (size_t i = 0; i < activations.size(); ++i)
      q.activations[i].pos = FixPos{8, activations[i]};
    return q;
  }
  LayerErrors measure(const Quantization &q, unsigned threads = 1, size_t count = 0) {
    Samples s = samples(*g);
    auto errors = measureLayers(q, {s, diags, threads}, count);
    EXPECT_TRUE(bool(errors)) << text(diags);
    return errors ? std::move(*errors) : LayerErrors{};
  }
  const LayerError &layer(const LayerErrors &errors, llvm::StringRef name) {
    auto found = llvm::find_if(errors.layers, [&](const LayerError &l) { return l.value->name() == name; });
    EXPECT_NE(found, errors.layers.end()) << name.str();
    return *found;
  }
};
} // namespace

TEST_F(LayerErrorsTest, ExactNetworksHaveNoNoise) {
  write({1, 0.5, -1, 2});
  Quantization q = at({4}, {4, 4});
  LayerErrors e = measure(q);
  ASSERT_EQ(e.layers.size(), 2u);
  for (const LayerError &l : e.layers) {
    EXPECT_TRUE(std::isinf(l.single.snr())) << l.value->name();
    EXPECT_TRUE(std::isinf(l.entire.snr()));
    EXPECT_EQ(l.entire.cosine(), 1);
  }
  EXPECT_EQ(e.samples, 2u);
}

TEST_F(LayerErrorsTest, SingleIsOfTheRoundingAlone) {
  // y: 1 .5 | -.5 -.25, then -1 2 | .5 -1; rounded half up to integers: 1 1 | 0 0, -1 2 | 1 -1.
  write({1, 0.5, -1, 2});
  Quantization q = at({4}, {4, 0});
  LayerErrors e = measure(q);
  const LayerError &y = layer(e, "y");
  EXPECT_DOUBLE_EQ(y.single.noise, 0.25 + 0.25 + 0.0625 + 0.25);
  EXPECT_DOUBLE_EQ(y.single.signal, 1 + 0.25 + 0.25 + 0.0625 + 1 + 4 + 0.25 + 1);
  EXPECT_DOUBLE_EQ(y.single.snr(), 10 * std::log10(y.single.signal / y.single.noise));
  EXPECT_EQ(y.parts.inputs, 0);
  EXPECT_EQ(y.parts.params, 0);
  EXPECT_DOUBLE_EQ(y.parts.output, y.single.noise);
}

TEST_F(LayerErrorsTest, EntireCarriesWhatCameBefore) {
  // The input at integers: .5 becomes 1, which y sees in the network but, measured alone, has from its own reading too.
  write({1, 0.5, -1, 2});
  g = parse("%w = const dense(1.0) : f32<1x1x1x1>\n%y = onnx.Conv(%x, %w, _) : f32<1x1x1x2>\n"
            "%z = onnx.Conv(%y, %w, _) : f32<1x1x1x2>\nreturn %z\n",
            "%x: f32<1x1x1x2>");
  Quantization q = at({4}, {0, 4, 4});
  LayerErrors e = measure(q);
  EXPECT_DOUBLE_EQ(layer(e, "x").single.noise, 0.25);
  EXPECT_DOUBLE_EQ(layer(e, "y").single.noise, 0.25);
  EXPECT_DOUBLE_EQ(layer(e, "y").parts.inputs, 0.25);
  EXPECT_EQ(layer(e, "y").parts.output, 0);
  EXPECT_EQ(layer(e, "z").single.noise, 0); // it reads y as the float network has it
  EXPECT_DOUBLE_EQ(layer(e, "z").entire.noise, 0.25);
  EXPECT_DOUBLE_EQ(e.outputs[0].fidelity.noise, 0.25);
  EXPECT_DOUBLE_EQ(e.outputs[0].maxAbs, 0.5);
}

TEST_F(LayerErrorsTest, NoiseOfParametersIsToldApart) {
  // Weights at integers: -.5 becomes -1 (half away from zero).
  write({1, 2});
  Quantization q = at({0}, {4, 4});
  LayerErrors e = measure(q);
  const LayerError &y = layer(e, "y");
  EXPECT_DOUBLE_EQ(y.parts.params, 0.25 + 1);
  EXPECT_EQ(y.parts.inputs, 0);
  EXPECT_EQ(y.parts.output, 0);
  ASSERT_TRUE(y.param(ParamRole::Weights));
  EXPECT_DOUBLE_EQ(y.param(ParamRole::Weights)->fidelity.noise, 0.25);
  EXPECT_EQ(y.param(ParamRole::Weights)->channels.ratio(), 2);
  EXPECT_EQ(y.param(ParamRole::Bias), nullptr);
  EXPECT_EQ(y.inputs, std::vector<int>{0});
}

TEST_F(LayerErrorsTest, ClippedNumbersAreCounted) {
  write({100, 50, 20, 10}); // at position 1 the range is -64 to 63.5
  Quantization q = at({4}, {0, 1});
  LayerErrors e = measure(q);
  EXPECT_EQ(layer(e, "y").clipped, 1u); // 100 of eight numbers; -50 and 50 fit
  EXPECT_DOUBLE_EQ(layer(e, "y").clippedShare(), 1 / 8.0);
}

TEST_F(LayerErrorsTest, PositionBesideIsComparedByItsOwnError) {
  write({0.5, 0.5}); // y: .5 .5 -.25 -.25
  Quantization q = at({4}, {4, 1});
  LayerErrors e = measure(q);
  const LayerError &y = layer(e, "y");
  EXPECT_DOUBLE_EQ(y.placed.noise(-1), 0.25 * 2 + 0.0625 * 2); // integers, half up: 1 1 0 0
  EXPECT_DOUBLE_EQ(y.placed.noise(0), 0.0625 * 2);             // halves: exact for .5
  EXPECT_EQ(y.placed.noise(1), 0);
  EXPECT_TRUE(std::isinf(y.placed.snr(1)));
}

TEST_F(LayerErrorsTest, DecisiveSampleIsNamed) {
  write({1, 1, -30, 2, 3, 3});
  Quantization q = at({4}, {2, 2});
  LayerErrors e = measure(q);
  const LayerError &x = layer(e, "x");
  EXPECT_EQ(x.decisive.largest, 30);
  EXPECT_EQ(x.decisive.nextLargest, 3);
  EXPECT_TRUE(llvm::StringRef(x.decisive.sample).endswith("[1]")) << x.decisive.sample;
  EXPECT_EQ(x.forcedBy(), 3); // 30 fits at 2 (31.75), 3 at 5 (3.97)
  Quantization clipping = at({4}, {5, 2});
  LayerErrors clipped = measure(clipping);
  EXPECT_EQ(layer(clipped, "x").forcedBy(), 0);
}

TEST_F(LayerErrorsTest, DeadAndLostChannelsAreCounted) {
  g = parse("%w = const dense(1.0, 0.0, 0.01) : f32<3x1x1x1>\n"
            "%y = onnx.Conv(%x, %w, _) : f32<1x3x1x2>\nreturn %y\n",
            "%x: f32<1x1x1x2>");
  write({1, 2});
  Quantization q = at({6}, {4, 3});
  LayerErrors e = measure(q);
  const ChannelSpread &c = layer(e, "y").channels;
  EXPECT_EQ(c.channels, 3u);
  EXPECT_EQ(c.dead, 1u);
  EXPECT_EQ(c.lost, 1u); // .02 at a step of 1/8
  EXPECT_EQ(layer(e, "y").param(ParamRole::Weights)->channels.dead, 1u);
}

TEST_F(LayerErrorsTest, ConstantErrorIsWhatTheBiasCouldTake) {
  // The weight 1.25 is rounded to 1: on an input of ones the error is -.25 everywhere.
  g = parse("%w = const dense(1.25) : f32<1x1x1x1>\n%b = const dense(0.0) : f32<1>\n"
            "%y = onnx.Conv(%x, %w, %b) : f32<1x1x1x4>\nreturn %y\n",
            "%x: f32<1x1x1x4>");
  write({1, 1, 1, 1, 1, 1, 1, 1});
  Quantization fine = at({0, 2}, {4, 4});
  LayerErrors a = measure(fine);
  EXPECT_DOUBLE_EQ(layer(a, "y").single.noise, 8 * 0.0625);
  EXPECT_DOUBLE_EQ(layer(a, "y").meanShift, 8 * 0.0625);
  EXPECT_EQ(layer(a, "y").shiftLeft, 0);
  Quantization coarse = at({0, 0}, {4, 4}); // a bias of integers cannot
  LayerErrors b = measure(coarse);
  EXPECT_DOUBLE_EQ(layer(b, "y").shiftLeft, 8 * 0.0625);
}

TEST_F(LayerErrorsTest, GroupsAreOneLayer) {
  g = parse("%w = const dense(1.0, -0.5) : f32<2x1x1x1>\n%c = onnx.Conv(%x, %w, _) : f32<1x2x1x2>\n"
            "%r = onnx.Relu(%c) : f32<1x2x1x2>\n%f = onnx.Flatten(%r) : f32<1x4>\nreturn %f\n",
            "%x: f32<1x1x1x2>");
  write({1, 2});
  Quantization q = at({4}, {4, 4});
  LayerErrors e = measure(q);
  const LayerError &r = layer(e, "r");
  ASSERT_EQ(r.ops.size(), 2u); // what only moves the result is not part of it
  EXPECT_EQ(r.linear, r.ops[0]);
  EXPECT_TRUE(r.ops[1]->is("onnx.Relu"));
}

TEST_F(LayerErrorsTest, AnswersAreCompared) {
  g = parse("%w = const dense(1.0, 0.9) : f32<1x2>\n%y = onnx.MatMul(%x, %w) : f32<1x2>\nreturn %y\n", "%x: f32<1x1>");
  write({1, -1, 0.001f}); // at integers all scores are equal and the first wins; the second's best is its last
  Quantization q = at({6}, {6, 0});
  LayerErrors e = measure(q);
  EXPECT_EQ(e.outputs[0].vectors, 3u);
  EXPECT_EQ(e.outputs[0].sameLargest, 2u);
}

TEST_F(LayerErrorsTest, ThreadsChangeNothing) {
  std::vector<float> numbers;
  for (int i = 0; i < 64; ++i)
    numbers.push_back(std::sin(static_cast<float>(i) * 0.7f));
  write(numbers);
  Quantization q = at({3}, {3, 3});
  LayerErrors one = measure(q, 1);
  ASSERT_GT(layer(one, "y").single.noise, 0);
  for (unsigned threads : {2u, 5u}) {
    LayerErrors many = measure(q, threads);
    for (const LayerError &a : one.layers) {
      const LayerError &b = layer(many, a.value->name());
      EXPECT_EQ(a.single.noise, b.single.noise);
      EXPECT_EQ(a.entire.noise, b.entire.noise);
      EXPECT_EQ(a.parts.params, b.parts.params);
      EXPECT_EQ(a.meanShift, b.meanShift);
      EXPECT_EQ(a.placed.values, b.placed.values);
      EXPECT_EQ(a.decisive.sample, b.decisive.sample);
    }
  }
}

TEST_F(LayerErrorsTest, FewerSamplesComeFromAllOver) {
  write({1, 1, 2, 2, 3, 3, 4, 4});
  Quantization q = at({4}, {4, 4});
  LayerErrors e = measure(q, 1, 2); // the first and the third
  EXPECT_EQ(e.samples, 2u);
  EXPECT_EQ(layer(e, "x").decisive.largest, 3);
}
