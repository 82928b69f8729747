//===- ConvTest.cpp - every convolution kernel against the definition ---------------------===//
#include "Cases.h"
#include <gtest/gtest.h>

using namespace dpuopt::kernels;
using namespace dpuopt::kernels::test;

namespace {

std::string isaOf(const testing::TestParamInfo<Isa> &info) {
  std::string name = isaName(info.param).str();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

class ConvTest : public testing::TestWithParam<Isa> {
protected:
  void check(const ConvGeometry &g, const Requant &r, Random &random) {
    SCOPED_TRACE(describe(g, r));
    int64_t inPixel = g.inC + (random.oneIn(3) ? random.in(1, 40) : 0);
    int64_t outPixel = g.outC + (random.oneIn(3) ? random.in(1, 40) : 0);
    auto weights = random.bytes(weightCount(g)), in = random.bytes(size_t(g.batch * g.inH * g.inW * inPixel));
    auto expected = defined(g, weights, r, in, inPixel);
    auto found = computed(g, weights, r, in, inPixel, outPixel, GetParam(), random.oneIn(2) ? one : two);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i)
      ASSERT_EQ(int(found[i]), int(expected[i]))
          << "channel " << i % size_t(g.outC) << " of pixel " << i / size_t(g.outC);
  }
  void checkMany(int count, bool depthwise, bool transposed) {
    Random random(7);
    for (int i = 0; i < count && !HasFatalFailure(); ++i) {
      ConvGeometry g = randomGeometry(random, depthwise, transposed);
      check(g, randomRequant(random, g), random);
    }
  }
  Team one{1}, two{2};
};
INSTANTIATE_TEST_SUITE_P(Isas, ConvTest, testing::ValuesIn(supportedIsas().begin(), supportedIsas().end()), isaOf);

TEST_P(ConvTest, Ordinary) { checkMany(400, false, false); }
TEST_P(ConvTest, Depthwise) { checkMany(300, true, false); }
TEST_P(ConvTest, Transposed) { checkMany(200, false, true); }
TEST_P(ConvTest, TransposedDepthwise) { checkMany(100, true, true); }

} // namespace
