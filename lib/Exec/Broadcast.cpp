//===- Broadcast.cpp - element by element over broadcast operands ------------===//
#include "Broadcast.h"

using namespace dpuopt;
using namespace dpuopt::exec;

std::optional<Shape> exec::broadcastShape(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes) {
  size_t rank = 0;
  for (llvm::ArrayRef<int64_t> s : shapes)
    rank = std::max(rank, s.size());
  Shape out(rank, 1);
  for (llvm::ArrayRef<int64_t> s : shapes)
    for (size_t i = 0; i < s.size(); ++i) {
      int64_t &dim = out[rank - s.size() + i];
      if (s[i] == 1 || s[i] == dim)
        continue;
      if (dim != 1)
        return std::nullopt;
      dim = s[i];
    }
  return out;
}

/// Element strides of `t` over the axes of `shape`.
static llvm::SmallVector<int64_t, 6> stridesOver(llvm::ArrayRef<int64_t> shape, const Tensor &t) {
  llvm::SmallVector<int64_t, 6> strides(shape.size(), 0);
  if (t.isSplat())
    return strides;
  int64_t stride = 1;
  size_t lead = shape.size() - t.shape().size();
  for (size_t i = t.shape().size(); i-- > 0;) {
    strides[lead + i] = t.shape()[i] == 1 ? 0 : stride;
    stride *= t.shape()[i];
  }
  return strides;
}

BroadcastLoop::BroadcastLoop(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<const Tensor *> operands) {
  llvm::SmallVector<llvm::SmallVector<int64_t, 6>, 3> full;
  for (const Tensor *t : operands)
    full.push_back(stridesOver(shape, *t));
  strides.resize(operands.size());
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    empty |= shape[axis] == 0;
    if (shape[axis] == 1)
      continue;
    bool mergeable = !dims.empty();
    for (size_t k = 0; k < full.size(); ++k)
      mergeable = mergeable && strides[k].back() == full[k][axis] * shape[axis];
    if (mergeable) {
      dims.back() *= shape[axis];
      for (size_t k = 0; k < full.size(); ++k)
        strides[k].back() = full[k][axis];
      continue;
    }
    dims.push_back(shape[axis]);
    for (size_t k = 0; k < full.size(); ++k)
      strides[k].push_back(full[k][axis]);
  }
}

Tensor exec::withStored(const Tensor &like, ElemType elem, Blob stored) {
  Type type = like.type().withElem(elem);
  return like.isSplat() ? Tensor::splat(std::move(type), std::move(stored))
                        : Tensor(std::move(type), std::move(stored));
}
