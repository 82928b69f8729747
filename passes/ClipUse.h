//===- ClipUse.h - how far activations go towards the bound of a Clip -------------===//
//
// Private to passes/*.cpp. Runs the float graph on samples and looks at what each Clip from 0
// to a bound (ReLU6) is given. What is seen holds for those samples only.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_CLIPUSE_H
#define DPUOPT_PASSES_CLIPUSE_H

#include "dpuopt/Calibrate/Samples.h"
#include "llvm/ADT/MapVector.h"

namespace dpuopt {

struct ClipUse {
  double bound = 0;
  std::vector<float> peaks; ///< largest input per channel; one for all if there is no channel axis
  uint64_t elements = 0;
  uint64_t above = 0; ///< inputs beyond the bound: those that are changed
  float peak() const { return peaks.empty() ? 0 : *std::max_element(peaks.begin(), peaks.end()); }
  double share() const { return elements ? static_cast<double>(above) / static_cast<double>(elements) : 0; }
  size_t channelsAbove() const {
    return llvm::count_if(peaks, [&](float p) { return p > bound; });
  }
};

/// By op, in graph order.
using ClipUses = llvm::MapVector<const Op *, ClipUse>;

/// Every such Clip of `g` on all samples; a NaN counts as infinite. Errors: an op that cannot be executed, the data's.
Result<ClipUses> measureClips(const Graph &g, const Samples &samples, unsigned threads, DiagEngine &diags);

} // namespace dpuopt
#endif
