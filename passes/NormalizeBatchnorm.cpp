//===- NormalizeBatchnorm.cpp - what is left of batch norms: a factor and a shift ---------===//
//
// With f = scale / sqrt(variance + epsilon), per channel:
// Before: BN(x) that could not be folded. After: the same BN with scale f, shift
//   shift - mean * f, mean 0, variance 1 and epsilon 0.
// Conditions: inference form, constant parameters, f finite, x not rounded yet.
// vai_q_pytorch does this too: the fix points of `bn.weight` and `bn.bias` in its files
//   are those of the new numbers.
//
//===----------------------------------------------------------------------===//
#include "Affine.h"
#include "Patterns.h"
#include "TensorMath.h"
#include "dpuopt/Quant/QuantGroups.h"

namespace dpuopt {
namespace {

bool normalize(Op &op) {
  if (!op.is("onnx.BatchNormalization") || isNormalizedBatchNorm(op))
    return false;
  std::optional<Affine> a = affineOf(op);
  if (!a)
    return false;
  const Type type = op.operand(1)->type();
  setConstOperand(op, 1, fromDoubles(type, a->factor), "");
  setConstOperand(op, 2, fromDoubles(type, a->shift), "");
  setConstOperand(op, 3, fromDoubles(type, std::vector<double>(a->channels(), 0)), "");
  setConstOperand(op, 4, fromDoubles(type, std::vector<double>(a->channels(), 1)), "");
  op.setAttr("epsilon", Attr::f32(0));
  return true;
}

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, normalize); }

} // namespace

extern const PassInfo NormalizeBatchnormPass;
const PassInfo NormalizeBatchnormPass = {
    "normalize-batchnorm",
    "Make batch normalization that could not be folded a factor and a shift per channel",
    "**Before:** BN(x). **After:** BN(x) with scale f = scale / sqrt(variance + epsilon), shift - mean * f as shift, "
    "mean 0, "
    "variance 1 and epsilon 0: what XIR's `scale` and vai_q_pytorch have, so that the two constants can have fix "
    "points. "
    "**Conditions:** inference form, constant parameters, f finite; x is not rounded yet. Computed in float32.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
