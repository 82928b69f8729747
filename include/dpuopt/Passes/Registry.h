//===- Registry.h - all passes and named pipelines ------------------------------===//
#ifndef DPUOPT_PASSES_REGISTRY_H
#define DPUOPT_PASSES_REGISTRY_H

#include "dpuopt/Pass/Pass.h"

namespace dpuopt {

/// Every pass of passes/Passes.def and pipeline of passes/Pipelines.def.
const PassRegistry &allPasses();

} // namespace dpuopt
#endif
