//===- BiasCorrection.cpp - biases that make up for what rounding shifts ----------------===//
#include "dpuopt/Calibrate/BiasCorrection.h"
#include "LayerByLayer.h"

using namespace dpuopt;

/// Adds what the outputs lack on average to the biases as they are rounded now, and places those anew.
static void correct(Quantization &q, const LayerPart &part, const Moments &moments, const AdjustOptions &adjust) {
  const LinearLayer &layer = *part.layer;
  Quantization::Param &biases = q.params[static_cast<size_t>(layer.bias)];
  Tensor rounded = quantizeTensor(biases.floats, biases.pos, Rounding::HalfAway).toFloat();
  llvm::MutableArrayRef<float> b = rounded.mut<float>();
  for (size_t g = 0; g < layer.groups; ++g)
    for (size_t o = 0; o < layer.outputs; ++o)
      b[layer.biasAt(g, o)] += moments.cross(g, o)[part.count] / static_cast<float>(moments.rows);
  biases.floats = rounded;
  biases.pos.fixPoint = diffsFixPoint(rounded, biases.pos.bits, SearchRange, Rounding::HalfAway);
  q.adjust(adjust);
}

Status dpuopt::correctBiases(Quantization &q, const BiasCorrectOptions &options, const AdjustOptions &adjust,
                             const StepContext &context) {
  LayerStep step{"bias correction", options.images, options.passes, {}, /*biasesOnly=*/true, {}};
  step.moments.seed = context.seed;
  step.changes.push_back(
      [&](Quantization &q, const LayerPart &part, const Moments &moments) { correct(q, part, moments, adjust); });
  return layerByLayer(q, step, context);
}
