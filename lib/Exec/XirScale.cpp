//===- XirScale.cpp - xir.scale ---------------------------------------------===//
#include "Broadcast.h"

using namespace dpuopt;
using namespace dpuopt::exec;

/// x * scale (+ bias), one element of each per entry of `axis`.
static Result<Tensors> scale(const Call &call) {
  auto axis = call.axis(-1, call.in().shape().size());
  if (!axis)
    return failure();
  Result<Tensor> y = call.in();
  for (unsigned i : {1u, 2u}) {
    const Tensor *p = call.operand(i);
    if (!p || !y)
      continue;
    Tensor factor = *p;
    if (factor.shape().size() == 1) {
      Shape shape(call.in().shape().size(), 1);
      shape[*axis] = factor.numElements();
      factor = factor.reshaped(shape);
    }
    y = i == 1 ? broadcastBinary<float, float>(call, ElemKind::F32, *y, factor, [](float a, float b) { return a * b; })
               : broadcastBinary<float, float>(call, ElemKind::F32, *y, factor, [](float a, float b) { return a + b; });
  }
  if (!y)
    return failure();
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::xirScaleKernels() {
  static const KernelEntry table[] = {{"xir.scale", scale, 2, 3}};
  return table;
}
