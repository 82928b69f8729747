//===- EquivalenceTest.cpp - comparing graphs by executing them ------------------------===//
#include "TestData.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

constexpr const char *Conv = "graph @g(%x: f32<1x3x5x5>) {\n%w = const splat(0.25) : f32<2x3x3x3>\n"
                             "%y = onnx.Conv(%x, %w) : f32<1x2x3x3>\n return %y\n}";

Result<double> check(llvm::StringRef a, llvm::StringRef b, double tolerance, std::string *why = nullptr) {
  auto before = parse(a), after = parse(b);
  DiagEngine diags;
  auto r = checkEquivalence(*before, *after, tolerance, 1, diags);
  if (why)
    *why = diags.all().empty() ? "" : diags.all().back().message;
  return r;
}

TEST(Equivalence, SameGraph) {
  auto r = check(Conv, Conv, 0);
  ASSERT_TRUE(bool(r));
  EXPECT_EQ(*r, 0);
}

TEST(Equivalence, AfterLowering) {
  auto r =
      check(Conv,
            "graph @g() {\n%x = xir.data() {data_type = \"FLOAT32\", shape = [1, 5, 5, 3]} : f32<1x5x5x3>\n"
            "%w = const splat(0.25) : f32<2x3x3x3>\n%y = xir.conv2d(%x, %w) {kernel = [3, 3], pad_mode = \"FLOOR\", "
            "stride = [1, 1]} : f32<1x3x3x2>\n return %y\n}",
            1e-5);
  ASSERT_TRUE(bool(r));
}

TEST(Equivalence, NamesTheOutputThatDiffers) {
  std::string other = Conv, why;
  other.replace(other.find("0.25"), 4, "0.26");
  EXPECT_FALSE(bool(check(Conv, other, 1e-4, &why)));
  EXPECT_NE(why.find("output 'y' differs by"), std::string::npos) << why;
}

TEST(Equivalence, ToleranceIsRelativeToTheRange) {
  std::string other = Conv;
  other.replace(other.find("0.25"), 4, "0.2500001");
  EXPECT_TRUE(bool(check(Conv, other, 1e-5)));
  EXPECT_FALSE(bool(check(Conv, other, 0)));
}

TEST(Equivalence, AnotherNumberOfOutputs) {
  std::string other = Conv, why;
  other.replace(other.find("return %y"), 9, "return %y, %y");
  EXPECT_FALSE(bool(check(Conv, other, 1, &why)));
  EXPECT_EQ(why, "the graphs have 1 and 2 outputs");
}

TEST(Difference, NanAgainstNumberIsInfinite) {
  Tensor a = Tensor::fromFloats({2}, {NAN, 1}), b = Tensor::fromFloats({2}, {0, 1});
  EXPECT_TRUE(std::isinf(difference(a, b).maxAbs));
  EXPECT_EQ(difference(a, a).maxAbs, 0);
}

TEST(Difference, OtherCountIsNotComparable) {
  EXPECT_FALSE(difference(Tensor::fromFloats({2}, {0, 1}), Tensor::fromFloats({1}, {0})).comparable);
}

TEST(RandomTensor, IsDeterministicAndInRange) {
  Type type(ElemKind::F32, {1000});
  Tensor a = randomTensor(type, 7);
  EXPECT_TRUE(a == randomTensor(type, 7));
  EXPECT_FALSE(a == randomTensor(type, 8));
  double sum = 0;
  for (float v : a.as<float>()) {
    EXPECT_TRUE(v >= -1 && v < 1);
    sum += v;
  }
  EXPECT_LT(std::fabs(sum / 1000), 0.05);
}

TEST(RandomTensor, FixTypesHoldIntegersInRange) {
  Tensor t = randomTensor(Type(ElemType::fix(8, 6), {1000}), 3);
  EXPECT_EQ(t.type().str(), "q8.6<1000>");
  for (int64_t i = 0; i < 1000; ++i)
    EXPECT_TRUE(t.at(i) >= -1 && t.at(i) < 1);
}

} // namespace
