//===- TorchOps.h - ops that quantizers leave under their torch names -------------------===//
//
// `xir.aten::mean` and the like come without the arguments of the torch call, which their declared result must tell.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_TORCHOPS_H
#define DPUOPT_LIB_EXEC_TORCHOPS_H

#include "Kernel.h"

namespace dpuopt::exec {

/// aten::mean: over the axes that the result has as 1. aten::adaptive_avg_pool1d and 2d: every result along an axis is
/// the mean of its share of the input, floor(i * in / out) to ceil((i + 1) * in / out). Both are this.
Result<Tensors> adaptiveMean(const Call &call);
/// nndct_normalize: the p-norm along `dim`.
Result<Tensors> vectorNorm(const Call &call);

} // namespace dpuopt::exec
#endif
