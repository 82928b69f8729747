//===- Evaluate.h - running one kernel with all checks ------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_EVALUATE_H
#define DPUOPT_LIB_EXEC_EVALUATE_H

#include "Kernel.h"
#include "dpuopt/Exec/Executor.h"

namespace dpuopt::exec {

/// Checks the operands, runs the kernel, and rounds results of fix type unless told not to.
Result<Tensors> runKernel(const Call &call, const KernelEntry &kernel, bool ignoreFixPoints);

} // namespace dpuopt::exec
#endif
