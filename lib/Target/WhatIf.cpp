//===- WhatIf.cpp - which causes to remove first ------------------------------------===//
//
// Each question is one run of the partitioner with the ops of some causes waived. For
// one DPU subgraph most answers need no search: a cause with DPU ops before and behind
// it stays between them whatever else is removed (removing causes only ever adds DPU
// ops), so every set that reaches one subgraph has it. The rest is tried smallest
// sets first; more than MostCandidates of them are chosen greedily.
//
//===----------------------------------------------------------------------===//
#include "WhatIf.h"

using namespace dpuopt;

namespace {
constexpr unsigned MostCandidates = 20;
/// Runs of the partitioner, and ops it looks at in them, before the search for a smallest set gives up being exact.
constexpr unsigned MostRuns = 2000, MostOps = 400'000;
/// More causes than these are not asked for one by one.
constexpr unsigned MostSingles = 100;

using Set = std::vector<unsigned>;

class WhatIf {
public:
  WhatIf(const Graph &g, const Partition &p, const PartitionOptions &options, Diagnosis &d)
      : g(g), base(options), d(d), size(p.fused->ops.size()) {}
  void run(const Partition &p);

private:
  unsigned countWithout(const Set &set);
  std::vector<bool> forcedBy(const FusedGraph &f) const;
  Set forced(const Partition &p);
  bool search(const Set &always, const Set &rest);
  bool tryAll(Set &chosen, const Set &rest, size_t from, unsigned more);
  void choose(const Set &always, Set rest);

  PartitionOptions optionsWithout(const Set &set);
  void count() { ++runs, ops += size; }
  bool tired() const { return runs >= MostRuns || ops >= MostOps; }

  const Graph &g;
  const PartitionOptions &base;
  Diagnosis &d;
  size_t size; ///< of the graph
  Waivers waivers;
  size_t runs = 0, ops = 0;
};
} // namespace

PartitionOptions WhatIf::optionsWithout(const Set &set) {
  waivers.clear();
  for (unsigned c : set)
    for (auto [op, how] : d.causes[c].waivers) {
      Waived &entry = waivers.try_emplace(op, how).first->second;
      if (how == Waived::Moved)
        entry = how;
    }
  PartitionOptions options = base;
  options.fusion.waived = &waivers;
  return options;
}

unsigned WhatIf::countWithout(const Set &set) {
  count();
  return countDpuSubgraphs(g, optionsWithout(set));
}

/// By cause: is one of its ops between DPU ops that stay there whatever is removed?
std::vector<bool> WhatIf::forcedBy(const FusedGraph &f) const {
  llvm::DenseMap<const Op *, unsigned> causeOf;
  const Waivers *movable = nullptr;
  for (unsigned c = 0; c < d.causes.size(); ++c) {
    for (const Op *op : d.causes[c].ops)
      causeOf[op] = c;
    if (d.causes[c].atEnd)
      movable = &d.causes[c].waivers;
  }
  enum : uint8_t { Any = 1, Lasting = 2 }; // DPU ops behind: any, and those no cause takes out of the model
  std::vector<uint8_t> before(f.ops.size()), behind(f.ops.size());
  auto own = [&](const FusedOp &op) -> uint8_t {
    if (op.device != Device::Dpu)
      return 0;
    return op.anchor && movable && movable->count(op.anchor) ? Any : Any | Lasting;
  };
  for (size_t i = 0; i < f.ops.size(); ++i)
    for (unsigned from : f.ops[i].inputs)
      before[i] |= before[from] | own(f.ops[from]);
  std::vector<bool> forced(d.causes.size());
  for (size_t i = f.ops.size(); i-- > 0;) {
    for (unsigned to : f.ops[i].users)
      behind[i] |= behind[to] | own(f.ops[to]);
    auto it = causeOf.find(f.ops[i].anchor);
    if (it == causeOf.end() || f.ops[i].device != Device::Cpu)
      continue;
    uint8_t needed = d.causes[it->second].atEnd ? Any : Lasting;
    if ((before[i] & needed) && (behind[i] & needed))
      forced[it->second] = true;
  }
  return forced;
}

