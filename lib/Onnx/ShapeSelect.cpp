//===- ShapeSelect.cpp - result types of ops that select parts of data --------===//
#include "ShapeContext.h"
#include "ShapeFunctions.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

//===-- Split ----------------------------------------------------------------------===//

/// Lengths of equal parts; the last may be shorter from opset 18 on.
static Result<std::vector<int64_t>> equalParts(const ShapeContext &c, int64_t dim) {
  int64_t n = c.op.numResults();
  if (dim < 0)
    return std::vector<int64_t>(n, -1);
  if (dim % n && c.opset < 18)
    return c.fail(fmt::format("{} results must divide the split dimension {}", n, dim));
  int64_t part = (dim + n - 1) / n, last = dim - part * (n - 1);
  if (last < 0)
    return c.fail(fmt::format("dimension {} is too small to be split into {} parts", dim, n));
  std::vector<int64_t> parts(n, part);
  parts.back() = last;
  return parts;
}

Status shape::split(ShapeContext &c) {
  if (!c.ranked(0)) {
    for (unsigned i = 0; i < c.op.numResults(); ++i)
      c.setUnranked(i, c.elem(0));
    return success();
  }
  auto axis = c.axisAttr("axis", 0, c.rank(0));
  if (!axis)
    return failure();
  int64_t dim = c.shape(0)[*axis];
  std::vector<int64_t> parts;
  if (c.op.hasAttr("split")) {
    parts = c.op.getInts("split");
  } else if (c.has(1)) {
    parts = c.ints(1).value_or(std::vector<int64_t>(c.op.numResults(), -1));
  } else {
    auto equal = equalParts(c, dim);
    if (!equal)
      return failure();
    parts = *equal;
  }
  if (parts.size() != c.op.numResults())
    return c.fail(fmt::format("split names {} parts for {} results", parts.size(), c.op.numResults()));
  int64_t sum = 0;
  for (int64_t p : parts)
    sum = sum < 0 || p < 0 || p > MaxElements ? -1 : sum + p;
  if (sum >= 0 && dim >= 0 && sum != dim)
    return c.fail(fmt::format("parts {} must add up to the dimension {}", shapeStr(parts), dim));
  for (unsigned i = 0; i < parts.size(); ++i) {
    Shape out(c.shape(0).begin(), c.shape(0).end());
    out[*axis] = std::max<int64_t>(parts[i], -1);
    c.set(i, c.elem(0), out);
  }
  return success();
}

//===-- Slice ----------------------------------------------------------------------===//

namespace {
struct SliceArgs {
  std::optional<std::vector<int64_t>> starts, ends, axes, steps;
};
} // namespace

static SliceArgs sliceArgs(const ShapeContext &c) {
  SliceArgs s;
  if (c.op.hasAttr("starts")) { // opset < 10
    s.starts = c.op.getInts("starts"), s.ends = c.op.getInts("ends");
    s.axes = c.op.getInts("axes");
    s.steps = std::vector<int64_t>();
  } else {
    s.starts = c.ints(1), s.ends = c.ints(2);
    s.axes = c.has(3) ? c.ints(3) : std::vector<int64_t>();
    s.steps = c.has(4) ? c.ints(4) : std::vector<int64_t>();
  }
  return s;
}

/// How many elements start:end:step takes out of `dim` (numpy's rules).
static int64_t sliceLength(int64_t dim, int64_t start, int64_t end, int64_t step) {
  if (dim < 0)
    return -1;
  auto fromFront = [&](int64_t i, int64_t low, int64_t high) {
    if (i < 0)
      i = i < -dim ? low : i + dim;
    return std::clamp(i, low, high);
  };
  bool forward = step > 0;
  int64_t s = forward ? fromFront(start, 0, dim) : fromFront(start, -1, dim - 1);
  int64_t e = forward ? fromFront(end, 0, dim) : fromFront(end, -1, dim - 1);
  int64_t span = forward ? e - s : s - e;
  uint64_t stride = forward ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  return span <= 0 ? 0 : static_cast<int64_t>((static_cast<uint64_t>(span) - 1) / stride + 1);
}

Status shape::slice(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  SliceArgs s = sliceArgs(c);
  Shape out(c.shape(0).begin(), c.shape(0).end());
  if (!s.axes) {
    c.set(0, c.elem(0), Shape(c.rank(0), -1));
    return success();
  }
  if (s.axes->empty()) {
    size_t n = s.starts ? s.starts->size() : s.ends ? s.ends->size() : out.size();
    for (size_t i = 0; i < n; ++i)
      s.axes->push_back(static_cast<int64_t>(i));
  }
  auto axes = c.axes(*s.axes, c.rank(0));
  if (!axes)
    return failure();
  auto lengthFits = [&](auto &v) { return !v || v->empty() || v->size() == axes->size(); };
  if (!lengthFits(s.starts) || !lengthFits(s.ends) || !lengthFits(s.steps))
    return c.fail(fmt::format("starts, ends and steps need one element for each of {} axes", axes->size()));
  for (size_t i = 0; i < axes->size(); ++i) {
    int64_t &d = out[(*axes)[i]];
    int64_t step = s.steps && !s.steps->empty() ? (*s.steps)[i] : 1;
    if (step == 0)
      return c.fail("a step must not be zero");
    bool known = s.starts && s.ends && s.steps && i < s.starts->size() && i < s.ends->size();
    d = known ? sliceLength(d, (*s.starts)[i], (*s.ends)[i], step) : -1;
  }
  c.set(0, c.elem(0), out);
  return success();
}

//===-- Gather -----------------------------------------------------------------------===//

Status shape::gather(ShapeContext &c) {
  if (!c.ranked(0) || !c.ranked(1)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  auto axis = c.axisAttr("axis", 0, c.rank(0));
  if (!axis)
    return failure();
  Shape out(c.shape(0).begin(), c.shape(0).begin() + *axis);
  out.append(c.shape(1).begin(), c.shape(1).end());
  out.append(c.shape(0).begin() + *axis + 1, c.shape(0).end());
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::gatherElements(ShapeContext &c) {
  c.copy(0, 1, c.elem(0));
  return success();
}

Status shape::gatherND(ShapeContext &c) {
  if (!c.ranked(0) || !c.ranked(1) || c.rank(1) < 1)
    return success();
  int64_t batch = c.op.getInt("batch_dims"), depth = c.shape(1).back();
  if (depth < 0)
    return success();
  if (batch < 0 || batch >= c.rank(1) || depth > c.rank(0) - batch)
    return c.fail(fmt::format("indices {} with {} batch dimensions do not fit data {}", shapeStr(c.shape(1)), batch,
                              shapeStr(c.shape(0))));
  Shape out(c.shape(1).begin(), c.shape(1).end() - 1);
  out.append(c.shape(0).begin() + batch + depth, c.shape(0).end());
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::oneHot(ShapeContext &c) {
  if (!c.ranked(0))
    return success();
  auto axis = c.axisAttr("axis", -1, c.rank(0) + 1);
  if (!axis)
    return failure();
  const Tensor *depth = constantOf(c.op.operand(1)); // any numeric type
  int64_t n = depth && depth->numElements() == 1 ? depth->intAt(0) : -1;
  Shape out(c.shape(0).begin(), c.shape(0).end());
  out.insert(out.begin() + *axis, n < 0 ? -1 : std::min(n, MaxElements + 1));
  c.set(0, c.elem(2), out);
  return success();
}
