//===- FixedChainTest.cpp - several quantized ops as one, or without a `fix` between --------===//
#include "IntegerFloat.h"
#include <map>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

//===- Something behind the op ------------------------------------------------------------===//

std::string fixed(const char *name, const std::string &type) {
  return fmt::format("%{0} = xir.fix(%{0}0) {{round_mode = \"DPU_ROUND\"}} : {1}\n", name, type);
}

TEST(FixedChain, AveragePoolAndItsCorrection) {
  for (int fy : {3, 5, 8}) {
    Random r(fy);
    compare("graph @t(%x0: f32<1x6x6x4>) {\n" + fixed("x", "q8.5<1x6x6x4>") +
                "%a = xir.avgpool2d(%x) {kernel = [3, 3], stride = [3, 3], pad = [0, 0, 0, 0], pad_mode = \"FLOOR\"} : "
                "f32<1x2x2x4>\n%k = const splat(0.984375) : f32<1x2x2x4>\n%y0 = xir.mul(%a, %k) : f32<1x2x2x4>\n" +
                fixed("y", fmt::format("q8.{}<1x2x2x4>", fy)) + "return %y\n}",
            {numbers({1, 6, 6, 4}, 5, r)});
  }
}

TEST(FixedChain, HardSigmoidAndItsCorrection) {
  Random r(1);
  compare("graph @t(%x0: f32<1x300>) {\n" + fixed("x", "q8.4<1x300>") +
              "%a = xir.hard-sigmoid(%x) : f32<1x300>\n%k0 = const splat(1.0001) : f32<1x300>\n" +
              fixed("k", "q8.6<1x300>") + "%y0 = xir.mul(%a, %k) : f32<1x300>\n" + fixed("y", "q8.7<1x300>") +
              "return %y\n}",
          {numbers({1, 300}, 4, r)});
}

TEST(FixedChain, AProductDividedByAConstant) {
  for (int fy : {2, 6}) {
    Random r(fy);
    compare("graph @t(%x0: f32<2x300>, %z0: f32<1x300>) {\n" + fixed("x", "q8.4<2x300>") + fixed("z", "q8.6<1x300>") +
                "%a = xir.mul(%x, %z) : f32<2x300>\n%k = const splat(6.0) : f32<2x300>\n%y0 = xir.div(%a, %k) : "
                "f32<2x300>\n" +
                fixed("y", fmt::format("q8.{}<2x300>", fy)) + "return %y\n}",
            {numbers({2, 300}, 4, r), numbers({1, 300}, 6, r)});
  }
}

TEST(FixedChain, ASumWithALeakyReluOfAnySlope) {
  Random r(2);
  compare("graph @t(%x0: f32<2x300>, %z0: f32<2x300>) {\n" + fixed("x", "q8.4<2x300>") + fixed("z", "q8.6<2x300>") +
              "%a = xir.add(%x, %z) : f32<2x300>\n%y0 = xir.leaky-relu(%a) {alpha = 0.3} : f32<2x300>\n" +
              fixed("y", "q8.4<2x300>") + "return %y\n}",
          {numbers({2, 300}, 4, r), numbers({2, 300}, 6, r)});
}

TEST(FixedChain, ATensorIsNoConstantToMultiplyWith) {
  Random r(2);
  compare("graph @t(%x0: f32<1x4x4x2>) {\n" + fixed("x", "q8.4<1x4x4x2>") +
              "%a = xir.avgpool2d(%x) {kernel = [2, 2], stride = [2, 2], pad = [0, 0, 0, 0], pad_mode = \"FLOOR\"} : "
              "f32<1x2x2x2>\n%k = const dense(1.0, 2.0) : f32<2>\n%y0 = xir.mul(%a, %k) : f32<1x2x2x2>\n" +
              fixed("y", "q8.4<1x2x2x2>") + "return %y\n}",
          {numbers({1, 4, 4, 2}, 4, r)}, false);
}

TEST(FixedChain, ScaleAndBiasPerChannel) {
  for (int seed = 0; seed < 20; ++seed) {
    Random r(seed);
    int fx = r.in(-2, 6), fs = r.in(3, 9);
    compare(graphOf({fmt::format("{}<2x3x4x6>", fx)},
                    constant("s", seed + 1, fs, "<6>") + constant("b", seed + 2, fx + fs - r.in(-3, 6), "<6>"),
                    "xir.scale(%x, %s, %b) {axis = -1}", seed % 2 ? "relu" : "", r.in(-3, 6), "<2x3x4x6>"),
            {numbers({2, 3, 4, 6}, fx, r)});
  }
}

//===- Values without a `fix` of their own ----------------------------------------------===//

