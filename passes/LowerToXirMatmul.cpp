//===- LowerToXirMatmul.cpp - Gemm and MatMul ---------------------------------===//
//
// A constant right-hand side is stored [out, in] (transpose_b = true), as the
// vendor writes a linear layer. When the input is a flattened NHWC tensor, the
// `in` axis of the weights is permuted instead of the tensor (Layout::shuffled).
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include "dpuopt/Quant/QuantGroups.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
Tensor scaled(const Tensor &t, double factor) {
  if (factor == 1)
    return t;
  Tensor real = t.toFloat();
  if (real.isSplat())
    return Tensor::splatFloat(real.shape(), static_cast<float>(real.at(0) * factor));
  for (float &v : real.mut<float>())
    v = static_cast<float>(v * factor);
  return real;
}

/// [out, in] weights whose `in` axis is in the order of `input`'s last axis.
Value *linearWeights(Lowering &l, Value *w, bool isOutIn, const Layout &input, double factor) {
  Layout columns = Layout::identity(2);
  if (input.shuffled >= 0)
    columns.shuffled = 1, columns.factors = input.factors, columns.factorOrder = input.factorOrder;
  std::string form = fmt::format("linear {} {} {} {}", isOutIn, factor, fmt::join(columns.factors, ","),
                                 fmt::join(columns.factorOrder, ","));
  return l.param(w, form, [columns, isOutIn, factor](const Tensor &t) {
    return scaled(columns.apply(isOutIn ? t : t.transposed(llvm::ArrayRef<unsigned>{1, 0})), factor);
  });
}

/// A constant that adds one number per output column: [n], [1, n] or one number for all.
bool isRowBias(const Value *v, int64_t n) {
  const Tensor *t = constantOf(v);
  return t && (t->numElements() == 1 || (t->numElements() == n && t->shape().back() == n));
}

Value *biasOf(Lowering &l, Value *c, int64_t n, double factor) {
  return l.param(c, fmt::format("bias {} {}", n, factor), [n, factor](const Tensor &t) {
    if (t.numElements() == n)
      return scaled(t.reshaped({n}), factor);
    return scaled(Tensor::splat(t.type().withShape({n}), Blob::copy(t.storage().bytes())), factor);
  });
}

AttrMap matmulAttrs(bool transposeA, bool transposeB) {
  AttrMap a;
  a["transpose_a"] = Attr::boolean(transposeA);
  a["transpose_b"] = Attr::boolean(transposeB);
  return a;
}

std::string lowerGemm(Lowering &l, const Op &op) {
  onnx::Gemm gemm(op);
  Value *a = op.operand(0), *b = op.operand(1), *c = op.operand(2);
  const Type &type = op.result()->type();
  bool constant = constantOf(b);
  if (a->type().rank() != 2 || b->type().rank() != 2)
    return "its operands are not matrices";
  if (a->type().dim(!gemm.transA) != b->type().dim(gemm.transB) || (c && c->type().rank() > 2))
    return "its operands do not fit together";
  if (gemm.alpha != 1 && (!constant || b->type().isFix()))
    return "its alpha cannot be folded into the weights";
  bool rowBias = c && isRowBias(c, type.dim(1));
  if (c && gemm.beta != 1 && (!rowBias || c->type().isFix()))
    return "its beta cannot be folded into the bias";
  Layout input = l.get(a).layout, plain = Layout::identity(2);
  bool shuffled = constant && !gemm.transA && input.order == plain.order && input.shuffled == 1;
  if (!shuffled)
    input = plain;
  Value *weights = constant ? linearWeights(l, b, gemm.transB, input, gemm.alpha) : l.in(b, plain);
  Lowering::Spec spec{
      "matmul", {l.in(a, input), weights}, toShape(type.shape()), matmulAttrs(gemm.transA, constant || gemm.transB)};
  spec.operands.push_back(c && rowBias ? biasOf(l, c, type.dim(1), gemm.beta) : nullptr);
  if (!c || rowBias) {
    l.emitResult(op, std::move(spec), plain);
    return "";
  }
  Value *product = l.emitHelper(std::move(spec), l.nameOf(op.result()), "_i0", op.loc());
  l.emitResult(op, {"add", {product, l.in(c, plain, 2)}, toShape(type.shape())}, plain);
  return "";
}

/// The Add of a constant row behind `matmul` that becomes its bias, or null.
Op *biasAdd(const Op &matmul) {
  Op *add = linearBias(matmul);
  const Type &type = matmul.result()->type();
  return add && !type.isFix() && add->result()->type().shape() == type.shape() ? add : nullptr;
}

/// x times a constant matrix: any order of x's axes but the last will do.
std::string lowerLinear(Lowering &l, const Op &op) {
  Value *a = op.operand(0), *b = op.operand(1);
  const Type &type = op.result()->type();
  int last = static_cast<int>(a->type().rank()) - 1;
  Layout input = l.get(a).layout;
  if (input.order.back() != last || (input.shuffled >= 0 && input.shuffled != last))
    input = Layout::identity(a->type().rank());
  Layout output(input.order);
  Lowering::Spec spec{"matmul",
                      {l.in(a, input), linearWeights(l, b, false, input, 1)},
                      output.physical(type.shape()),
                      matmulAttrs(false, true)};
  int64_t n = b->type().dim(1);
  if (Op *add = biasAdd(op)) {
    spec.operands.push_back(biasOf(l, add->operand(add->operand(0) == op.result()), n, 1));
    l.emitResult(*add, std::move(spec), output);
    return "";
  }
  spec.operands.push_back(nullptr);
  l.emitResult(op, std::move(spec), output);
  return "";
}

/// `v` with its last two axes as they are or exchanged; `exchanged` says which.
Value *matrixOperand(Lowering &l, Value *v, bool &exchanged) {
  Layout plain = Layout::identity(v->type().rank()), turned = plain;
  std::swap(turned.order.end()[-1], turned.order.end()[-2]);
  exchanged = !constantOf(v) && l.get(v).layout == turned;
  return l.in(v, exchanged ? turned : plain);
}

std::string lowerMatMul(Lowering &l, const Op &op) {
  Value *a = op.operand(0), *b = op.operand(1);
  size_t ra = a->type().rank(), rb = b->type().rank();
  if (ra < 2 || rb < 2)
    return "one operand is a vector";
  if (a->type().shape().back() != b->type().dim(rb - 2))
    return "its operands do not fit together";
  if (constantOf(b) && rb == 2)
    return lowerLinear(l, op);
  if (ra != rb)
    return "its operands have different ranks";
  bool ta, tb;
  Value *x = matrixOperand(l, a, ta), *y = matrixOperand(l, b, tb);
  Layout output = Layout::identity(ra);
  l.emitResult(op, {"matmul", {x, y, nullptr}, toShape(op.result()->type().shape()), matmulAttrs(ta, tb)}, output);
  return "";
}
} // namespace

llvm::ArrayRef<HandlerEntry> lower::matmulHandlers() {
  static const HandlerEntry table[] = {{"Gemm", lowerGemm}, {"MatMul", lowerMatMul}};
  return table;
}
