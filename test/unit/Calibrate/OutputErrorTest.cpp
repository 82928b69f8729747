//===- OutputErrorTest.cpp - what the judge of all steps says ---------------------------===//
#include "dpuopt/Calibrate/OutputError.h"
#include "Calibrate/Helpers.h"
#include "dpuopt/Calibrate/Quantize.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct OutputErrorTest : SampleTest {
  std::unique_ptr<Graph> g = parse("%w = const dense(1.0, -0.5) : f32<2x1x1x1>\n"
                                   "%y = onnx.Conv(%x, %w, _) : f32<1x2x1x2>\nreturn %y\n",
                                   "%x: f32<1x1x1x2>");
  OutputNoise measure(const Quantization &q, unsigned threads = 1) {
    Samples s = samples(*g);
    auto error = OutputError::create(q, s, firstSamples(s.size()), threads, diags);
    EXPECT_TRUE(bool(error)) << text(diags);
    auto noise = error ? error->of(q) : Result<OutputNoise>(failure());
    EXPECT_TRUE(bool(noise)) << text(diags);
    return noise ? *noise : OutputNoise{};
  }
  Quantization at(int weights, int input, int output) {
    Quantization q(*g, 8, true);
    q.params[0].pos = {8, weights};
    q.activations[0].pos = FixPos{8, input}, q.activations[1].pos = FixPos{8, output};
    return q;
  }
};
} // namespace

TEST_F(OutputErrorTest, ExactNetworksHaveNone) {
  write({1, 0.5, -1, 2});
  OutputNoise noise = measure(at(4, 4, 4));
  EXPECT_EQ(noise.ratio, 0);
  EXPECT_TRUE(std::isinf(noise.decibels()));
}

TEST_F(OutputErrorTest, IsSquaredErrorOverSquaredSignal) {
  write({1, 0.5, -1, 2}); // y: 1 .5 | -.5 -.25 ; -1 2 | .5 -1, rounded half up to integers: 1 1 | 0 0 ; -1 2 | 1 -1
  const double signal = 1 + 0.25 + 0.25 + 0.0625 + 1 + 4 + 0.25 + 1, squares = 0.25 + 0.25 + 0.0625 + 0.25;
  EXPECT_DOUBLE_EQ(measure(at(4, 4, 0)).ratio, squares / signal);
}

TEST_F(OutputErrorTest, ParametersAndPositionsMayChangeBetweenCalls) {
  write({1, 0.5, -1, 2});
  Samples s = samples(*g);
  Quantization q = at(4, 4, 4);
  auto error = OutputError::create(q, s, firstSamples(s.size()), 2, diags);
  ASSERT_TRUE(bool(error));
  const double exact = error->of(q)->ratio;
  q.activations[1].pos->fixPoint = 0;
  const double coarse = error->of(q)->ratio;
  q.params[0].floats.mut<float>()[0] = 3;
  const double wrong = error->of(q)->ratio;
  EXPECT_LT(exact, coarse);
  EXPECT_LT(coarse, wrong);
}

TEST_F(OutputErrorTest, ThreadsChangeNothing) {
  std::vector<float> numbers;
  for (int i = 0; i < 64; ++i)
    numbers.push_back(std::sin(static_cast<float>(i) * 0.7f));
  write(numbers);
  EXPECT_EQ(measure(at(3, 3, 3), 1).ratio, measure(at(3, 3, 3), 5).ratio);
}

TEST_F(OutputErrorTest, OutputsOfZerosCountTheirNoise) {
  write({0, 0});
  EXPECT_EQ(measure(at(4, 4, 4)).ratio, 0);
}

TEST_F(OutputErrorTest, AnswersThatChangeAreCounted) {
  g = parse("%w = const dense(1.0, 0.9) : f32<1x2>\n%y = onnx.MatMul(%x, %w) : f32<1x2>\nreturn %y\n", "%x: f32<1x1>");
  write({1, -1, 0.001f}); // the second's best score is its last; at integers all scores are equal and the first wins
  OutputNoise noise = measure(at(6, 6, 0));
  EXPECT_TRUE(noise.classifier);
  EXPECT_EQ(noise.samples, 3u);
  EXPECT_EQ(noise.top1Changed, 1u);
}

TEST_F(OutputErrorTest, MapsAreNoScores) {
  write({1, 2});
  EXPECT_FALSE(measure(at(4, 4, 4)).classifier);
}

TEST_F(OutputErrorTest, InfinityIsAnError) {
  write({1, INFINITY});
  Samples s = samples(*g);
  EXPECT_FALSE(bool(OutputError::create(at(4, 4, 4), s, firstSamples(s.size()), 1, diags)));
  EXPECT_HAS(text(diags), "[calibrate.non-finite]");
}
