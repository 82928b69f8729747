//===- RuntimeText.h - can a runtime load it? ----------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_RUNTIMETEXT_H
#define DPUOPT_TOOLS_DPUC_RUNTIMETEXT_H

#include "dpuopt/Target/Partition.h"
#include "dpuopt/Target/Runtimes.h"

namespace dpuopt {

/// What a runtime will see of a model that is placed like this.
LoadedModel loadedModel(const Graph &g, const Partition &p);
/// What it sees of a compiled xmodel.
LoadedModel loadedModel(const Graph &compiled);
/// Prints the checks; false if one of them fails.
bool printRuntime(const RuntimeProfile &profile, const LoadedModel &model, llvm::raw_ostream &os);

} // namespace dpuopt
#endif
