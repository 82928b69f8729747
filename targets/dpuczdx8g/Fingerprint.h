//===- Fingerprint.h - what the 64 bits say (internal to the family) --------===//
//
// bits 63-56 DPU type, 55-48 ISA version, 47-0 feature code. The feature code says
// which engines were built and how wide; everything else is the same in the family.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGETS_DPUCZDX8G_FINGERPRINT_H
#define DPUOPT_TARGETS_DPUCZDX8G_FINGERPRINT_H

#include "dpuopt/Target/Target.h"

namespace dpuopt::dpuczdx8g {

/// One DPU as its fingerprint describes it.
struct Config {
  uint64_t fingerprint = 0;
  unsigned isa = 0;           ///< 0 or 1
  unsigned pixelParallel = 0; ///< of the convolution engine
  unsigned channelParallel = 0;
  unsigned peak = 0; ///< 2 * PP * CP^2 operations per cycle: the number in "B4096"
  std::string name;  ///< registered name, or DPUCZDX8G_ISA<i>_B<peak>_<fingerprint>
  Limits limits;     ///< "conv.kernel", "VB0.bank_depth", ...
};

/// Decodes and checks every bit; errors say which one is wrong.
Result<Config> decodeFingerprint(uint64_t fingerprint, DiagEngine &diags);

/// Reads the vendor library's text form of a target; what it lists is flattened into
/// the same keys decodeFingerprint makes. Error: not of that form.
Result<Config> parseTargetText(llvm::StringRef text, DiagEngine &diags);

/// A name some release registers.
struct KnownTarget {
  const char *name;
  uint64_t fingerprint;
  VitisAi since, until; ///< releases in which the name means this fingerprint
};
llvm::ArrayRef<KnownTarget> knownTargets();

} // namespace dpuopt::dpuczdx8g
#endif
