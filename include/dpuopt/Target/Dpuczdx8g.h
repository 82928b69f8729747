//===- Dpuczdx8g.h - the DPUCZDX8G family (Zynq UltraScale+) ------------------===//
//
// Turns a board alias, a target name, a fingerprint or an arch.json into a Target:
// its limits (decoded from the fingerprint) and the rule table of the family.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_DPUCZDX8G_H
#define DPUOPT_TARGET_DPUCZDX8G_H

#include "dpuopt/Target/Doc.h"

namespace dpuopt {

/// Diagnoses: no such target (with the nearest names), another DPU family, a fingerprint
/// with bits that mean nothing, an arch.json that is not one, an unknown Vitis AI release.
Result<std::shared_ptr<const Target>> makeDpuczdx8gTarget(const TargetRequest &request, DiagEngine &diags);

/// The last Vitis AI release whose DPUs have such a fingerprint; nullopt: not a DPUCZDX8G's.
std::optional<VitisAi> lastReleaseOf(uint64_t fingerprint);

/// A DPU that some release registers.
struct DpuConfiguration {
  std::string name;
  uint64_t fingerprint;
  unsigned peak;   ///< operations per cycle: the number in "B4096"
  VitisAi release; ///< the last that has it
};
/// All of them, each fingerprint once: newest first, smallest first.
std::vector<DpuConfiguration> dpuczdx8gConfigurations();

/// A field of a fingerprint: "30", "argmax in the save engine", "yes".
struct FingerprintField {
  std::string bits, name, value;
};
/// Every bit, most significant first. Error: not a DPUCZDX8G's.
Result<std::vector<FingerprintField>> describeFingerprint(uint64_t fingerprint, DiagEngine &diags);

/// The releases that register it, "Vitis AI 3.0/3.5"; "no release registers it".
std::string releasesOfFingerprint(uint64_t fingerprint);

} // namespace dpuopt
#endif
