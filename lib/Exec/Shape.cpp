//===- Shape.cpp - ops that only change the shape, or tell it ------------------------===//
//
// No element is touched except by Transpose; splats stay splats.
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include "dpuopt/IR/OnnxViews.h"
#include <fmt/format.h>
#include <numeric>

using namespace dpuopt;
using namespace dpuopt::exec;

/// `x` with another shape, if it has as many elements.
static Result<Tensors> reshapeTo(const Call &call, const Tensor &x, llvm::ArrayRef<int64_t> shape) {
  if (llvm::any_of(shape, [](int64_t n) { return n < 0; }) ||
      Type(x.elemType(), shape).numElements() != x.numElements())
    return call.error(fmt::format("{} cannot be reshaped to {}", shapeStr(x.shape()), shapeStr(shape)));
  return one(x.reshaped(shape));
}

/// Resolves the one -1 of `wanted`, and 0 (if that means "as before").
static Result<Tensors> reshapeWanted(const Call &call, std::vector<int64_t> wanted, bool zeroCopies) {
  const Tensor &x = call.in();
  int64_t known = 1, open = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == 0 && zeroCopies && i < x.shape().size())
      wanted[i] = x.shape()[i];
    if (wanted[i] == -1 && open < 0)
      open = int64_t(i);
    else if (wanted[i] < 0 || __builtin_mul_overflow(known, wanted[i], &known))
      return call.error(fmt::format("{} is not a shape", shapeStr(wanted)));
  }
  if (open >= 0)
    wanted[open] = known == 0 ? 0 : x.numElements() / known;
  return reshapeTo(call, x, wanted);
}

static Result<Tensors> reshape(const Call &call) {
  auto wanted = call.ints(1);
  if (!wanted)
    return failure();
  return reshapeWanted(call, *wanted, call.op.getInt("allowzero") == 0);
}

/// The shape is an operand of real numbers (the vendor's stack of scalars) or an attribute.
static Result<Tensors> xirReshape(const Call &call) {
  const Tensor *operand = call.operand(1);
  if (!operand)
    return reshapeWanted(call, call.op.getInts("shape"), true);
  if (operand->numElements() > 64)
    return call.error("its shape operand has more than 64 elements");
  return reshapeWanted(call, operand->toInts(), true);
}

static Result<Tensors> flatten(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  int64_t rank = int64_t(shape.size()), axis = call.op.getInt("axis", 1);
  axis += axis < 0 ? rank : 0;
  if (axis < 0 || axis > rank)
    return call.error(fmt::format("axis {} is out of range for rank {}", axis, rank));
  return reshapeTo(call, call.in(), {product(shape, 0, axis), product(shape, axis)});
}

static Result<Tensors> xirFlatten(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  int64_t rank = int64_t(shape.size());
  int64_t first = onnx::normalizeAxis(call.op.getInt("start_axis", 0), rank);
  int64_t last = onnx::normalizeAxis(call.op.getInt("end_axis", -1), rank);
  if (first < 0 || last < first)
    return call.error("start_axis and end_axis are out of range");
  Shape out(shape.begin(), shape.begin() + first);
  out.push_back(product(shape, first, last + 1));
  out.append(shape.begin() + last + 1, shape.end());
  return reshapeTo(call, call.in(), out);
}

/// Without `axes`, every dimension of 1.
static Result<Tensors> squeezeAxes(const Call &call, llvm::ArrayRef<int64_t> axes) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  Shape out;
  for (size_t i = 0; i < shape.size(); ++i)
    if (axes.empty() ? shape[i] != 1 : !llvm::is_contained(axes, int64_t(i)))
      out.push_back(shape[i]);
  return reshapeTo(call, call.in(), out);
}

static Result<Tensors> squeeze(const Call &call) {
  auto axes = call.axes(1, call.in().shape().size());
  if (!axes)
    return failure();
  return squeezeAxes(call, *axes);
}

static Result<Tensors> xirSqueeze(const Call &call) {
  std::vector<int64_t> axes = call.op.getInts("axis");
  for (int64_t &a : axes)
    if (a = onnx::normalizeAxis(a, int64_t(call.in().shape().size())); a < 0)
      return call.error("attribute axis is out of range");
  return squeezeAxes(call, axes);
}

static Result<Tensors> unsqueeze(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  size_t given = call.op.hasAttr("axes") ? call.op.getInts("axes").size() : 0;
  if (call.operand(1))
    given = size_t(std::min<int64_t>(call.in(1).numElements(), 64));
  auto axes = call.axes(1, shape.size() + given);
  if (!axes)
    return failure();
  Shape out;
  size_t next = 0;
  for (size_t i = 0; i < shape.size() + axes->size(); ++i) {
    bool fresh = llvm::is_contained(*axes, int64_t(i));
    if (!fresh && next == shape.size())
      return call.error("names an axis twice");
    out.push_back(fresh ? 1 : shape[next++]);
  }
  return reshapeTo(call, call.in(), out);
}

static Result<Tensors> transposeBy(const Call &call, std::vector<int64_t> order) {
  size_t rank = call.in().shape().size();
  llvm::SmallVector<unsigned, 6> perm;
  std::vector<bool> seen(rank, false);
  for (int64_t a : order) {
    int64_t axis = onnx::normalizeAxis(a, int64_t(rank));
    if (axis < 0 || seen[axis])
      return call.error(fmt::format("{} is not an order of {} axes", shapeStr(order), rank));
    seen[axis] = true;
    perm.push_back(unsigned(axis));
  }
  if (perm.size() != rank)
    return call.error(fmt::format("{} is not an order of {} axes", shapeStr(order), rank));
  return one(call.in().transposed(perm));
}

static Result<Tensors> transpose(const Call &call) {
  std::vector<int64_t> order(call.in().shape().size());
  std::iota(order.rbegin(), order.rend(), 0);
  return transposeBy(call, call.op.getInts(call.op.isXir() ? "order" : "perm", order));
}

static Result<Tensors> shapeOf(const Call &call) {
  llvm::ArrayRef<int64_t> shape = call.in().shape();
  int64_t rank = int64_t(shape.size());
  auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  int64_t start = clamped(call.op.getInt("start", 0)), end = clamped(call.op.getInt("end", rank));
  std::vector<int64_t> dims = start < end ? shape.slice(start, end - start).vec() : std::vector<int64_t>();
  return one(Tensor::fromInts({int64_t(dims.size())}, dims));
}

static Result<Tensors> sizeOf(const Call &call) { return one(Tensor::fromInts({}, {call.in().numElements()})); }

llvm::ArrayRef<KernelEntry> exec::shapeKernels() {
  static const KernelEntry table[] = {
      {"onnx.Flatten", flatten},     {"onnx.Reshape", reshape, 2}, {"onnx.Shape", shapeOf},
      {"onnx.Size", sizeOf},         {"onnx.Squeeze", squeeze},    {"onnx.Transpose", transpose},
      {"onnx.Unsqueeze", unsqueeze}, {"xir.flatten", xirFlatten},  {"xir.reshape", xirReshape},
      {"xir.shape", shapeOf},        {"xir.squeeze", xirSqueeze},  {"xir.transpose", transpose},
  };
  return table;
}
