//===- RequantTest.cpp - every rule from a sum to an int8, at its edges, by hand ------------===//
#include "dpuopt/Kernels/Requant.h"
#include <gtest/gtest.h>

using namespace dpuopt::kernels;
using Activation = Requant::Activation;

static Requant rule(int cut, Activation activation = Activation::None) {
  Requant r;
  r.cut = cut, r.activation = activation;
  return r;
}

TEST(RoundShift, HalvesGoUp) {
  EXPECT_EQ(roundShift(5, 1), 3);   // 2.5
  EXPECT_EQ(roundShift(-5, 1), -2); // -2.5
  EXPECT_EQ(roundShift(-1, 1), 0);  // -0.5
  EXPECT_EQ(roundShift(1, 1), 1);   // 0.5
  EXPECT_EQ(roundShift(-3, 2), -1); // -0.75
  EXPECT_EQ(roundShift(-2, 2), 0);  // -0.5
}

TEST(RoundShift, Saturates) {
  EXPECT_EQ(roundShift(127, 0), 127);
  EXPECT_EQ(roundShift(128, 0), 127);
  EXPECT_EQ(roundShift(255, 1), 127); // 127.5 rounds to 128
  EXPECT_EQ(roundShift(-128, 0), -128);
  EXPECT_EQ(roundShift(-257, 1), -128); // -128.5 rounds to -128
  EXPECT_EQ(roundShift(-258, 1), -128);
  EXPECT_EQ(roundShift(INT64_MAX, 1), 127);
}

TEST(RoundShift, NegativeShiftsMultiply) {
  EXPECT_EQ(roundShift(3, -2), 12);
  EXPECT_EQ(roundShift(-3, -5), -96);
  EXPECT_EQ(roundShift(1, -7), 127);
  EXPECT_EQ(roundShift(1, -62), 127);
  EXPECT_EQ(roundShift(-1, -62), -128);
}

TEST(RoundShift, LargeShiftsLeaveTheSignOfHalves) {
  EXPECT_EQ(roundShift(INT64_C(1) << 61, 62), 1); // one half
  EXPECT_EQ(roundShift((INT64_C(1) << 61) - 1, 62), 0);
  EXPECT_EQ(roundShift(-(INT64_C(1) << 61), 62), 0);
}

TEST(Requant, CutDivides) {
  EXPECT_EQ(rule(4).apply(8, 0), 1); // 0.5
  EXPECT_EQ(rule(4).apply(7, 0), 0);
  EXPECT_EQ(rule(4).apply(-8, 0), 0); // -0.5
  EXPECT_EQ(rule(4).apply(-9, 0), -1);
  EXPECT_EQ(rule(0).apply(-77, 0), -77);
  EXPECT_EQ(rule(-3).apply(5, 0), 40);
  EXPECT_EQ(rule(-3).apply(16, 0), 127);
}

TEST(Requant, BiasIsInUnitsOfTheGuardBits) {
  Requant r = rule(1);
  r.bias = {1, -1, 3};          // halves of a unit of the sum
  EXPECT_EQ(r.apply(0, 0), 0);  // 0.25
  EXPECT_EQ(r.apply(1, 0), 1);  // 0.75
  EXPECT_EQ(r.apply(1, 1), 0);  // 0.25
  EXPECT_EQ(r.apply(-1, 2), 0); // 0.25
  EXPECT_EQ(r.apply(0, 2), 1);  // 0.75
  r.guard = 3, r.bias = {3, 4};
  r.cut = 0;
  EXPECT_EQ(r.apply(10, 0), 10); // 10.375
  EXPECT_EQ(r.apply(10, 1), 11); // 10.5
}

TEST(Requant, ReluBeforeRounding) {
  EXPECT_EQ(rule(1, Activation::Relu).apply(-1, 0), 0);
  EXPECT_EQ(rule(1, Activation::Relu).apply(-1000, 0), 0);
  EXPECT_EQ(rule(1, Activation::Relu).apply(1, 0), 1);
  EXPECT_EQ(rule(0, Activation::Relu).apply(300, 0), 127);
}

TEST(Requant, ClipCaps) {
  Requant r = rule(0, Activation::Clip);
  r.cap = 96;
  EXPECT_EQ(r.apply(95, 0), 95);
  EXPECT_EQ(r.apply(97, 0), 96);
  EXPECT_EQ(r.apply(1000, 0), 96);
  EXPECT_EQ(r.apply(-5, 0), 0);
}

TEST(Requant, LeakySlopeBeforeTheOneRounding) {
  Requant r = rule(0, Activation::Leaky); // 26 / 256
  EXPECT_EQ(r.apply(-10, 0), -1);         // -1.015625
  EXPECT_EQ(r.apply(-4, 0), 0);           // -0.40625
  EXPECT_EQ(r.apply(-5, 0), -1);          // -0.5078125
  EXPECT_EQ(r.apply(-1260, 0), -128);     // -127.97
  EXPECT_EQ(r.apply(-1000000000, 0), -128);
  EXPECT_EQ(r.apply(10, 0), 10);
  r.cut = 4;
  EXPECT_EQ(r.apply(-79, 0), -1); // -4.9375 * 26/256 = -0.501; rounding first would give -5 and also -1
  EXPECT_EQ(r.apply(-78, 0), 0);  // -4.875 * 26/256 = -0.495; rounding first would give -5 and -1
}

TEST(Requant, TableComesLast) {
  Requant r = rule(1, Activation::Relu);
  r.table.emplace();
  for (int y = -128; y < 128; ++y)
    (*r.table)[size_t(y + 128)] = int8_t(-1 - y);
  EXPECT_EQ(r.apply(-50, 0), -1); // 0
  EXPECT_EQ(r.apply(5, 0), -4);   // 3
  EXPECT_EQ(r.apply(999, 0), -128);
}
