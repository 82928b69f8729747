//===- ShapeWindow.cpp - result types of convolutions and pools --------------===//
//
// And of the other image ops with two or more spatial dimensions. Window (in
// IR/OnnxViews.h) has resolved defaults and auto_pad.
//
//===----------------------------------------------------------------------===//
#include "ShapeContext.h"
#include "ShapeFunctions.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

static int64_t extent(const Window &w, unsigned i) { return (w.kernel[i] - 1) * w.dilations[i] + 1; }

/// Number of window positions over `in` elements; -1 unknown, -2 the window does not fit.
static int64_t windowCount(const Window &w, unsigned i, int64_t in) {
  if (in < 0)
    return -1;
  int64_t room = in + w.padsBegin[i] + w.padsEnd[i] - extent(w, i), s = w.strides[i];
  if (room < 0)
    return -2;
  int64_t count = (w.ceilMode ? (room + s - 1) / s : room / s) + 1;
  // A window that would start in the end padding is not counted.
  if (w.ceilMode && (count - 1) * s >= in + w.padsBegin[i])
    --count;
  return count;
}

/// Appends the spatial result dimensions; fails when the window does not fit.
static Status appendWindowed(const ShapeContext &c, const Window &w, Shape &out) {
  llvm::ArrayRef<int64_t> in = c.shape(0).drop_front(2);
  for (unsigned i = 0; i < w.spatial; ++i) {
    int64_t n = windowCount(w, i, in[i]);
    if (n == -2)
      return c.fail(
          fmt::format("the kernel must fit the padded input: spatial dimension {} is {}, padded {}, kernel {}", i,
                      in[i], in[i] + w.padsBegin[i] + w.padsEnd[i], extent(w, i)));
    out.push_back(n);
  }
  return success();
}

/// Rank known, geometry known? Diagnoses geometry that cannot be right.
/// Sets what is known of the result when only the shape is missing.
enum class Geometry { Known, Unknown, Wrong };
static Geometry checkGeometry(ShapeContext &c, const Window &w, ElemType elem) {
  if (!c.ranked(0)) {
    c.setUnranked(0, elem);
    return Geometry::Unknown;
  }
  if (w.valid)
    return Geometry::Known;
  if (c.rank(0) >= 3 && !c.op.operand(0)->type().isStatic() && w.spatial + 2 == c.rank(0)) {
    Shape unknown(c.rank(0), -1); // SAME_* padding of an unknown size
    unknown[0] = c.shape(0)[0];
    c.set(0, elem, unknown);
    return Geometry::Unknown;
  }
  if (c.op.getInts("kernel_shape").empty() && c.has(1) && !c.ranked(1))
    return Geometry::Unknown;
  (void)c.fail(fmt::format("kernel_shape, strides, dilations, pads and auto_pad must fit each other and the input ({})",
                           typesOf(c.op.operand(0))));
  return Geometry::Wrong;
}

//===-- Convolutions -------------------------------------------------------------===//

/// Channels of X against W [O, I/g, k...] (conv) or [I, O/g, k...] (transposed).
static Status checkWeight(const ShapeContext &c, unsigned w, int64_t group, bool transposed) {
  if (!c.ranked(w))
    return success();
  if (c.rank(w) != c.rank(0))
    return c.fail(fmt::format("weight and input must have the same rank: {} and {}", c.rank(w), c.rank(0)));
  if (group < 1)
    return c.fail(fmt::format("group must be positive, is {}", group));
  int64_t channels = c.shape(0)[1];
  int64_t wanted = transposed ? c.shape(w)[0] : mulDims(c.shape(w)[1], group);
  if (channels >= 0 && wanted >= 0 && channels != wanted)
    return c.fail(fmt::format("the input must have {} channels as the weight {} with group {} says, has {}", wanted,
                              shapeStr(c.shape(w)), group, channels));
  int64_t divided = c.shape(w)[0];
  if (divided >= 0 && divided % group)
    return c.fail(fmt::format("group {} must divide {} of the weight {}", group, divided, shapeStr(c.shape(w))));
  std::vector<int64_t> kernel = c.op.getInts("kernel_shape");
  for (size_t i = 0; i < kernel.size() && i + 2 < c.shape(w).size(); ++i)
    if (c.shape(w)[i + 2] >= 0 && c.shape(w)[i + 2] != kernel[i])
      return c.fail(
          fmt::format("kernel_shape {} must be that of the weight {}", shapeStr(kernel), shapeStr(c.shape(w))));
  return success();
}

static Status convLike(ShapeContext &c, unsigned weight, ElemType elem, const Window &w) {
  switch (checkGeometry(c, w, elem)) {
  case Geometry::Wrong:
    return failure();
  case Geometry::Unknown:
    return success();
  case Geometry::Known:
    break;
  }
  if (failed(checkWeight(c, weight, c.op.getInt("group", 1), false)))
    return failure();
  Shape out = {c.shape(0)[0], c.ranked(weight) ? c.shape(weight)[0] : -1};
  if (failed(appendWindowed(c, w, out)))
    return failure();
  c.set(0, elem, out);
  return success();
}

Status shape::conv(ShapeContext &c) {
  ElemType elem = c.op.is("onnx.ConvInteger") ? ElemType(ElemKind::I32) : c.elem(0);
  return convLike(c, 1, elem, Window(c.op));
}

Status shape::qlinearConv(ShapeContext &c) {
  Window w(c.op);
  if (!w.valid && c.op.getInts("kernel_shape").empty())
    return success(); // operand 1 is the scale here: Window cannot see the weight
  return convLike(c, 3, c.elem(7), w);
}

