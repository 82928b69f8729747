//===- PositionCost.h - what a position does to one activation, on data ----------------===//
//
// The float graph is run on samples, and single activations are rounded aside: nothing
// flows on. So the figures are about one tensor and one position, whatever the others are.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_POSITIONCOST_H
#define DPUOPT_CALIBRATE_POSITIONCOST_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Samples.h"

namespace dpuopt {

struct PositionCost {
  double signal = 0, noise = 0; ///< squares
  uint64_t saturated = 0;       ///< values that rounding moves by more than half a step, because the range ends before
  uint64_t total = 0;
  double decibels() const; ///< the signal-to-noise ratio; infinite without noise
  double saturatedShare() const { return total ? static_cast<double>(saturated) / static_cast<double>(total) : 0; }
};

struct PositionQuery {
  int slot; ///< of an activation
  FixPos pos;
};

/// One cost per query, over the samples `which`; the same for any number of threads. Errors: an op that cannot be
/// executed, the data's.
Result<std::vector<PositionCost>> positionCosts(const Quantization &q, llvm::ArrayRef<PositionQuery> queries,
                                                const Samples &samples, llvm::ArrayRef<size_t> which, unsigned threads,
                                                DiagEngine &diags);

} // namespace dpuopt
#endif
