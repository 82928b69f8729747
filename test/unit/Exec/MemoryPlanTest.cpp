//===- MemoryPlanTest.cpp - buffers that never live at once share memory -------------===//
#include "Exec/MemoryPlan.h"
#include "gtest/gtest.h"
#include <random>

using namespace dpuopt::exec;

namespace {

/// No two buffers that live at the same time may share a byte.
void expectDisjoint(const std::vector<Lifetime> &lifetimes, const MemoryPlan &plan) {
  for (size_t a = 0; a < lifetimes.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % MemoryPlan::Alignment, 0u);
    EXPECT_LE(plan.offsets[a] + lifetimes[a].bytes, plan.bytes);
    for (size_t b = 0; b < a; ++b)
      EXPECT_TRUE(!lifetimes[a].overlaps(lifetimes[b]) || plan.offsets[a] + lifetimes[a].bytes <= plan.offsets[b] ||
                  plan.offsets[b] + lifetimes[b].bytes <= plan.offsets[a])
          << a << " and " << b;
  }
}

TEST(MemoryPlan, AChainNeedsTwoBuffers) {
  std::vector<Lifetime> chain;
  for (unsigned i = 0; i < 20; ++i)
    chain.push_back({1024, i, i + 1});
  MemoryPlan plan = planMemory(chain);
  expectDisjoint(chain, plan);
  EXPECT_EQ(plan.bytes, 2048u);
}

TEST(MemoryPlan, ASkipConnectionKeepsItsBytes) {
  std::vector<Lifetime> lifetimes{{4096, 0, 5}, {4096, 1, 2}, {4096, 2, 3}, {4096, 3, 5}};
  MemoryPlan plan = planMemory(lifetimes);
  expectDisjoint(lifetimes, plan);
  EXPECT_EQ(plan.bytes, 3 * 4096u);
}

TEST(MemoryPlan, NothingNeedsNothing) { EXPECT_EQ(planMemory({}).bytes, 0u); }

TEST(MemoryPlan, RandomLifetimesAreDisjointAndNearTheLeast) {
  std::mt19937 random(7);
  for (unsigned round = 0; round < 50; ++round) {
    std::vector<Lifetime> lifetimes;
    for (unsigned i = 0; i < 60; ++i) {
      unsigned first = random() % 50;
      lifetimes.push_back({1 + random() % 100000, first, first + unsigned(random() % 6)});
    }
    MemoryPlan plan = planMemory(lifetimes);
    expectDisjoint(lifetimes, plan);
    EXPECT_LE(plan.bytes, leastMemory(lifetimes) * 3 / 2);
  }
}

} // namespace
