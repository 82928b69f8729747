//===- Layout.cpp - where the ops of a graph stand in a picture -------------------------===//
#include "Layout.h"
#include <algorithm>
#include <numeric>

using namespace dpuopt;

namespace {
constexpr unsigned Sweeps = 6;

struct Layers {
  std::vector<std::vector<unsigned>> before, behind; ///< neighbours by node
  std::vector<std::vector<unsigned>> rows;
  std::vector<double> x;
};
} // namespace

static Layers layersOf(size_t n, const std::vector<std::pair<unsigned, unsigned>> &edges) {
  Layers l;
  l.before.resize(n);
  l.behind.resize(n);
  l.x.resize(n);
  for (auto [from, to] : edges) {
    l.before[to].push_back(from);
    l.behind[from].push_back(to);
  }
  std::vector<unsigned> rank(n);
  for (size_t i = 0; i < n; ++i)
    for (unsigned from : l.before[i])
      rank[i] = std::max(rank[i], rank[from] + 1);
  // What reads nothing stands right above its first reader.
  for (size_t i = n; i-- > 0;)
    if (l.before[i].empty() && !l.behind[i].empty()) {
      unsigned first = rank[l.behind[i].front()];
      for (unsigned to : l.behind[i])
        first = std::min(first, rank[to]);
      rank[i] = first ? first - 1 : 0;
    }
  for (size_t i = 0; i < n; ++i) {
    if (rank[i] >= l.rows.size())
      l.rows.resize(rank[i] + 1);
    l.rows[rank[i]].push_back(i);
  }
  return l;
}

/// Sorts a row by the mean place of its neighbours and spreads it around the middle.
static void settleRow(Layers &l, std::vector<unsigned> &row, const std::vector<std::vector<unsigned>> &neighbours,
                      double dx) {
  std::vector<std::pair<double, unsigned>> wish;
  for (unsigned n : row) {
    double sum = 0;
    for (unsigned other : neighbours[n])
      sum += l.x[other];
    wish.push_back({neighbours[n].empty() ? l.x[n] : sum / neighbours[n].size(), n});
  }
  std::stable_sort(wish.begin(), wish.end(), [](auto &a, auto &b) { return a.first < b.first; });
  double mean = 0, last = -1e18, shift = 0;
  for (size_t i = 0; i < wish.size(); ++i) {
    row[i] = wish[i].second;
    l.x[row[i]] = last = std::max(wish[i].first, last + dx);
    mean += wish[i].first;
    shift += last;
  }
  for (unsigned n : row) // as far to the left as to the right of where they wanted to be
    l.x[n] += (mean - shift) / static_cast<double>(row.size());
}

std::vector<Place> dpuopt::layOut(size_t nodes, const std::vector<std::pair<unsigned, unsigned>> &edges, double dx,
                                  double dy) {
  Layers l = layersOf(nodes, edges);
  for (unsigned sweep = 0; sweep < Sweeps; ++sweep) {
    for (auto &row : l.rows)
      settleRow(l, row, l.before, dx);
    if (sweep + 1 < Sweeps)
      for (size_t r = l.rows.size(); r-- > 0;)
        settleRow(l, l.rows[r], l.behind, dx);
  }
  std::vector<Place> places(nodes);
  double left = nodes ? *std::min_element(l.x.begin(), l.x.end()) : 0;
  for (size_t r = 0; r < l.rows.size(); ++r)
    for (unsigned n : l.rows[r])
      places[n] = {l.x[n] - left + dx / 2, (static_cast<double>(r) + 0.5) * dy};
  return places;
}
