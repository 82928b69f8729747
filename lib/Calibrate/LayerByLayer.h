//===- LayerByLayer.h - layers changed one after the other, and judged ------------------===//
//
// What bias correction and fine tuning have in common: moments are collected for the
// layers of a pass, each layer is changed in one or several ways, and the best of those
// stays if the network's outputs are not worse for it.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_LAYERBYLAYER_H
#define DPUOPT_CALIBRATE_LAYERBYLAYER_H

#include "Moments.h"

namespace dpuopt {

struct LayerStep {
  const char *name; ///< "fine tuning"
  size_t images;
  unsigned passes;
  MomentOptions moments;
  bool biasesOnly; ///< moments of the constant input alone, of layers with biases
  /// Alternatives, each of which changes the params of `part`'s layer.
  std::vector<std::function<void(Quantization &q, const LayerPart &part, const Moments &moments)>> changes;
};

Status layerByLayer(Quantization &q, const LayerStep &step, const StepContext &context);

} // namespace dpuopt
#endif
