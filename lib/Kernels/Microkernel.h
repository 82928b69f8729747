//===- Microkernel.h - the loop that all time is spent in -------------------------------===//
//
// A convolution is, for every output pixel, a product of the pixel's window (a row of K
// numbers) with a matrix of weights (K x output channels). In NHWC the numbers of a window's
// row lie side by side, so a window is a few runs ("segments") of bytes and nothing has to
// be copied together first.
//
// The tile: Pixels x Vectors accumulators, all in registers. A step takes the next 4 bytes
// (one dword) of every pixel's window:
//
//     weights   w0 w1 w2 w3      one vector: 16 channels x 4 taps, loaded once per step
//     pixel 0   a0 a1 a2 a3      a += dot(broadcast(dword of pixel), w), 4 taps in each lane
//     pixel 1   b0 b1 b2 b3
//     ...
//
// With 6 x 4 a step is 24 multiply instructions for 4 + 6 loads, and no accumulator is
// needed again before its last result is there. Narrow panels get more pixels. Weights are
// stored in the order the loop wants them: [panel][step][vector][lane][tap].
//
// An ISA gives a type V: Reg, Lanes, load, broadcast, dot, and the few operations of the
// end of a tile. Everything here is local to the .cpp that includes it.
//
//===----------------------------------------------------------------------===//
#include "Finish.h"

namespace dpuopt::kernels {
namespace {

template <typename V, int Pixels, int Vectors, bool Raw>
void tile(const PanelJob &j, const PixelAt *pixels, int32_t *sums) {
  constexpr ptrdiff_t Bytes = sizeof(typename V::Reg);
  typename V::Reg acc[Pixels][Vectors];
  const uint8_t *in[Pixels];
  times<Pixels>([&](auto p) KERNEL_BODY {
    in[p] = j.in + pixels[p].in;
    times<Vectors>([&](auto v) KERNEL_BODY { acc[p][v] = V::load(j.start + v * V::Lanes); });
  });

  const uint8_t *w = j.weights;
  const ptrdiff_t length = ptrdiff_t(4 * j.steps);
  for (const ptrdiff_t *s = j.segments, *end = s + j.numSegments; s != end; ++s, w += j.skip)
    for (ptrdiff_t at = *s, stop = at + length; at < stop; at += 4, w += Vectors * Bytes) {
      typename V::Reg weights[Vectors];
      times<Vectors>([&](auto v) KERNEL_BODY { weights[v] = V::load(w + v * Bytes); });
      times<Pixels>([&](auto p) KERNEL_BODY {
        auto x = Raw ? V::broadcastRaw(in[p] + at) : V::broadcast(in[p] + at);
        times<Vectors>([&](auto v) KERNEL_BODY { acc[p][v] = V::dot(acc[p][v], x, weights[v]); });
      });
    }

  if (sums)
    times<Pixels>([&](auto p) KERNEL_BODY {
      times<Vectors>([&](auto v) KERNEL_BODY { V::store(sums + (p * Vectors + v) * V::Lanes, acc[p][v]); });
    });
  else if (PlainFinish<V, Vectors>::fits(*j.finish)) {
    PlainFinish<V, Vectors> finish(*j.finish, j.channels);
    finish.template tile<Pixels>(acc, pixels, j.out);
  } else
    times<Pixels>([&](auto p) KERNEL_BODY {
      finishPixel<V, Vectors>(*j.finish, j.bias, j.channels, acc[p], j.out + pixels[p].out);
    });
}

/// tile<V, count, Vectors> for a count that is known only now.
template <typename V, int Vectors, int Pixels>
inline void tileOf(size_t count, const PanelJob &j, const PixelAt *pixels, int32_t *sums) {
  if (count == Pixels)
    j.raw ? tile<V, Pixels, Vectors, true>(j, pixels, sums) : tile<V, Pixels, Vectors, false>(j, pixels, sums);
  else if constexpr (Pixels > 1)
    tileOf<V, Vectors, Pixels - 1>(count, j, pixels, sums);
}

/// Tiles of equal size, one pixel more or less: a full tile and a remainder of one would waste most of the second.
template <typename V, int Vectors> void panelOf(const PanelJob &j) {
  constexpr size_t Most = V::PixelsPerTile[Vectors];
  size_t tiles = (j.numPixels + Most - 1) / Most, done = 0;
  for (size_t t = 0; t < tiles; ++t) {
    size_t count = (j.numPixels - done) / (tiles - t);
    tileOf<V, Vectors, Most>(count, j, j.pixels + done, j.sums ? j.sums + done * Vectors * V::Lanes : nullptr);
    done += count;
  }
}

template <typename V, int Vectors = V::MaxVectors> void panel(const PanelJob &j) {
  if (j.vectors == Vectors)
    panelOf<V, Vectors>(j);
  else if constexpr (Vectors > 1)
    panel<V, Vectors - 1>(j);
}

} // namespace
} // namespace dpuopt::kernels
