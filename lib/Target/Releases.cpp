//===- Releases.cpp - what differs between the vendor's compilers -----------===//
//
// Not what a target can run (those are its rules), but how the compiler of a release
// rewrites and names: one line per difference, read by fusion, explain and docs.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Releases.h"
#include <cassert>
#include <fmt/format.h>

using namespace dpuopt;

static constexpr Behaviour Table[] = {
    {Behaves::PoolNamedAfterFix, "name.pool", "a pool-fix is named after its fix, not after the pool", 30, 99,
     "seen: 182 of 182 after the pool (to 2.5), 75 of 75 after the fix (3.0 on)"},
    {Behaves::HardSigmoidSaysMerged, "name.hard-sigmoid",
     "a hard-sigmoid that took in its scale is named '(MergeMultoHsigmoid)'", 0, 29,
     "seen: 83 of 83 (to 2.5), none of 191 (3.0 on)"},
    {Behaves::ScaleSaysDepthwise, "name.scale",
     "a scale (batch normalization) is named '_transfer_to_depthwise_conv2d'", 0, 99,
     "seen: 22 of 22 (1.4 and 2.5); no file of 3.0 or later has one"},
    {Behaves::PermutedMatmulReshapes, "matmul.permuted",
     "a matrix product behind a permuted flatten gets a reshape of its own; later the convolution reads the "
     "unflattened "
     "tensor",
     0, 19, "seen: 2 of 2 (1.4), none of 1 (2.0)"},
    {Behaves::OneDimensionalRuns, "form.1d", "conv1d and maxpool1d run as 2-D ones over an image of height one", 35, 99,
     "seen: 6 of 6 in one file (3.5); no file of an earlier release has one"},
    {Behaves::ArgmaxIsFixed, "form.argmax", "XIR has argmax-fix", 35, 99, "type list of libxir 3.5, not in 2.5"},
    {Behaves::SliceIsFixed, "form.strided_slice", "XIR has strided_slice-fix", 35, 99,
     "type list of libxir 3.5, not in 2.5"},
    {Behaves::ReductionMaxIsFixed, "form.reduction_max", "XIR has reduction_max-fix", 35, 99,
     "type list of libxir 3.5, not in 2.5"},
};

llvm::ArrayRef<Behaviour> dpuopt::compilerBehaviours() { return Table; }

bool dpuopt::behaves(Behaves what, VitisAi release) {
  for (const Behaviour &b : Table)
    if (b.what == what)
      return release >= b.since && release <= b.until;
  assert(false && "every Behaves has its line");
  return false;
}

std::string dpuopt::releasesStr(VitisAi since, VitisAi until) {
  if (since <= 0 && until >= 99)
    return "all";
  if (until >= 99)
    return vitisAiStr(since) + " on";
  // The table says 29 for "before 3.0": name the last release there was.
  VitisAi last = until;
  for (VitisAi r : {14, 20, 25, 30, 35})
    if (r <= until)
      last = r;
  return since <= 0 ? "to " + vitisAiStr(last) : fmt::format("{} to {}", vitisAiStr(since), vitisAiStr(last));
}
