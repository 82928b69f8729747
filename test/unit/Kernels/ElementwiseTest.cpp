//===- ElementwiseTest.cpp - loops over elements and windows, on every ISA ------------------===//
#include "dpuopt/Kernels/Elementwise.h"
#include "Cases.h"
#include "dpuopt/Kernels/Pool.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

using namespace dpuopt::kernels;
using namespace dpuopt::kernels::test;

namespace {

class ElementTest : public testing::TestWithParam<Isa> {
protected:
  Random random{11};
  Team team{2};
};
INSTANTIATE_TEST_SUITE_P(Isas, ElementTest, testing::ValuesIn(supportedIsas().begin(), supportedIsas().end()),
                         [](const auto &info) {
                           std::string name = isaName(info.param).str();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// floor(x / 2^shift), of a negative shift too.
int64_t shifted(int64_t x, int shift) { return shift >= 0 ? x >> std::min(shift, 62) : x * (int64_t(1) << -shift); }

int8_t rounded(int64_t t, int shift, int low, int high) {
  if (shift > 0)
    t = (t + (int64_t(1) << (shift - 1))) >> shift;
  else
    t = std::clamp<int64_t>(t, -1000, 1000) * (int64_t(1) << std::min(-shift, 20));
  return int8_t(std::clamp<int64_t>(t, low, high));
}

TEST_P(ElementTest, AddTruncatesEachOperandAsTheDpu) {
  int8_t a[] = {1, -1, 3, -3, 127, -128, 100, 5}, b[] = {1, -1, 7, -7, 127, -128, 100, -6}, y[8];
  // x_b has 3 more fractional bits: floor(4 b / 8) quarters.
  addShifted({{a, 0}, {b, 3}}, y, 8, {2, 0, -128, 127}, GetParam());
  int8_t expected[] = {1, -1, 4, -4, 127, -128, 113, 4}; // 1, -1.25, 3.75, -4, ..., 112.5, 4.25
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(int(y[i]), int(expected[i])) << i;
}

TEST_P(ElementTest, AddAtRandom) {
  for (int round = 0; round < 200; ++round) {
    size_t n = size_t(random.in(1, 150)), operands = size_t(random.oneIn(4) ? random.in(1, 4) : 2);
    AddRule rule;
    rule.guard = int(random.oneIn(3) ? random.in(0, 20) : 2), rule.cut = int(random.in(-6, 16));
    rule.low = random.oneIn(2) ? 0 : -128, rule.high = random.oneIn(3) ? 96 : 127;
    std::vector<std::vector<int8_t>> in;
    std::vector<Addend> addends;
    for (size_t k = 0; k < operands; ++k)
      in.push_back(random.bytes(n)), addends.push_back({nullptr, int(random.oneIn(8) ? 62 : random.in(0, 6))});
    for (size_t k = 0; k < operands; ++k)
      addends[k].data = in[k].data();
    std::vector<int8_t> out(n);
    addShifted(addends, out.data(), n, rule, GetParam());
    for (size_t i = 0; i < n; ++i) {
      int64_t sum = 0;
      for (const Addend &a : addends)
        sum += shifted(a.data[i] * (int64_t(1) << rule.guard), a.shift);
      ASSERT_EQ(int(out[i]), int(rounded(sum, rule.guard + rule.cut, rule.low, rule.high)))
          << "guard " << rule.guard << ", cut " << rule.cut << ", element " << i;
    }
  }
}

TEST_P(ElementTest, MultiplyEveryPair) {
  std::vector<int8_t> a, b;
  for (int x = -128; x < 128; ++x)
    for (int y = -128; y < 128; ++y)
      a.push_back(int8_t(x)), b.push_back(int8_t(y));
  std::vector<int8_t> out(a.size());
  for (int cut : {-3, 0, 1, 7, 15, 30, 40}) {
    multiplyShifted(a.data(), b.data(), out.data(), a.size(), {cut, cut % 2 ? 0 : -128, 127}, GetParam());
    for (size_t i = 0; i < a.size(); ++i)
      ASSERT_EQ(int(out[i]), int(rounded(a[i] * b[i], cut, cut % 2 ? 0 : -128, 127)))
          << int(a[i]) << " * " << int(b[i]);
  }
}

TEST_P(ElementTest, MapEveryByteAtEveryLength) {
  ByteTable table;
  for (int8_t &y : table)
    y = int8_t(random.in(-128, 127));
  for (size_t n = 0; n < 300; ++n) {
    std::vector<int8_t> in(n), out(n + 1, 77);
    for (size_t i = 0; i < n; ++i)
      in[i] = int8_t(i);
    mapBytes(in.data(), out.data(), n, table, GetParam());
    for (size_t i = 0; i < n; ++i)
      ASSERT_EQ(out[i], table[size_t(in[i] + 128)]);
    ASSERT_EQ(out[n], 77);
  }
}

TEST(ShiftTable, RoundsHalvesUp) {
  EXPECT_TRUE(isIdentity(shiftTable(0)));
  EXPECT_FALSE(isIdentity(shiftTable(0, 0)));
  ByteTable half = shiftTable(1), twice = shiftTable(-1, -128, 100);
  EXPECT_EQ(half[128 + 3], 2);
  EXPECT_EQ(half[128 - 3], -1);
  EXPECT_EQ(twice[128 + 60], 100);
  EXPECT_EQ(twice[128 - 70], -128);
}

TEST_P(ElementTest, FloatToInt8Edges) {
  float below = std::nextafter(0.5f, 0.0f), inf = std::numeric_limits<float>::infinity();
  std::vector<float> x = {0.5f,   -0.5f,  1.5f,   -1.5f, below,   -below,  std::nextafter(-0.5f, -1.0f),
                          126.5f, 127.4f, 127.5f, 1e30f, -128.4f, -128.5f, -129.0f,
                          inf,    -inf,   NAN,    -0.0f, 1e-40f,  2.5f};
  std::vector<int> expected = {1, 0, 2, -1, 0, 0, -1, 127, 127, 127, 127, -128, -128, -128, 127, -128, 0, 0, 0, 3};
  for (size_t copies = 0; copies < 4; ++copies) // whole vectors and what is left
    x.insert(x.end(), x.begin(), x.begin() + 20),
        expected.insert(expected.end(), expected.begin(), expected.begin() + 20);
  std::vector<int8_t> y(x.size());
  floatToInt8(x.data(), y.data(), x.size(), 1.0f, GetParam());
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(int(y[i]), expected[i]) << x[i];
}

TEST_P(ElementTest, FloatsThereAndBack) {
  for (int fixPoint : {-4, 0, 3, 7, 20}) {
    std::vector<int8_t> in(256), out(256);
    std::vector<float> real(256);
    for (int i = 0; i < 256; ++i)
      in[size_t(i)] = int8_t(i - 128);
    int8ToFloat(in.data(), real.data(), 256, std::ldexp(1.0f, -fixPoint), GetParam());
    EXPECT_EQ(real[3], std::ldexp(-125.0f, -fixPoint));
    floatToInt8(real.data(), out.data(), 256, std::ldexp(1.0f, fixPoint), GetParam());
    EXPECT_EQ(in, out);
  }
}

TEST_P(ElementTest, RowsCopied) {
  std::vector<int8_t> in = random.bytes(7 * 30), out(7 * 40, 1), mapped = out;
  ByteTable table = shiftTable(1);
  copyRows(in.data(), out.data() + 3, {7, 25, 30, 40}, nullptr, GetParam());
  copyRows(in.data(), mapped.data() + 3, {7, 25, 30, 40}, &table, GetParam());
  for (size_t i = 0; i < out.size(); ++i) {
    bool copied = i % 40 >= 3 && i % 40 < 28;
    int8_t x = copied ? in[i / 40 * 30 + i % 40 - 3] : int8_t(1);
    ASSERT_EQ(out[i], x);
    ASSERT_EQ(mapped[i], copied ? table[size_t(x + 128)] : int8_t(1));
  }
}

TEST_P(ElementTest, Pools) {
  for (int round = 0; round < 60; ++round) {
    PoolGeometry g;
    g.batch = random.in(1, 2), g.inH = random.in(1, 12), g.inW = random.in(1, 12), g.channels = random.in(1, 150);
    g.kernelH = random.in(1, 5), g.kernelW = random.in(1, 5), g.strideH = random.in(1, 3), g.strideW = random.in(1, 3);
    g.padTop = random.in(0, 6), g.padLeft = random.in(0, 3), g.outH = random.in(1, 8), g.outW = random.in(1, 8);
    int64_t inPixel = g.channels + random.in(0, 5), outPixel = g.channels + random.in(0, 5);
    auto in = random.bytes(size_t(g.batch * g.inH * g.inW * inPixel));
    std::vector<int8_t> most(size_t(g.batch * g.outH * g.outW * outPixel), 9), mean = most, mapped = most;
    SumRule rule{random.in(-3, 300), int(random.in(-2, 14)), random.oneIn(2) ? 0 : -128, 127};
    ByteTable table = shiftTable(2);
    maxPool(g, {in.data(), most.data(), inPixel, outPixel}, nullptr, team, GetParam());
    maxPool(g, {in.data(), mapped.data(), inPixel, outPixel}, &table, team, GetParam());
    sumPool(g, {in.data(), mean.data(), inPixel, outPixel}, rule, team, GetParam());
    for (int64_t i = 0; i < int64_t(most.size()); ++i) {
      int64_t c = i % outPixel, x = i / outPixel % g.outW, y = i / outPixel / g.outW % g.outH,
              n = i / outPixel / g.outW / g.outH;
      if (c >= g.channels) {
        ASSERT_EQ(most[size_t(i)], 9);
        ASSERT_EQ(mean[size_t(i)], 9);
        continue;
      }
      int best = -128;
      int64_t sum = 0;
      for (int64_t ky = 0; ky < g.kernelH; ++ky)
        for (int64_t kx = 0; kx < g.kernelW; ++kx) {
          int64_t iy = y * g.strideH - g.padTop + ky, ix = x * g.strideW - g.padLeft + kx;
          if (iy < 0 || iy >= g.inH || ix < 0 || ix >= g.inW)
            continue;
          int v = in[size_t(((n * g.inH + iy) * g.inW + ix) * inPixel + c)];
          best = std::max(best, v), sum += v;
        }
      ASSERT_EQ(int(most[size_t(i)]), best);
      ASSERT_EQ(int(mapped[size_t(i)]), int(table[size_t(best + 128)]));
      ASSERT_EQ(int(mean[size_t(i)]), int(rounded(sum * rule.factor, rule.cut, rule.low, rule.high)));
    }
  }
}

TEST_P(ElementTest, SumsBeyond32Bits) {
  PoolGeometry g;
  g.inH = g.inW = g.kernelH = g.kernelW = 40, g.channels = 3;
  std::vector<int8_t> in(40 * 40 * 3, 127), out(3);
  sumPool(g, {in.data(), out.data()}, {int64_t(1) << 30, 42, -128, 127}, team, GetParam()); // 203200 * 2^-12 = 49.6
  EXPECT_EQ(int(out[0]), 50);
  in.assign(in.size(), -128);
  sumPool(g, {in.data(), out.data()}, {int64_t(1) << 30, 42, -128, 127}, team, GetParam()); // -50
  EXPECT_EQ(int(out[2]), -50);
}

} // namespace
