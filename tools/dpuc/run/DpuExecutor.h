//===- DpuExecutor.h - a compiled model with its DPU subgraphs run by a device ------------===//
//
// What the file places on the DPU is handed to a DpuDevice, one subgraph after the other;
// what lies between is computed on this machine, by lib/Exec. Knows no device.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_DPUEXECUTOR_H
#define DPUOPT_TOOLS_DPUC_DPUEXECUTOR_H

#include "RunModel.h"
#include "dpuopt/Target/FileSubgraphs.h"

namespace dpuopt {

/// Runs DPU subgraphs of a compiled model: on this machine, or elsewhere.
class DpuDevice {
public:
  virtual ~DpuDevice() = default;
  /// Stored integers of `outputs`, in that order, from those of `inputs`; all of `s`, by name. Its errors are
  /// diagnostics.
  virtual Result<std::vector<Tensor>> run(const FileSubgraph &s, llvm::ArrayRef<const Value *> inputs,
                                          llvm::ArrayRef<Tensor> integers, llvm::ArrayRef<const Value *> outputs) = 0;
};

/// `model` must outlive it. Error [run.backend]: no compiled xmodel, or one without a DPU subgraph.
Status checkHasDpuSubgraph(const RunModel &model, DiagEngine &diags);
/// `model` must outlive it. The watcher sees what goes into the DPU, what comes out, and what is computed around it.
std::unique_ptr<Executor> createDpuExecutor(const RunModel &model, std::shared_ptr<DpuDevice> device,
                                            const ExecOptions &options, DiagEngine &diags);

} // namespace dpuopt
#endif
