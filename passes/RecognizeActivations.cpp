//===- RecognizeActivations.cpp - activations that exporters take apart ---------------===//
//
// Before -> After (orders of operands and of factors do not matter):
//   Clip with attributes             -> Clip with operands
//   Clip(x, 0, none), Max(x, 0)      -> Relu
//   Min(Relu(x), c), Min(Max(x, 0), c), Max(Min(x, c), 0) -> Clip(x, 0, c)
//   Max(x, a x), 0 < a < 1           -> LeakyRelu(a)
//   PRelu, all slopes equal a        -> LeakyRelu(a)
//   1 / (1 + Exp(-x)) -> Sigmoid; x / (1 + Exp(-x)), x Sigmoid(x) -> Swish
//   x Tanh(Softplus(x)), also Softplus(x) = Log(Exp(x) + 1)  -> Mish
//   Clip(x + 3, 0, 6) / 6            -> HardSigmoid(1/6, 1/2)
//   x HardSigmoid(x), x Clip(x + 3, 0, 6) / 6                -> HardSwish
//   x (1 + Erf(x / sqrt 2)) / 2      -> Gelu
//   x (1 + Tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2        -> Gelu(tanh)
// Conditions: numbers are constants equal to these up to 2e-6; values in the middle have
// no other user and do not round; all have the type of x.
// Names: the last tensor's name and location.
//
//===----------------------------------------------------------------------===//
#include "Products.h"
#include <cmath>

