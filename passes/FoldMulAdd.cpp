//===- FoldMulAdd.cpp - constant factors and offsets into the layer before --------===//
//
// Before: y = L(x) * c, L(x) / c, L(x) + c, L(x) - c or c - L(x); L a Conv,
//   ConvTranspose or Gemm; c one number or one per channel.
// After: L(x) with W' = W * f, b' = b * f + s per output channel.
// Conditions: W constant, b constant or absent; c a constant that does not vary along
//   another axis nor enlarge L(x); 1 / c finite; L(x) has no other user and does not round.
//
//===----------------------------------------------------------------------===//
#include "LinearOp.h"
#include "Patterns.h"
#include <cmath>

namespace dpuopt {
namespace {

using Numbers = std::vector<double>;

Numbers mapped(Numbers v, double (*f)(double)) {
  for (double &x : v)
    x = f(x);
  return v;
}
double inverse(double x) { return 1 / x; }
double negated(double x) { return -x; }

/// `op` as y * factor + shift of the layer's result y.
struct Affine {
  Numbers factor{1}, shift{0};
};
std::optional<Affine> affineOf(const Op &op, Numbers c, bool constantFirst) {
  Affine a;
  if (op.is("onnx.Mul"))
    a.factor = std::move(c);
  else if (op.is("onnx.Add"))
    a.shift = std::move(c);
  else if (op.is("onnx.Sub"))
    a = constantFirst ? Affine{{-1}, std::move(c)} : Affine{{1}, mapped(std::move(c), negated)};
  else if (op.is("onnx.Div") && !constantFirst)
    a.factor = mapped(std::move(c), inverse);
  else
    return std::nullopt;
  auto finite = [](double x) { return std::isfinite(x); };
  return llvm::all_of(a.factor, finite) && llvm::all_of(a.shift, finite) ? std::optional(a) : std::nullopt;
}

bool foldInto(Op &op, unsigned layerOperand) {
  Value *y = op.operand(layerOperand);
  auto layer = LinearOp::match(soleProducer(y, "onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm"));
  const Type &type = op.result()->type();
  if (!layer || !type.isStatic() || y->type().shape() != type.shape() || type.rank() < 2 ||
      type.dim(1) != layer->outChannels())
    return false;
  auto c = perChannel(op.operand(1 - layerOperand), y->type(), 1);
  auto a = c ? affineOf(op, std::move(*c), layerOperand == 1) : std::nullopt;
  if (!a)
    return false;
  layer->scaleOutputs(a->factor, a->shift);
  takeOver(y, op.result());
  return true;
}

bool fold(Op &op) {
  return op.isOneOf("onnx.Mul", "onnx.Div", "onnx.Add", "onnx.Sub") && op.numOperands() == 2 &&
         (foldInto(op, 0) || foldInto(op, 1));
}

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, fold); }

} // namespace

extern const PassInfo FoldMulAddPass;
const PassInfo FoldMulAddPass = {
    "fold-mul-add",
    "Fold constant factors and offsets into the Conv, ConvTranspose or Gemm before them",
    "**Before:** L(x) * c, L(x) / c, L(x) + c, L(x) - c or c - L(x); L is Conv, ConvTranspose or Gemm, c one number or "
    "one per channel. **After:** L(x) with W' = W * f, b' = b * f + s per output channel. **Conditions:** W constant, "
    "b "
    "constant or absent; c constant, not varying along another axis; 1 / c finite; L(x) has no other user and does not "
    "round. The result keeps the name of the last tensor, the layer its location.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
