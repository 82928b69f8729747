//===- LowerToXirLayout.cpp - axis orders and what reshapes do to them ------===//
//
// Pure functions: no graph is touched here.
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include <numeric>

using namespace dpuopt;
using namespace dpuopt::lower;

Layout Layout::identity(size_t rank) {
  if (rank == 0)
    return Layout({-1}); // xmodels have no scalars: shape [1]
  Axes order(rank);
  std::iota(order.begin(), order.end(), 0);
  return Layout(std::move(order));
}

Layout Layout::channelsLast(size_t rank) {
  switch (rank) {
  case 3:
    return Layout({0, 2, 1});
  case 4:
    return Layout({0, 2, 3, 1});
  case 5:
    return Layout({0, 3, 4, 2, 1});
  default:
    return identity(rank);
  }
}

int Layout::find(int axis) const {
  auto it = llvm::find(order, axis);
  assert(it != order.end());
  return static_cast<int>(it - order.begin());
}

bool Layout::isIdentity() const { return *this == identity(order.size()); }

Shape Layout::physical(llvm::ArrayRef<int64_t> logical) const {
  Shape shape;
  for (int axis : order)
    shape.push_back(axis < 0 ? 1 : logical[axis]);
  return shape;
}

/// `t` with axis `axis`, seen as `factors`, put into `factorOrder`.
static Tensor shuffleAxis(const Tensor &t, int axis, const Shape &factors, llvm::ArrayRef<unsigned> factorOrder) {
  Shape split;
  llvm::SmallVector<unsigned, 6> perm;
  for (int i = 0; i < static_cast<int>(t.type().rank()); ++i) {
    unsigned first = split.size();
    if (i == axis) {
      split.append(factors.begin(), factors.end());
      for (unsigned f : factorOrder)
        perm.push_back(first + f);
    } else {
      split.push_back(t.type().dim(i));
      perm.push_back(first);
    }
  }
  return t.reshaped(split).transposed(perm).reshaped(t.shape());
}

Tensor Layout::apply(const Tensor &t) const {
  Tensor result = shuffled < 0 ? t : shuffleAxis(t, shuffled, factors, factorOrder);
  llvm::SmallVector<unsigned, 6> perm;
  for (int axis : order)
    if (axis >= 0)
      perm.push_back(axis);
  return result.transposed(perm).reshaped(physical(t.shape()));
}

Layout lower::transposedLayout(const Layout &x, llvm::ArrayRef<int64_t> perm) {
  // Axis i of the result is axis perm[i] of x.
  Axes newName(perm.size());
  for (unsigned i = 0; i < perm.size(); ++i)
    newName[perm[i]] = i;
  Layout result = x;
  for (int &axis : result.order)
    axis = axis < 0 ? -1 : newName[axis];
  if (x.shuffled >= 0)
    result.shuffled = newName[x.shuffled];
  return result;
}

/// The axes of `order` that hold more than one element.
static Axes realAxes(const Axes &order, llvm::ArrayRef<int64_t> logical) {
  Axes real;
  for (int axis : order)
    if (axis >= 0 && logical[axis] != 1)
      real.push_back(axis);
  return real;
}

bool lower::sameBytes(const Layout &a, const Layout &b, llvm::ArrayRef<int64_t> logical) {
  Layout x(a), y(b);
  x.order.clear(), y.order.clear();
  return x == y && realAxes(a.order, logical) == realAxes(b.order, logical);
}

namespace {
/// Runs of axes of `from` and `to` with the same number of elements.
struct Segment {
  unsigned fromBegin, fromEnd, toBegin, toEnd;
};

std::vector<Segment> matchSegments(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to) {
  std::vector<Segment> segments;
  unsigned i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    Segment s{i, i, j, j};
    int64_t a = i < from.size() ? from[i++] : 1, b = j < to.size() ? to[j++] : 1;
    while (a != b) {
      if (a < b && i < from.size())
        a *= from[i++];
      else if (j < to.size())
        b *= to[j++];
      else
        break; // sizes differ: not a reshape; everything is in one segment then
    }
    s.fromEnd = i, s.toEnd = j;
    segments.push_back(s);
  }
  return segments;
}

class ReshapePlanner {
public:
  ReshapePlanner(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to, const Layout &in,
                 llvm::function_ref<bool(int)> mayShuffle)
      : from(from), to(to), in(in), mayShuffle(mayShuffle), segments(matchSegments(from, to)) {
    for (int axis : realAxes(in.order, from))
      stored[segmentOf(axis)].push_back(axis);
    for (int axis : realAxes(in.order, from))
      if (!llvm::is_contained(visit, segmentOf(axis)))
        visit.push_back(segmentOf(axis));
  }

