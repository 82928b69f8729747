//===- BiasCorrection.h - biases that make up for what rounding shifts -----------------===//
//
// Layer by layer, front to back: what a layer's outputs lack on average goes into its
// biases. Weights stay, and so do positions, but those of the biases: their numbers change.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_BIASCORRECTION_H
#define DPUOPT_CALIBRATE_BIASCORRECTION_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Recipe.h"

namespace dpuopt {

/// Changes q.params; a layer's change is kept if the error at the network's outputs, on the samples that judge, does
/// not grow. Notes every layer in q.outcomes. Errors: what is not finite [calibrate.non-finite], the data's.
Status correctBiases(Quantization &q, const BiasCorrectOptions &options, const AdjustOptions &adjust,
                     const StepContext &context);

} // namespace dpuopt
#endif
