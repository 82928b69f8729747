//===- LowerToXirActivation.cpp - activations of one operand -------------------===//
//
// They compute in the layout their operand has. Hard-sigmoid and hard-swish make
// the DPU's constant explicit where values are fixed (facts (d)).
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include "dpuopt/Quant/LeakySlope.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
/// Emits `type` on operand 0 in the layout it has.
void emitUnary(Lowering &l, const Op &op, const char *type, AttrMap attrs = {}) {
  Mapped x = l.get(op.operand(0));
  l.emitResult(op, {type, {x.value}, toShape(x.value->type().shape()), std::move(attrs)}, x.layout);
}

AttrMap alphaAttr(const Op &op, double dflt) {
  AttrMap a;
  a["alpha"] = Attr::f32(static_cast<float>(op.getFloat("alpha", dflt)));
  return a;
}

std::string lowerSimple(Lowering &l, const Op &op) {
  static const llvm::StringMap<const char *> types = {
      {"Relu", "relu"}, {"Sigmoid", "sigmoid"}, {"Tanh", "tanh"}, {"Exp", "exp"}, {"Neg", "neg"}};
  if (!isReal(op.result()->type()))
    return keepElementwise(l, op, "it computes with integers");
  emitUnary(l, op, types.lookup(op.name().drop_front(5)));
  return "";
}

void emitLeakyRelu(Lowering &l, const Op &op) {
  AttrMap attrs = alphaAttr(op, 0.01);
  if (isQuantized(op)) {
    sayDpuSlope(op, l.diagnostics());
    attrs["alpha"] = Attr::f32(DpuSlope);
  }
  emitUnary(l, op, "leaky-relu", std::move(attrs));
}

std::string lowerWithAlpha(Lowering &l, const Op &op) {
  if (op.is("onnx.LeakyRelu"))
    emitLeakyRelu(l, op);
  else
    emitUnary(l, op, op.is("onnx.Elu") ? "elu" : "celu", alphaAttr(op, 1));
  return "";
}

std::string lowerGelu(Lowering &l, const Op &op) {
  if (op.getString("approximate", "none") != "none")
    return keepElementwise(l, op, "XIR's gelu is the exact one");
  emitUnary(l, op, "gelu");
  return "";
}

std::string lowerMish(Lowering &l, const Op &op) {
  emitUnary(l, op, "mish");
  return "";
}

std::string lowerSelu(Lowering &l, const Op &op) {
  if (std::fabs(op.getFloat("alpha", 1.67326319) - 1.67326319) > 1e-6 ||
      std::fabs(op.getFloat("gamma", 1.05070102) - 1.05070102) > 1e-6)
    return keepElementwise(l, op, "XIR's selu has the default alpha and gamma only");
  emitUnary(l, op, "selu");
  return "";
}

std::string lowerAlias(Lowering &l, const Op &op) {
  if (op.numResults() > 1 && !op.result(1)->unused())
    return "its mask is used";
  if (isReal(op.operand(0)->type()) != isReal(op.result()->type()))
    return keepElementwise(l, op, "XIR has no such op");
  if (!isReal(op.result()->type()) && op.operand(0)->type().elemType() != op.result()->type().elemType())
    return keepElementwise(l, op, "XIR has no such op");
  l.alias(op, l.get(op.operand(0)));
  return "";
}

/// x * sigmoid(x): sigmoid is an op of its own, for it runs on the CPU.
std::string lowerSwish(Lowering &l, const Op &op) {
  if (op.getFloat("alpha", 1) != 1)
    return keepElementwise(l, op, "its alpha is not 1");
  Mapped x = l.get(op.operand(0));
  Shape shape = toShape(x.value->type().shape());
  Value *s = l.emitHelper({"sigmoid", {x.value}, shape}, l.nameOf(op.result()), "_i0", op.loc());
  l.emitResult(op, {"mul", {x.value, s}, shape}, x.layout);
  return "";
}

//===-- Hard sigmoid and relatives --------------------------------------------===//

