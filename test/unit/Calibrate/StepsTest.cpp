//===- StepsTest.cpp - what bias correction, fine tuning and the joint search do -----------===//
#include "Calibrate/Helpers.h"
#include "dpuopt/Calibrate/BiasCorrection.h"
#include "dpuopt/Calibrate/FineTuning.h"
#include "dpuopt/Calibrate/JointSearch.h"
#include "dpuopt/Calibrate/OutputError.h"
#include "dpuopt/Calibrate/Quantize.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

struct StepsTest : SampleTest {
  void graph(const std::string &body, const std::string &inputs) { g = parse(body, inputs); }
  /// Numbers that look like noise, the same each time.
  static std::vector<float> noise(size_t n, float scale = 1) {
    std::vector<float> numbers;
    for (size_t i = 0; i < n; ++i)
      numbers.push_back(scale * std::sin(static_cast<float>(i * i % 1009) * 0.37f + static_cast<float>(i)));
    return numbers;
  }
  Quantization placed(int bits) {
    Samples s = samples(*g);
    Recipe recipe;
    recipe.bits = bits;
    auto quantized = quantize(*g, recipe, {s, diags});
    EXPECT_TRUE(bool(quantized)) << text(diags);
    return std::move(quantized->network);
  }
  Status tune(Quantization &q, unsigned threads = 1, FineTuneOptions options = {}) {
    Samples s = samples(*g);
    return fineTune(q, options, {s, diags, threads});
  }
  Status correct(Quantization &q, unsigned threads = 1) {
    Samples s = samples(*g);
    return correctBiases(q, {}, {}, {s, diags, threads});
  }
  Status search(Quantization &q, unsigned threads = 1, JointSearchOptions options = {}) {
    Samples s = samples(*g);
    return searchJointly(q, options, {}, {s, diags, threads});
  }
  double ratio(const Quantization &q) {
    Samples s = samples(*g);
    auto error = OutputError::create(q, s, firstSamples(s.size()), 1, diags);
    EXPECT_TRUE(bool(error)) << text(diags);
    return error->of(q)->ratio;
  }
  std::unique_ptr<Graph> g;
};

/// Two convolutions, the second after a ReLU.
struct TwoConvs : StepsTest {
  TwoConvs() {
    graph("%w = const rand(3) : f32<6x2x3x3>\n%b = const rand(4) : f32<6>\n"
          "%c = onnx.Conv(%x, %w, %b) {pads = [1, 1, 1, 1]} : f32<1x6x5x5>\n%r = onnx.Relu(%c) : f32<1x6x5x5>\n"
          "%v = const rand(5) : f32<3x6x3x3>\n%d = const rand(6) : f32<3>\n"
          "%y = onnx.Conv(%r, %v, %d) : f32<1x3x3x3>\nreturn %y\n",
          "%x: f32<1x2x5x5>");
    write(noise(64 * 50));
  }
};

} // namespace

TEST_F(StepsTest, ABiasTakesWhatRoundingShifts) {
  // 3 bits: the weight 0.3 is rounded to 0.25, and each output lacks 0.05 * x; x is 2 on average.
  graph("%w = const splat(0.3) : f32<1x1x1x1>\n%b = const splat(0.0) : f32<1>\n"
        "%y = onnx.Conv(%x, %w, %b) : f32<1x1x1x4>\nreturn %y\n",
        "%x: f32<1x1x1x4>");
  write({2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2});
  Quantization q(*g, 8, true);
  q.params[0].pos = {8, 2}, q.params[1].pos = {8, 7};
  q.activations[0].pos = FixPos{8, 4}, q.activations[1].pos = FixPos{8, 6};
  ASSERT_TRUE(succeeded(correct(q))) << text(diags);
  const Tensor rounded = quantizeTensor(q.params[1].floats, q.params[1].pos, Rounding::HalfAway).toFloat();
  EXPECT_NEAR(rounded.at(0), 0.1, 0.005);
  EXPECT_EQ(constantOf(q.reference().lookup("b"))->at(0), 0); // the network compared with stays
  ASSERT_EQ(q.outcomes.size(), 1u);
  EXPECT_EQ(q.outcomes[0].step, "bias correction");
  EXPECT_TRUE(q.outcomes[0].kept);
  EXPECT_LT(q.outcomes[0].after, q.outcomes[0].before);
}

