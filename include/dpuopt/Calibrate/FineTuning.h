//===- FineTuning.h - weights and biases that fit the quantized network ----------------===//
//
// Layer by layer, front to back: each layer's integers move so that its outputs, computed
// from what the quantized network really feeds it, come nearest to the float network's.
// Least squares on sums over the samples, not gradient descent: docs/quantize.md. Positions
// stay.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_FINETUNING_H
#define DPUOPT_CALIBRATE_FINETUNING_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Recipe.h"

namespace dpuopt {

/// Changes q.params; a layer's change is kept if the error at the network's outputs, on the samples that judge, does
/// not grow. Notes every layer in q.outcomes. Errors: what is not finite [calibrate.non-finite], the data's.
Status fineTune(Quantization &q, const FineTuneOptions &options, const StepContext &context);

} // namespace dpuopt
#endif
