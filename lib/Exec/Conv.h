//===- Conv.h - running a convolution op ------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_CONV_H
#define DPUOPT_LIB_EXEC_CONV_H

#include "ConvShape.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace dpuopt::exec {

/// Fills `out` from the other fields (for transposed ones output padding is taken
/// off `padsEnd`); false if a size is not positive.
bool outputSizes(ConvShape &shape, llvm::ArrayRef<int64_t> outputPadding = {});

/// The geometry of an op, from its attributes and the shapes of its operands; weights in ConvShape's order.
Result<ConvShape> onnxConvShape(const Call &call);
Tensor onnxConvWeights(const ConvShape &shape, const Tensor &weights);
Result<ConvShape> xirConvShape(const Call &call);
Tensor xirConvWeights(const ConvShape &shape, const Op &op, const Tensor &weights);

/// Operands: input, weights, bias. `weights` gives operand 1 in ConvShape's order;
/// it is called once if that operand is constant.
Result<Tensors> runConv(const Call &call, const ConvShape &shape, llvm::function_ref<Tensor()> weights);

} // namespace dpuopt::exec
#endif