/// Causes in every set that reaches one subgraph.
Set WhatIf::forced(const Partition &p) {
  Set all;
  std::vector<bool> known(d.causes.size());
  const FusedGraph *f = p.fused.get();
  Partition next;
  for (;;) {
    std::vector<bool> more = forcedBy(*f);
    size_t size = all.size();
    for (unsigned c = 0; c < more.size(); ++c)
      if (more[c] && !known[c]) {
        known[c] = true;
        all.push_back(c);
      }
    if (all.size() == size)
      return all;
    count();
    next.fused = fusedAndPlaced(g, optionsWithout(all));
    f = next.fused.get();
  }
}

/// Adds `more` of `rest` to `chosen` in every way until the expected number is reached.
bool WhatIf::tryAll(Set &chosen, const Set &rest, size_t from, unsigned more) {
  if (more == 0)
    return countWithout(chosen) == d.expected;
  for (size_t i = from; i + more <= rest.size() && !tired(); ++i) {
    chosen.push_back(rest[i]);
    if (tryAll(chosen, rest, i + 1, more - 1))
      return true;
    chosen.pop_back();
  }
  return false;
}

bool WhatIf::search(const Set &always, const Set &rest) {
  if (rest.size() > MostCandidates)
    return false;
  for (unsigned size = 0; size <= rest.size(); ++size) {
    Set chosen = always;
    if (tryAll(chosen, rest, 0, size)) {
      d.first = chosen;
      return true;
    }
    if (tired())
      return false;
  }
  return true; // exact, and there is none
}

/// The cause that helps most, again and again; then whatever turns out not to be needed goes.
void WhatIf::choose(const Set &always, Set rest) {
  d.exact = false;
  auto distance = [&](unsigned n) { return n > d.expected ? n - d.expected : d.expected - n; };
  Set chosen = always;
  unsigned reached = countWithout(chosen);
  while (reached != d.expected && !rest.empty() && !tired()) {
    size_t best = 0;
    unsigned bestCount = ~0u;
    for (size_t i = 0; i < rest.size(); ++i) {
      chosen.push_back(rest[i]);
      unsigned n = countWithout(chosen);
      chosen.pop_back();
      if (bestCount == ~0u || distance(n) < distance(bestCount))
        best = i, bestCount = n;
    }
    chosen.push_back(rest[best]);
    std::swap(rest[best], rest.back());
    rest.pop_back();
    reached = bestCount;
  }
  for (size_t i = always.size(); reached == d.expected && i < chosen.size();) {
    Set fewer;
    for (size_t k = 0; k < chosen.size(); ++k)
      if (k != i)
        fewer.push_back(chosen[k]);
    if (countWithout(fewer) == d.expected)
      chosen = fewer;
    else
      ++i;
  }
  if (reached == d.expected)
    d.first = chosen;
}

void WhatIf::run(const Partition &p) {
  Set all;
  for (unsigned c = 0; c < d.causes.size(); ++c) {
    d.causes[c].dpuIfFixed = c < MostSingles ? countWithout({c}) : d.dpu;
    all.push_back(c);
  }
  llvm::stable_sort(d.causes, [](const Cause &a, const Cause &b) {
    return std::make_pair(a.dpuIfFixed, b.ops.size()) < std::make_pair(b.dpuIfFixed, a.ops.size());
  });
  d.dpuIfAllFixed = all.size() == 1 ? d.causes[0].dpuIfFixed : countWithout(all);
  if (d.dpu == d.expected) {
    d.reachable = true;
    return;
  }
  Set always = d.expected == 1 ? forced(p) : Set(), rest;
  for (unsigned c : all)
    if (!llvm::is_contained(always, c))
      rest.push_back(c);
  if (!search(always, rest))
    choose(always, rest);
  d.reachable = !d.first.empty();
  llvm::sort(d.first);
}

void dpuopt::findFirstChanges(const Graph &g, const Partition &p, const PartitionOptions &options, Diagnosis &d) {
  WhatIf(g, p, options, d).run(p);
}
