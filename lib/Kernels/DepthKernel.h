//===- DepthKernel.h - the loop of depthwise convolutions -------------------------------===//
//
// Every channel has a sum of its own, so the 4 taps that an instruction adds up in a lane
// must come from 4 pixels of one channel. They lie far apart in NHWC: first, the rows of
// the kernel (ky = 0..3) are woven together, column by column, with the unpacks that put
// bytes, then words of two registers side by side:
//
//     row 0   a0 a1 a2 a3 ...        vector 0   a0 b0 c0 d0  a1 b1 c1 d1 ...
//     row 1   b0 b1 b2 b3 ...   ->   vector 1   a4 b4 c4 d4 ...
//     row 2   c0 ...                 ...
//     row 3   d0 ...                 4 vectors: as many channels as a register has bytes
//
// A woven column serves every output that reads it, up to kernel-width of them. The unpacks
// work in 128-bit lanes; the saturating packs at the end (Finish.h) undo their order.
//
//===----------------------------------------------------------------------===//
#include "Finish.h"

namespace dpuopt::kernels {
namespace {

/// Bytes of a woven column.
template <typename V> constexpr ptrdiff_t ColumnBytes = 4 * sizeof(typename V::Reg);

template <typename V, bool Whole> void weave(const DepthJob &j, ptrdiff_t columns) {
  uint8_t *to = j.scratch;
  for (size_t g = 0; g < j.groups; ++g)
    for (ptrdiff_t i = 0; i < columns; ++i, to += ColumnBytes<V>) {
      ptrdiff_t x = j.firstColumn + i;
      typename V::Reg woven[4];
      if (x < 0 || x >= j.inColumns)
        times<4>([&](auto v) KERNEL_BODY { woven[v] = V::padding(); });
      else
        V::template weave<Whole>(j.rows + g * V::TapsPerLane, x, j.channels, woven);
      times<4>([&](auto v) KERNEL_BODY { V::store(to + v * ptrdiff_t(sizeof(typename V::Reg)), woven[v]); });
    }
}

/// `Count` neighbouring results.
template <typename V, int Count> KERNEL_INLINE void depthTile(const DepthJob &j, ptrdiff_t columns, size_t first) {
  constexpr ptrdiff_t Bytes = sizeof(typename V::Reg);
  typename V::Reg acc[Count][4];
  times<4>([&](auto v) KERNEL_BODY {
    auto start = V::load(j.start + v * V::Lanes);
    times<Count>([&](auto p) KERNEL_BODY { acc[p][v] = start; });
  });
  const uint8_t *w = j.weights;
  const ptrdiff_t next = ptrdiff_t(j.stride) * ColumnBytes<V>;
  for (size_t g = 0; g < j.groups; ++g)
    for (size_t k = 0; k < j.kernel; ++k, w += ColumnBytes<V>) {
      const uint8_t *x =
          j.scratch + (ptrdiff_t(g) * columns + ptrdiff_t(first * j.stride + k * j.dilation)) * ColumnBytes<V>;
      times<4>([&](auto v) KERNEL_BODY {
        auto weights = V::load(w + v * Bytes);
        times<Count>([&](auto p)
                         KERNEL_BODY { acc[p][v] = V::dot(acc[p][v], V::load(x + p * next + v * Bytes), weights); });
      });
    }
  times<Count>([&](auto p) KERNEL_BODY {
    ptrdiff_t at = ptrdiff_t(first) + p;
    if (j.sums)
      times<4>([&](auto v) KERNEL_BODY { V::store(j.sums + (at * 4 + v) * V::Lanes, acc[p][v]); });
    else
      finishPixel<V, 4>(*j.finish, j.bias, j.channels, acc[p], j.out + at * j.outPixel);
  });
}

template <typename V> void depthRow(const DepthJob &j) {
  ptrdiff_t columns = ptrdiff_t((j.count - 1) * j.stride + (j.kernel - 1) * j.dilation + 1);
  if (j.channels == 4 * V::Lanes)
    weave<V, true>(j, columns);
  else
    weave<V, false>(j, columns);
  size_t at = 0;
  for (; at + V::DepthTile <= j.count; at += V::DepthTile)
    depthTile<V, V::DepthTile>(j, columns, at);
  for (; at < j.count; ++at)
    depthTile<V, 1>(j, columns, at);
}

} // namespace
} // namespace dpuopt::kernels
