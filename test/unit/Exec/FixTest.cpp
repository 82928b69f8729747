//===- FixTest.cpp - rounding to fix points ---------------------------------------------===//
#include "TestData.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const std::vector<float> Halves = {-1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 0.49999997f, -1.25f};

std::vector<float> fixed(llvm::StringRef attrs, llvm::StringRef type, std::vector<float> x) {
  std::string n = std::to_string(x.size());
  auto out = runText("graph @f(%x: f32<" + n + ">) {\n%y = xir.fix(%x) {" + attrs.str() + "} : " + type.str() + "<" +
                         n + ">\n return %y\n}",
                     {Tensor::fromFloats({int64_t(x.size())}, x)});
  return out.empty() ? std::vector<float>() : floats(out[0]);
}

TEST(Fix, DpuRoundTakesHalvesUp) {
  EXPECT_EQ(fixed("round_mode = \"DPU_ROUND\"", "q8.0", Halves), (std::vector<float>{-1, 0, 1, 2, 3, 0, -1}));
}

TEST(Fix, StdRoundTakesHalvesAwayFromZero) {
  EXPECT_EQ(fixed("round_mode = \"STD_ROUND\"", "q8.0", Halves), (std::vector<float>{-2, -1, 1, 2, 3, 0, -1}));
}

TEST(Fix, Py3RoundTakesHalvesToEven) {
  EXPECT_EQ(fixed("round_mode = \"PY3_ROUND\"", "q8.0", Halves), (std::vector<float>{-2, 0, 0, 2, 2, 0, -1}));
}

TEST(Fix, Saturates) {
  EXPECT_EQ(fixed("", "q8.0", {1000, -1000, INFINITY, -INFINITY}), (std::vector<float>{127, -128, 127, -128}));
  EXPECT_EQ(fixed("", "uq8.0", {1000, -1000}), (std::vector<float>{255, 0}));
}

TEST(Fix, NegativeFixPoint) { EXPECT_EQ(fixed("", "q8.-2", {7, 2, 10000}), (std::vector<float>{8, 4, 508})); }

TEST(Fix, NanBecomesZero) { EXPECT_EQ(fixed("", "q8.4", {NAN}), (std::vector<float>{0})); }

TEST(Fix, AnyResultTypeRounds) {
  llvm::StringRef text = "graph @f(%x: f32<2>) {\n%y = onnx.Relu(%x) : q8.1<2>\n return %y\n}";
  Tensor x = Tensor::fromFloats({2}, {0.3f, 0.8f});
  EXPECT_EQ(floats(runText(text, {x})[0]), (std::vector<float>{0.5f, 1}));
  ExecOptions plain;
  plain.ignoreFixPoints = true;
  EXPECT_EQ(floats(runText(text, {x}, nullptr, plain)[0]), (std::vector<float>{0.3f, 0.8f}));
}

TEST(Fix, InputsRoundToTheirType) {
  EXPECT_EQ(floats(runText("graph @f(%x: q8.1<2>) {\n%y = onnx.Relu(%x) : f32<2>\n return %y\n}",
                           {Tensor::fromFloats({2}, {0.3f, 0.8f})})[0]),
            (std::vector<float>{0.5f, 1}));
}

TEST(Fix, ConstantsOfFixTypeAreReals) {
  EXPECT_EQ(floats(runText("graph @f(%x: f32<2>) {\n%c = const dense(3, -4) : q8.2<2>\n%y = onnx.Add(%x, %c) : f32<2>\n"
                           " return %y\n}",
                           {Tensor::fromFloats({2}, {0, 0})})[0]),
            (std::vector<float>{0.75f, -1}));
}

} // namespace
