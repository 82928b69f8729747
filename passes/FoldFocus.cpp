//===- FoldFocus.cpp - pass `fold-focus` ------------------------------------------===//
//
// Before: Conv(Concat(every second pixel of x, four times)), as YOLOX and the first
//   YOLOv5 begin: Slices with step 2 along height and width, joined along the channels.
// After: one Conv on x with twice the kernel, stride and padding.
// Formula: W'[o, c, 2 i + row, 2 j + column] = W[o, part * C + c, i, j] for the part that
//   starts at (row, column); other weights are 0.
// Conditions: height and width of x are even; each part is x with start 0 or 1, step 2, to
//   the end, on both axes, in one Slice or two; group 1, no dilation, weights constant f32;
//   the values between have no other user (slices may have) and do not round.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// More do not fit into any layer of a DPU.
constexpr int64_t MostWeights = int64_t(1) << 26;

/// Operand `i` of a Slice as integers.
std::optional<std::vector<int64_t>> ints(const Op &op, unsigned i) {
  const Tensor *t = constantOf(op.operand(i));
  return t ? std::optional(t->toInts()) : std::nullopt;
}

/// Where a part starts, and of which tensor it is; step 2 on both axes.
struct Part {
  Value *x;
  int64_t start[2] = {-1, -1};
};

/// Adds what `slice` does to `part`; false if it is anything else than every second pixel.
bool addSlice(const Op &slice, Part &part) {
  auto starts = ints(slice, 1), ends = ints(slice, 2), axes = ints(slice, 3), steps = ints(slice, 4);
  const Type &in = slice.operand(0)->type();
  if (!starts || !ends || !axes || !steps || !in.isStatic() || in.rank() != 4 || ends->size() != starts->size() ||
      axes->size() != starts->size() || steps->size() != starts->size())
    return false;
  for (size_t i = 0; i < starts->size(); ++i) {
    int64_t axis = onnx::normalizeAxis((*axes)[i], 4);
    if (axis < 2 || (*steps)[i] != 2 || (*starts)[i] < 0 || (*starts)[i] > 1 || (*ends)[i] < in.dim(axis) ||
        in.dim(axis) % 2 || part.start[axis - 2] >= 0)
      return false;
    part.start[axis - 2] = (*starts)[i];
  }
  part.x = slice.operand(0);
  return true;
}

std::optional<Part> partOf(Value *v) {
  Part part{v};
  for (unsigned depth = 0; depth < 2 && (part.start[0] < 0 || part.start[1] < 0); ++depth) {
    const Op *op = part.x->def();
    if (!op || !op->is("onnx.Slice") || part.x->type().isFix() || !addSlice(*op, part))
      return std::nullopt;
  }
  return part.start[0] >= 0 && part.start[1] >= 0 ? std::optional(part) : std::nullopt;
}

Tensor weightsOnPixels(const Tensor &w, llvm::ArrayRef<Part> parts, int64_t channels) {
  const int64_t out = w.shape()[0], in = w.shape()[1], kh = w.shape()[2], kw = w.shape()[3];
  Tensor wide = Tensor::zeros(Type(ElemKind::F32, {out, channels, 2 * kh, 2 * kw}));
  Tensor from = w.expanded();
  auto source = from.as<float>();
  auto target = wide.mut<float>();
  for (int64_t o = 0; o < out; ++o)
    for (int64_t c = 0; c < in; ++c)
      for (int64_t i = 0; i < kh; ++i)
        for (int64_t j = 0; j < kw; ++j) {
          const Part &p = parts[c / channels];
          int64_t row = 2 * i + p.start[0], column = 2 * j + p.start[1];
          target[((o * channels + c % channels) * 2 * kh + row) * 2 * kw + column] +=
              source[((o * in + c) * kh + i) * kw + j];
        }
  return wide;
}

std::vector<int64_t> twice(std::vector<int64_t> v) {
  for (int64_t &x : v)
    x *= 2;
  return v;
}

bool fold(Op &op) {
  if (!op.is("onnx.Conv"))
    return false;
  onnx::Conv conv(op);
  Op *concat = soleProducer(conv.input(), "onnx.Concat");
  const Tensor *w = constantOf(conv.weight());
  bool plain = concat && w && conv.window.valid && conv.window.spatial == 2 && conv.group == 1 &&
               w->elemType().kind == ElemKind::F32 && w->type().rank() == 4 && w->numElements() < MostWeights &&
               concat->getInt("axis", 1) == 1 && conv.window.dilations == std::vector<int64_t>{1, 1};
  if (!plain || concat->numOperands() < 2)
    return false;
  std::vector<Part> parts;
  for (Value *v : concat->operands()) {
    auto part = v ? partOf(v) : std::nullopt;
    if (!part || (!parts.empty() && part->x != parts[0].x))
      return false;
    parts.push_back(*part);
  }
  Value *x = parts[0].x;
  const int64_t channels = x->type().dim(1);
  if (w->shape()[1] != channels * static_cast<int64_t>(parts.size()))
    return false;
  const onnx::Window &win = conv.window;
  std::vector<int64_t> pads = twice(win.padsBegin), ends = twice(win.padsEnd);
  pads.insert(pads.end(), ends.begin(), ends.end());
  op.setAttr("kernel_shape", Attr::i64s(twice(win.kernel)));
  op.setAttr("strides", Attr::i64s(twice(win.strides)));
  op.setAttr("pads", Attr::i64s(pads));
  op.removeAttr("auto_pad");
  setConstOperand(op, 1, weightsOnPixels(*w, parts, channels), "");
  op.setOperand(0, x);
  eraseIfUnused(concat);
  return true;
}

PassResult run(Graph &g, PassContext &ctx) {
  unsigned folded = 0;
  rewriteOps(g, [&](Op &op) { return fold(op) && ++folded; });
  if (!folded)
    return PassResult::Unchanged;
  ctx.diags
      .remark(fmt::format("slices of every second pixel folded into {} convolution{}", folded, folded == 1 ? "" : "s"))
      .rule("proof.exact");
  return PassResult::Changed;
}

} // namespace

extern const PassInfo FoldFocusPass;
const PassInfo FoldFocusPass = {
    "fold-focus",
    "Fold slices of every second pixel into the convolution that reads them",
    "**Before:** Conv(Concat(four Slices of x with step 2)), the first layer of YOLOX and of YOLOv5 up to release 5. "
    "**After:** one Conv on x with twice the kernel, stride and padding: the DPU does not slice pixels "
    "(slice.channels). **Conditions:** height and width are even; each part takes every second pixel from 0 or 1 to "
    "the end on both axes; group 1, no dilation, constant float weights; the concatenation has no other user; "
    "nothing between rounds.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
