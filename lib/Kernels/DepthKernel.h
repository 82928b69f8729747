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

/// The columns that a row reads, one after the other, of one group of kernel rows.
template <typename V, bool Whole> struct Weaver {
  const int8_t *at[V::TapsPerLane];
  ptrdiff_t pixel[V::TapsPerLane], x, columns;
  int channels;

  KERNEL_INLINE Weaver(const DepthJob &j, const DepthRow *rows)
      : x(j.firstColumn), columns(j.inColumns), channels(j.channels) {
    times<V::TapsPerLane>([&](auto t) KERNEL_BODY {
      pixel[t] = rows[t].pixel;
      at[t] = rows[t].data + x * pixel[t];
    });
  }
  KERNEL_INLINE void next(typename V::Reg *woven) {
    if (size_t(x) < size_t(columns)) {
      typename V::Reg raw[V::TapsPerLane];
      times<V::TapsPerLane>([&](auto t)
                                KERNEL_BODY { raw[t] = Whole ? V::loadAll(at[t]) : V::loadSome(at[t], channels); });
      V::weave(raw, woven);
    } else {
      times<4>([&](auto v) KERNEL_BODY { woven[v] = V::padding(); });
    }
    ++x;
    times<V::TapsPerLane>([&](auto t) KERNEL_BODY { at[t] += pixel[t]; });
  }
};

template <typename V> KERNEL_INLINE void finishResult(const DepthJob &j, typename V::Reg *sums, ptrdiff_t at) {
  if (j.sums)
    times<4>([&](auto v) KERNEL_BODY { V::store(j.sums + (at * 4 + v) * V::Lanes, sums[v]); });
  else
    finishPixel<V, 4>(*j.finish, j.bias, j.channels, sums, j.out + at * j.outPixel);
}

//===----------------------------------------------------------------------===//
// Kernels 3 wide and one group high: columns are woven in registers. Each is added to the results that it is tap 2, 1
// and 0 of, and the first of them is done.
//===----------------------------------------------------------------------===//

template <typename V, bool Whole, int Stride, typename End> struct Slide3 {
  using Reg = typename V::Reg;
  Reg weights[3][4], start[4];
  Weaver<V, Whole> columns;
  const End &end;

  KERNEL_INLINE Slide3(const DepthJob &j, const End &end) : columns(j, j.rows), end(end) {
    times<4>([&](auto v) KERNEL_BODY {
      times<3>([&](auto k) KERNEL_BODY { weights[k][v] = V::load(j.weights + (k * 4 + v) * ptrdiff_t(sizeof(Reg))); });
      start[v] = V::load(j.start + v * V::Lanes);
    });
  }
  KERNEL_INLINE void add(Reg *sums, const Reg *before, const Reg *x, int k) {
    times<4>([&](auto v) KERNEL_BODY { sums[v] = V::dot(before[v], x[v], weights[k][v]); });
  }
  /// Finishes the result whose taps before the last column are in `a`; `b` and `c` come after it.
  KERNEL_INLINE void step(size_t at, Reg *a, Reg *b, Reg *c) {
    Reg x[4];
    if constexpr (Stride == 2) {
      columns.next(x);
      add(a, a, x, 1);
    }
    columns.next(x);
    add(a, a, x, 2);
    if constexpr (Stride == 1)
      add(b, b, x, 1);
    add(Stride == 1 ? c : b, start, x, 0);
    end(a, at);
  }
  KERNEL_INLINE void run(size_t count) {
    Reg a[4], b[4], c[4], x[4];
    columns.next(x);
    add(a, start, x, 0);
    if constexpr (Stride == 1) {
      columns.next(x);
      add(a, a, x, 1), add(b, start, x, 0);
    }
    for (size_t at = 0;;) {
      step(at, a, b, c);
      if (++at == count)
        break;
      if constexpr (Stride == 1) {
        step(at, b, c, a);
        if (++at == count)
          break;
        step(at, c, a, b);
      } else {
        step(at, b, a, c);
      }
      if (++at == count)
        break;
    }
  }
};

