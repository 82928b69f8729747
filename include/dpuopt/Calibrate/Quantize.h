//===- Quantize.h - fix points from data: the recipe and its steps --------------------===//
//
// quantize() is all of it: positions of the parameters, positions of the activations from
// samples, repairs, and the steps the recipe asks for. Each step is a function of its own.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_QUANTIZE_H
#define DPUOPT_CALIBRATE_QUANTIZE_H

#include "dpuopt/Calibrate/Statistics.h"

namespace dpuopt {

/// A network with fix points, and how they came about.
struct Quantized {
  Quantization network;
  Statistics statistics;
  std::vector<FixChange> repairs;
};

/// Gives the float graph `g` (after clean-up, static shapes) fix points. Errors: fix points that it has already
/// [calibrate.graph], an infinite constant, an op that cannot be executed, an infinity or NaN on a sample
/// [calibrate.non-finite]. Warns of data that is one number; says what was repaired, as remarks. What
/// `known` says of samples is not computed again, as far as it is what a run over all of them would find.
Result<Quantized> quantize(const Graph &g, const Recipe &recipe, const StepContext &context, Statistics known = {});
/// Its beginning: the graph with positions of its parameters.
Result<Quantization> beginQuantization(const Graph &g, const Recipe &recipe, DiagEngine &diags);

/// Positions of all parameters, each for itself. Errors: an infinite constant.
Status placeParams(Quantization &q, const Recipe &recipe, DiagEngine &diags);
/// Positions of all activations, from what all samples say.
void placeActivations(Quantization &q, const Recipe &recipe, const Statistics &statistics);

} // namespace dpuopt
#endif