Status shape::deformConv(ShapeContext &c) { return convLike(c, 1, c.elem(0), Window(c.op)); }

Status shape::convTranspose(ShapeContext &c) {
  Conv conv(c.op);
  const Window &w = conv.window;
  Geometry g = checkGeometry(c, w, c.elem(0));
  if (g != Geometry::Known)
    return g == Geometry::Wrong ? failure() : success();
  if (failed(checkWeight(c, 1, conv.group, true)))
    return failure();
  if (conv.outputPadding.size() != w.spatial)
    return c.fail(fmt::format("output_padding needs {} elements, has {}", w.spatial, conv.outputPadding.size()));
  Shape out = {c.shape(0)[0], c.ranked(1) ? mulDims(c.shape(1)[1], conv.group) : -1};
  for (unsigned i = 0; i < w.spatial; ++i) {
    int64_t in = c.shape(0)[i + 2];
    if (in < 0 || in > MaxElements || conv.outputPadding[i] < 0 || conv.outputPadding[i] > MaxElements) {
      out.push_back(in < 0 ? -1 : MaxElements + 1);
      continue;
    }
    int64_t n = (in - 1) * w.strides[i] + extent(w, i) + conv.outputPadding[i] - w.padsBegin[i] - w.padsEnd[i];
    if (n < 0)
      return c.fail(fmt::format("pads must not exceed the result: spatial dimension {} would be {}", i, n));
    out.push_back(n);
  }
  c.set(0, c.elem(0), out);
  return success();
}

//===-- Pools --------------------------------------------------------------------===//

Status shape::pool(ShapeContext &c) {
  Window w(c.op);
  Geometry g = checkGeometry(c, w, c.elem(0));
  if (g != Geometry::Known)
    return g == Geometry::Wrong ? failure() : success();
  Shape out(c.shape(0).begin(), c.shape(0).begin() + 2);
  if (failed(appendWindowed(c, w, out)))
    return failure();
  c.set(0, c.elem(0), out);
  c.set(1, ElemKind::I64, out); // MaxPool's Indices
  return success();
}

Status shape::globalPool(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  if (c.rank(0) < 2)
    return c.fail("the input needs a batch and a channel dimension, is " + typesOf(c.op.operand(0)));
  Shape out(c.rank(0), 1);
  out[0] = c.shape(0)[0], out[1] = c.shape(0)[1];
  c.set(0, c.elem(0), out);
  return success();
}

Status shape::roiPool(ShapeContext &c) {
  if (!c.ranked(0) || !c.ranked(1) || c.rank(0) < 2 || c.rank(1) < 1)
    return success();
  Shape out = {c.shape(1)[0], c.shape(0)[1]};
  if (c.op.is("onnx.RoiAlign")) {
    out.push_back(c.op.getInt("output_height", 1));
    out.push_back(c.op.getInt("output_width", 1));
  } else {
    for (int64_t d : c.op.getInts("pooled_shape"))
      out.push_back(d);
  }
  c.set(0, c.elem(0), out);
  return success();
}

//===-- Other image ops ------------------------------------------------------------===//

/// blocksize as a positive number; 0 after a diagnostic.
static int64_t blockSize(const ShapeContext &c) {
  int64_t b = c.op.getInt("blocksize");
  if (b >= 1 && b <= 1 << 16)
    return b;
  (void)c.fail(fmt::format("blocksize must be positive, is {}", b));
  return 0;
}

Status shape::depthToSpace(ShapeContext &c) {
  int64_t b = blockSize(c);
  if (!b)
    return failure();
  if (!c.ranked(0))
    return success();
  if (c.rank(0) != 4)
    return c.fail(fmt::format("the input must have 4 dimensions, has {}", c.rank(0)));
  int64_t channels = c.shape(0)[1];
  if (channels >= 0 && channels % (b * b))
    return c.fail(fmt::format("blocksize {0} squared must divide the {1} channels", b, channels));
  c.set(0, c.elem(0),
        Shape{c.shape(0)[0], channels < 0 ? -1 : channels / (b * b), mulDims(c.shape(0)[2], b),
              mulDims(c.shape(0)[3], b)});
  return success();
}

Status shape::spaceToDepth(ShapeContext &c) {
  int64_t b = blockSize(c);
  if (!b)
    return failure();
  if (!c.ranked(0))
    return success();
  if (c.rank(0) != 4)
    return c.fail(fmt::format("the input must have 4 dimensions, has {}", c.rank(0)));
  auto divided = [&](int64_t d) { return d < 0 ? -1 : d / b; };
  for (int64_t d : c.shape(0).drop_front(2))
    if (d >= 0 && d % b)
      return c.fail(fmt::format("blocksize {} must divide the spatial size {}", b, d));
  c.set(0, c.elem(0),
        Shape{c.shape(0)[0], mulDims(c.shape(0)[1], b * b), divided(c.shape(0)[2]), divided(c.shape(0)[3])});
  return success();
}

Status shape::gridSample(ShapeContext &c) {
  if (!c.ranked(0) || !c.ranked(1) || c.rank(0) < 3 || c.rank(1) != c.rank(0))
    return success();
  Shape out = {c.shape(0)[0], c.shape(0)[1]};
  out.append(c.shape(1).begin() + 1, c.shape(1).end() - 1);
  c.set(0, c.elem(0), out);
  return success();
}
