//===- MergeTransposes.cpp - compose, cancel and simplify transposes ----------------===//
//
// Before/After:
//   T2(T1(x))             -> one Transpose with the composed order, or x if that is none
//   Transpose that moves only axes of size 1 -> Reshape (the bytes stay)
//   Transpose(constant)   -> constant; it keeps the parameter's name if nobody else uses that
// Conditions: T1 does not change the element type (a fix point rounds); Reshape needs a
//   known shape without dimensions of size 0; `perm` is a permutation. T1 stays if
//   others use it.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"

namespace dpuopt {
namespace {

using Perm = llvm::SmallVector<unsigned, 6>;

/// `perm`, reversed by default; nullopt if it is no permutation of the operand's axes.
std::optional<Perm> permOf(const Op *op) {
  if (!op || !op->is("onnx.Transpose") || !op->operand(0) || !op->operand(0)->type().hasRank() ||
      op->operand(0)->type().elemType() != op->result()->type().elemType())
    return std::nullopt;
  size_t rank = op->operand(0)->type().rank();
  Perm perm;
  if (!op->hasAttr("perm"))
    for (size_t i = rank; i-- > 0;)
      perm.push_back(i);
  std::vector<bool> seen(rank, false);
  for (int64_t axis : op->getInts("perm")) {
    if (axis < 0 || axis >= static_cast<int64_t>(rank) || seen[axis])
      return std::nullopt;
    seen[axis] = true;
    perm.push_back(axis);
  }
  return perm.size() == rank ? std::optional(perm) : std::nullopt;
}

bool isIdentity(llvm::ArrayRef<unsigned> perm) {
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != i)
      return false;
  return true;
}

/// Do the axes larger than 1 keep their order?
bool movesNoData(llvm::ArrayRef<unsigned> perm, const Type &x) {
  int64_t last = -1;
  for (unsigned axis : perm) {
    if (x.dim(axis) == 1)
      continue;
    if (static_cast<int64_t>(axis) < last)
      return false;
    last = axis;
  }
  return true;
}

bool foldConstant(Op &op, llvm::ArrayRef<unsigned> perm) {
  Value *c = op.operand(0);
  const Tensor *t = constantOf(c);
  if (!t || !t->elemType().byteSize())
    return false;
  bool mine = c->hasOneUse() && !op.result()->isGraphOutput();
  Value *fresh = op.graph().createConst(c->name(), t->transposed(perm), &op, c->def()->loc());
  op.result()->replaceAllUsesWith(fresh);
  fresh->takeName(mine ? c : op.result());
  eraseIfUnused(&op);
  return true;
}

/// T2(T1(x)): reads x itself in the composed order, which is left in `perm`.
bool compose(Op &op, Perm &perm) {
  Op *inner = op.operand(0)->def();
  auto first = permOf(inner);
  if (!first)
    return false;
  for (unsigned &axis : perm)
    axis = (*first)[axis];
  op.setOperand(0, inner->operand(0));
  op.setAttr("perm", Attr::i64s(std::vector<int64_t>(perm.begin(), perm.end())));
  eraseIfUnused(inner);
  return true;
}

bool toReshape(Op &op, llvm::ArrayRef<unsigned> perm) {
  const Type type = op.result()->type(), &x = op.operand(0)->type();
  if (!type.isStatic() || !x.isStatic() || llvm::is_contained(type.shape(), 0) || isIdentity(perm) ||
      !movesNoData(perm, x))
    return false;
  std::vector<int64_t> dims(type.shape().begin(), type.shape().end());
  Tensor shape = Tensor::fromInts({static_cast<int64_t>(dims.size())}, dims);
  Value *operand = op.graph().createConst(op.result()->name() + "_shape", std::move(shape), &op);
  replaceOp(op, "onnx.Reshape", {op.operand(0), operand});
  return true;
}

bool simplify(Op &op) {
  auto perm = permOf(&op);
  if (!perm)
    return false;
  if (foldConstant(op, *perm))
    return true;
  bool composed = compose(op, *perm);
  bool gone = isIdentity(*perm) && replaceBySame(op.result(), op.operand(0));
  return gone || toReshape(op, *perm) || composed;
}

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, simplify); }

} // namespace

extern const PassInfo MergeTransposesPass;
const PassInfo MergeTransposesPass = {
    "merge-transposes",
    "Compose and cancel transposes, turn those that move no data into Reshape",
    "**Before:** T2(T1(x)), a Transpose that moves only axes of size 1, a Transpose of a constant. **After:** one "
    "Transpose (or x itself), a Reshape, a transposed constant (it keeps the parameter's name if nobody else uses it). "
    "**Conditions:** T1 does not change the element type (a fix point rounds); Reshape needs a known shape without "
    "dimensions of size 0. T1 stays if others use it.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
