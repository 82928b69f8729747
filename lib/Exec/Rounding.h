//===- Rounding.h - real numbers to fix points -----------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_ROUNDING_H
#define DPUOPT_LIB_EXEC_ROUNDING_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt::exec {

/// The vendor's names of what happens to halves.
enum class RoundMode {
  HalfUp,   ///< DPU_ROUND: toward +infinity
  HalfAway, ///< STD_ROUND: away from zero
  HalfEven, ///< PY3_ROUND
};

/// What `round_mode` of `op` says; HalfUp for anything else.
RoundMode roundModeOf(const Op &op);

/// Rounds f32 elements in place to the grid of a fix type, in float32 arithmetic as
/// the vendor's: clip(round(x * 2^f)) / 2^f. NaN becomes 0. A splat stays one.
void roundToFix(Tensor &t, ElemType fix, RoundMode mode);

/// The same as integers of at most 8 bits, half up: y[i] = clip(round(x[i] * 2^f)).
void floatToFix(llvm::ArrayRef<float> x, ElemType fix, int8_t *y);
/// y[i] = x[i] * 2^-f.
void fixToFloat(llvm::ArrayRef<int8_t> x, ElemType fix, float *y);

} // namespace dpuopt::exec
#endif
