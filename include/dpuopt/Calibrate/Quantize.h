//===- Quantize.h - fix points from data: the recipe and its steps --------------------===//
//
// quantize() is all of it: positions of the parameters, positions of the activations from
// samples, repairs, and the steps the recipe asks for. Each step is a function of its own.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_QUANTIZE_H
#define DPUOPT_CALIBRATE_QUANTIZE_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Samples.h"

namespace dpuopt {

struct Recipe {
  int bits = 8;                     ///< of every value
  int searchRange = SearchRange;    ///< 1: positions that just do not overflow (diffs_mode maxmin)
  bool averageApproximation = true; ///< averages as the DPU computes them (n / 2^m), as vai_q_pytorch does
  AdjustOptions adjust;
};

/// How steps are run, whatever they do.
struct StepContext {
  const Samples &samples;
  DiagEngine &diags;
  unsigned threads = 1;
  uint64_t seed = 0;
  StageProgress progress = {};
};

/// Gives the float graph `g` (after clean-up, static shapes) fix points. Errors: fix points that it has already
/// [calibrate.graph], an infinite constant, an op that cannot be executed, an infinity or NaN on a sample
/// [calibrate.non-finite]. Says what was repaired, as remarks.
Result<Quantization> quantize(const Graph &g, const Recipe &recipe, const StepContext &context);

/// Positions of all parameters, each for itself. Errors: an infinite constant.
Status placeParams(Quantization &q, const Recipe &recipe, DiagEngine &diags);
/// Positions of all activations, from the samples.
Status placeActivations(Quantization &q, const Recipe &recipe, const StepContext &context);

} // namespace dpuopt
#endif
