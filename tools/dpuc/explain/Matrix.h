//===- Matrix.h - one model on every DPU -------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_MATRIX_H
#define DPUOPT_TOOLS_DPUC_MATRIX_H

#include "Job.h"

namespace dpuopt {

/// Prints how a lowered graph is placed on every DPU of the family: on which it is `expected` DPU subgraphs, on which
/// not and why, and the smallest that suffices.
Status printMatrix(const Graph &lowered, unsigned expected, llvm::raw_ostream &os, DiagEngine &diags);

} // namespace dpuopt
#endif
