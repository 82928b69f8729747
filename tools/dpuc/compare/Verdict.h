//===- Verdict.h - what a comparison comes to, in sentences ------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_VERDICT_H
#define DPUOPT_TOOLS_DPUC_VERDICT_H

#include "Comparison.h"

namespace dpuopt {

/// What is no difference.
struct CompareLimits {
  double tolerance = 0;         ///< so many steps of the fix point
  std::optional<double> minSnr; ///< nor at least so many dB
};

/// Those that differ, at most 60; `all`: every one; `worst` > 0: so many with the least signal-to-noise ratio.
std::vector<const ComparedTensor *> rowsToPrint(const Comparison &c, bool all, unsigned worst);
/// True if nothing differs.
bool printVerdict(const Comparison &c, const CompareLimits &limits, llvm::raw_ostream &os);

} // namespace dpuopt
#endif
