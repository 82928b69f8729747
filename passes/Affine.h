//===- Affine.h - batch normalization as a factor and a shift ----------------===//
//
// Private to passes/*.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_AFFINE_H
#define DPUOPT_PASSES_AFFINE_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// BN(x) = x * factor + shift per channel.
struct Affine {
  std::vector<double> factor, shift;
  int64_t channels() const { return static_cast<int64_t>(factor.size()); }
};

/// factor = scale / sqrt(variance + epsilon) and shift = shift - mean * factor of onnx.BatchNormalization `op`, every
/// step rounded to f32 (to f64 for a double scale), as vai_q_pytorch computes them. nullopt unless it is in inference
/// form, does not read rounded values, and its parameters are constant and both results finite.
std::optional<Affine> affineOf(const Op &op);

} // namespace dpuopt
#endif
