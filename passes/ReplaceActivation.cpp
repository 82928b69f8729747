//===- ReplaceActivation.cpp - pass `replace-activation` -------------------------===//
//
// Before: an onnx.* graph after recognize-activations. After: each activation of kind
//   `from` is one of kind `to`, with its name and location. hardsigmoid-mul is
//   HardSigmoid(1/6, 1/2) times x: the same numbers as HardSwish, in any opset.
// Conditions: `from` and `to` are kinds the table of Activations.h has without
//   parameters. Sigmoid that is no part of a larger activation is not touched unless
//   `from=sigmoid`.
// Proof: exact where the functions are equal, bounded(eps) with the largest difference of
//   one activation, retrain where it has no bound. The output SNR is measured.
//
//===----------------------------------------------------------------------===//
#include "Activations.h"
#include "dpuopt/Quant/LeakySlope.h"
#include "OutputSnr.h"
#include "Patterns.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

Value *number(Op &op, const char *suffix, float x) {
  return op.graph().createConst(op.result()->name() + suffix, Tensor::splatFloat({}, x), &op);
}

/// hardswish by its parts.
void makeHardSigmoidMul(Op &op, Value *x) {
  OpSpec spec{"onnx.HardSigmoid",
              {x},
              {{op.result()->name() + "_hardsigmoid", x->type()}},
              {{"alpha", Attr::f32(1.0f / 6)}, {"beta", Attr::f32(0.5f)}},
              op.loc()};
  Op *h = op.graph().create(std::move(spec), &op);
  replaceOp(op, "onnx.Mul", {x, h->result()});
}

void replace(Op &op, llvm::StringRef to) {
  Value *x = op.operand(0);
  if (to == "hardsigmoid-mul" || to == "hardswish") // HardSwish itself exists from opset 14 on
    return onnx::opsetOf(op.graph()) >= 14 && to == "hardswish" ? void(replaceOp(op, "onnx.HardSwish", {x}))
                                                                : makeHardSigmoidMul(op, x);
  if (to == "hardsigmoid") {
    AttrMap attrs{{"alpha", Attr::f32(1.0f / 6)}, {"beta", Attr::f32(0.5f)}};
    return void(replaceOp(op, "onnx.HardSigmoid", {x}, std::move(attrs)));
  }
  if (to == "relu6")
    return void(replaceOp(op, "onnx.Clip", {x, number(op, "_min", 0), number(op, "_max", 6)}));
  if (to == "leaky-relu")
    return void(replaceOp(op, "onnx.LeakyRelu", {x}, {{"alpha", Attr::f32(DpuSlope)}}));
  replaceOp(op, "onnx.Relu", {x});
}

constexpr llvm::StringLiteral targets[] = {"relu",        "relu6",     "leaky-relu",
                                           "hardsigmoid", "hardswish", "hardsigmoid-mul"};

Status checkKinds(llvm::StringRef from, llvm::StringRef to, DiagEngine &diags) {
  if (!isPlainActivation(from) || from == "hardsigmoid") // its alpha may be any
    return diags.error(fmt::format("replace-activation: no activation '{}'", from))
        .rule("activation.replace")
        .note("from is silu, hardswish, gelu, mish, sigmoid, tanh, relu, relu6 or leaky-relu");
  if (!llvm::is_contained(targets, to))
    return diags.error(fmt::format("replace-activation: the DPU has no '{}'", to))
        .rule("activation.replace")
        .note("to is relu, relu6, leaky-relu, hardsigmoid, hardswish or hardsigmoid-mul");
  return success();
}

PassResult run(Graph &g, PassContext &ctx) {
  llvm::StringRef from = ctx.option("from"), to = ctx.option("to");
  auto count = ctx.intOption("count");
  if (!count || failed(checkKinds(from, to, ctx.diags)))
    return PassResult::Failure;
  std::unique_ptr<Graph> before = g.clone();
  unsigned replaced = 0;
  rewriteOps(g, [&](Op &op) {
    bool is = activationKind(op) == from && op.operand(0) &&
              op.getFloat("alpha", 1) == (from == "leaky-relu" ? DpuSlope : 1) &&
              op.operand(0)->type() == op.result()->type();
    if (!is)
      return false;
    replace(op, to);
    return ++replaced > 0;
  });
  if (!replaced)
    return PassResult::Unchanged;
  llvm::StringRef name = to == "hardsigmoid-mul" ? "hardswish" : to;
  double gap =
      activationGap([&](double x) { return activationAt(from, x); }, [&](double x) { return activationAt(name, x); });
  std::string proof = gap < 1e-12 ? "exact" : std::isinf(gap) ? "retrain" : fmt::format("bounded({:.3g})", gap);
  std::string text = fmt::format("{} {} replaced by {}: {}", replaced, activationTitle(from), to, proof);
  if (std::string snr = *count > 0 ? outputSnr(*before, g, ctx.option("data"), *count, ctx.diags) : ""; !snr.empty())
    text += ", " + snr;
  ctx.diags.remark(text).rule("proof." + proof.substr(0, proof.find('(')));
  return PassResult::Changed;
}

} // namespace

extern const PassInfo ReplaceActivationPass;
const PassInfo ReplaceActivationPass = {
    "replace-activation",
    "Replace one kind of activation by one that the DPU has",
    "**Before:** an `onnx.*` graph after `recognize-activations`. **After:** every activation `from` is a `to`; "
    "`hardsigmoid` has alpha 1/6; `hardsigmoid-mul` is HardSwish by its parts, for any opset. **Conditions:** alpha is "
    "the default (leaky-relu: "
    "26/256); kinds with other parameters cannot be replaced. **Proof**, in a remark: `exact` if the functions are "
    "the same, `bounded(eps)` with the largest difference that one activation makes, `retrain` if there is no bound. "
    "The outputs before and after are compared on `count` samples, as a signal-to-noise ratio; without data the "
    "inputs are random numbers, which says little about accuracy.",
    Preserves::Meaning,
    {{"from", "KIND", "silu, gelu, mish, hardswish, sigmoid, tanh, relu, relu6 or leaky-relu", "silu"},
     {"to", "KIND", "relu, relu6, leaky-relu, hardsigmoid, hardswish or hardsigmoid-mul", "hardswish"},
     {"data", "SPEC", "samples to measure with, as for calibrate", ""},
     {"count", "N", "number of samples (0: do not measure)", "2"}},
    run,
};

} // namespace dpuopt
