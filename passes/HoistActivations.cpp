//===- HoistActivations.cpp - pass `hoist-activations` ----------------------------===//
//
// Before: act(MaxPool(x)), act(Concat(a, b, ...)). After: MaxPool(act(x)), Concat(act(a),
//   act(b), ...), where an engine can apply act on its result.
// Conditions: act is Relu, LeakyRelu with a positive slope, or Clip from 0 to 6, which
//   never fall; the value between has no other user and does not round; MaxPool's indices
//   are unused; at least one of the new producers is a Conv, ConvTranspose or Add.
// Formula: max(act(a), act(b)) = act(max(a, b)) bit for bit.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

bool neverFalls(const Op &op) {
  return op.is("onnx.Relu") || isRelu6(op) || (op.is("onnx.LeakyRelu") && op.getFloat("alpha", 0.01) >= 0);
}

bool applies(const Value *v) {
  return v && v->def() && v->def()->isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Add", "onnx.Gemm");
}

/// A copy of `act` on `x` in front of `before`.
Value *actOn(Op &act, Value *x, Op *before) {
  std::vector<Value *> operands = act.operands().vec();
  operands[0] = x;
  OpSpec spec{act.name().str(), operands, {{x->name() + "_act", x->type()}}, act.attrs(), act.loc()};
  return act.graph().create(std::move(spec), before)->result();
}

bool hoist(Op &act) {
  Op *mover = neverFalls(act) ? soleProducer(act.operand(0), "onnx.MaxPool", "onnx.Concat") : nullptr;
  if (!mover || act.result()->type() != act.operand(0)->type() || !onlyFirstResultUsed(*mover))
    return false;
  if (!llvm::any_of(mover->operands(), applies) ||
      llvm::any_of(mover->operands(), [](const Value *v) { return !v || v->type().isFix(); }))
    return false;
  // Bounds of a Clip are constants somewhere behind the mover: it moves to them.
  mover->graph().moveBefore(mover, &act);
  for (unsigned i = 0; i < mover->numOperands(); ++i)
    mover->setOperand(i, actOn(act, mover->operand(i), mover));
  takeOver(mover->result(), act.result());
  return true;
}

PassResult run(Graph &g, PassContext &ctx) {
  unsigned hoisted = 0;
  // Chains of pools: once more from the front until nothing moves.
  while (rewriteOps(g, [&](Op &op) { return hoist(op) && ++hoisted; }) == PassResult::Changed) {
  }
  if (!hoisted)
    return PassResult::Unchanged;
  ctx.diags.remark(fmt::format("{} activations moved in front of pools and concatenations", hoisted))
      .rule("proof.exact");
  return PassResult::Changed;
}

} // namespace

extern const PassInfo HoistActivationsPass;
const PassInfo HoistActivationsPass = {
    "hoist-activations",
    "Move activations in front of the pool or concatenation that separates them from a layer",
    "**Before:** act(MaxPool(x)), act(Concat(a, b)). **After:** MaxPool(act(x)), Concat(act(a), act(b)): no engine "
    "applies an activation on a pool or a concatenation. **Conditions:** act is Relu, ReLU6 or LeakyRelu with a slope "
    "that is not negative; the value between has no other user and does not round; indices are unused; an operand "
    "comes from a Conv, ConvTranspose, Gemm or Add.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
