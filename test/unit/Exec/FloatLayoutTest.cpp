//===- FloatLayoutTest.cpp - channels last and back, op by op -------------------------------===//
#include "FloatTestData.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

TEST(FloatLayout, BordersInBothDirections) {
  expectAgreement(afterConv(R"(
  %shape = const dense(2, 13, 99) : i64<3>
  %f = onnx.Reshape(%c, %shape) : f32<2x13x99>
  %t = onnx.Transpose(%f) {perm = [0, 2, 1]} : f32<2x99x13>
  %w2 = const rand(9) : f32<13x5>
  %y = onnx.MatMul(%t, %w2) : f32<2x99x5>
)"));
}

/// Transpositions that only say what the layout is already cost nothing.
TEST(FloatLayout, TranspositionsBetweenTheLayouts) {
  Steps steps = expectAgreement(afterConv(R"(
  %t = onnx.Transpose(%c) {perm = [0, 2, 3, 1]} : f32<2x9x11x13>
  %k = const rand(8) : f32<13>
  %a = onnx.Add(%t, %k) : f32<2x9x11x13>
  %u = onnx.Transpose(%a) {perm = [0, 3, 1, 2]} : f32<2x13x9x11>
  %w2 = const rand(9) : f32<4x13x1x1>
  %y = onnx.Conv(%u, %w2) : f32<2x4x9x11>
)"));
  EXPECT_EQ(llvm::count(steps, "onnx.Transpose f32"), 0);
  EXPECT_EQ(llvm::count(steps, "to channels last"), 0);
}

TEST(FloatLayout, HeadOfAClassifier) {
  EXPECT_EQ(expectAgreement(afterConv(R"(
  %p = onnx.GlobalAveragePool(%c) : f32<2x13x1x1>
  %f = onnx.Flatten(%p) : f32<2x13>
  %w2 = const rand(9) : f32<6x13>
  %b2 = const rand(10) : f32<6>
  %g = onnx.Gemm(%f, %w2, %b2) {transB = 1} : f32<2x6>
  %y = onnx.Softmax(%g) {axis = 1} : f32<2x6>
)")),
            (Steps{"onnx.Conv f32", "onnx.GlobalAveragePool f32", "onnx.Gemm f32", "onnx.Softmax f32"}));
}

TEST(FloatLayout, ChannelsScaledByTheirMean) {
  expectAgreement(afterConv(R"(
  %p = onnx.ReduceMean(%c) {axes = [2, 3], keepdims = 1} : f32<2x13x1x1>
  %w2 = const rand(9) : f32<13x13x1x1>
  %d = onnx.Conv(%p, %w2) : f32<2x13x1x1>
  %s = onnx.Sigmoid(%d) : f32<2x13x1x1>
  %y = onnx.Mul(%s, %c) : f32<2x13x9x11>
)"));
}

TEST(FloatLayout, BroadcastConstantsOfEveryRank) {
  for (const char *shape : {"1x13x1x1", "13x1x1", "9x11", "11", "2x1x9x11", "1x1", "2x13x9x11", ""})
    for (const char *op : {"onnx.Add(%c, %k)", "onnx.Sub(%k, %c)", "onnx.Mul(%k, %c)", "onnx.Div(%c, %k)",
                           "onnx.Max(%c, %k)", "onnx.Min(%k, %c)"}) {
      SCOPED_TRACE(testing::Message() << op << " " << shape);
      expectAgreement(
          afterConv(fmt::format("  %k0 = const rand(8) : f32<{0}>\n  %two = const splat(2) : f32<{0}>\n"
                                "  %k = onnx.Add(%k0, %two) : f32<{0}>\n  %r = onnx.Relu(%c) : f32<2x13x9x11>\n"
                                "  %m = {1} : f32<2x13x9x11>\n  %y = onnx.Sub(%m, %r) : f32<2x13x9x11>\n",
                                shape, op)));
    }
}

TEST(FloatLayout, JoinedAndTakenApart) {
  expectAgreement(afterConv(R"(
  %a, %b2 = onnx.Split(%c) {axis = 1, split = [4, 9]} : f32<2x4x9x11>, f32<2x9x9x11>
  %r = onnx.Relu(%b2) : f32<2x9x9x11>
  %j = onnx.Concat(%r, %a, %c) {axis = 1} : f32<2x26x9x11>
  %k = onnx.Concat(%j, %j) {axis = 3} : f32<2x26x9x22>
  %from = const dense(3) : i64<1>
  %to = const dense(-2) : i64<1>
  %axis = const dense(1) : i64<1>
  %s = onnx.Slice(%k, %from, %to, %axis) : f32<2x21x9x22>
  %y = onnx.Relu(%s) : f32<2x21x9x22>
)"));
}

TEST(FloatLayout, Pools) {
  for (const char *op :
       {"onnx.MaxPool(%c) {kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]} : f32<2x13x5x6>",
        "onnx.MaxPool(%c) {ceil_mode = 1, kernel_shape = [2, 2], strides = [2, 2]} : f32<2x13x5x6>",
        "onnx.MaxPool(%c) {dilations = [2, 2], kernel_shape = [3, 3]} : f32<2x13x5x7>",
        "onnx.AveragePool(%c) {kernel_shape = [3, 2], pads = [1, 0, 1, 1]} : f32<2x13x9x11>",
        "onnx.AveragePool(%c) {count_include_pad = 1, kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : "
        "f32<2x13x9x11>",
        "onnx.AveragePool(%c) {ceil_mode = 1, count_include_pad = 1, kernel_shape = [2, 2], pads = "
        "[1, 1, 0, 0], strides = [3, 3]} : f32<2x13x4x4>",
        "onnx.GlobalAveragePool(%c) : f32<2x13x1x1>"}) {
    SCOPED_TRACE(op);
    expectAgreement(afterConv(fmt::format("  %y = {}\n", op)));
  }
}

TEST(FloatLayout, Enlarged) {
  for (const char *how : {"coordinate_transformation_mode = \"asymmetric\", nearest_mode = \"floor\"",
                          "coordinate_transformation_mode = \"half_pixel\"",
                          "coordinate_transformation_mode = \"asymmetric\", nearest_mode = \"ceil\"",
                          "coordinate_transformation_mode = \"align_corners\"", "mode = \"linear\""}) {
    SCOPED_TRACE(how);
    expectAgreement(afterConv(fmt::format("  %k = const dense(1.0, 1.0, 3.0, 2.0) : f32<4>\n"
                                          "  %y = onnx.Resize(%c, _, %k) {{{}}} : f32<2x13x27x22>\n",
                                          how)));
  }
}

TEST(FloatLayout, Padded) {
  for (const char *how :
       {"0, 0, 1, 2, 0, 0, 3, 0) : i64<8>\n  %y = onnx.Pad(%c, %p) : f32<2x13x13x13>",
        "0, 0, 1, 2, 0, 0, 3, 0) : i64<8>\n  %v = const splat(-1.5) : f32<>\n"
        "  %y = onnx.Pad(%c, %p, %v) : f32<2x13x13x13>",
        "0, 0, 1, 2, 0, 0, 3, 0) : i64<8>\n  %y = onnx.Pad(%c, %p) {mode = \"edge\"} : f32<2x13x13x13>",
        "0, 1, 0, 0, 0, 2, 0, 0) : i64<8>\n  %y = onnx.Pad(%c, %p) : f32<2x16x9x11>",
        "0, 0, -1, 0, 0, 0, 0, 1) : i64<8>\n  %y = onnx.Pad(%c, %p) : f32<2x13x8x12>"}) {
    SCOPED_TRACE(how);
    expectAgreement(afterConv(fmt::format("  %p = const dense({}\n", how)));
  }
  Steps steps = expectAgreement(afterConv("  %p = const dense(0, 0, 1, 1, 0, 0, 1, 1) : i64<8>\n"
                                          "  %q = onnx.Pad(%c, %p) : f32<2x13x11x13>\n"
                                          "  %y = onnx.MaxPool(%q) {kernel_shape = [3, 3]} : f32<2x13x9x11>\n"));
  EXPECT_EQ(steps, (Steps{"onnx.Conv f32", "onnx.Pad f32", "onnx.MaxPool f32", "from channels last"}));
}

TEST(FloatLayout, SoftmaxOverChannelsAndPixels) {
  for (int axis : {1, 2, 3, -1}) {
    SCOPED_TRACE(axis);
    expectAgreement(afterConv(fmt::format("  %y = onnx.Softmax(%c) {{axis = {}}} : f32<2x13x9x11>\n", axis)));
  }
}

TEST(FloatLayout, BatchNormByItself) {
  EXPECT_EQ(expectAgreement(afterConv(R"(
  %p = onnx.MaxPool(%c) {kernel_shape = [1, 1]} : f32<2x13x9x11>
  %g = const rand(5) : f32<13>
  %s = const rand(6) : f32<13>
  %m = const rand(7) : f32<13>
  %v = const splat(0.7) : f32<13>
  %n = onnx.BatchNormalization(%p, %g, %s, %m, %v) : f32<2x13x9x11>
  %y = onnx.Relu(%n) : f32<2x13x9x11>
)")),
            (Steps{"onnx.Conv f32", "onnx.MaxPool f32", "onnx.BatchNormalization f32", "from channels last"}));
}

TEST(FloatLayout, Means) {
  for (const char *how : {"axes = [1], keepdims = 1} : f32<2x1x9x11>", "axes = [-1], keepdims = 0} : f32<2x13x9>",
                          "axes = [2, 3], keepdims = 0} : f32<2x13>", "axes = [1, 3], keepdims = 1} : f32<2x1x9x1>"}) {
    SCOPED_TRACE(how);
    expectAgreement(afterConv(fmt::format("  %y = onnx.ReduceMean(%c) {{{}\n", how)));
  }
}

} // namespace