/// XIR's hard-sigmoid is relu6(x + 3) / 6; the DPU multiplies by 2731 / 2^14 instead of 1 / 6.
constexpr double HardSigmoidFactor = 6.0 * 2731 / 16384;

/// The factor as `<name>_i1`, for fixed values.
Value *hardSigmoidScale(Lowering &l, const Op &op) {
  return l.newConst(l.nameOf(op.result()) + "_i1", Tensor::fromFloats({1}, {static_cast<float>(HardSigmoidFactor)}),
                    op.loc());
}

/// clip(alpha x + beta, 0, 1) for other alpha: hard-sigmoid(6 alpha x + 6 beta - 3).
Value *adaptedInput(Lowering &l, const Op &op, Value *x, double alpha, double beta) {
  const std::string &name = l.nameOf(op.result());
  Shape shape = toShape(x->type().shape());
  const auto factor = static_cast<float>(6 * alpha), offset = static_cast<float>(6 * beta - 3);
  if (std::fabs(factor - 1) > 1e-6f)
    x = l.emitHelper({"mul", {x, l.newConst(name + "_alpha", Tensor::splatFloat(shape, factor), op.loc())}, shape},
                     name, "_mul", op.loc());
  if (std::fabs(offset) > 1e-6f)
    x = l.emitHelper({"add", {x, l.newConst(name + "_beta", Tensor::splatFloat(shape, offset), op.loc())}, shape}, name,
                     "_add", op.loc());
  return x;
}

std::string lowerHardSigmoid(Lowering &l, const Op &op) {
  double alpha = op.getFloat("alpha", 0.2), beta = op.getFloat("beta", 0.5);
  Mapped x = l.get(op.operand(0));
  Shape shape = toShape(x.value->type().shape());
  const std::string &name = l.nameOf(op.result());
  if (std::fabs(alpha - 1.0 / 6) > 1e-6 || std::fabs(beta - 0.5) > 1e-6) {
    l.diagnostics()
        .remark(op.loc(),
                fmt::format("the DPU's hard-sigmoid has alpha 1/6 and beta 1/2, this one {} and {}: it runs on the CPU",
                            float(alpha), float(beta)))
        .rule("lower.hard-sigmoid");
    l.emitResult(op, {"hard-sigmoid", {adaptedInput(l, op, x.value, alpha, beta)}, shape}, x.layout);
  } else if (!isQuantized(op)) {
    l.emitResult(op, {"hard-sigmoid", {x.value}, shape}, x.layout);
  } else {
    Value *h = l.emitHelper({"hard-sigmoid", {x.value}, shape}, name, "_i0", op.loc());
    l.emitResult(op, {"mul", {h, hardSigmoidScale(l, op)}, shape}, x.layout);
  }
  return "";
}

/// hard-sigmoid [* factor, fixed to 7 fractional bits] * x.
std::string lowerHardSwish(Lowering &l, const Op &op) {
  Mapped x = l.get(op.operand(0));
  Shape shape = toShape(x.value->type().shape());
  const std::string &name = l.nameOf(op.result());
  Value *h = l.emitHelper({"hard-sigmoid", {x.value}, shape}, name, "_i0", op.loc());
  if (isQuantized(op)) {
    h = l.emitHelper({"mul", {h, hardSigmoidScale(l, op)}, shape}, name, "_mul", op.loc());
    const Type &t = op.result()->type().isFix() ? op.result()->type() : op.operand(0)->type();
    Lowering::Spec fix{"fix", {h}, shape, {}, ElemType::fix(t.elemType().bits, t.elemType().bits - 1)};
    fix.attrs["round_mode"] = Attr::string("DPU_ROUND");
    h = l.emitHelper(std::move(fix), name, "_mul_fix", op.loc());
  }
  l.emitResult(op, {"mul", {h, x.value}, shape}, x.layout);
  return "";
}

//===-- Clip -----------------------------------------------------------------===//

