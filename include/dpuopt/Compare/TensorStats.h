//===- TensorStats.h - how far apart two tensors are -------------------------------===//
#ifndef DPUOPT_COMPARE_TENSORSTATS_H
#define DPUOPT_COMPARE_TENSORSTATS_H

#include "dpuopt/IR/Tensor.h"
#include <optional>

namespace dpuopt {

/// `b` against `a`, which is taken as right.
struct TensorStats {
  int64_t elements = 0, differing = 0;
  double maxAbs = 0;            ///< largest difference of two numbers; infinite for NaN against a number
  std::optional<double> maxLsb; ///< the same in steps of the fix point; none between real numbers
  double cosine = 1;            ///< 1 for two tensors of zeros
  double snr = 0;               ///< dB, infinite if equal: power of `a` over power of the difference
  double saturated = 0;         ///< share of `b` at the ends of its range; 0 for real numbers
  int64_t firstDiffering = -1;  ///< index of the first that differs

  bool identical() const { return differing == 0; }
};

/// Elements in the same order; as many in both (asserted). Two tensors of one fix type are compared as integers, others
/// as numbers; the step is the coarser one of the two fix points.
TensorStats compareTensors(const Tensor &a, const Tensor &b);

/// The signal-to-noise ratio in dB if each channel of `b` (an index of `axis`) may be multiplied by a factor of its
/// own: what is left when a quantizer has given channels other scales. Same shape (asserted).
double snrOfScaledChannels(const Tensor &a, const Tensor &b, size_t axis);

/// `t` as its partner of shape `target` has it: the same order, channels moved, or other dimensions of 1. `last`: the
/// partner has channels last (false: first) and `t` has not, which decides where shapes alone do not. None: they do not
/// fit.
std::optional<Tensor> alignedTo(const Tensor &t, llvm::ArrayRef<int64_t> target, std::optional<bool> last);
/// Would alignedTo() find a way?
bool canAlign(llvm::ArrayRef<int64_t> from, llvm::ArrayRef<int64_t> target);

} // namespace dpuopt
#endif
