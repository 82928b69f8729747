//===- MomentsTest.cpp - sums of products ---------------------------------------------------===//
#include "../../../lib/Calibrate/Moments.h"
#include "Calibrate/Helpers.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

TEST(Products, AreWhatTheDefinitionSays) {
  const size_t count = 300, stride = 32; // more rows than a block
  std::vector<float> a(count * 16), b(count * stride), sums(16 * stride, 1);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = std::sin(static_cast<float>(i));
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = std::cos(static_cast<float>(i) * 0.7f);
  addProducts(a.data(), 16, b.data(), stride, count, 0, 8, stride, false, sums.data());
  for (size_t i = 0; i < 16; ++i)
    for (size_t j = 0; j < stride; ++j) {
      double sum = 1;
      for (size_t p = 0; i < 8 && p < count; ++p)
        sum += double(a[p * 16 + i]) * b[p * stride + j];
      EXPECT_NEAR(sums[i * stride + j], sum, 1e-4) << i << " " << j;
    }
}

namespace {
struct MomentsTest : SampleTest {
  // The output is rounded to steps of 1: what it lacks is known.
  std::unique_ptr<Graph> g = parse("%w = const dense(0.5, 0.25, -0.5, 1.0) : f32<2x2>\n"
                                   "%y = onnx.MatMul(%x, %w) : f32<1x2>\n%r = onnx.Relu(%y) : f32<1x2>\nreturn %r\n",
                                   "%x: f32<1x2>");
  Quantization q{*g, 8, true};
  std::vector<float> numbers = {1, 2, -1, 3, 2, 2, 0, -1, 4, 1, 3, -2};
  MomentsTest() {
    write(numbers);
    q.params[0].pos = {8, 0}; // 1 0 / -1 1 (halves away from zero)
    q.activations[0].pos = FixPos{8, 0}, q.activations[1].pos = FixPos{8, 0};
  }
  Moments collect(size_t first, size_t count, unsigned threads = 1) {
    Samples s = samples(*g);
    auto layers = linearLayers(q);
    LayerPart part{&layers[0], first, count};
    auto all = collectMoments(q, {part}, firstSamples(s.size()), {}, {s, diags, threads}, "test");
    EXPECT_TRUE(bool(all)) << text(diags);
    return all ? std::move((*all)[0]) : Moments(part);
  }
};
} // namespace

TEST_F(MomentsTest, SumsAreOverAllSamples) {
  Moments m = collect(0, 2);
  double second[3][3] = {}, cross[2][3] = {};
  const float exact[2][2] = {{0.5f, 0.25f}, {-0.5f, 1}}, rounded[2][2] = {{1, 0}, {-1, 1}};
  for (size_t i = 0; i < numbers.size(); i += 2) {
    const double x[3] = {numbers[i], numbers[i + 1], 1};
    for (size_t a = 0; a < 3; ++a)
      for (size_t b = 0; b < 3; ++b)
        second[a][b] += x[a] * x[b];
    for (size_t o = 0; o < 2; ++o) {
      const double wanted = x[0] * exact[0][o] + x[1] * exact[1][o], is = x[0] * rounded[0][o] + x[1] * rounded[1][o];
      const double lacks = wanted <= 0 ? std::min(is, 0.0) - is : wanted - is; // behind it is a ReLU
      for (size_t a = 0; a < 3; ++a)
        cross[o][a] += lacks * x[a];
    }
  }
  EXPECT_EQ(m.rows, numbers.size() / 2);
  for (size_t a = 0; a < 3; ++a) {
    for (size_t b = 0; b < 3; ++b)
      EXPECT_FLOAT_EQ(m.second(0, a)[b], static_cast<float>(second[a][b]));
    for (size_t o = 0; o < 2; ++o)
      EXPECT_FLOAT_EQ(m.cross(0, o)[a], static_cast<float>(cross[o][a]));
  }
}

TEST_F(MomentsTest, APartHasItsInputsAndTheConstant) {
  Moments all = collect(0, 2), part = collect(1, 1), none = collect(0, 0);
  EXPECT_EQ(part.second(0, 0)[0], all.second(0, 1)[1]);
  EXPECT_EQ(part.second(0, 0)[1], all.second(0, 1)[2]);
  EXPECT_EQ(part.cross(0, 1)[0], all.cross(0, 1)[1]);
  EXPECT_EQ(none.second(0, 0)[0], 6);
  EXPECT_EQ(none.cross(0, 0)[0], all.cross(0, 0)[2]);
}

TEST_F(MomentsTest, ThreadsChangeNothing) {
  Moments one = collect(0, 2, 1), five = collect(0, 2, 5);
  for (size_t a = 0; a < 3; ++a)
    for (size_t b = 0; b < 3; ++b)
      EXPECT_EQ(one.second(0, a)[b], five.second(0, a)[b]);
}
