//===- Alignment.cpp - least costs from both ends ------------------------------===//
#include "Alignment.h"
#include <algorithm>
#include <limits>

namespace dpuopt {
namespace {

constexpr int Never = std::numeric_limits<int>::max() / 4;

/// Least costs of what lies before (forward) and behind (backward) each pair of places.
class Table {
public:
  Table(size_t rows, size_t columns) : columns(columns), cells(rows * columns, Never) {}
  int &at(size_t i, size_t j) { return cells[i * columns + j]; }

private:
  size_t columns;
  std::vector<int> cells;
};

} // namespace

std::optional<Alignment> align(size_t n, size_t m, const AlignmentCosts &costs) {
  if (n + 1 > MaxAlignmentCells / (m + 1))
    return std::nullopt;
  Table match(n + 1, m + 1), before(n + 1, m + 1), behind(n + 1, m + 1);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < m; ++j)
      match.at(i, j) = costs.match(i, j).value_or(Never);

  before.at(0, 0) = 0;
  for (size_t i = 0; i <= n; ++i)
    for (size_t j = 0; j <= m; ++j) {
      int &cell = before.at(i, j);
      if (i)
        cell = std::min(cell, before.at(i - 1, j) + costs.skipA(i - 1));
      if (j)
        cell = std::min(cell, before.at(i, j - 1) + costs.skipB(j - 1));
      if (i && j && match.at(i - 1, j - 1) < Never)
        cell = std::min(cell, before.at(i - 1, j - 1) + match.at(i - 1, j - 1));
    }
  behind.at(n, m) = 0;
  for (size_t i = n + 1; i-- > 0;)
    for (size_t j = m + 1; j-- > 0;) {
      int &cell = behind.at(i, j);
      if (i < n)
        cell = std::min(cell, behind.at(i + 1, j) + costs.skipA(i));
      if (j < m)
        cell = std::min(cell, behind.at(i, j + 1) + costs.skipB(j));
      if (i < n && j < m && match.at(i, j) < Never)
        cell = std::min(cell, behind.at(i + 1, j + 1) + match.at(i, j));
    }

  const int least = before.at(n, m);
  Alignment out{std::vector<std::optional<size_t>>(n), std::vector<bool>(n)};
  for (size_t i = 0; i < n; ++i) {
    unsigned ways = 0;
    for (size_t j = 0; j <= m; ++j) {
      if (before.at(i, j) + costs.skipA(i) + behind.at(i + 1, j) == least)
        out.skipped[i] = true;
      if (j < m && match.at(i, j) < Never && before.at(i, j) + match.at(i, j) + behind.at(i + 1, j + 1) == least)
        out.partners[i] = j, ++ways;
    }
    if (ways != 1 || out.skipped[i])
      out.partners[i] = std::nullopt;
  }
  return out;
}

} // namespace dpuopt
