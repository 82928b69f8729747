//===- XirKernelsTest.cpp - xir ops against their onnx counterparts ------------------===//
//
// The NHWC ops must compute what the NCHW ones do on moved operands; attributes that
// only xir has are checked on numbers.
//
//===----------------------------------------------------------------------===//
#include "TestData.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

std::vector<float> run(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs) {
  auto out = runText(text, inputs);
  return out.empty() ? std::vector<float>{-999} : floats(out[0]);
}

Tensor iota(llvm::ArrayRef<int64_t> shape) {
  std::vector<float> v(Type(ElemKind::F32, shape).numElements());
  for (size_t i = 0; i < v.size(); ++i)
    v[i] = float(i + 1);
  return Tensor::fromFloats(shape, v);
}

Tensor random(llvm::ArrayRef<int64_t> shape, uint64_t seed) { return randomTensor(Type(ElemKind::F32, shape), seed); }

/// Reverses the last two axes of an OIHW tensor.
Tensor flipped(const Tensor &w) {
  std::vector<float> v = floats(w), out(v.size());
  size_t taps = size_t(w.shape()[2] * w.shape()[3]);
  for (size_t i = 0; i < v.size(); ++i)
    out[i / taps * taps + taps - 1 - i % taps] = v[i];
  return Tensor::fromFloats(w.shape(), out);
}

void expectSame(const Tensor &nhwc, const Tensor &nchw) {
  Tensor moved = nhwc.transposed({0, 3, 1, 2});
  ASSERT_EQ(moved.shape(), nchw.shape());
  EXPECT_LE(worstError(moved, nchw), 1e-5);
}

} // namespace

TEST(XirKernels, Conv) {
  Tensor x = random({2, 3, 7, 6}, 1), w = random({4, 3, 3, 2}, 2), b = random({4}, 3);
  auto a = runText("graph @a(%x: f32<2x3x7x6>, %w: f32<4x3x3x2>, %b: f32<4>) {\n"
                   "%y = onnx.Conv(%x, %w, %b) {pads = [3, 1, 4, 2], strides = [2, 1]} : f32<*>\n return %y\n}",
                   {x, w, b});
  auto c = runText("graph @a(%x: f32<2x7x6x3>, %w: f32<4x3x2x3>, %b: f32<4>) {\n"
                   "%y = xir.conv2d(%x, %w, %b) {kernel = [2, 3], pad = [1, 2, 3, 4], pad_mode = \"FLOOR\", "
                   "stride = [1, 2]} : f32<*>\n return %y\n}",
                   {x.transposed({0, 2, 3, 1}), w.transposed({0, 2, 3, 1}), b});
  ASSERT_FALSE(a.empty() || c.empty());
  expectSame(c[0], a[0]);
}

TEST(XirKernels, DepthwiseConv) {
  Tensor x = random({1, 5, 6, 6}, 1), w = random({5, 1, 3, 3}, 2);
  auto a = runText("graph @a(%x: f32<1x5x6x6>, %w: f32<5x1x3x3>) {\n"
                   "%y = onnx.Conv(%x, %w) {group = 5, pads = [1, 1, 1, 1]} : f32<*>\n return %y\n}",
                   {x, w});
  auto c = runText("graph @a(%x: f32<1x6x6x5>, %w: f32<1x3x3x5>) {\n"
                   "%y = xir.depthwise-conv2d(%x, %w) {kernel = [3, 3], pad = [1, 1, 1, 1], pad_mode = \"FLOOR\", "
                   "stride = [1, 1]} : f32<*>\n return %y\n}",
                   {x.transposed({0, 2, 3, 1}), w.transposed({1, 2, 3, 0})});
  ASSERT_FALSE(a.empty() || c.empty());
  expectSame(c[0], a[0]);
}

