//===- XirCpuTest.cpp - xir ops that stay on the CPU -------------------------------------===//
#include "TestData.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

std::vector<float> run(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs, std::string *why = nullptr) {
  auto out = runText(text, inputs, why);
  return out.empty() ? std::vector<float>{} : floats(out[0]);
}

Tensor row(std::vector<float> v) { return Tensor::fromFloats({1, 1, int64_t(v.size()), 1}, v); }

//===- priorbox -------------------------------------------------------------------------===//

std::string priorBoxes(const std::string &attributes, const std::string &result) {
  return "graph @p(%x: f32<1x1x2x3>, %image: f32<1x100x200x3>) {\n%y = xir.priorbox(%x, %image) {" + attributes +
         "} : f32" + result + "\nreturn %y\n}";
}

std::vector<Tensor> priorOperands() {
  return {Tensor::zeros(Type(ElemKind::F32, {1, 1, 2, 3})), Tensor::zeros(Type(ElemKind::F32, {1, 100, 200, 3}))};
}

TEST(PriorBox, CornersThenVariances) {
  auto y = run(priorBoxes("min_sizes = [20.0], aspect_ratio = [4.0], flip = true, clip = false, variance = [0.5, 0.5, "
                          "0.25, 0.25], step = [50.0], offset = 0.5",
                          "<1x2x24>"),
               priorOperands());
  ASSERT_EQ(y.size(), 48u);
  // The first cell's centre is (25, 25) in a 200 x 100 image: a square of 20, then 40 x 10 and 10 x 40.
  EXPECT_EQ(std::vector<float>(y.begin(), y.begin() + 12),
            (std::vector<float>{0.075f, 0.15f, 0.175f, 0.35f, 0.025f, 0.2f, 0.225f, 0.3f, 0.1f, 0.05f, 0.15f, 0.45f}));
  EXPECT_EQ(y[12], 0.325f); // the second cell is 50 pixels to the right
  EXPECT_EQ(std::vector<float>(y.begin() + 24, y.begin() + 28), (std::vector<float>{0.5f, 0.5f, 0.25f, 0.25f}));
}

TEST(PriorBox, MaxSizesAddASquareAndClipCuts) {
  auto y =
      run(priorBoxes("min_sizes = [100.0], max_sizes = [400.0], flip = false, clip = true, variance = [0.5], step = "
                     "[50.0], offset = 0.5",
                     "<1x2x16>"),
          priorOperands());
  ASSERT_EQ(y.size(), 32u);
  EXPECT_EQ(std::vector<float>(y.begin(), y.begin() + 8), (std::vector<float>{0, 0, 0.375f, 0.75f, 0, 0, 0.625f, 1}));
}

TEST(PriorBox, WithoutStepsCellsShareTheImage) {
  auto y = run(priorBoxes("min_sizes = [10.0], flip = false, clip = false, variance = [0.5], step = [], offset = 0.5",
                          "<1x2x8>"),
               priorOperands());
  ASSERT_EQ(y.size(), 16u);
  EXPECT_EQ(y[0], 0.225f); // centre (50, 50)
  EXPECT_EQ(y[4], 0.725f);
}

TEST(PriorBox, RefusesSizesThatDoNotFit) {
  std::string why;
  run(priorBoxes(
          "min_sizes = [10.0], max_sizes = [20.0, 30.0], flip = false, clip = false, variance = [0.5], step = [], "
          "offset = 0.5",
          "<1x2x8>"),
      priorOperands(), &why);
  EXPECT_NE(why.find("as many max_sizes as min_sizes"), std::string::npos) << why;
}

//===- Under torch's own names ----------------------------------------------------------===//

