//===- Fold.h - a Requant as the kernels apply it -----------------------------------------===//
//
// For cut >= 0 the guard bits vanish into the sum's start, exactly:
//   floor((acc * 2^g + b + 2^(cut+g-1)) / 2^(cut+g)) = (acc + floor((b + 2^(cut+g-1)) / 2^g)) >> cut
// so a kernel starts its sums there, shifts once and clamps. A leaky slope needs all bits
// of t and gets them in 32 where they fit. What does not fit goes one by one through
// Requant::apply.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_FOLD_H
#define DPUOPT_LIB_KERNELS_FOLD_H

#include "Table.h"
#include "dpuopt/Kernels/Requant.h"

namespace dpuopt::kernels {

struct Fold {
  enum class Way { Plain, Leaky, OneByOne };
  Way way;
  std::vector<int32_t> start; ///< of each channel's sum
  std::vector<int32_t> bias;  ///< Leaky: of each channel
  Finish finish;              ///< without its table
};

/// `magnitude`: the sum of |w| of each channel; `weightSum`: of w. Inputs come with `zero` added.
Fold fold(const Requant &requant, const std::vector<int64_t> &magnitude, const std::vector<int64_t> &weightSum,
          int zero);

} // namespace dpuopt::kernels
#endif
