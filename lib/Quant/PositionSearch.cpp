//===- PositionSearch.cpp - fix points from all values at once ----------------===//
#include "dpuopt/Quant/PositionSearch.h"
#include <algorithm>
#include <cmath>

namespace dpuopt {
namespace {

using Bin = ValueHistogram::Bin;
using Bins = std::vector<Bin>;

constexpr llvm::StringLiteral Names[] = {"diffs", "mse", "maxmin", "percentile", "entropy"};

Bins binsOf(const ValueHistogram &h) {
  Bins bins;
  h.forEachBin([&](const Bin &b) { bins.push_back(b); });
  return bins;
}

struct Grid {
  double step, lo, hi;
  Rounding rounding;
  Grid(FixPos pos, Rounding rounding)
      : step(std::ldexp(1.0, -pos.fixPoint)), lo(-std::ldexp(1.0, pos.bits - 1)), hi(std::ldexp(1.0, pos.bits - 1) - 1),
        rounding(rounding) {}

  /// Not saturated: limits are lo - 0.5 and hi + 0.5.
  double whole(double x) const {
    double v = x / step;
    return rounding == Rounding::HalfUp ? std::floor(v + 0.5) : std::round(v);
  }
  bool saturates(double x) const { return x / step >= hi + 0.5 || x / step < lo - 0.5; }
};

double errorOf(const Bin &b, const Grid &g) {
  const double n = static_cast<double>(b.count), variance = b.variance();
  // Not saturated, and several integers wide: all distances from an integer are as likely.
  if (b.width() > g.step / 2 && variance > 0 && !g.saturates(b.mean))
    return n * g.step * g.step / 12;
  double d = b.mean - std::clamp(g.whole(b.mean), g.lo, g.hi) * g.step;
  return n * (d * d + variance);
}

double errorOf(const Bins &bins, const Grid &g) {
  double sum = 0;
  for (const Bin &b : bins)
    sum += errorOf(b, g);
  return sum;
}

/// The bins that fall on one integer, or beyond the last one.
struct Cell {
  double whole, mass = 0, width = 0, beyond = 0;
};

/// Sorted bins to cells in order; those that saturate join the last cell (of their side) as `beyond`.
std::vector<Cell> cellsOf(const Bins &bins, const Grid &g) {
  std::vector<Cell> cells;
  for (const Bin &b : bins) {
    double whole = std::clamp(g.whole(b.mean), g.lo, g.hi);
    if (cells.empty() || cells.back().whole != whole)
      cells.push_back({whole});
    Cell &cell = cells.back();
    if (g.saturates(b.mean)) {
      cell.beyond += static_cast<double>(b.count);
      continue;
    }
    cell.mass += static_cast<double>(b.count);
    cell.width += b.width();
  }
  return cells;
}

double term(double p, double q) { return p > 0 ? p * std::log(p / q) : 0; }

/// `bins` are sorted and without zeros.
double divergence(const Bins &bins, const Grid &g) {
  constexpr double Smooth = 1e-4;
  double all = 0, inside = 0;
  std::vector<Cell> cells = cellsOf(bins, g);
  for (const Cell &c : cells)
    all += c.mass + c.beyond, inside += c.mass;
  if (inside == 0)
    return INFINITY;
  const double floor = Smooth / static_cast<double>(bins.size());
  auto left = [&](const Cell &c, double width) {
    return (1 - Smooth) * (c.width > 0 ? c.mass * width / c.width : 0) / inside + floor;
  };
  double sum = 0;
  auto cell = cells.begin();
  for (size_t i = 0; i < bins.size(); ++i) {
    const Bin &b = bins[i];
    if (g.saturates(b.mean))
      continue;
    while (cell->whole != g.whole(b.mean))
      ++cell;
    // What saturates counts in the outermost bin that does not.
    bool outermost = (b.mean < 0 && (i == 0 || g.saturates(bins[i - 1].mean))) ||
                     (b.mean > 0 && (i + 1 == bins.size() || g.saturates(bins[i + 1].mean)));
    double beyond = outermost ? cell->beyond : 0;
    if (outermost)
      cell->beyond = 0;
    sum += term((static_cast<double>(b.count) + beyond) / all, left(*cell, b.width()));
  }
  for (const Cell &c : cells) // an end without a bin that does not saturate
    sum += term(c.beyond / all, floor);
  return sum;
}

/// The position of [first, last] with the least cost, the first of equal ones.
int cheapest(int first, int last, llvm::function_ref<double(int)> cost) {
  int best = first;
  double least = INFINITY;
  for (int p = first; p <= last; ++p)
    if (double c = cost(p); c < least)
      least = c, best = p;
  return best;
}

int leastError(const ValueHistogram &h, int first, int last, int bits, Rounding rounding) {
  const Bins bins = binsOf(h);
  return cheapest(first, last, [&](int p) { return errorOf(bins, Grid({bits, p}, rounding)); });
}

int leastDivergence(const ValueHistogram &h, int first, int last, int bits, Rounding rounding) {
  Bins bins = binsOf(h);
  llvm::erase_if(bins, [](const Bin &b) { return b.mean == 0; });
  llvm::sort(bins, [](const Bin &a, const Bin &b) { return a.mean < b.mean; });
  return cheapest(first, last, [&](int p) { return divergence(bins, Grid({bits, p}, rounding)); });
}

/// The range of h clipped to [-T, T].
FloatRange coveringRange(const ValueHistogram &h, double share) {
  std::vector<std::pair<double, uint64_t>> outer;
  h.forEachBin([&](const Bin &b) { outer.emplace_back(std::max(-b.low, b.high), b.count); });
  llvm::sort(outer);
  FloatRange r = h.range();
  const double wanted = share * static_cast<double>(h.count());
  double seen = 0;
  for (auto [threshold, count] : outer) {
    seen += static_cast<double>(count);
    if (seen >= wanted) {
      r.min = static_cast<float>(std::max<double>(r.min, -threshold));
      r.max = static_cast<float>(std::min<double>(r.max, threshold));
      break;
    }
  }
  return r;
}

} // namespace

llvm::StringRef searchMethodName(SearchMethod method) { return Names[static_cast<size_t>(method)]; }

std::optional<SearchMethod> parseSearchMethod(llvm::StringRef name) {
  for (size_t i = 0; i < std::size(Names); ++i)
    if (name == Names[i])
      return static_cast<SearchMethod>(i);
  return std::nullopt;
}

int searchFixPoint(const ValueHistogram &h, SearchMethod method, int bits, const SearchOptions &options) {
  assert(method != SearchMethod::Diffs && "DiffS looks at samples, not at histograms");
  const int limit = maxFixPoint(bits);
  const int first = maxMinFixPoint(h.range(), bits);
  if (first >= limit)
    return limit;
  const int last = std::min(first + options.range - 1, limit);
  switch (method) {
  case SearchMethod::Diffs:
  case SearchMethod::MaxMin:
    return first;
  case SearchMethod::Percentile:
    return std::min(maxMinFixPoint(coveringRange(h, options.percentile), bits), limit);
  case SearchMethod::Mse:
    return leastError(h, first, last, bits, options.rounding);
  case SearchMethod::Entropy:
    return leastDivergence(h, first, last, bits, options.rounding);
  }
  return first;
}

double expectedError(const ValueHistogram &h, FixPos pos, Rounding rounding) {
  return errorOf(binsOf(h), Grid(pos, rounding));
}

double saturatedShare(const ValueHistogram &h, FixPos pos) {
  const Grid g(pos, Rounding::HalfUp);
  uint64_t n = 0;
  h.forEachBin([&](const Bin &b) { n += g.saturates(b.mean) ? b.count : 0; });
  return h.count() ? static_cast<double>(n) / static_cast<double>(h.count()) : 0;
}

} // namespace dpuopt
