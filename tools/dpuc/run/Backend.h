//===- Backend.h - what a model is executed on -----------------------------------------===//
//
// Executor is the interface of all: `sim` is lib/Exec on this machine, `vart` the DPU of
// the board, through VART in a child process (dpuopt-vart-runner), for what the compiled
// model has on the DPU; the rest is lib/Exec there, too. `Board` is the same for a DPU
// elsewhere (dpuc remote).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BACKEND_H
#define DPUOPT_TOOLS_DPUC_BACKEND_H

#include "RunModel.h"

namespace dpuopt {

class DpuDevice;

enum class Backend { Sim, Vart, Board };

/// How to execute, and on what.
struct BackendOptions {
  Backend backend = Backend::Sim;
  unsigned timeoutSeconds = 60;      ///< of VART, for one DPU subgraph
  std::shared_ptr<DpuDevice> device; ///< of Backend::Board: runs the DPU subgraphs
};

/// --backend and --timeout.
class BackendFlags {
public:
  /// `two`: may name two, to compare them.
  BackendFlags(cl::SubCommand &sub, bool two);
  /// What was named, else `sim`; errors: more than `most` of them, no time at all.
  Result<std::vector<BackendOptions>> options(size_t most, DiagEngine &diags) const;

private:
  cl::list<Backend> names;
  cl::opt<int> timeout;
};

/// `model` must outlive it. Errors: as Executor::create; for VART also: not a compiled model, built without VART, no
/// DPU here. With VART the watcher sees what goes into the DPU, what comes out, and what is computed around it.
Result<std::unique_ptr<Executor>> createExecutor(const RunModel &model, const BackendOptions &backend,
                                                 const ExecOptions &options, DiagEngine &diags);

} // namespace dpuopt
#endif
