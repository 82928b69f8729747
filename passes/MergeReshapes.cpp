//===- MergeReshapes.cpp - chains of reshapes to one, with a plain shape --------------===//
//
// Reshapes are Reshape, Flatten, Squeeze and Unsqueeze.
// Before: R2(R1(x)); or a Reshape whose shape is computed, or has 0 or -1 in it.
// After: one reshape of x; Flatten(axis 1) where that is what it does (Gemm reads it
//   so), else Reshape to a constant shape without 0 and -1. Nothing at all if the
//   result has the type of x. R1 stays if others use it.
// Conditions: the result's shape is known and has no dimension of size 0; R1 and R2 do
//   not change the element type (a fix point rounds).
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"

namespace dpuopt {
namespace {

bool isReshape(const Op *op) {
  return op && op->isOneOf("onnx.Reshape", "onnx.Flatten", "onnx.Squeeze", "onnx.Unsqueeze") && op->operand(0) &&
         op->operand(0)->type().elemType() == op->result()->type().elemType();
}

/// The value at the start of the chain of reshapes that ends with `v`.
Value *source(Value *v) {
  while (isReshape(v->def()))
    v = v->def()->operand(0);
  return v;
}

/// [n, ...] -> [n, all the rest]
bool isFlatten(const Type &from, const Type &to) {
  return from.isStatic() && from.rank() >= 2 && to.rank() == 2 && to.dim(0) == from.dim(0);
}

/// Is `op` already what this pass would write for reshaping `x`?
bool isCanonical(const Op &op, const Value *x) {
  if (op.operand(0) != x)
    return false;
  if (!op.is("onnx.Reshape"))
    return true; // a single Flatten, Squeeze or Unsqueeze says it well
  const Tensor *shape = constantOf(op.operand(1));
  return shape && shape->shape().size() == 1 &&
         shape->numElements() == static_cast<int64_t>(op.result()->type().rank()) &&
         llvm::makeArrayRef(shape->toInts()) == op.result()->type().shape() && !op.hasAttr("allowzero") &&
         !isFlatten(x->type(), op.result()->type());
}

/// `op` as one reshape of `x`.
void rewrite(Op &op, Value *x) {
  const Type type = op.result()->type();
  if (isFlatten(x->type(), type)) {
    replaceOp(op, "onnx.Flatten", {x}, {{"axis", Attr::i64(1)}});
    return;
  }
  std::vector<int64_t> dims(type.shape().begin(), type.shape().end());
  Tensor shape = Tensor::fromInts({static_cast<int64_t>(dims.size())}, dims);
  Value *operand = op.graph().createConst(op.result()->name() + "_shape", std::move(shape), &op);
  replaceOp(op, "onnx.Reshape", {x, operand});
}

bool simplify(Op &op) {
  const Type &type = op.result()->type();
  if (!isReshape(&op) || !type.isStatic() || llvm::is_contained(type.shape(), 0))
    return false;
  Value *x = source(op.operand(0));
  if (x->type() == type && x != op.operand(0) && replaceBySame(op.result(), x))
    return true;
  if (isCanonical(op, x) || constantOf(x))
    return false;
  rewrite(op, x);
  return true;
}

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, simplify); }

} // namespace

extern const PassInfo MergeReshapesPass;
const PassInfo MergeReshapesPass = {
    "merge-reshapes",
    "Merge chains of reshapes into one with a constant shape, or Flatten",
    "**Before:** chains of Reshape, Flatten, Squeeze and Unsqueeze; Reshape to a shape that is computed or has 0 or -1 "
    "in it. **After:** one Flatten(axis 1) where it does the same, else one Reshape to a constant shape without 0 and "
    "-1; nothing if the chain ends in the type it began with. **Conditions:** the final shape is known and has no "
    "dimension of size 0; no element type changes along the chain (a fix point rounds). A reshape in the middle stays "
    "if others use it.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
