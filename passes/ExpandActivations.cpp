//===- ExpandActivations.cpp - pass `expand-activations` --------------------------===//
//
// Before: activations that the graph's opset does not have (recognize-activations makes
//   them). After: the same by operators that it has: Swish (24) x * Sigmoid(x); HardSwish
//   (14) x * HardSigmoid(x); Mish (18) x * Tanh(Softplus(x)); Gelu (20) by Erf or Tanh;
//   Clip with operands (11): with attributes. Conditions: Clip's bounds are constant; no
//   fix point in between.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include <cmath>

namespace dpuopt {
namespace {

/// Makes the ops of one expansion in front of `op`.
class Maker {
public:
  explicit Maker(Op &op) : op(op) {}
  Value *make(const char *name, std::vector<Value *> operands, AttrMap attrs = {}) {
    std::string hint = op.result()->name() + "_" + llvm::StringRef(name).drop_front(5).lower();
    OpSpec spec{name, std::move(operands), {{hint, op.operand(0)->type()}}, std::move(attrs), op.loc()};
    return op.graph().create(std::move(spec), &op)->result();
  }
  Value *number(double x) {
    return op.graph().createConst(op.result()->name() + "_number", Tensor::splatFloat({}, static_cast<float>(x)), &op);
  }

private:
  Op &op;
};

Value *geluFactor(Maker &m, Value *x, bool tanh) {
  if (!tanh)
    return m.make("onnx.Erf", {m.make("onnx.Mul", {x, m.number(std::sqrt(0.5))})});
  Value *cube = m.make("onnx.Mul", {m.make("onnx.Mul", {x, x}), x});
  Value *sum = m.make("onnx.Add", {x, m.make("onnx.Mul", {cube, m.number(0.044715)})});
  return m.make("onnx.Tanh", {m.make("onnx.Mul", {sum, m.number(std::sqrt(2 / M_PI))})});
}

bool clipToAttributes(Op &op) {
  auto b = clipBounds(op);
  if (!b || (!op.operand(1) && !op.operand(2)))
    return false;
  AttrMap attrs;
  if (!std::isinf(b->low))
    attrs["min"] = Attr::f32(static_cast<float>(b->low));
  if (!std::isinf(b->high))
    attrs["max"] = Attr::f32(static_cast<float>(b->high));
  replaceOp(op, "onnx.Clip", {op.operand(0)}, std::move(attrs));
  return true;
}

bool expand(Op &op, int64_t opset) {
  Maker m(op);
  Value *x = op.operand(0);
  if (op.is("onnx.Clip"))
    return opset < 11 && clipToAttributes(op);
  if (op.is("onnx.Swish") && opset < 24) {
    double alpha = op.getFloat("alpha", 1);
    Value *in = alpha == 1 ? x : m.make("onnx.Mul", {x, m.number(alpha)});
    replaceOp(op, "onnx.Mul", {x, m.make("onnx.Sigmoid", {in})});
  } else if (op.is("onnx.HardSwish") && opset < 14) {
    AttrMap attrs{{"alpha", Attr::f32(1.0f / 6)}, {"beta", Attr::f32(0.5f)}};
    replaceOp(op, "onnx.Mul", {x, m.make("onnx.HardSigmoid", {x}, std::move(attrs))});
  } else if (op.is("onnx.Mish") && opset < 18) {
    replaceOp(op, "onnx.Mul", {x, m.make("onnx.Tanh", {m.make("onnx.Softplus", {x})})});
  } else if (op.is("onnx.Gelu") && opset < 20) {
    Value *factor = m.make("onnx.Add", {geluFactor(m, x, op.getString("approximate") == "tanh"), m.number(1)});
    replaceOp(op, "onnx.Mul", {m.make("onnx.Mul", {x, m.number(0.5)}), factor});
  } else {
    return false;
  }
  return true;
}

PassResult run(Graph &g, PassContext &) {
  int64_t opset = onnx::opsetOf(g);
  return rewriteOps(g, [&](Op &op) {
    bool rounds = op.result()->type().isFix() || (op.operand(0) && op.operand(0)->type().isFix());
    return !rounds && op.operand(0) && expand(op, opset);
  });
}

} // namespace

extern const PassInfo ExpandActivationsPass;
const PassInfo ExpandActivationsPass = {
    "expand-activations",
    "Write activations by operators that the model's opset has",
    "**Before:** Swish, HardSwish, Mish, Gelu (as `recognize-activations` makes them) or Clip with operands in a model "
    "whose opset is older than they are. **After:** the same by Sigmoid, HardSigmoid, Tanh, Softplus, Erf and "
    "products; "
    "Clip with attributes. **Conditions:** bounds of a Clip are constant; nothing rounds to a fix point.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
