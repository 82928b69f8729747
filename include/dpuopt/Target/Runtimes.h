//===- Runtimes.h - what the runtimes on a board can load ------------------------------===//
//
// A model that compiles may still not load: plain VART and DPU-PYNQ run exactly one DPU
// subgraph and nothing else, graph_runner runs CPU ops too, but only those it has a plugin
// for. Knows profiles and judges a placed graph; reads no file.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_RUNTIMES_H
#define DPUOPT_TARGET_RUNTIMES_H

#include "dpuopt/Target/Target.h"

namespace dpuopt {

enum class Runtime : uint8_t { Vart, GraphRunner, DpuPynq };

struct RuntimeProfile {
  Runtime runtime = Runtime::Vart;
  VitisAi release = DefaultVitisAi;
  std::string str() const; ///< "graph-runner@2.5"
};

/// "vart", "graph-runner", "dpu-pynq@2.5"; without a release that of `otherwise`. Error: lists the profiles.
Result<RuntimeProfile> parseRuntimeProfile(llvm::StringRef text, VitisAi otherwise, DiagEngine &diags);

/// Has graph_runner of that release a plugin for a CPU op of this type?
bool runsOnGraphRunner(llvm::StringRef type, VitisAi release);

/// What a runtime sees of a model.
struct LoadedModel {
  struct CpuOp {
    std::string name, type;
    bool isConversion = false; ///< fix2float at an output: the application can do it
    std::string badRoundMode;  ///< a fix that rounds otherwise than the DPU; empty: fine
  };
  unsigned dpuSubgraphs = 0;
  std::vector<CpuOp> cpuOps;
  int64_t batch = 1;               ///< of the first input; 0: unknown
  std::optional<VitisAi> compiler; ///< of a compiled file
  uint64_t fingerprint = 0;        ///< 0: the file has none
  std::optional<uint64_t> board;   ///< fingerprint of the board's DPU
};

struct RuntimeCheck {
  enum Verdict : uint8_t { Ok, Warn, Fail } verdict = Ok;
  std::string id, text; ///< "runtime.cpu-op", "CPU op `resize` (Upsample_40) ..."
};

/// Every check of the profile, the good ones too, in a fixed order.
std::vector<RuntimeCheck> checkRuntime(const RuntimeProfile &profile, const LoadedModel &model);

} // namespace dpuopt
#endif