namespace dpuopt {
namespace {

//===-- Clip, Relu, LeakyRelu ----------------------------------------------===//

/// A bound of Clip as a scalar operand; null for none.
Value *boundOperand(Op &op, const char *suffix, double bound) {
  if (std::isinf(bound))
    return nullptr;
  Tensor scalar = Tensor::splatFloat({}, static_cast<float>(bound));
  return op.graph().createConst(op.result()->name() + suffix, std::move(scalar), &op);
}

void replaceByClip(Op &op, Value *x, ClipBounds b) {
  if (b.low == 0 && std::isinf(b.high)) {
    replaceOp(op, "onnx.Relu", {x});
    return;
  }
  Value *low = boundOperand(op, "_min", b.low), *high = boundOperand(op, "_max", b.high);
  replaceOp(op, "onnx.Clip", {x, low, high});
}

/// Clip in attribute form, or one that is a Relu.
bool recognizeClip(Op &op) {
  Value *x = op.operand(0);
  auto b = clipBounds(op);
  bool attributes = op.hasAttr("min") || op.hasAttr("max");
  bool isRelu = b && b->low == 0 && std::isinf(b->high);
  if (!b || !x || !sameStaticType(x, op.result()) || x->type().elemType().kind != ElemKind::F32 ||
      (!attributes && !isRelu))
    return false;
  replaceByClip(op, x, *b);
  return true;
}

/// The x of Relu(x), or of Max(x, 0), that only `v` is used for.
Value *reluOperand(Value *v) {
  if (Op *relu = soleProducer(v, "onnx.Relu"))
    return relu->operand(0);
  auto max = matchScalarOp(soleProducer(v, "onnx.Max"), "onnx.Max");
  return max && max->number == 0 ? max->x : nullptr;
}

bool recognizeMin(Op &op) {
  auto min = matchScalarOp(&op, "onnx.Min");
  Value *x = min && min->number > 0 ? reluOperand(min->x) : nullptr;
  if (!x || x->type().elemType().kind != ElemKind::F32)
    return false;
  replaceByClip(op, x, {0, min->number});
  return true;
}

bool recognizeMax(Op &op) {
  if (op.numOperands() != 2 || !op.operand(0) || !op.operand(1))
    return false;
  if (auto max = matchScalarOp(&op, "onnx.Max"); max && max->number == 0) {
    auto min = matchScalarOp(soleProducer(max->x, "onnx.Min"), "onnx.Min");
    if (min && min->number > 0 && min->x->type().elemType().kind == ElemKind::F32)
      replaceByClip(op, min->x, {0, min->number});
    else if (max->x->type().elemType().isFloat() || max->x->type().isFix())
      replaceOp(op, "onnx.Relu", {max->x});
    else
      return false;
    return true;
  }
  for (unsigned i : {0u, 1u}) {
    Value *x = op.operand(i), *scaled = op.operand(1 - i);
    auto mul = matchScalarOp(soleProducer(scaled, "onnx.Mul"), "onnx.Mul");
    if (!mul || mul->x != x || !(mul->number > 0 && mul->number < 1) || !sameStaticType(x, op.result()))
      continue;
    replaceOp(op, "onnx.LeakyRelu", {x}, {{"alpha", Attr::f32(static_cast<float>(mul->number))}});
    return true;
  }
  return false;
}

bool recognizePRelu(Op &op) {
  auto slope = constantScalar(op.operand(1));
  if (!slope || !op.operand(0))
    return false;
  replaceOp(op, "onnx.LeakyRelu", {op.operand(0)}, {{"alpha", Attr::f32(static_cast<float>(*slope))}});
  return true;
}

//===-- Products -----------------------------------------------------------===//

bool isFunctionOf(Value *f, llvm::StringRef name, Value *x) {
  Op *op = soleProducer(f, name);
  return op && op->operand(0) == x;
}

bool isSigmoidOf(Value *f, Value *x) { return isFunctionOf(f, "onnx.Sigmoid", x); }

bool isHardSigmoidOf(Value *f, Value *x) {
  return isFunctionOf(f, "onnx.HardSigmoid", x) && std::fabs(f->def()->getFloat("alpha", 0.2) - 1.0 / 6) < 1e-6 &&
         std::fabs(f->def()->getFloat("beta", 0.5) - 0.5) < 1e-6;
}

/// The x of Clip(x + 3, 0, 6), else null.
Value *shiftedRelu6(Value *f) {
  Op *clip = soleProducer(f, "onnx.Clip");
  return clip && isRelu6(*clip) ? plus(clip->operand(0), 3) : nullptr;
}

bool isSoftplusOf(Value *f, Value *x) {
  if (isFunctionOf(f, "onnx.Softplus", x))
    return true;
  Op *log = soleProducer(f, "onnx.Log");
  Value *exp = log ? plus(log->operand(0), 1) : nullptr;
  return exp && isFunctionOf(exp, "onnx.Exp", x);
}

bool isTanhSoftplusOf(Value *f, Value *x) {
  Op *tanh = soleProducer(f, "onnx.Tanh");
  return tanh && isSoftplusOf(tanh->operand(0), x);
}

/// 1 + Erf(x / sqrt 2)
bool isErfTermOf(Value *f, Value *x) {
  Value *one = plus(f, 1);
  Op *erf = soleProducer(one, "onnx.Erf");
  return erf && isMultiple(erf->operand(0), x, std::sqrt(0.5));
}

/// x^3 times `factor`: Pow(x, 3), or x multiplied by itself.
bool isCubeOf(Value *v, Value *x, double factor) {
  if (!v->hasOneUse() || v->type().isFix())
    return false;
  Product p = productOf(v);
  if (!p.isNumber(factor))
    return false;
  if (p.factors.size() == 1) {
    auto pow = matchScalarOp(soleProducer(p.factors[0], "onnx.Pow"), "onnx.Pow");
    return pow && !pow->numberFirst && pow->number == 3 && pow->x == x;
  }
  return p.factors.size() == 3 && llvm::all_of(p.factors, [&](Value *f) { return f == x; });
}

/// 1 + Tanh(sqrt(2 / pi) * (x + 0.044715 x^3))
bool isTanhTermOf(Value *f, Value *x) {
  Op *tanh = soleProducer(plus(f, 1), "onnx.Tanh");
  Value *inner = tanh ? tanh->operand(0) : nullptr;
  if (!inner || !inner->hasOneUse() || inner->type().isFix())
    return false;
  Product p = productOf(inner);
  if (!p.isNumber(std::sqrt(2 / M_PI)) || p.factors.size() != 1)
    return false;
  Op *sum = soleProducer(p.factors[0], "onnx.Add");
  for (unsigned i : {0u, 1u})
    if (sum && sum->numOperands() == 2 && sum->operand(i) == x && isCubeOf(sum->operand(1 - i), x, 0.044715))
      return true;
  return false;
}

struct FunctionRow {
  double number; ///< of the product
  bool (*other)(Value *f, Value *x);
  const char *op;
  bool tanh = false;
};
const FunctionRow functions[] = {
    {1, isSigmoidOf, "onnx.Swish"},
    {1, isHardSigmoidOf, "onnx.HardSwish"},
    {1.0 / 6, [](Value *f, Value *x) { return shiftedRelu6(f) == x; }, "onnx.HardSwish"},
    {1, isTanhSoftplusOf, "onnx.Mish"},
    {0.5, isErfTermOf, "onnx.Gelu"},
    {0.5, isTanhTermOf, "onnx.Gelu", true},
};

/// `op` is the last Mul or Div of a product.
bool recognizeProduct(Op &op) {
  if (!op.result()->type().isStatic())
    return false;
  Product p = productOf(op.result());
  if (Value *x = p.factors.size() == 1 && p.isNumber(1.0 / 6) ? shiftedRelu6(p.factors[0]) : nullptr) {
    replaceOp(op, "onnx.HardSigmoid", {x}, {{"alpha", Attr::f32(1.0f / 6)}, {"beta", Attr::f32(0.5f)}});
    return true;
  }
  for (const FunctionRow &row : functions) {
    Value *x = p.isNumber(row.number) ? timesFunction(p, row.other) : nullptr;
    if (!x)
      continue;
    AttrMap attrs;
    if (row.tanh)
      attrs["approximate"] = Attr::string("tanh");
    replaceOp(op, row.op, {x}, std::move(attrs));
    return true;
  }
  return false;
}

/// 1 / (1 + Exp(-x)) or x / (1 + Exp(-x)); `op` is the Div or Reciprocal.
bool recognizeLogistic(Op &op) {
  bool reciprocal = op.is("onnx.Reciprocal");
  Op *exp = soleProducer(plus(op.operand(reciprocal ? 0 : 1), 1), "onnx.Exp");
  Value *minus = exp ? exp->operand(0) : nullptr;
  Op *neg = soleProducer(minus, "onnx.Neg", "onnx.Mul");
  if (!neg || op.result()->type() != minus->type())
    return false;
  auto mul = matchScalarOp(neg, "onnx.Mul");
  Value *x = neg->is("onnx.Neg") ? neg->operand(0) : mul && mul->number == -1 ? mul->x : nullptr;
  if (!x || !(reciprocal || op.operand(0) == x || isScalar(op.operand(0), 1)))
    return false;
  replaceOp(op, !reciprocal && op.operand(0) == x ? "onnx.Swish" : "onnx.Sigmoid", {x});
  return true;
}

bool recognizeDiv(Op &op) { return recognizeLogistic(op) || recognizeProduct(op); }

//===-- The pass -----------------------------------------------------------===//

struct Row {
  const char *op;
  bool (*recognize)(Op &op);
};
constexpr Row table[] = {
    {"onnx.Clip", recognizeClip},           {"onnx.Min", recognizeMin},     {"onnx.Max", recognizeMax},
    {"onnx.PRelu", recognizePRelu},         {"onnx.Mul", recognizeProduct}, {"onnx.Div", recognizeDiv},
    {"onnx.Reciprocal", recognizeLogistic},
};

bool recognize(Op &op) {
  for (const Row &row : table)
    if (op.is(row.op))
      return row.recognize(op);
  return false;
}

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, recognize); }

} // namespace

extern const PassInfo RecognizeActivationsPass;
const PassInfo RecognizeActivationsPass = {
    "recognize-activations",
    "Put activations together that exporters take apart",
    "**Before and after:** x * Sigmoid(x), x / (1 + Exp(-x)): Swish; 1 / (1 + Exp(-x)): Sigmoid; Clip(x + 3, 0, 6) / "
    "6: HardSigmoid(1/6, 1/2); x times that, or x * "
    "HardSigmoid(x): HardSwish; x * Tanh(Softplus(x)): Mish; the erf and tanh forms of Gelu; Max(x, 0), Clip(x, 0, "
    "none): Relu; Min(Relu(x), c), Max(Min(x, c), 0): Clip; Max(x, a * x), PRelu with equal slopes: LeakyRelu; Clip "
    "with attributes: Clip with operands. **Conditions:** numbers are constants, equal up to 2e-6; values in the "
    "middle "
    "have no other user and do not round; orders of operands do not matter. The result keeps the last tensor's name "
    "and "
    "location. Some of these operators need a higher opset than the model may have.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