// %x (fix point 5) through a convolution into a concat with its pool, all rounded behind the concat only.
const char *Joined = R"(graph @t(%x0: f32<1x4x6x8>) {
%x = xir.fix(%x0) {round_mode = "DPU_ROUND"} : q8.5<1x4x6x8>
%w0 = const rand(3) : f32<5x1x1x8>
%w = xir.fix(%w0) {round_mode = "DPU_ROUND"} : q8.7<5x1x1x8>
%c = xir.conv2d(%x, %w) {kernel = [1, 1], stride = [1, 1], pad = [0, 0, 0, 0], pad_mode = "FLOOR"} : f32<1x4x6x5>
%r = xir.relu(%c) : f32<1x4x6x5>
%p = xir.maxpool2d(%r) {kernel = [3, 3], stride = [1, 1], pad = [1, 1, 1, 1], pad_mode = "FLOOR"} : f32<1x4x6x5>
%j = xir.concat(%r, %p, %x) {axis = 3} : f32<1x4x6x18>
%y = xir.fix(%j) {round_mode = "DPU_ROUND"} : q8.4<1x4x6x18>
)";

TEST(FixedChain, WhatOnlyAConcatReadsIsRoundedAtOnce) {
  Random r(6);
  compare(std::string(Joined) + "return %y\n}", {numbers({1, 4, 6, 8}, 5, r)});
}

TEST(FixedChain, WhatAnOutputShowsIsNotRounded) {
  Random r(6);
  auto g = parse(std::string(Joined) + "return %y, %r\n}");
  ASSERT_TRUE(g);
  Tensor x = numbers({1, 4, 6, 8}, 5, r);
  Outcome fixed = run(*g, {x}, false), real = run(*g, {x}, true);
  EXPECT_EQ(floats(fixed.out[0]), floats(real.out[0]));
  EXPECT_EQ(floats(fixed.out[1]), floats(real.out[1]));
}

TEST(FixedChain, ReadersThatDisagreeKeepTheFloat) {
  Random r(6);
  compare(std::string(Joined) +
              "%s = xir.sigmoid(%r) : f32<1x4x6x5>\n%k = xir.concat(%y, %s) {axis = 3} : f32<1x4x6x23>\n"
              "%z = xir.fix(%k) {round_mode = \"DPU_ROUND\"} : q8.6<1x4x6x23>\nreturn %z\n}",
          {numbers({1, 4, 6, 8}, 5, r)}, false);
}

//===- Integers that only move ------------------------------------------------------------===//

TEST(FixedChain, MovedIntegersStayIntegers) {
  Random r(7);
  compare("graph @t(%x0: f32<1x2x3x4>) {\n" + fixed("x", "q8.5<1x2x3x4>") +
              "%t = xir.transpose(%x) {order = [0, 3, 1, 2]} : f32<1x4x2x3>\n"
              "%f = xir.flatten(%t) {start_axis = 1, end_axis = 3} : f32<1x24>\n" +
              constant("w", 1, 7, "<5x24>") +
              "%y0 = xir.matmul(%f, %w, _) {transpose_a = false, transpose_b = true} : f32<1x5>\n" +
              fixed("y", "q8.4<1x5>") + "return %y\n}",
          {numbers({1, 2, 3, 4}, 5, r)});
}

TEST(FixedChain, MovedIntegersAreNumbersInAnOutput) {
  Random r(7);
  compare("graph @t(%x0: f32<1x2x3x4>) {\n" + fixed("x", "q8.5<1x2x3x4>") +
              "%r = xir.relu(%x) : f32<1x2x3x4>\n%t = xir.transpose(%r) {order = [0, 3, 1, 2]} : f32<1x4x2x3>\nreturn "
              "%t\n}",
          {numbers({1, 2, 3, 4}, 5, r)});
}

TEST(FixedChain, AWatcherSeesMovedIntegersAsNumbers) {
  Random r(7);
  Tensor x = numbers({1, 2, 3, 4}, 5, r);
  std::map<std::string, std::vector<float>> seen, wanted;
  std::string text =
      "graph @t(%x0: f32<1x2x3x4>) {\n" + fixed("x", "q8.5<1x2x3x4>") +
      "%t = xir.transpose(%x) {order = [0, 3, 1, 2]} : f32<1x4x2x3>\n%s = xir.sigmoid(%t) : f32<1x4x2x3>\n"
      "return %s\n}";
  ExecOptions watch, observe;
  watch.watcher = [&](const Value &v, const Tensor &t) { seen[v.name()] = floats(t); };
  observe.observer = [&](const Value &v, Tensor &t) { wanted[v.name()] = floats(t); };
  runText(text, {x}, nullptr, watch);
  runText(text, {x}, nullptr, observe);
  EXPECT_EQ(seen["t"], wanted["t"]);
  EXPECT_EQ(seen["s"], wanted["s"]);
}

TEST(FixedChain, AResultOfAnotherSizeThanDeclaredIsAnError) {
  // The `fix` has memory for what is declared.
  std::string why;
  runText("graph @t(%x: f32<2x300>) {\n%a = xir.concat(%x, %x) {axis = 0} : f32<2x300>\n"
          "%s = xir.softmax(%a) {axis = 1} : f32<2x300>\n%y = xir.fix(%s) {round_mode = \"DPU_ROUND\"} : q8.7<2x300>\n"
          "return %y\n}",
          {Tensor::splatFloat({2, 300}, 1)}, &why);
  EXPECT_NE(why.find("the graph declares f32<2x300>"), std::string::npos) << why;
}

} // namespace
