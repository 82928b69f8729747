//===- FixHardsigmoidAlpha.cpp - pass `fix-hardsigmoid-alpha` ---------------------===//
//
// Before: HardSigmoid(alpha, beta) of x. After: HardSigmoid(1/6, 1/2) of a x + b with
//   a = 6 alpha, b = 6 beta - 3; a and b are in the weights and bias of the layer that
//   makes x, or stand in front of it as Mul and Add.
// Conditions: alpha and beta are finite, alpha is not 0, and they are not the DPU's own
//   (1/6, 1/2) already. Into the layer if its weights are constant, nobody else reads x
//   and x does not round.
//
//===----------------------------------------------------------------------===//
#include "LinearOp.h"
#include "Patterns.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

bool close(double a, double b) { return std::fabs(a - b) < 1e-6; }

/// x -> x op number in front of operand 0 of `user`; nothing for the number that changes nothing.
void insertInFront(Op &user, llvm::StringRef type, const char *suffix, double number, double neutral) {
  if (close(number, neutral))
    return;
  Graph &g = user.graph();
  Value *x = user.operand(0);
  const std::string name = user.result()->name() + suffix;
  Value *c = g.createConst(name + "_by", Tensor::fromFloats({}, {static_cast<float>(number)}), &user);
  OpSpec spec{type.str(), {x, c}, {{name, x->type()}}, {}, user.loc()};
  user.setOperand(0, g.create(std::move(spec), &user)->result());
}

PassResult run(Graph &g, PassContext &ctx) {
  unsigned folded = 0, inserted = 0;
  rewriteOps(g, [&](Op &op) {
    double alpha = op.getFloat("alpha", 0.2f), beta = op.getFloat("beta", 0.5);
    if (!op.is("onnx.HardSigmoid") || (close(alpha, 1.0 / 6) && close(beta, 0.5)) || alpha == 0 ||
        !std::isfinite(alpha) || !std::isfinite(beta) || !op.operand(0))
      return false;
    const double factor = 6 * alpha, shift = 6 * beta - 3;
    auto layer = LinearOp::match(soleProducer(op.operand(0), "onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm"));
    if (layer && layer->outChannels() > 0) {
      layer->scaleOutputs({factor}, {close(shift, 0) ? 0.0 : shift});
      ++folded;
    } else {
      insertInFront(op, "onnx.Mul", "_scaled", factor, 1);
      insertInFront(op, "onnx.Add", "_shifted", shift, 0);
      ++inserted;
    }
    op.setAttr("alpha", Attr::f32(1.0f / 6));
    op.setAttr("beta", Attr::f32(0.5f));
    return true;
  });
  if (folded + inserted)
    ctx.diags
        .remark(fmt::format("{} HardSigmoid get alpha 1/6: {} by the weights in front, {} by a product",
                            folded + inserted, folded, inserted))
        .rule("proof.exact");
  return folded + inserted ? PassResult::Changed : PassResult::Unchanged;
}

} // namespace

extern const PassInfo FixHardsigmoidAlphaPass;
const PassInfo FixHardsigmoidAlphaPass = {
    "fix-hardsigmoid-alpha",
    "Give every HardSigmoid the DPU's alpha, without changing what it computes",
    "**Before:** HardSigmoid(alpha, beta)(x), as PaddlePaddle (alpha 0.2) and Keras export it. **After:** "
    "HardSigmoid(1/6, 1/2)(6 alpha x + 6 beta - 3), the only one the DPU has; factor and offset are in the weights of "
    "the layer that makes x. **Conditions:** alpha is not 0, both are finite. Where x comes from no such layer, or has "
    "another reader, a Mul and an Add are put in front. The layer's result is another tensor than before: fix points "
    "that somebody found for it do not fit any more.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
