//===- ShapeElementwise.cpp - result types of elementwise ops ----------------===//
//
// Ops whose result has the shape of an operand, or of all operands broadcast.
//
//===----------------------------------------------------------------------===//
#include "ShapeContext.h"
#include "ShapeFunctions.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

/// Attribute `name` as an element type; `dflt` when absent.
static ElemType elemAttr(const ShapeContext &c, llvm::StringRef name, ElemType dflt) {
  return c.op.hasAttr(name) ? elemTypeFromOnnx(c.op.getInt(name)) : dflt;
}

Status shape::sameType(ShapeContext &c) {
  c.copy(0, 0, elemAttr(c, "dtype", c.elem(0)));
  return success();
}

Status shape::sameShapeBool(ShapeContext &c) {
  c.copy(0, 0, ElemKind::Bool);
  return success();
}

/// Broadcasts operands `first`... into result 0.
static Status broadcastFrom(ShapeContext &c, unsigned first, ElemType elem) {
  Shape shape;
  for (unsigned i = first; i < c.op.numOperands(); ++i) {
    if (!c.ranked(i)) {
      c.setUnranked(0, elem);
      return success();
    }
    auto joined = broadcastShapes(shape, c.shape(i));
    if (!joined)
      return c.fail("operands do not broadcast: " + typesOf(c.op.operands()));
    shape = *joined;
  }
  c.set(0, elem, shape);
  return success();
}

Status shape::broadcast(ShapeContext &c) { return broadcastFrom(c, 0, c.elem(0)); }
Status shape::broadcastBool(ShapeContext &c) { return broadcastFrom(c, 0, ElemKind::Bool); }
Status shape::where(ShapeContext &c) { return broadcastFrom(c, 0, c.elem(1)); }

Status shape::expand(ShapeContext &c) {
  auto wanted = c.ints(1);
  if (!wanted || !c.ranked(0)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  for (int64_t d : *wanted)
    if (d < 0)
      return c.fail(fmt::format("the shape operand must not be negative, found {}", d));
  auto shape = broadcastShapes(c.shape(0), *wanted);
  if (!shape)
    return c.fail(fmt::format("{} does not expand to {}", typesOf(c.op.operand(0)), shapeStr(*wanted)));
  c.set(0, c.elem(0), *shape);
  return success();
}

Status shape::cast(ShapeContext &c) {
  c.copy(0, 0, c.op.is("onnx.CastLike") ? c.elem(1) : elemAttr(c, "to", ElemKind::None));
  return success();
}

Status shape::dropout(ShapeContext &c) {
  c.copy(0, 0);
  c.copy(1, 0, c.opset < 10 ? c.elem(0) : ElemType(ElemKind::Bool));
  return success();
}

//===-- Quantization -------------------------------------------------------------===//

Status shape::quantizeLinear(ShapeContext &c) {
  ElemType elem = c.has(2) ? c.elem(2) : elemAttr(c, "output_dtype", ElemKind::U8);
  c.copy(0, 0, elem);
  return success();
}

Status shape::dequantizeLinear(ShapeContext &c) {
  c.copy(0, 0, elemAttr(c, "output_dtype", c.elem(1)));
  return success();
}

Status shape::dynamicQuantize(ShapeContext &c) {
  c.copy(0, 0, ElemKind::U8);
  c.set(1, ElemKind::F32, Shape());
  c.set(2, ElemKind::U8, Shape());
  return success();
}

//===-- Normalization --------------------------------------------------------------===//

Status shape::batchNorm(ShapeContext &c) {
  if (c.ranked(0) && c.ranked(1) && c.rank(0) >= 2 && c.rank(1) == 1) {
    int64_t channels = c.shape(0)[1], given = c.shape(1)[0];
    if (channels >= 0 && given >= 0 && channels != given)
      return c.fail(fmt::format("scale needs one element per channel ({}), has {}", channels, given));
  }
  c.copy(0, 0);
  for (unsigned i = 1; i < c.op.numResults(); ++i) // running statistics, when training
    c.copy(i, c.opset >= 14 ? i + 2 : 1);
  return success();
}

Status shape::layerNorm(ShapeContext &c) {
  c.copy(0, 0);
  if (c.op.numResults() == 1 || !c.ranked(0))
    return success();
  auto axis = c.axisAttr("axis", -1, c.rank(0));
  if (!axis)
    return failure();
  Shape reduced(c.shape(0).begin(), c.shape(0).end());
  std::fill(reduced.begin() + *axis, reduced.end(), 1);
  c.set(1, ElemKind::F32, reduced);
  c.set(2, ElemKind::F32, reduced);
  return success();
}
