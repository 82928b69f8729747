//===- Broadcast.h - element by element over broadcast operands -------------===//
//
// numpy broadcasting (ONNX "Multidirectional Broadcasting") without copies: every
// operand is walked with strides, 0 along a repeated axis. A splat is repeated
// along all axes, so it is never expanded; from splats alone comes a splat.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_BROADCAST_H
#define DPUOPT_LIB_EXEC_BROADCAST_H

#include "Kernel.h"

namespace dpuopt::exec {

/// Common shape of several operands; nullopt if they do not fit together.
std::optional<Shape> broadcastShape(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes);

/// Loops over the elements of a result, with operand offsets alongside.
class BroadcastLoop {
public:
  BroadcastLoop(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<const Tensor *> operands);
  /// Elements along the innermost loop, and each operand's step in it.
  int64_t rowLength() const { return dims.empty() ? 1 : dims.back(); }
  int64_t step(unsigned operand) const { return dims.empty() ? 0 : strides[operand].back(); }
  /// Calls f(first result element of the row, operand offsets) for every row.
  template <class F> void forEachRow(F f) const {
    if (empty)
      return;
    size_t outer = dims.empty() ? 0 : dims.size() - 1;
    llvm::SmallVector<int64_t, 6> index(outer, 0);
    llvm::SmallVector<int64_t, 4> offsets(strides.size(), 0);
    for (int64_t out = 0;; out += rowLength()) {
      f(out, offsets);
      size_t axis = outer;
      while (axis-- > 0) {
        for (size_t k = 0; k < offsets.size(); ++k)
          offsets[k] += strides[k][axis];
        if (++index[axis] < dims[axis])
          break;
        for (size_t k = 0; k < offsets.size(); ++k)
          offsets[k] -= strides[k][axis] * dims[axis];
        index[axis] = 0;
      }
      if (axis == SIZE_MAX)
        return;
    }
  }

private:
  bool empty = false;
  llvm::SmallVector<int64_t, 6> dims; ///< adjacent axes merged where all strides allow
  llvm::SmallVector<llvm::SmallVector<int64_t, 6>, 3> strides;
};

/// Splat, or one element.
inline bool isUniform(const Tensor &t) { return t.isSplat() || t.numElements() == 1; }
/// One stored element if `t` is a splat, all of them otherwise.
inline int64_t storedElements(const Tensor &t) { return t.isSplat() ? 1 : t.numElements(); }
/// A tensor of `like`'s shape, splat if it is one, with other stored elements.
Tensor withStored(const Tensor &like, ElemType elem, Blob stored);

/// y[i] = f(x[i]); a splat stays a splat.
template <class In, class Out, class F> Tensor mapElements(const Tensor &x, ElemType elem, F f) {
  int64_t n = storedElements(x);
  std::vector<Out> out(n);
  const In *in = data<In>(x);
  for (int64_t i = 0; i < n; ++i)
    out[i] = static_cast<Out>(f(in[i]));
  return withStored(x, elem, Blob::adopt(std::move(out)));
}

template <class In, class Out, class F>
void broadcastRow(const In *a, int64_t sa, const In *b, int64_t sb, Out *y, int64_t n, F f) {
  if (sa == 1 && sb == 1)
    for (int64_t i = 0; i < n; ++i)
      y[i] = static_cast<Out>(f(a[i], b[i]));
  else if (sa == 1 && sb == 0)
    for (int64_t i = 0; i < n; ++i)
      y[i] = static_cast<Out>(f(a[i], *b));
  else if (sa == 0 && sb == 1)
    for (int64_t i = 0; i < n; ++i)
      y[i] = static_cast<Out>(f(*a, b[i]));
  else
    for (int64_t i = 0; i < n; ++i)
      y[i] = static_cast<Out>(f(a[i * sa], b[i * sb]));
}

/// y = f(a, b) over broadcast operands of C++ type In.
template <class In, class Out, class F>
Result<Tensor> broadcastBinary(const Call &call, ElemType elem, const Tensor &a, const Tensor &b, F f) {
  auto shape = broadcastShape({a.shape(), b.shape()});
  if (!shape)
    return call.error("shapes " + shapeStr(a.shape()) + " and " + shapeStr(b.shape()) + " do not broadcast");
  if (isUniform(a) && isUniform(b) && (a.isSplat() || b.isSplat() || product(*shape) > 1))
    return Tensor::splat(Type(elem, *shape),
                         Blob::adopt(std::vector<Out>{static_cast<Out>(f(*data<In>(a), *data<In>(b)))}));
  auto y = call.allocate(elem, *shape);
  if (!y)
    return failure();
  BroadcastLoop loop(*shape, {&a, &b});
  const In *pa = data<In>(a), *pb = data<In>(b);
  Out *py = mutData<Out>(*y);
  loop.forEachRow([&](int64_t out, llvm::ArrayRef<int64_t> at) {
    broadcastRow(pa + at[0], loop.step(0), pb + at[1], loop.step(1), py + out, loop.rowLength(), f);
  });
  return y;
}

} // namespace dpuopt::exec
#endif