template <typename V, bool Whole, int Stride> void slide3(const DepthJob &j) {
  if (!j.sums && PlainFinish<V, 4>::fits(*j.finish)) {
    PlainFinish<V, 4> finish(*j.finish, j.channels);
    auto end = [&](typename V::Reg *sums, size_t at) KERNEL_BODY { finish(sums, j.out + ptrdiff_t(at) * j.outPixel); };
    Slide3<V, Whole, Stride, decltype(end)>(j, end).run(j.count);
  } else {
    auto end = [&](typename V::Reg *sums, size_t at) KERNEL_BODY { finishResult<V>(j, sums, ptrdiff_t(at)); };
    Slide3<V, Whole, Stride, decltype(end)>(j, end).run(j.count);
  }
}

//===----------------------------------------------------------------------===//
// Any kernel: all columns are woven first.
//===----------------------------------------------------------------------===//

/// `Count` neighbouring results; `Stride` is 0 if it is known only now.
template <typename V, int Count, int Stride>
KERNEL_INLINE void depthTile(const DepthJob &j, ptrdiff_t columns, size_t first) {
  constexpr ptrdiff_t Bytes = sizeof(typename V::Reg);
  typename V::Reg acc[Count][4];
  times<4>([&](auto v) KERNEL_BODY {
    auto start = V::load(j.start + v * V::Lanes);
    times<Count>([&](auto p) KERNEL_BODY { acc[p][v] = start; });
  });
  const uint8_t *w = j.weights;
  const ptrdiff_t stride = Stride ? Stride : ptrdiff_t(j.stride), next = stride * ColumnBytes<V>;
  for (size_t g = 0; g < j.groups; ++g) {
    const uint8_t *x = j.scratch + (ptrdiff_t(g) * columns + ptrdiff_t(first) * stride) * ColumnBytes<V>;
    for (size_t k = 0; k < j.kernel; ++k, w += ColumnBytes<V>, x += ptrdiff_t(j.dilation) * ColumnBytes<V>)
      times<4>([&](auto v) KERNEL_BODY {
        auto weights = V::load(w + v * Bytes);
        times<Count>([&](auto p)
                         KERNEL_BODY { acc[p][v] = V::dot(acc[p][v], V::load(x + p * next + v * Bytes), weights); });
      });
  }
  times<Count>([&](auto p) KERNEL_BODY { finishResult<V>(j, acc[p], ptrdiff_t(first) + p); });
}

template <typename V, int Stride> void depthTiles(const DepthJob &j, ptrdiff_t columns) {
  size_t at = 0;
  for (; at + V::DepthTile <= j.count; at += V::DepthTile)
    depthTile<V, V::DepthTile, Stride>(j, columns, at);
  for (; at < j.count; ++at)
    depthTile<V, 1, Stride>(j, columns, at);
}

template <typename V, bool Whole> void weaveAll(const DepthJob &j, ptrdiff_t columns) {
  uint8_t *to = j.scratch;
  for (size_t g = 0; g < j.groups; ++g) {
    Weaver<V, Whole> weaver(j, j.rows + g * V::TapsPerLane);
    for (ptrdiff_t i = 0; i < columns; ++i, to += ColumnBytes<V>) {
      typename V::Reg woven[4];
      weaver.next(woven);
      times<4>([&](auto v) KERNEL_BODY { V::store(to + v * ptrdiff_t(sizeof(typename V::Reg)), woven[v]); });
    }
  }
}

template <typename V, bool Whole> void depthRowOf(const DepthJob &j) {
  if (j.kernel == 3 && j.groups == 1 && j.dilation == 1 && j.stride <= 2)
    return j.stride == 1 ? slide3<V, Whole, 1>(j) : slide3<V, Whole, 2>(j);
  ptrdiff_t columns = ptrdiff_t((j.count - 1) * j.stride + (j.kernel - 1) * j.dilation + 1);
  weaveAll<V, Whole>(j, columns);
  if (j.stride == 1)
    depthTiles<V, 1>(j, columns);
  else
    depthTiles<V, 0>(j, columns);
}

template <typename V> void depthRow(const DepthJob &j) {
  j.channels == 4 * V::Lanes ? depthRowOf<V, true>(j) : depthRowOf<V, false>(j);
}

} // namespace
} // namespace dpuopt::kernels