TEST(TorchOps, MeanOverTheAxesThatBecomeOne) {
  Tensor x = Tensor::fromFloats({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_EQ(run("graph @m(%x: f32<1x2x2x2>) {\n%y = \"xir.aten::mean\"(%x) {} : f32<1x2x1x2>\nreturn %y\n}", {x}),
            (std::vector<float>{2, 3, 6, 7}));
}

TEST(TorchOps, AdaptiveAverageSharesOverlap) {
  Tensor x = Tensor::fromFloats({1, 1, 5}, {1, 2, 3, 4, 5});
  EXPECT_EQ(
      run("graph @m(%x: f32<1x1x5>) {\n%y = \"xir.aten::adaptive_avg_pool1d\"(%x) {} : f32<1x1x2>\nreturn %y\n}", {x}),
      (std::vector<float>{2, 4})); // 1 2 3 and 3 4 5
}

TEST(TorchOps, AnotherRankDoesNotTellTheAxes) {
  std::string why;
  run("graph @m(%x: f32<2x2>) {\n%y = \"xir.aten::mean\"(%x) {} : f32<2>\nreturn %y\n}",
      {Tensor::fromFloats({2, 2}, {1, 2, 3, 4})}, &why);
  EXPECT_NE(why.find("does not tell them"), std::string::npos) << why;
}

TEST(TorchOps, VectorNorm) {
  Tensor x = Tensor::fromFloats({1, 2, 2}, {3, 1, -4, 0});
  EXPECT_EQ(
      run("graph @m(%x: f32<1x2x2>) {\n%y = xir.nndct_normalize(%x) {dim = [1], keepdim = false, p = 2} : f32<1x2>\n"
          "return %y\n}",
          {x}),
      (std::vector<float>{5, 1}));
}

//===- Resize and pools -----------------------------------------------------------------===//

std::vector<float> resized(const std::string &attributes, const std::string &type, std::vector<float> x) {
  std::string in = "f32<1x1x" + std::to_string(x.size()) + "x1>";
  return run("graph @r(%x: " + in + ") {\n%y = xir.resize(%x) {" + attributes + "} : f32" + type + "\nreturn %y\n}",
             {row(x)});
}

TEST(XirResize, NearestTakesTheFloorOfTheScaledPosition) {
  EXPECT_EQ(resized("mode = \"NEAREST\", scale = [1.5, 1.0]", "<1x1x6x1>", {1, 2, 3, 4}),
            (std::vector<float>{1, 1, 2, 3, 3, 4}));
  EXPECT_EQ(resized("mode = \"NEAREST\", scale = [0.5, 1.0], half_pixel_centers = true", "<1x1x2x1>", {1, 2, 3, 4}),
            (std::vector<float>{2, 4}));
  EXPECT_EQ(resized("mode = \"NEAREST\", scale = [1.5, 1.0], align_corners = true", "<1x1x6x1>", {1, 2, 3, 4}),
            (std::vector<float>{1, 2, 2, 3, 3, 4})); // at 0, .6, 1.2, 1.8, 2.4, 3
}

TEST(XirResize, BilinearStaysInsideAtTheBorders) {
  EXPECT_EQ(resized("mode = \"BILINEAR\", scale = [2.0, 1.0], half_pixel_centers = true", "<1x1x4x1>", {0, 4}),
            (std::vector<float>{0, 1, 3, 4}));
  EXPECT_EQ(resized("mode = \"BILINEAR\", scale = [2.0, 1.0]", "<1x1x4x1>", {0, 4}), (std::vector<float>{0, 2, 4, 4}));
}

TEST(XirPools, PadModeMayBeANumber) {
  // 1: CEIL, as xcompiler 1.1 wrote it.
  EXPECT_EQ(
      run("graph @a(%x: f32<1x1x3x1>) {\n%y = xir.avgpool(%x) {kernel = [2, 1], stride = [2, 1], pad = [0, 0, 0, 0], "
          "pad_mode = 1, count_include_pad = true} : f32<1x1x2x1>\nreturn %y\n}",
          {row({1, 3, 4})}),
      (std::vector<float>{2, 2}));
}

} // namespace
