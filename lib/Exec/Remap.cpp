//===- Remap.cpp - picking elements axis by axis ------------------------------------===//
#include "Remap.h"
#include <numeric>

using namespace dpuopt;
using namespace dpuopt::exec;

AxisMaps exec::identityMaps(llvm::ArrayRef<int64_t> shape) {
  AxisMaps maps;
  for (int64_t n : shape) {
    maps.emplace_back(n);
    std::iota(maps.back().begin(), maps.back().end(), 0);
  }
  return maps;
}

static bool isIdentity(llvm::ArrayRef<int64_t> map, int64_t n) {
  for (size_t i = 0; i < map.size(); ++i)
    if (map[i] != int64_t(i))
      return false;
  return int64_t(map.size()) == n;
}

namespace {
/// The recursion over axes; the trailing axes that stay as they are form one block.
template <class W> class Remapper {
public:
  Remapper(const Tensor &x, const AxisMaps &maps, W fill) : maps(maps), fill(fill), depth(maps.size()) {
    while (depth > 0 && isIdentity(maps[depth - 1], x.shape()[depth - 1]))
      block *= x.shape()[--depth];
    sourceStride.assign(depth, block), size.assign(depth + 1, block);
    for (size_t i = depth; i-- > 0;) {
      size[i] = size[i + 1] * int64_t(maps[i].size());
      if (i > 0)
        sourceStride[i - 1] = sourceStride[i] * x.shape()[i];
    }
  }
  void run(const W *from, W *to) const { copy(0, from, to); }

private:
  void copy(size_t axis, const W *from, W *to) const {
    if (axis == depth) {
      std::copy_n(from, block, to);
      return;
    }
    int64_t stride = sourceStride[axis], step = size[axis + 1];
    if (axis + 1 == depth && block == 1) { // the innermost loop without calls
      for (int64_t source : maps[axis])
        *to++ = source < 0 ? fill : from[source * stride];
      return;
    }
    for (int64_t source : maps[axis]) {
      if (source < 0)
        std::fill_n(to, step, fill);
      else
        copy(axis + 1, from + source * stride, to);
      to += step;
    }
  }
  const AxisMaps &maps;
  W fill;
  size_t depth;
  int64_t block = 1;
  std::vector<int64_t> sourceStride, size;
};
} // namespace

Result<Tensor> exec::remap(const Call &call, const Tensor &x, const AxisMaps &maps, const Tensor *fill) {
  Shape shape;
  bool usesFill = false;
  for (const auto &m : maps) {
    shape.push_back(int64_t(m.size()));
    usesFill |= llvm::is_contained(m, -1);
  }
  Type type(x.elemType(), shape);
  if (x.isSplat() && !usesFill)
    return Tensor::splat(type, x.storage());
  auto y = call.allocate(x.elemType(), shape);
  if (!y || y->numElements() == 0)
    return y;
  Tensor dense = x.expanded();
  dispatchSize(x.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    Remapper<W>(dense, maps, fill ? *data<W>(*fill) : W(0)).run(data<W>(dense), mutData<W>(*y));
  });
  return y;
}