// Weights O, h, w, I, flipped along h and w; ONNX has I, O, h, w.
TEST(XirKernels, TransposedConv) {
  Tensor x = random({1, 3, 4, 5}, 1), w = random({3, 2, 4, 3}, 2), b = random({2}, 3);
  auto a =
      runText("graph @a(%x: f32<1x3x4x5>, %w: f32<3x2x4x3>, %b: f32<2>) {\n"
              "%y = onnx.ConvTranspose(%x, %w, %b) {pads = [1, 0, 1, 1], strides = [2, 2]} : f32<*>\n return %y\n}",
              {x, w, b});
  auto c = runText("graph @a(%x: f32<1x4x5x3>, %w: f32<2x4x3x3>, %b: f32<2>) {\n"
                   "%y = xir.transposed-conv2d(%x, %w, %b) {kernel = [3, 4], pad = [0, 1, 1, 1], pad_mode = \"FLOOR\", "
                   "stride = [2, 2]} : f32<*>\n return %y\n}",
                   {x.transposed({0, 2, 3, 1}), flipped(w).transposed({1, 2, 3, 0}), b});
  ASSERT_FALSE(a.empty() || c.empty());
  expectSame(c[0], a[0]);
}

// The declared shape tells of output padding, which has no attribute.
TEST(XirKernels, TransposedConvWithOutputPadding) {
  Tensor x = random({1, 2, 3, 3}, 1), w = random({2, 2, 3, 3}, 2);
  auto a = runText("graph @a(%x: f32<1x2x3x3>, %w: f32<2x2x3x3>) {\n"
                   "%y = onnx.ConvTranspose(%x, %w) {output_padding = [1, 1], pads = [1, 1, 1, 1], strides = [2, 2]} : "
                   "f32<*>\n return %y\n}",
                   {x, w});
  auto c = runText("graph @a(%x: f32<1x3x3x2>, %w: f32<2x3x3x2>) {\n"
                   "%y = xir.transposed-conv2d(%x, %w) {kernel = [3, 3], pad = [1, 1, 1, 1], pad_mode = \"FLOOR\", "
                   "stride = [2, 2]} : f32<1x6x6x2>\n return %y\n}",
                   {x.transposed({0, 2, 3, 1}), flipped(w).transposed({1, 2, 3, 0})});
  ASSERT_FALSE(a.empty() || c.empty());
  expectSame(c[0], a[0]);
}

TEST(XirKernels, TransposedDepthwiseConv) {
  Tensor x = random({1, 3, 4, 4}, 1), w = random({3, 1, 2, 2}, 2);
  auto a = runText("graph @a(%x: f32<1x3x4x4>, %w: f32<3x1x2x2>) {\n"
                   "%y = onnx.ConvTranspose(%x, %w) {group = 3, strides = [2, 2]} : f32<*>\n return %y\n}",
                   {x, w});
  auto c = runText("graph @a(%x: f32<1x4x4x3>, %w: f32<1x2x2x3>) {\n"
                   "%y = xir.transposed-depthwise-conv2d(%x, %w) {kernel = [2, 2], pad_mode = \"FLOOR\", "
                   "stride = [2, 2]} : f32<*>\n return %y\n}",
                   {x.transposed({0, 2, 3, 1}), flipped(w).transposed({1, 2, 3, 0})});
  ASSERT_FALSE(a.empty() || c.empty());
  expectSame(c[0], a[0]);
}

TEST(XirKernels, ConvRefusesOtherKernel) {
  std::string why;
  runText("graph @a(%x: f32<1x4x4x3>, %w: f32<2x3x3x3>) {\n"
          "%y = xir.conv2d(%x, %w) {kernel = [2, 2], pad_mode = \"FLOOR\", stride = [1, 1]} : f32<*>\n return %y\n}",
          {random({1, 4, 4, 3}, 1), random({2, 3, 3, 3}, 2)}, &why);
  EXPECT_NE(why.find("do not have the kernel"), std::string::npos) << why;
}