  ReshapePlan plan() const {
    ReshapePlan p;
    p.output = outputLayout();
    if (in.shuffled < 0 && storedInOrder(/*allowShuffle=*/false)) {
      p.input = in;
      return p;
    }
    if (Layout shuffled = p.output; storedInOrder(/*allowShuffle=*/true) && shuffleOutput(shuffled))
      return {in, shuffled};
    p.input = sortedInput();
    return p;
  }

private:
  unsigned segmentOf(int axis) const {
    for (unsigned s = 0; s < segments.size(); ++s)
      if (axis >= static_cast<int>(segments[s].fromBegin) && axis < static_cast<int>(segments[s].fromEnd))
        return s;
    return 0;
  }

  /// Are the real axes stored segment by segment, and (unless shuffling) ascending inside each?
  bool storedInOrder(bool allowShuffle) const {
    Axes expected;
    for (unsigned s : visit) {
      Axes axes = stored.find(s)->second;
      if (!allowShuffle)
        llvm::sort(axes);
      expected.append(axes.begin(), axes.end());
    }
    return expected == realAxes(in.order, from);
  }

  /// Segments as they are stored, each in onnx order; axes of size 1 first.
  Layout sortedInput() const {
    Axes real;
    for (unsigned s : visit) {
      Axes axes = stored.find(s)->second;
      llvm::sort(axes);
      real.append(axes.begin(), axes.end());
    }
    return withUnits(real, from);
  }

  Layout outputLayout() const {
    Axes real;
    for (unsigned s : visit)
      for (unsigned axis = segments[s].toBegin; axis < segments[s].toEnd; ++axis)
        if (to[axis] != 1)
          real.push_back(axis);
    return withUnits(real, to);
  }

  /// Axes of size 1 can go anywhere: put them where the usual layouts have them.
  static Layout withUnits(const Axes &real, llvm::ArrayRef<int64_t> shape) {
    Layout last = Layout::channelsLast(shape.size()), first = Layout::identity(shape.size());
    if (shape.size() == 4 && realAxes(last.order, shape) == real)
      return last;
    if (realAxes(first.order, shape) == real)
      return first;
    if (realAxes(last.order, shape) == real)
      return last;
    Axes order;
    for (unsigned axis = 0; axis < shape.size(); ++axis)
      if (shape[axis] == 1)
        order.push_back(axis);
    order.append(real.begin(), real.end());
    return Layout(std::move(order));
  }

  /// Describes the one segment whose merged axis keeps its stored order. False if
  /// there are several, or if that segment is not merged into a single axis.
  bool shuffleOutput(Layout &output) const {
    for (unsigned s : visit) {
      const Axes &axes = stored.find(s)->second;
      bool carried = in.shuffled >= 0 && llvm::is_contained(axes, in.shuffled);
      if (llvm::is_sorted(axes) && !carried)
        continue;
      int merged = -1;
      for (unsigned axis = segments[s].toBegin; axis < segments[s].toEnd; ++axis)
        if (to[axis] != 1) {
          if (merged >= 0)
            return false;
          merged = axis;
        }
      if (merged < 0 || !mayShuffle(merged) || output.shuffled >= 0 || (carried && axes.size() != 1))
        return false;
      output.shuffled = merged;
      if (carried) {
        output.factors = in.factors, output.factorOrder = in.factorOrder;
        continue;
      }
      Axes sorted = axes;
      llvm::sort(sorted);
      for (int axis : sorted)
        output.factors.push_back(from[axis]);
      for (int axis : axes)
        output.factorOrder.push_back(llvm::find(sorted, axis) - sorted.begin());
    }
    return true;
  }

  llvm::ArrayRef<int64_t> from, to;
  const Layout &in;
  llvm::function_ref<bool(int)> mayShuffle;
  std::vector<Segment> segments;
  std::map<unsigned, Axes> stored; // real axes of each segment, as stored
  std::vector<unsigned> visit;     // segments, as stored
};
} // namespace

ReshapePlan lower::planReshape(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> to, const Layout &in,
                               llvm::function_ref<bool(int)> mayShuffle) {
  if (llvm::is_contained(from, 0) || llvm::is_contained(to, 0))
    return {Layout::identity(from.size()), Layout::identity(to.size())};
  return ReshapePlanner(from, to, in, mayShuffle).plan();
}
