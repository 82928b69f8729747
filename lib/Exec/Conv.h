//===- Conv.h - running a convolution op ------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_CONV_H
#define DPUOPT_LIB_EXEC_CONV_H

#include "ConvShape.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace dpuopt::exec {

/// Fills `out` from the other fields (for transposed ones output padding is taken
/// off `padsEnd`); false if a size is not positive.
bool outputSizes(ConvShape &shape, llvm::ArrayRef<int64_t> outputPadding = {});

/// Operands: input, weights, bias. `weights` gives operand 1 in ConvShape's order;
/// it is called once if that operand is constant.
Result<Tensors> runConv(const Call &call, const ConvShape &shape, llvm::function_ref<Tensor()> weights);

} // namespace dpuopt::exec
#endif