// 1 2 3 / 4 5 6 / 7 8 9 with kernel 2, stride 2, one column of padding on the left.
TEST(XirKernels, MaxPool) {
  llvm::StringRef floor = "graph @a(%x: f32<1x3x3x1>) {\n%y = xir.maxpool2d(%x) {kernel = [2, 2], pad = [1, 0, 0, 0], "
                          "pad_mode = \"FLOOR\", stride = [2, 2]} : f32<*>\n return %y\n}";
  EXPECT_EQ(run(floor, {iota({1, 3, 3, 1})}), (std::vector<float>{4, 6}));
  std::string ceil = floor.str();
  ceil.replace(ceil.find("FLOOR"), 5, "CEIL");
  EXPECT_EQ(run(ceil, {iota({1, 3, 3, 1})}), (std::vector<float>{4, 6, 7, 9}));
}

TEST(XirKernels, AveragePoolDivisors) {
  std::string text = "graph @a(%x: f32<1x2x2x1>) {\n%y = xir.avgpool2d(%x) {count_include_pad = true, kernel = [2, 2], "
                     "pad = [1, 0, 1, 0], pad_mode = \"FLOOR\", stride = [2, 2]} : f32<*>\n return %y\n}";
  EXPECT_EQ(run(text, {iota({1, 2, 2, 1})}), (std::vector<float>{0.25}));
  text.replace(text.find("true"), 4, "false");
  EXPECT_EQ(run(text, {iota({1, 2, 2, 1})}), (std::vector<float>{1}));
}

TEST(XirKernels, Matmul) {
  EXPECT_EQ(run("graph @a(%x: f32<1x3>, %w: f32<2x3>, %b: f32<2>) {\n%y = xir.matmul(%x, %w, %b) {transpose_a = false, "
                "transpose_b = true} : f32<*>\n return %y\n}",
                {iota({1, 3}), iota({2, 3}), iota({2})}),
            (std::vector<float>{15, 34}));
}

TEST(XirKernels, ReshapeByStackOfScalars) {
  auto out = runText("graph @a(%x: f32<1x2x2x3>) {\n%a = const dense(1) : f32<1>\n%b = const dense(-1) : f32<1>\n"
                     "%s = xir.stack(%a, %b) {axis = 0} : f32<2>\n"
                     "%y = xir.reshape(%x, %s) {} : f32<1x12>\n return %y\n}",
                     {iota({1, 2, 2, 3})});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].shape(), llvm::makeArrayRef<int64_t>({1, 12}));
}

TEST(XirKernels, ResizeNearest) {
  EXPECT_EQ(run("graph @a(%x: f32<1x1x2x1>) {\n%y = xir.resize(%x) {mode = \"NEAREST\", scale = [2.0, 1.0]} : f32<*>\n"
                " return %y\n}",
                {iota({1, 1, 2, 1})}),
            (std::vector<float>{1, 1, 2, 2}));
}

TEST(XirKernels, ResizeBilinear) {
  llvm::StringRef text = "graph @a(%x: f32<1x1x2x1>) {\n%y = xir.resize(%x) {align_corners = true, mode = "
                         "\"BILINEAR\", scale = [2.0, 1.0]} : f32<*>\n return %y\n}";
  std::vector<float> y = run(text, {iota({1, 1, 2, 1})});
  ASSERT_EQ(y.size(), 4u);
  EXPECT_NEAR(y[1], 1 + 1.0 / 3, 1e-6);
  std::string half = text.str();
  half.replace(half.find("align_corners"), 13, "half_pixel_centers");
  EXPECT_EQ(run(half, {iota({1, 1, 2, 1})}), (std::vector<float>{1, 1.25, 1.75, 2}));
}

