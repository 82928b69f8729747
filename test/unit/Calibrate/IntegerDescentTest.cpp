//===- IntegerDescentTest.cpp - least squares over integers ------------------------------===//
#include "../../../lib/Calibrate/IntegerDescent.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {
/// d'Hd - 2g'd with d relative to where the unknowns were.
double objective(const std::vector<float> &h, const std::vector<double> &g, const std::vector<double> &d) {
  double sum = 0;
  for (size_t i = 0; i < d.size(); ++i) {
    sum -= 2 * g[i] * d[i];
    for (size_t j = 0; j < d.size(); ++j)
      sum += d[i] * h[i * d.size() + j] * d[j];
  }
  return sum;
}
} // namespace

TEST(IntegerDescent, FindsTheOptimumOfIndependentUnknowns) {
  std::vector<float> h = {2, 0, 0, 3};
  std::vector<IntegerUnknown> u = {{0, -128, 127, 0.5}, {0, -128, 127, 0.5}};
  std::vector<double> g = {2 * 3.4, 3 * -1.9}; // wants 3.4 and -1.9
  descend(h.data(), 2, u, g, 10);
  EXPECT_EQ(u[0].q, 7);
  EXPECT_EQ(u[1].q, -4);
}

TEST(IntegerDescent, OneRoundingMakesUpForAnother) {
  // Two inputs that are nearly the same: what counts is the sum of the weights.
  std::vector<float> h = {1, 0.99f, 0.99f, 1};
  std::vector<IntegerUnknown> u = {{0, -128, 127, 1}, {0, -128, 127, 1}};
  std::vector<double> g = {0.4 + 0.99 * 0.4, 0.99 * 0.4 + 0.4}; // wants 0.4 and 0.4: rounded, both would be 0
  descend(h.data(), 2, u, g, 10);
  EXPECT_EQ(u[0].q + u[1].q, 1);
}

TEST(IntegerDescent, SaysWhatItGained) {
  std::vector<float> h = {2, 0.5f, 0.1f, 0.5f, 1, 0.3f, 0.1f, 0.3f, 4};
  std::vector<double> g = {3, -2, 5}, before = g;
  std::vector<IntegerUnknown> u = {{0, -8, 7, 0.25}, {0, -8, 7, 0.25}, {0, -8, 7, 0.25}};
  const double gained = descend(h.data(), 3, u, g, 10);
  EXPECT_GT(gained, 0);
  EXPECT_NEAR(objective(h, before, {u[0].q * 0.25, u[1].q * 0.25, u[2].q * 0.25}), -gained, 1e-6);
}

TEST(IntegerDescent, LimitsHold) {
  std::vector<float> h = {1};
  std::vector<IntegerUnknown> u = {{120, -128, 127, 1}};
  std::vector<double> g = {1000};
  descend(h.data(), 1, u, g, 10);
  EXPECT_EQ(u[0].q, 127);
}

TEST(IntegerDescent, DeadAndBrokenUnknownsStay) {
  std::vector<float> h = {0, 0, 0, NAN};
  std::vector<IntegerUnknown> u = {{5, -128, 127, 1}, {6, -128, 127, 1}};
  std::vector<double> g = {1, NAN};
  EXPECT_EQ(descend(h.data(), 2, u, g, 10), 0);
  EXPECT_EQ(u[0].q, 5);
  EXPECT_EQ(u[1].q, 6);
}

TEST(IntegerDescent, HalvesDoNotTakeTurns) {
  std::vector<float> h = {1};
  std::vector<IntegerUnknown> u = {{0, -128, 127, 1}};
  std::vector<double> g = {0.5};
  EXPECT_EQ(descend(h.data(), 1, u, g, 1000000), 0);
  EXPECT_EQ(u[0].q, 0);
}

TEST(IntegerDescent, RidgeHoldsBack) {
  std::vector<float> h = {1};
  std::vector<IntegerUnknown> u = {{0, -128, 127, 1, /*ridge=*/9}};
  std::vector<double> g = {10};
  descend(h.data(), 1, u, g, 10);
  EXPECT_EQ(u[0].q, 1);
}
