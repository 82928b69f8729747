//===- VartBench.h - how fast is the DPU of this board? -------------------------------------===//
//
// One DPU subgraph under load, as the board's `xdputil benchmark` puts it, in its words. The
// threads are in the child process (tools/vart/Load.h).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_VARTBENCH_H
#define DPUOPT_TOOLS_DPUC_VARTBENCH_H

#include "RunModel.h"
#include <nlohmann/json.hpp>

namespace dpuopt {

struct VartLoad {
  std::string model;
  std::optional<int> subgraph; ///< as `dpuc xmodel -l` counts them; none: the first one on the DPU
  unsigned threads = 1;
  double seconds = 0;
  unsigned runs = 0; ///< of each thread; then the time does not count
  unsigned timeoutSeconds = 60;
};

struct VartSpeed {
  nlohmann::ordered_json json; ///< for --json
  bool identical = false;      ///< every result was right
};

/// Prints as it goes. `inputs`: what to feed, if anything was given; else random bytes. Errors: as createExecutor for
/// VART, and a subgraph that is not there or not on the DPU.
Result<VartSpeed> benchOnVart(const VartLoad &load, const InputFlags &inputs, llvm::raw_ostream &os, DiagEngine &diags);

} // namespace dpuopt
#endif
