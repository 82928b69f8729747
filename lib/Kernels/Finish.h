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

/// The common way in constants: no slope, no table, all channels there.
template <typename V, int Vectors> struct PlainFinish {
  typename V::Count shift;
  typename V::Reg low, high;
  explicit KERNEL_INLINE PlainFinish(const Finish &f)
      : shift(V::count(f.shift)), low(V::allBytes(f.low)), high(V::allBytes(f.high)) {}
  static bool fits(const Finish &f, int channels) { return !f.leaky && !f.table && channels == Vectors * V::Lanes; }
  KERNEL_INLINE void operator()(typename V::Reg *sums, int8_t *out) const {
    times<Vectors>([&](auto v) KERNEL_BODY { sums[v] = V::shiftRightBy(sums[v], shift); });
    V::template storeAll<Vectors>(V::clampBytes(V::template pack<Vectors>(sums), low, high), out);
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
  if (channels == Vectors * V::Lanes)
    V::template storeAll<Vectors>(bytes, out);
  else
    V::storeSome(bytes, out, channels);
}

} // namespace
} // namespace dpuopt::kernels
#endif
