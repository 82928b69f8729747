//===- Releases.h - what differs between the vendor's compilers -------------===//
#ifndef DPUOPT_TARGET_RELEASES_H
#define DPUOPT_TARGET_RELEASES_H

#include "dpuopt/Target/Target.h"

namespace dpuopt {

/// Things a compiler does in some releases only, whatever the target.
enum class Behaves : uint8_t {
  PoolNamedAfterFix,
  HardSigmoidSaysMerged,
  ScaleSaysDepthwise,
  PermutedMatmulReshapes,
  OneDimensionalRuns,
  ArgmaxIsFixed,
  SliceIsFixed,
  ReductionMaxIsFixed,
};

struct Behaviour {
  Behaves what;
  const char *id;   ///< "name.pool"
  const char *text; ///< what it does, a clause
  VitisAi since, until;
  const char *source;
};

/// The whole table, in the order of the documentation.
llvm::ArrayRef<Behaviour> compilerBehaviours();
bool behaves(Behaves what, VitisAi release);

/// "all", "3.0 on", "to 2.5", "2.0 to 2.5".
std::string releasesStr(VitisAi since, VitisAi until);

} // namespace dpuopt
#endif
