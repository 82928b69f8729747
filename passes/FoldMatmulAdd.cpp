//===- FoldMatmulAdd.cpp - MatMul and bias to Gemm ----------------------------------===//
//
// Before: MatMul(x, W) + b. After: Gemm(x, W, b).
// Conditions: x has rank 2; W is a constant of rank 2; b is a constant, one number or
// one per column; the product has no other user and does not round.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include "TensorMath.h"

namespace dpuopt {
namespace {

/// Operand `i` of `gemm` as a bias of shape [columns].
void makeBiasVector(Op &gemm, llvm::ArrayRef<double> numbers, int64_t columns) {
  const Tensor &given = *constantOf(gemm.operand(2));
  if (given.shape() == llvm::ArrayRef<int64_t>{columns})
    return;
  std::vector<double> all(columns, numbers[0]);
  if (numbers.size() > 1)
    all.assign(numbers.begin(), numbers.end());
  setConstOperand(gemm, 2, fromDoubles(Type(given.elemType(), {columns}), all), "");
}

bool foldInto(Op &add, unsigned productOperand) {
  Op *matmul = soleProducer(add.operand(productOperand), "onnx.MatMul");
  if (!matmul)
    return false;
  Value *x = matmul->operand(0), *w = matmul->operand(1), *b = add.operand(1 - productOperand);
  const Type &type = add.result()->type();
  if (!x || !x->type().hasRank() || x->type().rank() != 2 || !constantOf(w) || w->type().rank() != 2 ||
      !type.isStatic() || type.rank() != 2)
    return false;
  auto numbers = perChannel(b, type, 1);
  if (!numbers || matmul->result()->type().shape() != type.shape())
    return false;
  if (!matmul->loc().node.empty())
    add.setLoc(matmul->loc());
  int64_t columns = type.dim(1);
  Op *gemm = replaceOp(add, "onnx.Gemm", {x, w, b});
  makeBiasVector(*gemm, *numbers, columns);
  return true;
}

bool fold(Op &op) { return op.is("onnx.Add") && op.numOperands() == 2 && (foldInto(op, 0) || foldInto(op, 1)); }

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, fold); }

} // namespace

extern const PassInfo FoldMatmulAddPass;
const PassInfo FoldMatmulAddPass = {
    "fold-matmul-add",
    "Turn a matrix product with constant weights and a bias into Gemm",
    "**Before:** MatMul(x, W) + b. **After:** Gemm(x, W, b), named after the sum, located at the product. "
    "**Conditions:** x has rank 2; W is a constant of rank 2; b is a constant, one number or one per column; the "
    "product has no other user and does not round.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
