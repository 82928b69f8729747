//===- ShapeReduce.cpp - result types of reductions and selections -----------===//
#include "ShapeContext.h"
#include "ShapeFunctions.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

/// `shape` with `axes` set to 1 or dropped.
static Shape reduced(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> axes, bool keep) {
  Shape out;
  for (size_t i = 0; i < shape.size(); ++i) {
    bool gone = llvm::is_contained(axes, static_cast<int64_t>(i));
    if (!gone || keep)
      out.push_back(gone ? 1 : shape[i]);
  }
  return out;
}

Status shape::reduce(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  bool keep = c.op.getInt("keepdims", 1) != 0;
  auto given = axesOf(c.op);
  if (!given) { // the axes are computed: only the rank may be known
    if (keep)
      c.set(0, c.elem(0), Shape(c.rank(0), -1));
    else
      c.setUnranked(0, c.elem(0));
    return success();
  }
  auto axes = c.axes(*given, c.rank(0));
  if (!axes)
    return failure();
  if (axes->empty() && !c.op.getInt("noop_with_empty_axes"))
    for (int64_t i = 0; i < c.rank(0); ++i)
      axes->push_back(i);
  c.set(0, c.elem(0), reduced(c.shape(0), *axes, keep));
  return success();
}

Status shape::argReduce(ShapeContext &c) {
  if (!c.ranked(0))
    return success();
  auto axis = c.axisAttr("axis", 0, c.rank(0));
  if (!axis)
    return failure();
  c.set(0, ElemKind::I64, reduced(c.shape(0), {*axis}, c.op.getInt("keepdims", 1) != 0));
  return success();
}

Status shape::topK(ShapeContext &c) {
  if (!c.ranked(0))
    return success();
  auto axis = c.axisAttr("axis", -1, c.rank(0));
  if (!axis)
    return failure();
  int64_t k = c.op.hasAttr("k") ? c.op.getInt("k") : c.scalarInt(1).value_or(-1);
  Shape out(c.shape(0).begin(), c.shape(0).end());
  if (k >= 0 && out[*axis] >= 0 && k > out[*axis])
    return c.fail(fmt::format("k must be at most {}, is {}", out[*axis], k));
  out[*axis] = std::max<int64_t>(k, -1);
  c.set(0, c.elem(0), out);
  c.set(1, ElemKind::I64, out);
  return success();
}

Status shape::nonZero(ShapeContext &c) {
  c.set(0, ElemKind::I64, Shape{c.ranked(0) ? c.rank(0) : -1, -1});
  return success();
}

Status shape::nonMaxSuppression(ShapeContext &c) {
  c.set(0, ElemKind::I64, Shape{-1, 3});
  return success();
}

Status shape::compress(ShapeContext &c) {
  if (!c.op.hasAttr("axis")) {
    c.set(0, c.elem(0), Shape{-1});
    return success();
  }
  if (!c.ranked(0))
    return success();
  auto axis = c.axisAttr("axis", 0, c.rank(0));
  if (!axis)
    return failure();
  Shape out(c.shape(0).begin(), c.shape(0).end());
  out[*axis] = -1;
  c.set(0, c.elem(0), out);
  return success();
}
