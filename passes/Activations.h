//===- Activations.h - activations by name, as functions ------------------------===//
//
// Private to passes/*.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_ACTIVATIONS_H
#define DPUOPT_PASSES_ACTIVATIONS_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// "silu", "hardswish", "hardsigmoid", "sigmoid", "gelu", "mish", "relu", "relu6", "clip", "leaky-relu", "prelu",
/// "elu", "selu", "celu", "tanh", "softplus", "softsign"; "" if `op` is none (or none with constant bounds).
llvm::StringRef activationKind(const Op &op);
/// How people write it: "SiLU".
const char *activationTitle(llvm::StringRef kind);
/// Computes a kind that needs no parameter at x ("leaky-relu": slope 26/256).
double activationAt(llvm::StringRef kind, double x);
/// Can activationAt compute it?
bool isPlainActivation(llvm::StringRef kind);
/// Largest difference of two functions over all x; infinite where they part for good.
double activationGap(llvm::function_ref<double(double)> a, llvm::function_ref<double(double)> b);

} // namespace dpuopt
#endif