/// Bound `i` of a Clip: operand (opset 11 and on) or attribute; `dflt` if absent.
std::optional<double> clipBound(const Op &op, unsigned i, const char *attr, double dflt) {
  if (!op.operand(i))
    return op.getFloat(attr, dflt);
  const Tensor *t = constantOf(op.operand(i));
  if (!t || t->numElements() != 1)
    return std::nullopt;
  return t->at(0);
}

std::string lowerClip(Lowering &l, const Op &op) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  auto low = clipBound(op, 1, "min", -inf), high = clipBound(op, 2, "max", inf);
  if (!low || !high || !isReal(op.result()->type()))
    return "its bounds are not constant numbers";
  auto unbounded = [](double v) { return std::fabs(v) >= std::numeric_limits<float>::max(); };
  if (*low == 0 && *high == 6)
    return emitUnary(l, op, "relu6"), "";
  if (*low == 0 && unbounded(*high))
    return emitUnary(l, op, "relu"), "";
  Mapped x = l.get(op.operand(0));
  if (unbounded(*low) && unbounded(*high))
    return l.alias(op, x), "";
  Shape shape = toShape(x.value->type().shape());
  const std::string &name = l.nameOf(op.result());
  auto bound = [&](const char *suffix, double v) {
    return l.newConst(name + suffix, Tensor::splatFloat(shape, static_cast<float>(v)), op.loc());
  };
  if (unbounded(*high))
    return l.emitResult(op, {"max", {x.value, bound("_low", *low)}, shape}, x.layout), "";
  Value *v = x.value;
  if (!unbounded(*low))
    v = l.emitHelper({"max", {v, bound("_low", *low)}, shape}, name, "_i0", op.loc());
  l.emitResult(op, {"min", {v, bound("_high", *high)}, shape}, x.layout);
  return "";
}

/// One slope for all: leaky-relu. One per channel: prelu (not defined by libxir 2.5).
std::string lowerPRelu(Lowering &l, const Op &op) {
  const Tensor *slope = constantOf(op.operand(1));
  const Type &type = op.result()->type();
  if (!slope)
    return keepElementwise(l, op, "its slope is not constant");
  if (slope->numElements() == 1 || slope->isSplat()) {
    AttrMap a;
    a["alpha"] = Attr::f32(static_cast<float>(slope->at(0)));
    return emitUnary(l, op, "leaky-relu", std::move(a)), "";
  }
  int64_t channelAxis = static_cast<int64_t>(slope->type().rank()) - static_cast<int64_t>(type.rank()) + 1;
  if (type.rank() < 2 || channelAxis < 0 || slope->shape()[channelAxis] != type.dim(1) ||
      slope->numElements() != type.dim(1))
    return keepElementwise(l, op, "its slope is not one per channel");
  Layout layout = l.get(op.operand(0)).layout;
  if (layout.order.back() != 1 || layout.shuffled >= 0)
    layout = Layout::channelsLast(type.rank());
  Value *weight = l.param(op.operand(1), "prelu", [](const Tensor &t) { return t.reshaped({t.numElements()}); });
  Lowering::Spec spec{"prelu", {l.in(op.operand(0), layout), weight}, layout.physical(type.shape())};
  l.emitResult(op, std::move(spec), layout);
  return "";
}
} // namespace

llvm::ArrayRef<HandlerEntry> lower::activationHandlers() {
  static const HandlerEntry table[] = {{"Relu", lowerSimple},         {"Sigmoid", lowerSimple},
                                       {"Tanh", lowerSimple},         {"Exp", lowerSimple},
                                       {"Neg", lowerSimple},          {"LeakyRelu", lowerWithAlpha},
                                       {"Elu", lowerWithAlpha},       {"Celu", lowerWithAlpha},
                                       {"Gelu", lowerGelu},           {"Mish", lowerMish},
                                       {"Selu", lowerSelu},           {"Swish", lowerSwish},
                                       {"Identity", lowerAlias},      {"Dropout", lowerAlias},
                                       {"Cast", lowerAlias},          {"HardSigmoid", lowerHardSigmoid},
                                       {"HardSwish", lowerHardSwish}, {"Clip", lowerClip},
                                       {"PRelu", lowerPRelu}};
  return table;
}
