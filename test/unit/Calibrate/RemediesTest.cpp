//===- RemediesTest.cpp - which numbers call for which remedy ----------------------------===//
#include "dpuopt/Calibrate/Remedies.h"
#include "Quant/Helpers.h"
#include <cmath>

using namespace dpuopt;

namespace {
/// A layer with 100 of noise, all of it from its result's rounding, and numbers spread over the range of position 0.
struct RemediesTest : testing::Test {
  RemediesTest() {
    std::vector<float> x;
    for (int i = -1270; i < 1270; ++i)
      x.push_back(static_cast<float>(i) / 10);
    layer.placed.values.add(x);
    layer.single = {1e6, 100, 1e6, 1e6};
    layer.parts = {0, 0, 100};
  }
  ParamError &weights(float ratio, double leftIfEqualized) {
    ParamError p{0, ParamRole::Weights, {}, {}, {}};
    p.channels.channels = 8, p.channels.smallest = 1, p.channels.largest = ratio;
    p.leftIfEqualized = leftIfEqualized;
    return layer.params.emplace_back(std::move(p));
  }
  RemedyKind best() const { return remediesFor(layer)[0].kind; }
  LayerError layer;
};
} // namespace

TEST_F(RemediesTest, RoundingAloneHasNone) {
  EXPECT_EQ(best(), RemedyKind::None);
  EXPECT_EQ(remediesFor(layer)[0].gain, 0);
  EXPECT_HAS(explain(remediesFor(layer)[0], layer), "nothing");
}

TEST_F(RemediesTest, NoiseFromOutsideIsNotTheLayers) {
  layer.parts = {80, 0, 20};
  EXPECT_EQ(best(), RemedyKind::Inputs);
}

TEST_F(RemediesTest, UnequalChannelsAreEqualized) {
  weights(64, 0.01);
  layer.parts = {0, 90, 10};
  const Remedy r = remediesFor(layer)[0];
  EXPECT_EQ(r.kind, RemedyKind::Equalize);
  EXPECT_DOUBLE_EQ(r.noise, 90 * 0.99);
  EXPECT_DOUBLE_EQ(r.gain, -10 * std::log10(1 - r.noise / 100));
  EXPECT_HAS(explain(r, layer), "64-fold");
}

TEST_F(RemediesTest, EqualChannelsAreFineTuned) {
  weights(2, 0.9);
  layer.parts = {0, 90, 10};
  EXPECT_EQ(best(), RemedyKind::FineTune);
}

TEST_F(RemediesTest, MeansGoIntoTheBias) {
  layer.meanShift = 60, layer.shiftLeft = 10;
  EXPECT_EQ(best(), RemedyKind::None) << "without a bias";
  layer.params.push_back({0, ParamRole::Bias, {}, {}, {}});
  EXPECT_EQ(best(), RemedyKind::BiasCorrect);
  EXPECT_DOUBLE_EQ(remediesFor(layer)[0].noise, 50);
}

TEST_F(RemediesTest, PositionWithLessErrorIsNamed) {
  layer.placed.pos.fixPoint = -2;
  const Remedy r = remediesFor(layer)[0];
  EXPECT_EQ(r.kind, RemedyKind::Position);
  EXPECT_EQ(r.positions, 1);
  EXPECT_HAS(explain(r, layer), "fix point -1 instead of -2");
}

TEST_F(RemediesTest, PositionsThatNobodySearchesAreNoRemedy) {
  layer.placed.values = {};
  layer.placed.values.add(std::vector<float>(10, 0.0011f));
  layer.placed.pos.fixPoint = 12; // 13 would be nearer
  ASSERT_LT(layer.placed.noise(1), layer.placed.noise(0));
  EXPECT_EQ(best(), RemedyKind::None);
}

TEST_F(RemediesTest, UnusualSampleAsksForMore) {
  layer.decisive = {"odd.png", 100, 20};
  std::vector<Remedy> all = remediesFor(layer);
  EXPECT_EQ(all[0].kind, RemedyKind::Images);
  EXPECT_EQ(all[0].positions, 2); // 100 fits at 0, 20 at 2
  EXPECT_HAS(explain(all[0], layer), "odd.png");
  layer.decisive.nextLargest = 70;
  EXPECT_EQ(best(), RemedyKind::None);
}

TEST_F(RemediesTest, FewLargeNumbersAskForABound) {
  std::vector<float> small(100000, 3.0f);
  layer.placed.values.add(small); // now 2540 of 102540 are not 3
  EXPECT_EQ(best(), RemedyKind::None);
  small.assign(5000000, 3.0f);
  layer.placed.values.add(small); // less than a thousandth
  const std::vector<Remedy> all = remediesFor(layer);
  EXPECT_TRUE(llvm::any_of(all, [](const Remedy &r) { return r.kind == RemedyKind::Bound; }));
}

TEST_F(RemediesTest, GainsAreRankedAndBounded) {
  weights(64, 0);
  layer.parts = {0, 100, 0};
  layer.params.push_back({0, ParamRole::Bias, {}, {}, {}});
  layer.meanShift = 50;
  const std::vector<Remedy> all = remediesFor(layer);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].kind, RemedyKind::Equalize);
  EXPECT_DOUBLE_EQ(all[0].gain, 30); // all of it
  EXPECT_EQ(all[1].kind, RemedyKind::BiasCorrect);
}
