//===- FoldPad.cpp - Pad into the convolution or pool after it --------------------===//
//
// Before: L(Pad(x)), constant mode, nothing negative, spatial axes only.
// After: L(x) with the Pad's amounts added to its own `pads`; auto_pad resolved.
// Conditions, by L:
// - Conv: pads with 0.
// - AveragePool: pads with 0; own pads are 0 or counted (count_include_pad); no
//   ceil_mode; less than a kernel of padding. After: count_include_pad = 1, because the
//   zeros were elements that counted.
// - MaxPool: pads with -infinity, or with 0 where x has no negative element; no
//   ceil_mode, no dilation, less than a kernel of padding (so every window sees an
//   element of x, and the operator's own padding never wins); its indices are unused.
// The Pad may have other users; it goes when the last one does not need it.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include <limits>

namespace dpuopt {
namespace {

/// A constant-mode Pad on spatial axes.
struct ConstantPad {
  Value *x;
  double value;
  std::vector<int64_t> begin, end; ///< spatial
};

/// Pads per axis of the whole rank, from the attribute or the operands (`axes` since opset 18).
std::optional<std::vector<int64_t>> allPads(const Op &op, int64_t rank) {
  if (op.hasAttr("pads"))
    return op.getInts("pads");
  const Tensor *t = constantOf(op.operand(1));
  if (!t || !t->elemType().isInteger() || t->numElements() > 64)
    return std::nullopt;
  std::vector<int64_t> given = t->toInts();
  if (!op.operand(3))
    return given;
  const Tensor *axes = constantOf(op.operand(3));
  if (!axes || !axes->elemType().isInteger() || axes->numElements() * 2 != t->numElements())
    return std::nullopt;
  std::vector<int64_t> pads(2 * rank, 0), list = axes->toInts();
  for (size_t i = 0; i < list.size(); ++i) {
    int64_t axis = onnx::normalizeAxis(list[i], rank);
    if (axis < 0)
      return std::nullopt;
    pads[axis] = given[i];
    pads[axis + rank] = given[i + list.size()];
  }
  return pads;
}

std::optional<ConstantPad> matchPad(const Op *op) {
  if (!op || !op->is("onnx.Pad") || op->getString("mode", "constant") != "constant")
    return std::nullopt;
  Value *x = op->operand(0);
  if (!x || !x->type().isStatic() || x->type().elemType() != op->result()->type().elemType())
    return std::nullopt;
  size_t rank = x->type().rank();
  auto pads = allPads(*op, rank);
  auto value = op->operand(2) ? constantScalar(op->operand(2)) : op->getFloat("value", 0);
  if (rank < 3 || !value || !pads || pads->size() != 2 * rank)
    return std::nullopt;
  for (size_t i = 0; i < 2 * rank; ++i)
    if ((*pads)[i] < 0 || (*pads)[i] > MaxElements || (i % rank < 2 && (*pads)[i] != 0))
      return std::nullopt;
  return ConstantPad{x, *value, {pads->begin() + 2, pads->begin() + rank}, {pads->begin() + rank + 2, pads->end()}};
}

/// Does every window of the pool reach an element of x, with `w` already widened?
bool lessThanKernel(const onnx::Window &w) {
  for (unsigned i = 0; i < w.spatial; ++i)
    if (w.padsBegin[i] >= w.kernel[i] || w.padsEnd[i] >= w.kernel[i])
      return false;
  return true;
}

bool noPads(const onnx::Window &w) {
  auto zero = [](int64_t p) { return p == 0; };
  return llvm::all_of(w.padsBegin, zero) && llvm::all_of(w.padsEnd, zero);
}

bool noDilation(const onnx::Window &w) {
  return llvm::all_of(w.dilations, [](int64_t d) { return d == 1; });
}

/// May `op` take `pad` over? `own` is its window now, `sum` with the pads added.
bool canTake(const Op &op, const ConstantPad &pad, const onnx::Window &own, const onnx::Window &sum) {
  if (op.is("onnx.Conv"))
    return pad.value == 0;
  if (own.ceilMode || !lessThanKernel(sum) || !noDilation(own))
    return false;
  if (op.is("onnx.AveragePool"))
    return pad.value == 0 && (noPads(own) || op.getInt("count_include_pad", 0));
  bool neverWins = pad.value <= std::numeric_limits<float>::lowest() || (pad.value == 0 && isNonNegative(pad.x));
  return neverWins && onlyFirstResultUsed(op);
}

bool foldInto(Op &op) {
  Op *padOp = op.operand(0) ? op.operand(0)->def() : nullptr;
  auto pad = matchPad(padOp);
  onnx::Window own(op);
  if (!pad || !own.valid || own.spatial != pad->begin.size())
    return false;
  onnx::Window sum = own;
  for (unsigned i = 0; i < own.spatial; ++i)
    sum.padsBegin[i] += pad->begin[i], sum.padsEnd[i] += pad->end[i];
  if (!canTake(op, *pad, own, sum))
    return false;
  std::vector<int64_t> pads = sum.padsBegin;
  pads.insert(pads.end(), sum.padsEnd.begin(), sum.padsEnd.end());
  op.removeAttr("auto_pad");
  op.setAttr("pads", Attr::i64s(pads));
  if (op.is("onnx.AveragePool"))
    op.setAttr("count_include_pad", Attr::i64(1));
  op.setOperand(0, pad->x);
  eraseIfUnused(padOp);
  return true;
}

bool fold(Op &op) { return op.isOneOf("onnx.Conv", "onnx.AveragePool", "onnx.MaxPool") && foldInto(op); }

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, fold); }

} // namespace

extern const PassInfo FoldPadPass;
const PassInfo FoldPadPass = {
    "fold-pad",
    "Fold constant padding into the Conv, AveragePool or MaxPool after it",
    "**Before:** L(Pad(x)), constant mode, spatial axes, nothing negative. **After:** L(x) with the amounts added to "
    "its `pads`. **Conditions:** Conv: pads with 0. AveragePool: pads with 0, its own pads are 0 or counted; it then "
    "has `count_include_pad = 1`. MaxPool: pads with -infinity, or with 0 where x cannot be negative; indices unused. "
    "Both pools: no `ceil_mode`, no dilation, less than a kernel of padding. The padded value's fix point, if any, is "
    "x's.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
