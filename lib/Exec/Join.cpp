//===- Join.cpp - Concat, Split, stack ------------------------------------------------===//
#include "Kernel.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

/// Copies `x`, as [outer][part], to byte column `at` of `y`'s rows.
static void copyPart(const Tensor &x, Tensor &y, int64_t outer, int64_t at) {
  Tensor dense = x.expanded();
  unsigned size = x.elemType().byteSize();
  int64_t part = outer ? x.numElements() / outer * size : 0, row = outer ? y.numElements() / outer * size : 0;
  uint8_t *to = mutBytes(y) + at;
  const uint8_t *from = data<uint8_t>(dense);
  for (int64_t o = 0; o < outer; ++o)
    std::copy_n(from + o * part, part, to + o * row);
}

static Result<Tensors> concatTensors(const Call &call, llvm::ArrayRef<Tensor> parts, int64_t axis) {
  Shape shape(parts[0].shape().begin(), parts[0].shape().end());
  shape[axis] = 0;
  for (const Tensor &p : parts) {
    Shape other(p.shape().begin(), p.shape().end());
    if (other.size() != shape.size() || p.elemType() != parts[0].elemType())
      return call.error(fmt::format("cannot join {} and {}", parts[0].type().str(), p.type().str()));
    shape[axis] += other[axis];
    other[axis] = shape[axis];
    if (other != shape)
      return call.error(fmt::format("cannot join {} and {}", parts[0].type().str(), p.type().str()));
  }
  auto y = call.allocate(parts[0].elemType(), shape);
  if (!y)
    return failure();
  int64_t outer = product(shape, 0, axis), at = 0;
  for (const Tensor &p : parts) {
    copyPart(p, *y, outer, at);
    at += outer ? p.numElements() / outer * p.elemType().byteSize() : 0;
  }
  return one(std::move(*y));
}

static Result<std::vector<Tensor>> present(const Call &call) {
  std::vector<Tensor> parts;
  for (const Tensor *t : call.operands) {
    if (!t)
      return call.error("an operand is missing");
    parts.push_back(*t);
  }
  return parts;
}

static Result<Tensors> concat(const Call &call) {
  auto parts = present(call);
  auto axis = parts ? call.axis(1, call.in().shape().size()) : failure();
  if (!axis)
    return failure();
  return concatTensors(call, *parts, *axis);
}

/// stack: a new axis of as many elements as operands.
static Result<Tensors> stack(const Call &call) {
  auto parts = present(call);
  auto axis = parts ? call.axis(0, call.in().shape().size() + 1) : failure();
  if (!axis)
    return failure();
  // A scalar of a quantized model may come as one element of rank 1.
  bool scalars = llvm::all_of(*parts, [](const Tensor &t) { return t.numElements() == 1 && t.shape().size() <= 1; });
  if (scalars && call.op.result()->type().hasRank() && call.op.result()->type().rank() == 1)
    for (Tensor &p : *parts)
      p = p.reshaped({});
  for (Tensor &p : *parts) {
    Shape shape(p.shape().begin(), p.shape().end());
    shape.insert(shape.begin() + std::min<int64_t>(*axis, int64_t(shape.size())), 1);
    p = p.reshaped(shape);
  }
  return concatTensors(call, *parts, *axis);
}

/// Lengths of the parts: attribute, operand, or equal parts with a smaller last one.
static Result<std::vector<int64_t>> splitLengths(const Call &call, int64_t n) {
  if (call.operand(1))
    return call.ints(1);
  std::vector<int64_t> lengths = call.op.getInts("split");
  if (!lengths.empty())
    return lengths;
  int64_t parts = std::max<int64_t>(call.op.numResults(), 1), each = (n + parts - 1) / parts;
  for (int64_t left = n; int64_t(lengths.size()) < parts; left -= std::min(each, left))
    lengths.push_back(std::min(each, left));
  return lengths;
}

static Result<Tensors> split(const Call &call) {
  const Tensor x = call.in().expanded();
  auto axis = call.axis(0, x.shape().size());
  auto lengths = axis ? splitLengths(call, x.shape()[*axis]) : failure();
  if (!lengths)
    return failure();
  int64_t total = 0;
  for (int64_t n : *lengths)
    total = n < 0 || total < 0 || n > MaxResultElements ? -1 : total + n;
  if (total != x.shape()[*axis] || lengths->size() != call.op.numResults())
    return call.error(fmt::format("parts {} do not make up axis {} of {}", shapeStr(*lengths), *axis, x.type().str()));
  Tensors results;
  int64_t outer = product(x.shape(), 0, *axis), unit = product(x.shape(), *axis + 1) * x.elemType().byteSize(), at = 0;
  for (int64_t n : *lengths) {
    Shape shape(x.shape().begin(), x.shape().end());
    shape[*axis] = n;
    Tensor part = Tensor::zeros(Type(x.elemType(), shape));
    uint8_t *to = mutBytes(part);
    for (int64_t o = 0; o < outer; ++o)
      std::copy_n(data<uint8_t>(x) + o * x.shape()[*axis] * unit + at, n * unit, to + o * n * unit);
    at += n * unit;
    results.push_back(std::move(part));
  }
  return results;
}

llvm::ArrayRef<KernelEntry> exec::joinKernels() {
  static const KernelEntry table[] = {
      {"onnx.Concat", concat},
      {"onnx.Split", split},
      {"xir.concat", concat},
      {"xir.stack", stack},
  };
  return table;
}
