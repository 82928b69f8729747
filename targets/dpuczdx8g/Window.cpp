//===- Window.cpp - kernel, stride, pads, channels of an op -----------------===//
#include "Rules.h"
#include <algorithm>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

std::string dpuczdx8g::pair(int64_t a, int64_t b) { return fmt::format("{}x{}", a, b); }

bool dpuczdx8g::isAverage(const FusedOp &op) {
  if (!op.anchor)
    return false;
  return op.anchor->isOneOf("xir.avgpool2d", "xir.reduction_mean") || op.anchor->getString("type") == "AVG";
}

/// Numbers beyond any limit are cut so that their products cannot overflow.
static int64_t cut(int64_t v) { return std::clamp<int64_t>(v, -(1 << 14), 1 << 14); }

static void takePair(const Op &op, llvm::StringRef attr, int64_t &w, int64_t &h) {
  std::vector<int64_t> v = op.getInts(attr);
  if (v.size() == 2)
    w = cut(v[0]), h = cut(v[1]);
  else if (v.size() == 1) // 1-D: an image of height one
    w = cut(v[0]);
}

/// A matmul runs as a convolution over the whole image it reads. Where the compiler picks the
/// image itself (a flat input), the shape that takes the least weight memory is assumed.
static void matmulWindow(const FusedOp &op, Window &w) {
  const Op &matmul = *op.anchor;
  const FusedOp *from = op.inputs.empty() ? nullptr : &op.graph->ops[op.inputs.front()];
  const Value *in = from && from->result ? from->result : matmul.operand(0);
  if (matmul.operand(0)->type().rank() != 2) // not flattened: one product per pixel
    in = nullptr;
  if (!in) {
    w.ic = matmul.operand(0)->type().isStatic() && matmul.operand(0)->type().rank()
               ? matmul.operand(0)->type().shape().back()
               : -1;
  } else if (in->type().isStatic() && in->type().rank() == 4 && in->type().dim(1) <= 16 && in->type().dim(2) <= 16) {
    w.kh = in->type().dim(1), w.kw = in->type().dim(2), w.ic = in->type().dim(3);
  } else if (const Type &t = matmul.operand(0)->type(); t.isStatic() && t.rank() > 0) {
    int64_t n = t.shape().back(), best = INT64_MAX;
    for (int64_t h = 1; h <= 16; ++h)
      for (int64_t v = 1; v <= 16; ++v)
        if (int64_t cost = h * v * ceilDiv(n / (h * v), 16); n % (h * v) == 0 && cost < best)
          best = cost, w.kh = h, w.kw = v, w.ic = n / (h * v);
  }
  w.iw = w.kw, w.ih = w.kh;
}

static void reductionWindow(const Op &op, Window &w) {
  for (int64_t axis : op.getInts("axis")) {
    if (axis == 1 || axis == -3)
      w.kh = cut(w.ih);
    if (axis == 2 || axis == -2)
      w.kw = cut(w.iw);
  }
}

Window dpuczdx8g::windowOf(const FusedOp &fused) {
  Window w;
  if (!fused.anchor)
    return w;
  const Op &op = *fused.anchor;
  if (const Value *in = op.operand(0); in && in->type().isStatic() && in->type().rank() == 4)
    w.ih = in->type().dim(1), w.iw = in->type().dim(2), w.ic = in->type().dim(3);
  if (const Value *in = op.operand(0); in && in->type().isStatic() && in->type().rank() == 3)
    w.ih = 1, w.iw = in->type().dim(1), w.ic = in->type().dim(2);
  if (op.numResults() && op.result()->type().isStatic() && op.result()->type().rank() > 0)
    w.oc = op.result()->type().shape().back();
  takePair(op, "kernel", w.kw, w.kh);
  takePair(op, "stride", w.sw, w.sh);
  takePair(op, "dilation", w.dw, w.dh);
  if (std::vector<int64_t> pad = op.getInts("pad"); pad.size() == 4)
    w.left = cut(pad[0]), w.right = cut(pad[1]), w.top = cut(pad[2]), w.bottom = cut(pad[3]);
  else if (pad.size() == 2)
    w.left = cut(pad[0]), w.right = cut(pad[1]);
  w.group = op.getInt("group", 1);
  if (op.getBool("global"))
    w.kw = cut(w.iw), w.kh = cut(w.ih);
  if (op.is("xir.matmul"))
    matmulWindow(fused, w);
  if (op.isOneOf("xir.reduction_mean", "xir.reduction_max"))
    reductionWindow(op, w);
  return w;
}
