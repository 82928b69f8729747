//===- FoldBatchnorm.cpp - batch norm into the layer before or after it ----------===//
//
// With f = scale / sqrt(variance + epsilon) and s = shift - mean * f, per channel:
// Before: BN(L(x)), L a Conv, ConvTranspose or Gemm; or BN(Concat(L1(x), L2(y), ...))
//   along the channels; or L(BN(x)).
// After: L(x) with W' = W * f, b' = b * f + s per output channel (its slice of the
//   channels below a Concat); for L(BN(x)): W' = W * f per input channel,
//   b' = b + sum of W * s.
// Conditions: BN in inference form with constant parameters and finite f; W constant, b
//   constant or absent; L (and the Concat) has no other user and does not round. For
//   L(BN(x)): BN has no other user; L is a Conv without padding, a Gemm that does not
//   transpose x, or all s are 0 (padding adds zeros after BN, which BN would have moved).
// Names: the layer's (the Concat's) result takes the BN's name; the layer keeps its
//   location. A weight that others use too is copied under a new name.
//
//===----------------------------------------------------------------------===//
#include "Affine.h"
#include "LinearOp.h"
#include "Patterns.h"

namespace dpuopt {
namespace {

/// The layer that computes `v`, if nothing else uses `v`.
std::optional<LinearOp> layerBefore(const Value *v) {
  return LinearOp::match(soleProducer(v, "onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm"));
}

/// The layers whose channels, one after the other, `bn` normalizes: that before it, or
/// those before the Concat before it. Empty: there are other things too.
std::vector<LinearOp> layersBefore(const Op &bn) {
  Value *x = bn.operand(0);
  if (auto layer = layerBefore(x))
    return {*layer};
  Op *concat = soleProducer(x, "onnx.Concat");
  if (!concat || !x->type().hasRank() || onnx::normalizeAxis(concat->getInt("axis", 1), x->type().rank()) != 1)
    return {};
  std::vector<LinearOp> layers;
  for (Value *v : concat->operands()) {
    auto layer = layerBefore(v);
    if (!layer)
      return {};
    layers.push_back(*layer);
  }
  return layers;
}

bool foldIntoLayersBefore(Op &bn) {
  std::vector<LinearOp> layers = layersBefore(bn);
  int64_t channels = 0;
  for (const LinearOp &layer : layers)
    channels += layer.outChannels();
  auto a = layers.empty() ? std::nullopt : affineOf(bn);
  if (!a || a->channels() != channels)
    return false;
  llvm::ArrayRef<double> factor = a->factor, shift = a->shift;
  for (LinearOp &layer : layers) {
    size_t n = layer.outChannels();
    layer.scaleOutputs(factor.take_front(n), shift.take_front(n));
    factor = factor.drop_front(n), shift = shift.drop_front(n);
  }
  takeOver(bn.operand(0), bn.result());
  return true;
}

/// `op` is the layer: so everything that goes stands before it.
bool foldIntoLayerAfter(Op &op) {
  Op *bn = soleProducer(op.operand(0), "onnx.BatchNormalization");
  auto layer = bn ? LinearOp::match(&op) : std::nullopt;
  auto a = layer ? affineOf(*bn) : std::nullopt;
  bool transposed = op.is("onnx.Gemm") && onnx::Gemm(op).transA;
  if (!a || transposed || layer->inChannels() != a->channels())
    return false;
  bool shifts = llvm::any_of(a->shift, [](double s) { return s != 0; });
  if (shifts && !layer->seesWholeInput())
    return false;
  layer->scaleInputs(a->factor, a->shift);
  op.setOperand(0, bn->operand(0));
  eraseIfUnused(bn);
  return true;
}

bool fold(Op &op) { return op.is("onnx.BatchNormalization") ? foldIntoLayersBefore(op) : foldIntoLayerAfter(op); }

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, fold); }

} // namespace

extern const PassInfo FoldBatchnormPass;
const PassInfo FoldBatchnormPass = {
    "fold-batchnorm",
    "Fold batch normalization into the Conv, ConvTranspose or Gemm before or after it",
    "**Before:** BN(L(x)), BN(Concat(L1(x), L2(y), ...)) along the channels, or L(BN(x)); L is Conv, ConvTranspose or "
    "Gemm. **After:** L alone. With f = scale / sqrt(variance + epsilon) and s = shift - mean * f: W' = W * f and "
    "b' = b * f + s per output channel; for L(BN(x)) W' = W * f per input channel and b' = b + sum of W * s. "
    "**Conditions:** BN in inference form, parameters constant, f finite; W constant, b constant or absent; the value "
    "between them has no other user and does not round. L(BN(x)) needs a Conv without padding, a Gemm that does not "
    "transpose x, or s = 0. The result keeps the BN's name, the layer its location; a new bias is named after the "
    "weight (`conv1.weight`: `conv1.bias`). Computed in float32 step by step, as vai_q_pytorch does it (doubles in "
    "double); splat weights stay splats if all f "
    "are equal.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
