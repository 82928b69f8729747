//===- Gather.cpp - reading at computed positions --------------------------------------===//
#include "Remap.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

Result<std::vector<int64_t>> exec::positions(const Call &call, unsigned i, int64_t n) {
  const Tensor &t = call.in(i);
  if (!t.elemType().isInteger() || t.numElements() > MaxResultElements)
    return call.error("its indices must be integers, are " + t.type().str());
  std::vector<int64_t> index = t.toInts();
  for (int64_t &at : index) {
    if (at < -n || at >= n)
      return call.error(fmt::format("index {} is out of range for {} elements", at, n));
    at += at < 0 ? n : 0;
  }
  return index;
}

static Result<Tensors> gather(const Call &call) {
  const Tensor &x = call.in();
  auto axis = call.axis(0, x.shape().size());
  auto index = axis ? positions(call, 1, x.shape()[*axis]) : failure();
  if (!index)
    return failure();
  AxisMaps maps = identityMaps(x.shape());
  maps[*axis] = std::move(*index);
  auto y = remap(call, x, maps);
  if (!y)
    return failure();
  Shape shape(x.shape().begin(), x.shape().begin() + *axis);
  shape.append(call.in(1).shape().begin(), call.in(1).shape().end());
  shape.append(x.shape().begin() + *axis + 1, x.shape().end());
  return one(y->reshaped(shape));
}

Result<std::vector<int64_t>> exec::elementPositions(const Call &call, const Tensor &x, const Tensor &index,
                                                    int64_t axis) {
  size_t rank = x.shape().size();
  for (size_t i = 0; i < rank && index.shape().size() == rank; ++i)
    if (int64_t(i) != axis && index.shape()[i] > x.shape()[i])
      return call.error(fmt::format("indices {} are larger than {}", shapeStr(index.shape()), shapeStr(x.shape())));
  if (index.shape().size() != rank)
    return call.error("its indices must have the rank of the data");
  auto along = positions(call, 1, x.shape()[axis]);
  if (!along)
    return failure();
  std::vector<int64_t> out(along->size());
  llvm::SmallVector<int64_t, 6> at(rank, 0);
  for (size_t e = 0; e < out.size(); ++e) {
    for (size_t i = 0; i < rank; ++i)
      out[e] = out[e] * x.shape()[i] + (int64_t(i) == axis ? (*along)[e] : at[i]);
    for (size_t i = rank; i-- > 0 && ++at[i] == index.shape()[i];)
      at[i] = 0;
  }
  return out;
}

static Result<Tensors> gatherElements(const Call &call) {
  const Tensor x = call.in().expanded();
  auto axis = call.axis(0, x.shape().size());
  auto from = axis ? elementPositions(call, x, call.in(1), *axis) : failure();
  auto y = from ? call.allocate(x.elemType(), call.in(1).shape()) : failure();
  if (!y)
    return failure();
  dispatchSize(x.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    W *out = mutData<W>(*y);
    for (size_t i = 0; i < from->size(); ++i)
      out[i] = data<W>(x)[(*from)[i]];
  });
  return one(std::move(*y));
}

Result<std::vector<int64_t>> exec::slicePositions(const Call &call, llvm::ArrayRef<int64_t> shape, const Tensor &index,
                                                  int64_t batchDims) {
  int64_t depth = index.shape().empty() ? 0 : index.shape().back();
  if (!index.elemType().isInteger() || index.shape().empty() || depth + batchDims > int64_t(shape.size()) ||
      index.numElements() > MaxResultElements)
    return call.error(fmt::format("indices {} do not fit {}", index.type().str(), shapeStr(shape)));
  int64_t slice = product(shape, batchDims + depth), perBatch = product(shape, batchDims);
  std::vector<int64_t> flat = index.toInts(), out;
  int64_t tuples = depth ? int64_t(flat.size()) / depth : product(index.shape(), 0, index.shape().size() - 1);
  int64_t batches = std::max<int64_t>(product(shape, 0, batchDims), 1);
  for (int64_t t = 0; t < tuples; ++t) {
    int64_t at = 0;
    for (int64_t d = 0; d < depth; ++d) {
      int64_t n = shape[batchDims + d], i = flat[t * depth + d];
      if (i < -n || i >= n)
        return call.error(fmt::format("index {} is out of range for {} elements", i, n));
      at = at * n + (i < 0 ? i + n : i);
    }
    out.push_back(t / std::max<int64_t>(tuples / batches, 1) * perBatch + at * slice);
  }
  return out;
}

static Result<Tensors> gatherND(const Call &call) {
  const Tensor x = call.in().expanded();
  const Tensor &index = call.in(1);
  int64_t batchDims = call.op.getInt("batch_dims");
  size_t n = size_t(std::max<int64_t>(batchDims, 0));
  if (batchDims < 0 || n >= std::min(x.shape().size(), index.shape().size()) ||
      x.shape().take_front(n) != index.shape().take_front(n))
    return call.error("batch_dims does not fit its operands");
  auto from = slicePositions(call, x.shape(), index, batchDims);
  if (!from)
    return failure();
  Shape shape(index.shape().begin(), index.shape().end() - 1);
  shape.append(x.shape().begin() + batchDims + index.shape().back(), x.shape().end());
  auto y = call.allocate(x.elemType(), shape);
  if (!y)
    return failure();
  int64_t slice = product(x.shape(), batchDims + index.shape().back());
  dispatchSize(x.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    W *out = mutData<W>(*y);
    for (int64_t at : *from)
      out = std::copy_n(data<W>(x) + at, slice, out);
  });
  return one(std::move(*y));
}

/// Compress: the entries (of one axis, or of all elements) whose condition is true.
static Result<Tensors> compress(const Call &call) {
  Tensor x = call.in();
  if (!call.op.hasAttr("axis"))
    x = x.reshaped({x.numElements()});
  auto axis = call.axis(0, x.shape().size());
  if (!axis)
    return failure();
  const Tensor condition = call.in(1).expanded();
  if (condition.elemType().kind != ElemKind::Bool)
    return call.error("its condition must be bool");
  AxisMaps maps = identityMaps(x.shape());
  maps[*axis].clear();
  for (int64_t i = 0; i < std::min(condition.numElements(), x.shape()[*axis]); ++i)
    if (data<uint8_t>(condition)[i])
      maps[*axis].push_back(i);
  auto y = remap(call, x, maps);
  if (!y)
    return failure();
  return one(std::move(*y));
}

/// NonZero: positions of elements that are not 0, one column each.
static Result<Tensors> nonZero(const Call &call) {
  const Tensor x = call.in().expanded();
  std::vector<int64_t> found;
  for (int64_t i = 0; i < x.numElements(); ++i)
    if (x.at(i) != 0)
      found.push_back(i);
  size_t rank = x.shape().size();
  auto y = call.allocate(ElemKind::I64, {int64_t(rank), int64_t(found.size())});
  if (!y)
    return failure();
  int64_t *out = mutData<int64_t>(*y);
  for (size_t k = 0; k < found.size(); ++k)
    for (size_t axis = rank, rest = size_t(found[k]); axis-- > 0; rest /= size_t(x.shape()[axis]))
      out[axis * found.size() + k] = int64_t(rest) % x.shape()[axis];
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::gatherKernels() {
  static const KernelEntry table[] = {
      {"onnx.Gather", gather, 2},     {"onnx.GatherElements", gatherElements, 2},
      {"onnx.GatherND", gatherND, 2}, {"onnx.Compress", compress, 2},
      {"onnx.NonZero", nonZero},
  };
  return table;
}
