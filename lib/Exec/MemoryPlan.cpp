//===- MemoryPlan.cpp - buffers that never live at once share memory ----------------------===//
#include "MemoryPlan.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <map>
#include <numeric>

using namespace dpuopt::exec;

namespace {
struct Placed {
  size_t begin, end;
  unsigned index;
};
} // namespace

/// The smallest gap of `bytes` between the placed buffers that live with `wanted`; `placed` is sorted by begin.
static size_t smallestGap(const Lifetime &wanted, size_t bytes, llvm::ArrayRef<Lifetime> lifetimes,
                          llvm::ArrayRef<Placed> placed) {
  size_t end = 0, best = 0, bestSize = SIZE_MAX;
  for (const Placed &p : placed) {
    if (!lifetimes[p.index].overlaps(wanted))
      continue;
    if (p.begin >= end + bytes && p.begin - end < bestSize)
      best = end, bestSize = p.begin - end;
    end = std::max(end, p.end);
  }
  return bestSize == SIZE_MAX ? end : best;
}

MemoryPlan dpuopt::exec::planMemory(llvm::ArrayRef<Lifetime> lifetimes) {
  std::vector<unsigned> order(lifetimes.size());
  std::iota(order.begin(), order.end(), 0);
  llvm::stable_sort(order, [&](unsigned a, unsigned b) { return lifetimes[a].bytes > lifetimes[b].bytes; });
  MemoryPlan plan;
  plan.offsets.resize(lifetimes.size());
  std::vector<Placed> placed;
  for (unsigned i : order) {
    size_t bytes = llvm::alignTo(lifetimes[i].bytes, MemoryPlan::Alignment);
    size_t at = smallestGap(lifetimes[i], bytes, lifetimes, placed);
    plan.offsets[i] = at;
    plan.bytes = std::max(plan.bytes, at + bytes);
    Placed p{at, at + bytes, i};
    placed.insert(llvm::upper_bound(placed, p, [](const Placed &a, const Placed &b) { return a.begin < b.begin; }), p);
  }
  return plan;
}

size_t dpuopt::exec::leastMemory(llvm::ArrayRef<Lifetime> lifetimes) {
  std::map<unsigned, int64_t> change;
  for (const Lifetime &l : lifetimes) {
    int64_t bytes = static_cast<int64_t>(llvm::alignTo(l.bytes, MemoryPlan::Alignment));
    change[l.first] += bytes, change[l.last + 1] -= bytes;
  }
  int64_t now = 0, most = 0;
  for (auto [step, bytes] : change)
    most = std::max(most, now += bytes);
  return static_cast<size_t>(most);
}
