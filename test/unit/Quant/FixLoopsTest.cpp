//===- FixLoopsTest.cpp - every instruction set computes what plain code does ----------===//
#include "Quant/FixLoops.h"
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace dpuopt;

namespace {

const float Inf = std::numeric_limits<float>::infinity(), NaN = std::numeric_limits<float>::quiet_NaN();

/// Lengths around blocks, from a few elements to several error blocks.
const size_t Lengths[] = {1, 2, 15, 16, 17, 31, 33, 64, 100, 1000, 1023, 1024};

/// Every kind of finite float; exact halves at positions around 0 among them.
std::vector<float> finite(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(n);
  for (float &v : x)
    switch (random() % 6) {
    case 0:
      v = static_cast<float>(static_cast<int>(random() % 600) - 300) / 2;
      break;
    case 1:
      v = std::ldexp(normal(random), static_cast<int>(random() % 250) - 149);
      break;
    case 2:
      v = random() % 2 ? 0.0f : -0.0f;
      break;
    default:
      v = normal(random) * 40;
    }
  return x;
}

std::vector<float> withStrange(size_t n, unsigned seed) {
  std::vector<float> x = finite(n, seed);
  const float strange[] = {NaN, Inf, -Inf, -NaN, std::numeric_limits<float>::signaling_NaN()};
  for (size_t i = seed % 3; i < n; i += 7)
    x[i] = strange[i % 5];
  return x;
}

float plainRound(float x, FixPos pos, Rounding rounding) {
  double s = std::ldexp(static_cast<double>(x), pos.fixPoint), hi = std::ldexp(1.0, pos.bits - 1) - 1;
  if (std::isnan(x))
    s = -hi - 1;
  s = std::clamp(s, -hi - 1, hi);
  s = rounding == Rounding::HalfUp ? std::floor(s + 0.5) : std::round(s);
  return static_cast<float>(std::ldexp(s, -pos.fixPoint)) + 0.0f;
}

/// Sixteen sums in float, then one in double.
double plainError(const std::vector<float> &x, FixPos pos) {
  float sums[16] = {};
  for (size_t i = 0; i < x.size(); ++i) {
    volatile float d = std::ldexp(x[i] - plainRound(x[i], pos, Rounding::HalfUp), pos.fixPoint);
    volatile float square = d * d;
    sums[i % 16] += square;
  }
  double sum = 0;
  for (float s : sums)
    sum += s;
  return sum;
}

bool sameBits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0; }

} // namespace

TEST(FixLoops, RangeIsThatOfPlainCode) {
  for (const FixLoops &loops : supportedFixLoops())
    for (size_t n : Lengths) {
      std::vector<float> x = finite(n, static_cast<unsigned>(n));
      FloatRange r = loops.range(x.data(), n);
      ASSERT_TRUE(r.finite) << loops.name;
      ASSERT_EQ(r.min, *std::min_element(x.begin(), x.end())) << loops.name << ' ' << n;
      ASSERT_EQ(r.max, *std::max_element(x.begin(), x.end())) << loops.name << ' ' << n;
    }
}

TEST(FixLoops, RangeSeesOneStrangeElementAnywhere) {
  for (const FixLoops &loops : supportedFixLoops())
    for (float strange : {NaN, -NaN, Inf, -Inf})
      for (size_t i = 0; i < 70; ++i) {
        std::vector<float> x = finite(70, 3);
        x[i] = strange;
        x[(i + 1) % 70] = 2e38f; // more than anything else
        FloatRange r = loops.range(x.data(), x.size());
        ASSERT_FALSE(r.finite) << loops.name << ' ' << i;
        ASSERT_EQ(r.max, strange == Inf ? Inf : 2e38f) << loops.name << ' ' << i;
      }
}

TEST(FixLoops, LeastMagnitudeLeavesOutZeros) {
  for (const FixLoops &loops : supportedFixLoops()) {
    for (size_t n : Lengths) {
      std::vector<float> x = finite(n, static_cast<unsigned>(n) + 9);
      uint32_t least = UINT32_MAX;
      for (float v : x)
        if (v != 0)
          least = std::min(least, std::bit_cast<uint32_t>(std::fabs(v)));
      ASSERT_EQ(loops.leastMagnitude(x.data(), n), least) << loops.name << ' ' << n;
    }
    const float zeros[] = {0.0f, -0.0f};
    EXPECT_EQ(loops.leastMagnitude(zeros, 2), UINT32_MAX) << loops.name;
  }
}

TEST(FixLoops, RangeHasOneZero) {
  for (const FixLoops &loops : supportedFixLoops()) {
    const float zeros[] = {-0.0f, -0.0f, 0.0f};
    EXPECT_FALSE(std::signbit(loops.range(zeros, 3).min)) << loops.name;
    EXPECT_FALSE(std::signbit(loops.range(zeros, 2).max)) << loops.name;
  }
}

TEST(FixLoops, RoundingIsThatOfPlainCode) {
  for (const FixLoops &loops : supportedFixLoops())
    for (size_t n : Lengths)
      for (FixPos pos : {FixPos{8, 0}, {8, 1}, {8, 4}, {8, -3}, {4, 2}, {16, 7}, {8, 40}, {8, -60}})
        for (Rounding rounding : {Rounding::HalfUp, Rounding::HalfAway}) {
          const std::vector<float> x = withStrange(n, static_cast<unsigned>(n));
          std::vector<float> y = x;
          (rounding == Rounding::HalfUp ? loops.quantizeHalfUp : loops.quantizeHalfAway)(y.data(), n, FixGrid(pos));
          for (size_t i = 0; i < n; ++i)
            ASSERT_TRUE(sameBits(y[i], plainRound(x[i], pos, rounding)))
                << loops.name << ": " << x[i] << " at " << pos.fixPoint << " gives " << y[i];
        }
}

TEST(FixLoops, ErrorsAreThoseOfPlainCodeToTheLastBit) {
  for (const FixLoops &loops : supportedFixLoops())
    for (size_t n : Lengths)
      for (FixPos pos : {FixPos{8, 0}, {8, 1}, {8, 4}, {8, -3}, {4, 2}, {16, 7}}) {
        std::vector<float> x = finite(n, static_cast<unsigned>(n) + 1);
        for (float &v : x)
          v = std::clamp(v, -1000.0f, 1000.0f);
        ASSERT_EQ(loops.error(x.data(), n, FixGrid(pos)), plainError(x, pos)) << loops.name << ' ' << n;
      }
}

TEST(FixLoops, AllInstructionSetsAgreeOnEverySize) {
  for (const FixLoops &loops : supportedFixLoops())
    for (size_t n : Lengths)
      for (int p = -126; p < 20; p += 5) {
        std::vector<float> x = finite(n, static_cast<unsigned>(n) + 2);
        for (float &v : x)
          v = std::ldexp(v, -p / 2);
        FixGrid g({8, p});
        ASSERT_EQ(loops.error(x.data(), n, g), supportedFixLoops()[0].error(x.data(), n, g)) << loops.name << ' ' << p;
      }
}
