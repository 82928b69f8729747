//===- TeamTest.cpp - every unit once, whoever does it -----------------------------------===//
#include "dpuopt/Kernels/Team.h"
#include <atomic>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace dpuopt::kernels;

/// What each unit was called, and that members are in range.
static void checkRun(Team &team, size_t units) {
  std::vector<std::atomic<int>> calls(units);
  std::atomic<bool> inRange{true};
  team.run(units, [&](size_t unit, unsigned member) {
    ++calls[unit];
    if (member >= team.size())
      inRange = false;
  });
  EXPECT_TRUE(inRange);
  for (size_t i = 0; i < units; ++i)
    ASSERT_EQ(calls[i], 1) << "unit " << i << " of " << units;
}

TEST(Team, AtLeastOneAtMost256) {
  EXPECT_EQ(Team(0).size(), 1u);
  EXPECT_EQ(Team(3).size(), 3u);
  EXPECT_EQ(Team(1000).size(), 256u);
}

TEST(Team, OneMemberWorksInOrder) {
  Team team(1);
  std::vector<size_t> order;
  team.run(5, [&](size_t unit, unsigned) { order.push_back(unit); });
  EXPECT_EQ(order, (std::vector<size_t>{0, 1, 2, 3, 4}));
}

TEST(Team, EveryUnitOnce) {
  for (unsigned threads : {1u, 2u, 3u, 9u}) {
    Team team(threads);
    for (size_t units : {0, 1, 2, 3, 7, 100})
      checkRun(team, units);
  }
}

TEST(Team, ManyShortRunsWithMoreThreadsThanCores) {
  Team team(6);
  for (int i = 0; i < 2000; ++i)
    checkRun(team, 5);
}

TEST(Team, WhatOneRunWroteTheNextReads) {
  Team team(3);
  std::vector<int> from(64, 0), to(64); // plain memory: runs are ordered one after the other
  for (int round = 0; round < 500; ++round, from.swap(to))
    team.run(to.size(), [&](size_t unit, unsigned) { to[unit] = from[63 - unit] + 1; });
  EXPECT_EQ(from, std::vector<int>(64, 500));
}

TEST(Team, WakesUpAfterSleeping) {
  Team team(3);
  checkRun(team, 10);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  checkRun(team, 10);
}

TEST(Team, EndsAwakeAndAsleep) {
  for (int i = 0; i < 50; ++i) {
    Team team(4);
    if (i % 2)
      checkRun(team, 10);
    if (i % 5 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}
