//===- Select.cpp - Where -------------------------------------------------------===//
#include "Broadcast.h"

using namespace dpuopt;
using namespace dpuopt::exec;

static Result<Tensors> where(const Call &call) {
  const Tensor &condition = call.in(0), &a = call.in(1), &b = call.in(2);
  if (condition.elemType().kind != ElemKind::Bool || a.elemType() != b.elemType())
    return call.error("needs a bool condition and two operands of one type");
  auto shape = broadcastShape({condition.shape(), a.shape(), b.shape()});
  if (!shape)
    return call.error("its operands' shapes do not broadcast");
  bool splats = isUniform(condition) && isUniform(a) && isUniform(b);
  if (splats)
    return one(Tensor::splat(Type(a.elemType(), *shape), (*data<uint8_t>(condition) ? a : b).storage()));
  auto y = call.allocate(a.elemType(), *shape);
  if (!y)
    return failure();
  BroadcastLoop loop(*shape, {&condition, &a, &b});
  dispatchSize(a.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    W *out = mutData<W>(*y);
    loop.forEachRow([&](int64_t row, llvm::ArrayRef<int64_t> at) {
      for (int64_t i = 0; i < loop.rowLength(); ++i)
        out[row + i] = data<uint8_t>(condition)[at[0] + i * loop.step(0)] ? data<W>(a)[at[1] + i * loop.step(1)]
                                                                          : data<W>(b)[at[2] + i * loop.step(2)];
    });
  });
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::selectKernels() {
  static const KernelEntry table[] = {{"onnx.Where", where, 3}};
  return table;
}
