//===- VartExecutor.h - a compiled model on the board's DPU ------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_VARTEXECUTOR_H
#define DPUOPT_TOOLS_DPUC_VARTEXECUTOR_H

#include "RunModel.h"

namespace dpuopt {

/// See createExecutor().
Result<std::unique_ptr<Executor>> createVartExecutor(const RunModel &model, unsigned timeoutSeconds,
                                                     const ExecOptions &options, DiagEngine &diags);

} // namespace dpuopt
#endif