TEST_F(StepsTest, ChangesThatMakeTheOutputsWorseAreRestored) {
  graph("%w = const splat(0.3) : f32<1x1x1x1>\n%b = const splat(0.0) : f32<1>\n"
        "%y = onnx.Conv(%x, %w, %b) : f32<1x1x1x1>\nreturn %y\n",
        "%x: f32<1x1x1x1>");
  write({2, 2, 2, 0}); // the last sample judges, and there nothing is wrong
  Quantization q(*g, 8, true);
  q.params[0].pos = {8, 2}, q.params[1].pos = {8, 7};
  q.activations[0].pos = FixPos{8, 4}, q.activations[1].pos = FixPos{8, 6};
  ASSERT_TRUE(succeeded(correct(q))) << text(diags);
  ASSERT_EQ(q.outcomes.size(), 1u);
  EXPECT_FALSE(q.outcomes[0].kept);
  EXPECT_EQ(q.params[1].floats.at(0), 0);
  EXPECT_EQ(q.params[1].pos.fixPoint, 7);
}

TEST_F(StepsTest, RoundingsOfCorrelatedInputsMakeUpForEachOther) {
  // Four equal inputs, weights of 0.4 at position 0: rounded to 0, tuned to a sum of 1.6, so 2 (or 1).
  graph("%w = const splat(0.4) : f32<1x4x1x1>\n%y = onnx.Conv(%x, %w, _) : f32<1x1x1x1>\nreturn %y\n",
        "%x: f32<1x4x1x1>");
  std::vector<float> numbers;
  for (int i = 1; i <= 16; ++i)
    numbers.insert(numbers.end(), 4, static_cast<float>(i) / 16);
  write(numbers);
  Quantization q(*g, 8, true);
  q.params[0].pos = {8, 0};
  q.activations[0].pos = FixPos{8, 6}, q.activations[1].pos = FixPos{8, 5};
  const double before = ratio(q);
  ASSERT_TRUE(succeeded(tune(q))) << text(diags);
  double sum = 0;
  for (int i = 0; i < 4; ++i)
    sum += q.params[0].floats.at(i);
  EXPECT_EQ(sum, 2);
  EXPECT_LT(ratio(q), before / 4);
}

TEST_F(TwoConvs, EachStepLowersTheError) {
  for (auto step : {0, 1, 2}) {
    Quantization q = placed(4);
    const double before = ratio(q);
    ASSERT_TRUE(succeeded(step == 0 ? correct(q) : step == 1 ? tune(q) : search(q))) << text(diags);
    EXPECT_LT(ratio(q), before) << step;
  }
}

TEST_F(TwoConvs, TuningBeatsRounding) {
  Quantization q = placed(4);
  const double before = ratio(q);
  ASSERT_TRUE(succeeded(tune(q))) << text(diags);
  EXPECT_LT(ratio(q), 0.85 * before);
}

TEST_F(TwoConvs, TuningMovesNoPosition) {
  Quantization q = placed(4);
  const FixPlan before = q.plan();
  ASSERT_TRUE(succeeded(tune(q)));
  const FixPlan after = q.plan();
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin(), after.end()));
}

TEST_F(TwoConvs, ThreadsChangeNothing) {
  std::vector<std::vector<uint64_t>> hashes;
  for (unsigned threads : {1u, 2u, 5u}) {
    Quantization q = placed(4);
    ASSERT_TRUE(succeeded(search(q, threads)) && succeeded(correct(q, threads)) && succeeded(tune(q, threads)));
    auto &all = hashes.emplace_back();
    for (const Quantization::Param &p : q.params)
      all.push_back(quantizeTensor(p.floats, p.pos, Rounding::HalfAway).hash());
    for (const Quantization::Activation &a : q.activations)
      all.push_back(static_cast<uint64_t>(a.pos->fixPoint));
  }
  EXPECT_EQ(hashes[0], hashes[1]);
  EXPECT_EQ(hashes[0], hashes[2]);
}