TEST(XirKernels, PadOrderAndModes) {
  std::string text =
      "graph @a(%x: f32<1x1x3x1>) {\n%y = xir.pad(%x) {constant_values = [9.0, 9.0], mode = \"CONSTANT\", "
      "paddings = [0, 0, 0, 0, 2, 1, 0, 0]} : f32<*>\n return %y\n}";
  EXPECT_EQ(run(text, {iota({1, 1, 3, 1})}), (std::vector<float>{9, 9, 1, 2, 3, 9}));
  std::string other = text;
  other.replace(other.find("CONSTANT"), 8, "REFLECT");
  EXPECT_EQ(run(other, {iota({1, 1, 3, 1})}), (std::vector<float>{3, 2, 1, 2, 3, 2}));
  other = text;
  other.replace(other.find("CONSTANT"), 8, "SYMMETRIC");
  EXPECT_EQ(run(other, {iota({1, 1, 3, 1})}), (std::vector<float>{2, 1, 1, 2, 3, 3}));
}

TEST(XirKernels, StridedSliceMasks) {
  EXPECT_EQ(run("graph @a(%x: f32<2x4>) {\n%y = xir.strided_slice(%x) {begin = [1, 1], begin_mask = 2, end = [2, 3], "
                "end_mask = 1, strides = [1, 2]} : f32<*>\n return %y\n}",
                {iota({2, 4})}),
            (std::vector<float>{5, 7}));
}

// Channel c * 4 + row * 2 + column goes to pixel (row, column) of channel c.
TEST(XirKernels, PixelShuffle) {
  EXPECT_EQ(run("graph @a(%x: f32<1x1x1x8>) {\n%y = xir.pixel-shuffle(%x) {scale = 2, upscale = true} : f32<*>\n"
                " return %y\n}",
                {iota({1, 1, 1, 8})}),
            (std::vector<float>{1, 5, 2, 6, 3, 7, 4, 8}));
}

// Reorg puts the block position first: channel = position * C + c.
TEST(XirKernels, Reorg) {
  EXPECT_EQ(run("graph @a(%x: f32<1x2x2x2>) {\n%y = xir.reorg(%x) {reverse = false, scale = 2} : f32<*>\n return %y\n}",
                {iota({1, 2, 2, 2})}),
            (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(XirKernels, Scale) {
  EXPECT_EQ(run("graph @a(%x: f32<1x2x2>, %s: f32<2>, %b: f32<2>) {\n%y = xir.scale(%x, %s, %b) {axis = -1} : f32<*>\n"
                " return %y\n}",
                {iota({1, 2, 2}), iota({2}), iota({2})}),
            (std::vector<float>{2, 6, 4, 10}));
}

// 14 elements: 73/1024 instead of 1/14.
TEST(XirKernels, VendorMeansAreOff) {
  llvm::StringRef text = "graph @a(%x: f32<1x14>) {\n%y = xir.reduction_mean(%x) {axis = [1], keep_dims = false} : "
                         "f32<1>\n return %y\n}";
  Tensor x = Tensor::splatFloat({1, 14}, 1);
  EXPECT_EQ(run(text, {x}), (std::vector<float>{1}));
  ExecOptions vendor;
  vendor.vendorMeans = true;
  EXPECT_EQ(floats(runText(text, {x}, nullptr, vendor)[0]), (std::vector<float>{14.0f * 73 / 1024}));
}

TEST(XirKernels, VendorMeansMultiplyOneFractionPerAxis) {
  ExecOptions vendor;
  vendor.vendorMeans = true;
  auto y =
      runText("graph @a(%x: f32<1x3x5>) {\n%y = xir.reduction_mean(%x) {axis = [1, 2], keep_dims = false} : f32<1>\n "
              "return %y\n}",
              {Tensor::splatFloat({1, 3, 5}, 1)}, nullptr, vendor);
  EXPECT_EQ(floats(y[0]), (std::vector<float>{15.0f * 85 / 256 * 51 / 256})); // 1/3 ~ 85/256, 1/5 ~ 51/256
}
