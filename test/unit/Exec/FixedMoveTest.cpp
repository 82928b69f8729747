//===- FixedMoveTest.cpp - the DPU's moves, rule by rule ----------------------------------===//
#include "FixedOp.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

TEST(FixedMove, ConcatShiftsEveryOperand) {
  EXPECT_EQ(runStored("xir.concat-fix(%a, %b) {axis = -1}", {{"q8.2<2x2>", {3, -3, 100, 5}}, {"q8.0<2x1>", {7, -100}}},
                      "q8.1<2x3>"),
            (Ints{2, -1, 14, 50, 3, -128})); // 3/2, -3/2, 7*2; 100/2, 5/2, -200
}

TEST(FixedMove, ConcatAlongTheFirstAxis) {
  EXPECT_EQ(
      runStored("xir.concat-fix(%a, %b) {axis = 0}", {{"q8.1<1x2>", {1, 2}}, {"q8.1<2x2>", {3, 4, 5, 6}}}, "q8.1<3x2>"),
      (Ints{1, 2, 3, 4, 5, 6}));
}

TEST(FixedMove, PadModes) {
  auto pad = [](const std::string &attributes, const std::string &result) {
    return runStored("xir.pad-fix(%a) {" + attributes + "}", {{"q8.1<1x3>", {1, 2, 3}}}, result);
  };
  EXPECT_EQ(pad("mode = \"SYMMETRIC\", paddings = [0, 0, 2, 1]", "q8.1<1x6>"), (Ints{2, 1, 1, 2, 3, 3}));
  EXPECT_EQ(pad("mode = \"REFLECT\", paddings = [0, 0, 2, 1]", "q8.1<1x6>"), (Ints{3, 2, 1, 2, 3, 2}));
  EXPECT_EQ(pad("mode = \"CONSTANT\", paddings = [0, 0, 2, 1]", "q8.1<1x6>"), (Ints{0, 0, 1, 2, 3, 0}));
  // The fill value is a stored number of the input, here f6 = -10, and shifts like one.
  EXPECT_EQ(pad("mode = \"CONSTANT\", paddings = [0, 1, 1, 0], constant_values = bytes(\"f6f6f6f6\")", "q8.0<2x4>"),
            (Ints{-5, 1, 1, 2, -5, -5, -5, -5}));
}

TEST(FixedMove, StridedSlice) {
  EXPECT_EQ(runStored("xir.strided_slice-fix(%a) {begin = [0, 3], end = [1, 0], strides = [1, -2]}",
                      {{"q8.1<1x4>", {1, 2, 3, 4}}}, "q8.1<1x2>"),
            (Ints{4, 2}));
  EXPECT_EQ(runStored("xir.strided_slice-fix(%a) {begin = [0, -2], end = [1, 2147483647], strides = [1, 1]}",
                      {{"q8.1<1x4>", {1, 2, 3, 4}}}, "q8.0<1x2>"),
            (Ints{2, 2})); // 3/2, 4/2
}

