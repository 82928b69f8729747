//===- Layout.cpp - where the ops of a graph stand in a picture -------------------------===//
#include "Layout.h"
#include <algorithm>

using namespace dpuopt;

namespace {
constexpr unsigned Sweeps = 6;
/// Of all edges together: a picture with more is a carpet anyway.
constexpr size_t MaxBends = 40000;
/// The width of a bend, in nodes.
constexpr double BendWidth = 0.15;

/// Nodes first, bends after them.
struct Layers {
  std::vector<std::vector<unsigned>> before, behind; ///< neighbours by node
  std::vector<unsigned> rank;
  std::vector<std::vector<unsigned>> rows;
  std::vector<double> x, width;
  std::vector<std::vector<unsigned>> bends; ///< by edge
};

using Edges = std::vector<std::pair<unsigned, unsigned>>;
} // namespace

static std::vector<unsigned> ranksOf(size_t n, const Edges &edges) {
  std::vector<std::vector<unsigned>> before(n), behind(n);
  for (auto [from, to] : edges) {
    before[to].push_back(from);
    behind[from].push_back(to);
  }
  std::vector<unsigned> rank(n);
  for (size_t i = 0; i < n; ++i)
    for (unsigned from : before[i])
      rank[i] = std::max(rank[i], rank[from] + 1);
  // What reads nothing stands right above its first reader.
  for (size_t i = n; i-- > 0;)
    if (before[i].empty() && !behind[i].empty()) {
      unsigned first = rank[behind[i].front()];
      for (unsigned to : behind[i])
        first = std::min(first, rank[to]);
      rank[i] = first ? first - 1 : 0;
    }
  return rank;
}

static unsigned addNode(Layers &l, unsigned rank, double width) {
  unsigned n = l.rank.size();
  l.rank.push_back(rank);
  l.width.push_back(width);
  l.before.emplace_back();
  l.behind.emplace_back();
  if (rank >= l.rows.size())
    l.rows.resize(rank + 1);
  l.rows[rank].push_back(n);
  return n;
}

static void connect(Layers &l, unsigned from, unsigned to) {
  l.before[to].push_back(from);
  l.behind[from].push_back(to);
}

static Layers layersOf(size_t n, const Edges &edges, double dx) {
  Layers l;
  for (unsigned rank : ranksOf(n, edges))
    addNode(l, rank, dx);
  size_t all = 0;
  for (auto [from, to] : edges)
    all += l.rank[to] - l.rank[from] - 1;
  l.bends.resize(edges.size());
  for (size_t e = 0; e < edges.size(); ++e) {
    auto [last, to] = edges[e];
    for (unsigned r = l.rank[last] + 1; all <= MaxBends && r < l.rank[to]; ++r) {
      unsigned bend = addNode(l, r, dx * BendWidth);
      l.bends[e].push_back(bend);
      connect(l, last, bend);
      last = bend;
    }
    connect(l, last, to);
  }
  l.x.resize(l.rank.size());
  return l;
}

/// Sorts a row by the mean place of its neighbours and spreads it around the middle.
static void settleRow(Layers &l, std::vector<unsigned> &row, const std::vector<std::vector<unsigned>> &neighbours) {
  std::vector<std::pair<double, unsigned>> wish;
  for (unsigned n : row) {
    double sum = 0;
    for (unsigned other : neighbours[n])
      sum += l.x[other];
    wish.push_back({neighbours[n].empty() ? l.x[n] : sum / neighbours[n].size(), n});
  }
  std::stable_sort(wish.begin(), wish.end(), [](auto &a, auto &b) { return a.first < b.first; });
  double mean = 0, shift = 0;
  for (size_t i = 0; i < wish.size(); ++i) {
    unsigned n = row[i] = wish[i].second;
    l.x[n] = wish[i].first;
    if (i)
      l.x[n] = std::max(l.x[n], l.x[row[i - 1]] + (l.width[row[i - 1]] + l.width[n]) / 2);
    mean += wish[i].first;
    shift += l.x[n];
  }
  for (unsigned n : row) // as far to the left as to the right of where they wanted to be
    l.x[n] += (mean - shift) / static_cast<double>(row.size());
}

Drawing dpuopt::layOut(size_t nodes, const Edges &edges, double dx, double dy) {
  Layers l = layersOf(nodes, edges, dx);
  for (unsigned sweep = 0; sweep < Sweeps; ++sweep) {
    for (auto &row : l.rows)
      settleRow(l, row, l.before);
    if (sweep + 1 < Sweeps)
      for (size_t r = l.rows.size(); r-- > 0;)
        settleRow(l, l.rows[r], l.behind);
  }
  double left = 0;
  for (size_t n = 0; n < l.x.size(); ++n)
    left = n ? std::min(left, l.x[n] - l.width[n] / 2) : l.x[n] - l.width[n] / 2;
  Drawing d;
  auto place = [&](unsigned n) {
    d.width = std::max(d.width, l.x[n] - left + l.width[n] / 2);
    return Place{l.x[n] - left, (l.rank[n] + 0.5) * dy};
  };
  for (unsigned n = 0; n < nodes; ++n)
    d.nodes.push_back(place(n));
  for (const std::vector<unsigned> &bends : l.bends) {
    d.bends.emplace_back();
    for (unsigned n : bends)
      d.bends.back().push_back(place(n));
  }
  d.height = static_cast<double>(l.rows.size()) * dy;
  return d;
}
