//===- Reduce.h - a tensor as rows to be reduced --------------------------------===//
#ifndef DPUOPT_LIB_EXEC_REDUCE_H
#define DPUOPT_LIB_EXEC_REDUCE_H

#include "Kernel.h"

namespace dpuopt::exec {

/// `x` with `axes` (none: all) moved to the end: `count` rows of `length` elements.
struct Rows {
  Tensor moved;
  int64_t count = 1, length = 1;
  Shape resultShape; ///< one element per row; the axes kept as 1 if asked
  Rows(const Tensor &x, llvm::ArrayRef<int64_t> axes, bool keepDims);
};

/// N / 2^M.
struct DpuFraction {
  int64_t n = 1;
  int m = 0;
};
/// What the DPU multiplies a sum of n elements by: the first best approximation of 1/n with M below ceil(log2(128 n)).
DpuFraction dpuReciprocal(int64_t n);

} // namespace dpuopt::exec
#endif
