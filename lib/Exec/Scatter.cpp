//===- Scatter.cpp - writing at computed positions --------------------------------------===//
#include "Remap.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
enum class Reduction { None, Add, Mul, Max, Min };
}

static std::optional<Reduction> reductionOf(const Op &op) {
  std::string name = op.getString("reduction", "none");
  if (name == "none")
    return Reduction::None;
  if (name == "add")
    return Reduction::Add;
  if (name == "mul")
    return Reduction::Mul;
  if (name == "max")
    return Reduction::Max;
  if (name == "min")
    return Reduction::Min;
  return std::nullopt;
}

template <class T> static T combine(Reduction r, T old, T update) {
  switch (r) {
  case Reduction::None:
    return update;
  case Reduction::Add: // int16 and smaller promote; wider ones wrap in unsigned
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(old) + static_cast<uint64_t>(update));
    else
      return old + update;
  case Reduction::Mul:
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<uint64_t>(old) * static_cast<uint64_t>(update));
    else
      return old * update;
  case Reduction::Max:
    return std::max(old, update);
  case Reduction::Min:
    return std::min(old, update);
  }
  return update;
}

/// y = x with runs of `run` updates written at the given positions, in order.
static Result<Tensors> scatter(const Call &call, llvm::ArrayRef<int64_t> at, int64_t run, const Tensor &updates) {
  auto reduction = reductionOf(call.op);
  if (!reduction || updates.elemType() != call.in().elemType() || updates.numElements() != int64_t(at.size()) * run)
    return call.error(fmt::format("updates {} do not fit its data and indices", updates.type().str()));
  Tensor y = call.in().expanded(), dense = updates.expanded();
  dispatch(y.elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    T *out = mutData<T>(y);
    const T *from = data<T>(dense);
    for (int64_t first : at)
      for (int64_t i = 0; i < run; ++i, ++from)
        out[first + i] = combine(*reduction, out[first + i], *from);
  });
  return one(std::move(y));
}

static Result<Tensors> scatterElements(const Call &call) {
  auto axis = call.axis(0, call.in().shape().size());
  auto at = axis ? elementPositions(call, call.in(), call.in(1), *axis) : failure();
  if (!at)
    return failure();
  return scatter(call, *at, 1, call.in(2));
}

static Result<Tensors> scatterND(const Call &call) {
  auto at = slicePositions(call, call.in().shape(), call.in(1), 0);
  if (!at)
    return failure();
  return scatter(call, *at, product(call.in().shape(), size_t(call.in(1).shape().back())), call.in(2));
}

llvm::ArrayRef<KernelEntry> exec::scatterKernels() {
  static const KernelEntry table[] = {
      {"onnx.Scatter", scatterElements, 3},
      {"onnx.ScatterElements", scatterElements, 3},
      {"onnx.ScatterND", scatterND, 3},
  };
  return table;
}