TEST_F(TwoConvs, SearchRespectsItsBudgetAndTheDpu) {
  Quantization q = placed(4);
  ASSERT_TRUE(succeeded(search(q, 1, {true, 16, 40})));
  EXPECT_LE(q.outcomes.size(), 40u);
  EXPECT_TRUE(q.adjust({}).empty()); // nothing left to repair
}

TEST_F(TwoConvs, SearchNeverMakesItWorse) {
  Quantization q = placed(8);
  const double before = ratio(q);
  ASSERT_TRUE(succeeded(search(q)));
  EXPECT_LE(ratio(q), before);
}

TEST_F(StepsTest, OddLayersAreFine) {
  // Depthwise, no bias, weights of zero, an input that is always zero behind the ReLU, one sample position.
  graph("%w = const dense(0.5, -0.25, 0.0, 0.75) : f32<4x1x1x1>\n"
        "%c = onnx.Conv(%x, %w, _) {group = 4} : f32<1x4x2x2>\n%r = onnx.Relu(%c) : f32<1x4x2x2>\n"
        "%z = const splat(0.0) : f32<2x4x1x1>\n%k = onnx.Conv(%r, %z, _) : f32<1x2x2x2>\n"
        "%v = const rand(5) : f32<3x4x2x2>\n%d = const splat(0.0) : f32<3>\n"
        "%y = onnx.Conv(%r, %v, %d) : f32<1x3x1x1>\nreturn %y, %k\n",
        "%x: f32<1x4x2x2>");
  std::vector<float> numbers = noise(16 * 16);
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = i / 4 % 4 == 1 ? std::fabs(numbers[i]) : numbers[i]; // times -0.25: dead
  write(numbers);
  Quantization q = placed(3);
  const double before = ratio(q);
  ASSERT_TRUE(succeeded(search(q)) && succeeded(correct(q)) && succeeded(tune(q))) << text(diags);
  EXPECT_LE(ratio(q), before);
}

TEST_F(StepsTest, RowsTooLongForOneMatrixAreTunedInParts) {
  graph("%w = const rand(3) : f32<7000x2>\n%y = onnx.MatMul(%x, %w) : f32<1x2>\nreturn %y\n", "%x: f32<1x7000>");
  write(noise(7000 * 8));
  Quantization q = placed(3);
  ASSERT_TRUE(succeeded(tune(q))) << text(diags);
  EXPECT_EQ(q.outcomes.size(), 2u); // 4096 and the rest
}

TEST_F(StepsTest, OneSampleIsEnough) {
  graph("%w = const rand(3) : f32<2x2x1x1>\n%y = onnx.Conv(%x, %w, _) : f32<1x2x2x2>\nreturn %y\n", "%x: f32<1x2x2x2>");
  write(noise(8));
  Quantization q = placed(4);
  EXPECT_TRUE(succeeded(search(q)) && succeeded(correct(q)) && succeeded(tune(q))) << text(diags);
}

TEST_F(StepsTest, ANetworkWithoutLayersHasNothingToTune) {
  graph("%y = onnx.Relu(%x) : f32<1x2>\nreturn %y\n", "%x: f32<1x2>");
  write({1, 2});
  Quantization q = placed(8);
  EXPECT_TRUE(succeeded(correct(q)) && succeeded(tune(q)) && succeeded(search(q))) << text(diags);
}

TEST_F(StepsTest, NaNIsAnError) {
  graph("%w = const rand(3) : f32<2x2x1x1>\n%b = const rand(4) : f32<2>\n"
        "%y = onnx.Conv(%x, %w, %b) : f32<1x2x1x1>\nreturn %y\n",
        "%x: f32<1x2x1x1>");
  write({1, 2, 3, 4, 5, 6, NAN, 7});
  Quantization q(*g, 8, true);
  EXPECT_TRUE(failed(correct(q)));
  EXPECT_TRUE(failed(tune(q)));
  EXPECT_TRUE(failed(search(q)));
  EXPECT_HAS(text(diags), "[calibrate.non-finite]");
}
