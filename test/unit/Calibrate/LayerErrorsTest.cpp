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