TEST(FixedMove, ReversedTileIsDepthToSpace) {
  EXPECT_EQ(runStored("xir.tile-fix(%a) {stride = 2, reverse = true}", {{"q8.1<1x1x1x8>", {1, 2, 3, 4, 5, 6, 7, 8}}},
                      "q8.1<1x2x2x2>"),
            (Ints{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(runStored("xir.tile-fix(%a) {stride = 2, reverse = true}", {{"q8.1<1x1x2x4>", {1, 2, 3, 4, 5, 6, 7, 8}}},
                      "q8.1<1x2x4x1>"),
            (Ints{1, 2, 5, 6, 3, 4, 7, 8}));
}

TEST(FixedMove, TileIsSpaceToDepth) {
  EXPECT_EQ(runStored("xir.tile-fix(%a) {stride = 2, reverse = false}", {{"q8.1<1x2x4x1>", {1, 2, 5, 6, 3, 4, 7, 8}}},
                      "q8.1<1x1x2x4>"),
            (Ints{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(FixedMove, PixelShuffleGroupsByChannel) {
  EXPECT_EQ(runStored("xir.pixel-shuffle-fix(%a) {scale = 2, reverse = true}",
                      {{"q8.1<1x1x1x8>", {1, 2, 3, 4, 5, 6, 7, 8}}}, "q8.1<1x2x2x2>"),
            (Ints{1, 5, 2, 6, 3, 7, 4, 8}));
}

TEST(FixedMove, DownsampleTakesEverySthWhateverItsModeSays) {
  for (const char *scale : {"[2.0, 2.0]", "[0.5, 0.5]", "[2, 2]"})
    EXPECT_EQ(
        runStored(
            fmt::format("xir.downsample-fix(%a) {{mode = \"BILINEAR\", half_pixel_centers = true, scale = {}}}", scale),
            {{"q8.1<1x3x3x1>", {1, 2, 3, 4, 5, 6, 7, 8, 9}}}, "q8.1<1x2x2x1>"),
        (Ints{1, 3, 7, 9}))
        << scale;
}

TEST(FixedMove, UpsampleNearest) {
  EXPECT_EQ(runStored("xir.upsample-fix(%a) {mode = \"NEAREST\", scale = [2.0, 1.0]}", {{"q8.1<1x1x2x1>", {1, -3}}},
                      "q8.0<1x1x4x1>"),
            (Ints{1, 1, -1, -1}));
}

TEST(FixedMove, UpsampleBilinear) {
  auto up = [](const std::string &flags, Ints x, const std::string &result) {
    return runStored("xir.upsample-fix(%a) {mode = \"BILINEAR\", scale = [2.0, 1.0]" + flags + "}",
                     {{"q8.1<1x1x2x1>", x}}, result);
  };
  EXPECT_EQ(up(", half_pixel_centers = true", {0, 100}, "q8.1<1x1x4x1>"), (Ints{0, 25, 75, 100}));
  EXPECT_EQ(up("", {0, 1}, "q8.1<1x1x4x1>"), (Ints{0, 1, 1, 1}));   // 1/2 goes up
  EXPECT_EQ(up("", {-1, 0}, "q8.1<1x1x4x1>"), (Ints{-1, 0, 0, 0})); // -1/2 too
  EXPECT_EQ(up(", align_corners = true", {0, 90}, "q8.1<1x1x4x1>"), (Ints{0, 30, 60, 90}));
  EXPECT_EQ(up("", {50, 127}, "q8.2<1x1x4x1>"), (Ints{100, 127, 127, 127}));
}

//===- What is refused ------------------------------------------------------------------===//

void expectError(const std::string &op, const std::string &result, const std::string &words) {
  std::string why;
  EXPECT_TRUE(runStored(op, {{"q8.4<1x2x4x4>", {1}}, {"q8.4<1x2x4x4>", {1}}}, result, "", {}, &why).empty()) << op;
  EXPECT_NE(why.find(words), std::string::npos) << op << "\n" << why;
}

TEST(FixedErrors, Moves) {
  expectError("xir.concat-fix(%a, %b) {axis = 4}", "q8.4<1x2x4x8>", "axis is out of range");
  expectError("xir.concat-fix(%a, %b) {axis = 3}", "q8.4<1x2x4x9>", "do not make up");
  expectError("xir.concat-fix(%a, %b) {axis = 3}", "q8.4<1x2x5x8>", "is no part of");
  expectError("xir.concat-fix(%a, %b) {axis = 3}", "q8.4<1x2x4x5>", "do not make up");
  expectError("xir.pad-fix(%a) {mode = \"WRAP\", paddings = [0, 0, 0, 0, 0, 0, 0, 0]}", "q8.4<1x2x4x4>", "the mode");
  expectError("xir.pad-fix(%a) {mode = \"CONSTANT\", paddings = [0, 0]}", "q8.4<1x2x4x4>", "needs 8 paddings");
  expectError("xir.pad-fix(%a) {mode = \"CONSTANT\", paddings = [0, 0, 0, 0, 0, 0, 1, 0]}", "q8.4<1x2x4x4>",
              "do not make");
  expectError(
      "xir.pad-fix(%a) {mode = \"CONSTANT\", paddings = [0, 0, 0, 0, 0, 0, 1, 0], constant_values = bytes(\"0102\")}",
      "q8.4<1x2x4x5>", "one number");
  expectError("xir.strided_slice-fix(%a) {begin = [0, 0], end = [1, 1], strides = [1, 0]}", "q8.4<1x1x4x4>",
              "other than 0");
  expectError("xir.strided_slice-fix(%a) {begin = [0, 5], end = [1, 9], strides = [1, 1]}", "q8.4<1x4x4x4>",
              "in the slice");
  expectError("xir.strided_slice-fix(%a) {begin = [0, 0], end = [1], strides = [1, 1]}", "q8.4<1x2x4x4>",
              "one entry per axis");
  expectError("xir.tile-fix(%a) {stride = 3, reverse = true}", "q8.4<1x6x12x1>", "blocks of 3 x 3");
  expectError("xir.tile-fix(%a) {stride = -2, reverse = true}", "q8.4<1x4x8x1>", "blocks of -2");
  expectError("xir.reorg-fix(%a) {scale = 2, reverse = false}", "q8.4<1x1x2x15>", "blocks of 2 x 2");
  expectError("xir.reshape-fix(%a) {shape = [1, 33]}", "q8.4<1x33>", "do not give");
  expectError("xir.upsample-fix(%a) {mode = \"CUBIC\", scale = [2.0, 2.0]}", "q8.4<1x4x8x4>",
              "neither NEAREST nor BILINEAR");
  expectError("xir.upsample-fix(%a) {mode = \"NEAREST\", scale = [2.0, 2.0]}", "q8.4<1x4x8x3>", "cannot be resized");
  expectError("xir.downsample-fix(%a) {mode = \"NEAREST\", scale = [2.0, 2.0]}", "q8.4<1x4x2x4>",
              "cannot be downsampled");
}

} // namespace
