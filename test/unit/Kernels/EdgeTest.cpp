//===- EdgeTest.cpp - what random convolutions rarely meet ------------------------------------===//
#include "Cases.h"
#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

using namespace dpuopt::kernels;
using namespace dpuopt::kernels::test;
using Activation = Requant::Activation;

static std::atomic<long> allocations{0};
void *operator new(size_t n) {
  ++allocations;
  return std::malloc(n ? n : 1);
}
void *operator new(size_t n, std::align_val_t a) {
  ++allocations;
  return std::aligned_alloc(size_t(a), (n + size_t(a) - 1) / size_t(a) * size_t(a));
}
void operator delete(void *p) noexcept { std::free(p); }
void operator delete(void *p, size_t) noexcept { std::free(p); }
void operator delete(void *p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void *p, size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

class EdgeTest : public testing::TestWithParam<Isa> {
protected:
  /// A 1x1 convolution of one pixel whose sums are the given ones: each is 127 * a + b of two inputs.
  std::vector<int8_t> requantised(const std::vector<int> &sums, Requant r) {
    std::vector<int8_t> out;
    for (int sum : sums) {
      ConvGeometry g;
      g.inC = 701, g.outC = 1; // sums up to 11 million
      std::vector<int8_t> in(701, 127), w(701, 0);
      int left = sum;
      for (size_t i = 0; i < 700; ++i) { // 127 * w
        int part = std::clamp(left / 127, -128, 127);
        w[i] = int8_t(part), left -= 127 * part;
      }
      in[700] = int8_t(left), w[700] = 1;
      auto y = computed(g, w, r, in, 701, 1, GetParam(), team);
      out.push_back(y.empty() ? int8_t(0) : y[0]);
    }
    return out;
  }
  void expectDefinition(const std::vector<int> &sums, const Requant &r) {
    auto found = requantised(sums, r);
    for (size_t i = 0; i < sums.size(); ++i)
      EXPECT_EQ(int(found[i]), int(r.apply(sums[i], 0))) << sums[i] << ", cut " << r.cut << ", guard " << r.guard;
  }
  void compare(const ConvGeometry &g, const Requant &r, const std::vector<int8_t> &w, const std::vector<int8_t> &in) {
    SCOPED_TRACE(describe(g, r));
    EXPECT_EQ(computed(g, w, r, in, g.inC, g.outC, GetParam(), team), defined(g, w, r, in, g.inC));
  }
  Team team{2};
};
INSTANTIATE_TEST_SUITE_P(Isas, EdgeTest, testing::ValuesIn(supportedIsas().begin(), supportedIsas().end()),
                         [](const auto &info) {
                           std::string name = isaName(info.param).str();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_P(EdgeTest, EveryCutAndActivationAroundHalves) {
  for (Activation a : {Activation::None, Activation::Relu, Activation::Clip, Activation::Leaky})
    for (int cut = -3; cut <= 24; ++cut)
      for (int64_t bias : {INT64_C(0), INT64_C(1), INT64_C(-3)}) {
        Requant r;
        r.activation = a, r.cut = cut, r.cap = 100, r.bias = {bias};
        int half = cut > 0 ? 1 << std::min(cut - 1, 21) : 1;
        expectDefinition({0, half, half - 1, -half, -half - 1, 3 * half, -3 * half, -3 * half - 1, 4000000, -4000000},
                         r);
      }
}

TEST_P(EdgeTest, SaturationAtBothEnds) {
  Requant r;
  r.cut = 3;
  expectDefinition({127 * 8 + 3, 127 * 8 + 4, 128 * 8, -128 * 8 - 4, -128 * 8 - 5, -129 * 8 - 4, 1 << 20, -(1 << 20)},
                   r);
}

TEST_P(EdgeTest, LeakyNearWhereItStopsFitting32Bits) {
  for (int guard : {0, 1, 5, 9})
    for (int cut : {0, 6, 13, 14, 15, 20}) {
      Requant r;
      r.activation = Activation::Leaky, r.guard = guard, r.cut = cut, r.bias = {17};
      expectDefinition({-1, -5, -10, -1 << 10, -1 << 18, -3900000, 1 << 10, 3900000}, r);
    }
}

TEST_P(EdgeTest, BiasesBeyond32Bits) {
  for (int64_t bias : {(INT64_C(1) << 39), -(INT64_C(1) << 39), (INT64_C(1) << 33) + 1}) {
    Requant r;
    r.guard = 20, r.cut = 13, r.bias = {bias};
    expectDefinition({0, 5, -5, 100000}, r);
  }
}

TEST_P(EdgeTest, LargestSums) {
  ConvGeometry g;
  g.inC = 1 << 14, g.kernelH = g.kernelW = 2, g.inH = g.inW = 2, g.outC = 3; // 2^16 taps
  size_t taps = size_t(1) << 16;
  Requant r;
  r.cut = 23;
  std::vector<int8_t> w(3 * taps, -128);
  std::fill(w.begin() + ptrdiff_t(taps), w.begin() + ptrdiff_t(2 * taps), int8_t(127));
  compare(g, r, w, std::vector<int8_t>(taps, -128));
  compare(g, r, w, std::vector<int8_t>(taps, 127));
}

TEST_P(EdgeTest, SumsBeyond31Bits) {
  ConvGeometry g;
  g.inC = 200000, g.outC = 2;
  Requant r;
  r.cut = 25, r.bias = {1, -1};
  compare(g, r, std::vector<int8_t>(400000, -128), std::vector<int8_t>(200000, -128));
  compare(g, r, std::vector<int8_t>(400000, 80), std::vector<int8_t>(200000, -128)); // 2^31 - 99 million fits
}

TEST_P(EdgeTest, HugeStridesAndDilations) {
  for (bool depthwise : {false, true})
    for (int64_t step : {1000000, 2000000000}) {
      ConvGeometry g;
      g.depthwise = depthwise, g.inH = g.inW = 3, g.inC = g.outC = 4, g.kernelH = g.kernelW = 3;
      g.dilationH = g.dilationW = step, g.padTop = g.padLeft = step, g.strideH = g.strideW = step;
      g.outH = g.outW = 2;
      Random random(6);
      compare(g, {}, random.bytes(weightCount(g)), random.bytes(36));
    }
}

TEST_P(EdgeTest, TransposedWithManyPhases) {
  ConvGeometry g;
  g.transposed = true, g.inH = g.inW = 2, g.strideH = g.strideW = 9, g.outH = g.outW = 18, g.kernelH = g.kernelW = 9;
  g.inC = 3, g.outC = 5;
  Random random(3);
  Requant r;
  r.cut = 6;
  compare(g, r, random.bytes(weightCount(g)), random.bytes(12));
}

TEST_P(EdgeTest, ALongRowOfManyChannels) {
  ConvGeometry g;
  g.inW = g.outW = 700, g.inC = 512, g.outC = 4, g.kernelW = 3, g.padLeft = 1; // wider than a band may be
  Random random(4);
  Requant r;
  r.cut = 10;
  compare(g, r, random.bytes(weightCount(g)), random.bytes(700 * 512));
}

TEST_P(EdgeTest, RunningAllocatesNothing) {
  for (bool depthwise : {false, true})
    for (bool transposed : {false, true}) {
      ConvGeometry g;
      g.inH = g.inW = 9, g.inC = g.outC = 40, g.kernelH = g.kernelW = 3, g.padTop = g.padLeft = 1;
      g.outH = g.outW = 9, g.depthwise = depthwise, g.transposed = transposed;
      Random random(5);
      auto w = random.bytes(weightCount(g)), in = random.bytes(9 * 9 * 40);
      Requant r;
      r.cut = 8;
      auto conv = Conv::create(g, w.data(), r, GetParam());
      std::vector<int8_t> out(in.size());
      std::vector<uint8_t> scratch(conv->scratchBytes(2) + 64);
      ConvBuffers b{in.data(), out.data(), 0, 0, scratch.data()};
      b.scratch += 64 - reinterpret_cast<uintptr_t>(b.scratch) % 64;
      long before = allocations;
      conv->run(b, team);
      EXPECT_EQ(allocations - before, 0);
    }
}

TEST(ConvCreate, RefusesWhatMayNotFit) {
  std::vector<int8_t> w(1);
  ConvGeometry g;
  g.inC = (1 << 24) + 1;
  EXPECT_EQ(Conv::create(g, w.data(), {}), nullptr);
  g = {}, g.outH = 0;
  EXPECT_EQ(Conv::create(g, w.data(), {}), nullptr);
  g = {}, g.depthwise = true, g.inC = 2, g.outC = 3;
  EXPECT_EQ(Conv::create(g, w.data(), {}), nullptr);
  g = {}, g.kernelH = int64_t(1) << 40;
  EXPECT_EQ(Conv::create(g, w.data(), {}), nullptr);
}

} // namespace
