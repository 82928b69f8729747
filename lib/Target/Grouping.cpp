//===- Grouping.cpp - connected convex groups, and their order --------------===//
//
// Merges along edges, producers that come last in topological order first, so a free
// op is pulled towards its consumers. Two groups merge when they have one device and
// no path between them leaves through a third group (the merged group would not be
// convex). Repeated until nothing changes.
//
// The groups always form an acyclic graph. A topological order of it is kept up to date
// (after Pearce and Kelly), so that the search for such a path ends at the target's place.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Partition.h"
#include <algorithm>
#include <numeric>

using namespace dpuopt;

namespace {
constexpr unsigned None = ~0u;
/// Looks at groups before no further groups are merged: some seconds. A search is short in any network; only
/// ten thousands of joints around one long chain of changing devices come near it.
constexpr uint64_t MostSteps = 1'000'000'000;

class Grouping {
public:
  Grouping(llvm::ArrayRef<Device> devices, llvm::ArrayRef<std::pair<unsigned, unsigned>> edges);
  std::vector<unsigned> run();

private:
  unsigned find(unsigned n);
  bool convexWith(unsigned from, unsigned to);
  void merge(unsigned a, unsigned b);
  void compact(unsigned g);

  llvm::ArrayRef<Device> devices;
  std::vector<std::pair<unsigned, unsigned>> edges;
  void reorder(unsigned from, unsigned to, unsigned merged);
  std::vector<unsigned> parent;
  std::vector<unsigned> place;              ///< by group: its slot in the topological order
  std::vector<unsigned> at;                 ///< by slot: the group there, or None
  std::vector<std::vector<unsigned>> succs; ///< by group; may repeat and may name merged groups
  std::vector<size_t> compactAt;
  std::vector<unsigned> seen, work;
  unsigned stamp = 0;
  uint64_t steps = 0;
};
} // namespace

Grouping::Grouping(llvm::ArrayRef<Device> devices, llvm::ArrayRef<std::pair<unsigned, unsigned>> edgeList)
    : devices(devices), edges(edgeList.begin(), edgeList.end()), parent(devices.size()), succs(devices.size()),
      compactAt(devices.size(), 16), seen(devices.size()) {
  std::iota(parent.begin(), parent.end(), 0);
  place = at = parent;
  llvm::sort(edges, std::greater<>());
  for (auto [u, v] : edges)
    succs[u].push_back(v);
}

unsigned Grouping::find(unsigned n) {
  while (parent[n] != n)
    n = parent[n] = parent[parent[n]];
  return n;
}

/// True if no path from -> third group -> ... -> to exists. Marks what `from` leads to before `to`.
bool Grouping::convexWith(unsigned from, unsigned to) {
  ++stamp;
  work.clear();
  auto visit = [&](unsigned g) {
    if (g != from && place[g] < place[to] && seen[g] != stamp) {
      seen[g] = stamp;
      work.push_back(g);
    }
  };
  for (unsigned s : succs[from])
    visit(find(s));
  while (!work.empty()) {
    unsigned g = work.back();
    work.pop_back();
    if ((steps += succs[g].size()) > MostSteps)
      return false;
    for (unsigned s : succs[g]) {
      unsigned next = find(s);
      if (next == to)
        return false;
      visit(next);
    }
  }
  return true;
}

void Grouping::compact(unsigned g) {
  std::vector<unsigned> &list = succs[g];
  for (unsigned &s : list)
    s = find(s);
  llvm::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
  llvm::erase_value(list, g);
  compactAt[g] = 2 * list.size() + 16;
}

/// Gives the merged group a place behind everything that leads to `to` and before everything `from`
/// leads to (what convexWith marked): no op is in both.
void Grouping::reorder(unsigned from, unsigned to, unsigned merged) {
  unsigned begin = place[from], end = place[to];
  steps += end - begin;
  std::vector<unsigned> slots, before, behind;
  for (unsigned slot = begin; slot <= end; ++slot) {
    unsigned g = at[slot];
    if (g == None)
      continue;
    slots.push_back(slot);
    at[slot] = None;
    if (g != from && g != to)
      (seen[g] == stamp ? behind : before).push_back(g);
  }
  before.push_back(merged);
  before.insert(before.end(), behind.begin(), behind.end());
  for (size_t i = 0; i < before.size(); ++i) {
    at[slots[i]] = before[i];
    place[before[i]] = slots[i];
  }
}

/// `from` is a producer of `to`, and convexWith(from, to) was the last question.
void Grouping::merge(unsigned from, unsigned to) {
  unsigned a = from, b = to;
  if (succs[a].size() < succs[b].size())
    std::swap(a, b);
  reorder(from, to, a);
  parent[b] = a;
  succs[a].insert(succs[a].end(), succs[b].begin(), succs[b].end());
  std::vector<unsigned>().swap(succs[b]);
  if (succs[a].size() > compactAt[a])
    compact(a);
}

std::vector<unsigned> Grouping::run() {
  for (bool changed = true; changed && steps <= MostSteps;) {
    changed = false;
    for (auto [u, v] : edges) {
      if (steps > MostSteps)
        break;
      unsigned a = find(u), b = find(v);
      if (a == b || devices[u] != devices[v] || devices[u] == Device::User || !convexWith(a, b))
        continue;
      merge(a, b);
      changed = true;
    }
  }
  std::vector<unsigned> number(devices.size(), None), result(devices.size());
  unsigned next = 0;
  for (unsigned n = 0; n < devices.size(); ++n) {
    unsigned &id = number[find(n)];
    if (id == None)
      id = next++;
    result[n] = id;
  }
  return result;
}

std::vector<unsigned> dpuopt::groupByDevice(llvm::ArrayRef<Device> devices,
                                            llvm::ArrayRef<std::pair<unsigned, unsigned>> edges) {
  return Grouping(devices, edges).run();
}

std::vector<unsigned> dpuopt::orderByName(llvm::ArrayRef<std::string> names,
                                          llvm::ArrayRef<std::pair<unsigned, unsigned>> edges) {
  size_t n = names.size();
  std::vector<unsigned> byName(n), rank(n);
  std::iota(byName.begin(), byName.end(), 0);
  llvm::stable_sort(byName, [&](unsigned a, unsigned b) { return names[a] < names[b]; });
  for (unsigned i = 0; i < n; ++i)
    rank[byName[i]] = i;
  std::vector<std::vector<unsigned>> succs(n);
  std::vector<bool> hasPred(n), seen(n);
  for (auto [u, v] : edges) {
    succs[u].push_back(v);
    hasPred[v] = true;
  }
  for (auto &list : succs)
    llvm::sort(list, [&](unsigned a, unsigned b) { return rank[a] < rank[b]; });

  std::vector<unsigned> postorder;
  std::vector<std::pair<unsigned, size_t>> stack; // group, next successor
  for (unsigned start : byName) {
    if (hasPred[start] || seen[start])
      continue;
    seen[start] = true;
    stack.push_back({start, 0});
    while (!stack.empty()) {
      auto &[g, i] = stack.back();
      if (i == succs[g].size()) {
        postorder.push_back(g);
        stack.pop_back();
      } else if (unsigned next = succs[g][i++]; !seen[next]) {
        seen[next] = true;
        stack.push_back({next, 0});
      }
    }
  }
  std::reverse(postorder.begin(), postorder.end());
  return postorder;
}
