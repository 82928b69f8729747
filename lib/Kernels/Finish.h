//===- Finish.h - from sums in registers to bytes ---------------------------------------===//
//
// What the tiles of all kernels end with; in 32 bits, exact (Fold.h says when). Local to
// the .cpp that includes it.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_FINISH_H
#define DPUOPT_LIB_KERNELS_FINISH_H

#include "Table.h"

#define KERNEL_BODY __attribute__((always_inline))
#define KERNEL_INLINE inline __attribute__((always_inline))

namespace dpuopt::kernels {
namespace {

/// An index known to the compiler, so that arrays of registers are registers: it is not enough that a loop over them
/// will be unrolled later.
template <int I> struct Index {
  constexpr operator int() const { return I; }
};
template <int N, typename Body> KERNEL_INLINE void times(Body body) {
  if constexpr (N > 0) {
    times<N - 1>(body);
    body(Index<N - 1>());
  }
}

/// All `bytes`, or as many as there are channels.
template <typename V, int Vectors> KERNEL_INLINE void storeBytes(typename V::Reg bytes, int8_t *out, int channels) {
  if (channels == Vectors * V::Lanes)
    V::template storeAll<Vectors>(bytes, out);
  else
    V::storeSome(bytes, out, channels);
}

/// The common way in constants: no slope, no table.
template <typename V, int Vectors> struct PlainFinish {
  typename V::Count shift;
  typename V::Reg low, high;
  int channels;
  KERNEL_INLINE PlainFinish(const Finish &f, int channels)
      : shift(V::count(f.shift)), low(V::allBytes(f.low)), high(V::allBytes(f.high)), channels(channels) {}
  static bool fits(const Finish &f) { return !f.leaky && !f.table; }

  KERNEL_INLINE void operator()(typename V::Reg *sums, int8_t *out) const {
    times<Vectors>([&](auto v) KERNEL_BODY { sums[v] = V::shiftRightBy(sums[v], shift); });
    storeBytes<V, Vectors>(V::clampBytes(V::template pack<Vectors>(sums), low, high), out, channels);
  }

  /// A tile. Narrow panels finish as many pixels together as make 4 vectors, if the ISA can part them again.
  template <int Pixels>
  KERNEL_INLINE void tile(typename V::Reg (&sums)[Pixels][Vectors], const PixelAt *pixels, int8_t *out) const {
    constexpr int Together = V::PartsBytes && Vectors <= 2 ? 4 / Vectors : 1, Groups = Pixels / Together;
    if constexpr (Together > 1)
      times<Groups>([&](auto group) KERNEL_BODY {
        typename V::Reg s[4];
        int8_t *to[Together];
        times<Together>([&](auto p) KERNEL_BODY {
          to[p] = out + pixels[group * Together + p].out;
          times<Vectors>(
              [&](auto v) KERNEL_BODY { s[p * Vectors + v] = V::shiftRightBy(sums[group * Together + p][v], shift); });
        });
        V::template storeParts<Vectors>(V::clampBytes(V::template pack<4>(s), low, high), to, channels);
      });
    constexpr int Done = Together > 1 ? Groups * Together : 0;
    times<Pixels - Done>([&](auto p) KERNEL_BODY { (*this)(sums[Done + p], out + pixels[Done + p].out); });
  }
};

/// What a tile makes of its sums.
template <typename V, int Vectors>
KERNEL_INLINE void finishPixel(const Finish &f, const int32_t *bias, int channels, typename V::Reg *sums, int8_t *out) {
  if (f.leaky)
    times<Vectors>([&](auto v) KERNEL_BODY {
      auto t = V::add(V::shiftLeft(sums[v], f.guard), V::load(bias + v * V::Lanes));
      auto half = V::all(f.shift ? 1 << (f.shift - 1) : 0), leakyHalf = V::all(1 << (f.leakyShift - 1));
      auto below =
          V::shiftRight(V::add(V::multiply(V::larger(t, V::all(f.floor)), V::all(f.slope)), leakyHalf), f.leakyShift);
      sums[v] = V::ifNegative(t, below, V::shiftRight(V::add(t, half), f.shift));
    });
  else
    times<Vectors>([&](auto v) KERNEL_BODY { sums[v] = V::shiftRight(sums[v], f.shift); });
  auto bytes = V::clampBytes(V::template pack<Vectors>(sums), V::allBytes(f.low), V::allBytes(f.high));
  if (f.table)
    bytes = V::lookUp(bytes, f.table);
  storeBytes<V, Vectors>(bytes, out, channels);
}

} // namespace
} // namespace dpuopt::kernels
#endif
