//===- RangeEqualizer.h - factors that give weights equal ranges ------------------===//
//
// Private to passes/*.cpp. For every set of channels that may be scaled together
// (ChannelFactors.h) it finds the s for which the layers that make them and those that read
// them lose equally little by rounding. Looks at weights and biases, and at no data but the
// limits it is given.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_RANGEEQUALIZER_H
#define DPUOPT_PASSES_RANGEEQUALIZER_H

#include "ChannelFactors.h"

namespace dpuopt {

struct RangeSettings {
  int64_t iterations = 100; ///< sweeps over the graph at most; it stops when nothing moves by more than 0.1 %
  std::vector<double> least{}, most{}; ///< bounds of s, one per factor; empty: there are none
};

/// One s per factor (1 for Fixed), all positive and finite.
std::vector<double> equalizedFactors(const ChannelFactors &factors, const RangeSettings &settings);

/// Divides and multiplies the parameters of all layers, and says per layer, in a remark, what became of its ranges.
/// Did it change anything?
bool applyFactors(ChannelFactors &factors, llvm::ArrayRef<double> s, DiagEngine &diags);

} // namespace dpuopt
#endif
