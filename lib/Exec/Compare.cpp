//===- Compare.cpp - comparisons, with bool results ----------------------------===//
#include "Broadcast.h"

using namespace dpuopt;
using namespace dpuopt::exec;

constexpr auto greater = [](auto a, auto b) { return a > b; };
constexpr auto greaterOrEqual = [](auto a, auto b) { return a >= b; };

template <auto F> static Result<Tensors> compare(const Call &call) {
  const Tensor &a = call.in(), &b = call.in(1);
  if (a.elemType() != b.elemType())
    return call.error("operands have types " + a.type().str() + " and " + b.type().str());
  auto y = dispatch(a.elemType().kind,
                    [&](auto zero) { return broadcastBinary<decltype(zero), uint8_t>(call, ElemKind::Bool, a, b, F); });
  if (!y)
    return failure();
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::compareKernels() {
  static const KernelEntry table[] = {
      {"onnx.Equal", compare<[](auto a, auto b) { return a == b; }>, 2},
      {"onnx.Greater", compare<greater>, 2},
      {"onnx.GreaterOrEqual", compare<greaterOrEqual>, 2},
      {"onnx.Less", compare<[](auto a, auto b) { return a < b; }>, 2},
      {"onnx.LessOrEqual", compare<[](auto a, auto b) { return a <= b; }>, 2},
  };
  return table;
}
