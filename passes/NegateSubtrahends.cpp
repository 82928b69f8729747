//===- NegateSubtrahends.cpp - pass `negate-subtrahends` --------------------------===//
//
// Before: x - c, c a constant. After: x + (-c), the same numbers bit for bit.
// Conditions: c is of a float type and the result does not round; x is no constant.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

PassResult run(Graph &g, PassContext &ctx) {
  unsigned count = 0;
  PassResult result = rewriteOps(g, [&](Op &op) {
    const Tensor *c = op.is("onnx.Sub") ? constantOf(op.operand(1)) : nullptr;
    if (!c || c->elemType() != ElemType(ElemKind::F32) || constantOf(op.operand(0)) || op.result()->type().isFix())
      return false;
    Tensor negative = c->isSplat() ? Tensor::splatFloat(c->shape(), -static_cast<float>(c->at(0))) : c->expanded();
    if (!c->isSplat())
      for (float &x : negative.mut<float>())
        x = -x;
    setConstOperand(op, 1, std::move(negative), op.result()->name() + "_negated");
    replaceOp(op, "onnx.Add", op.operands());
    ++count;
    return true;
  });
  if (count)
    ctx.diags
        .remark(fmt::format("{} subtraction{} of a constant made addition{}", count, count == 1 ? "" : "s",
                            count == 1 ? "" : "s"))
        .rule("proof.exact");
  return result;
}

} // namespace

extern const PassInfo NegateSubtrahendsPass;
const PassInfo NegateSubtrahendsPass = {
    "negate-subtrahends",
    "Add the negative instead of subtracting a constant",
    "**Before:** x - c with a constant c, as in `x / 127.5 - 1` in front of a network. **After:** x + (-c): the DPU "
    "adds "
    "but does not subtract. **Conditions:** c is f32, x is no constant, the result does not round.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
