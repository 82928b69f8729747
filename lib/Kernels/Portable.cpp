//===- Portable.cpp - the kernels in vectors that every machine has -----------------------===//
//
// 128 bits, in the compilers' own vector types. What these cannot say well, products of
// 16-bit pairs and saturating packs, are intrinsics where the baseline has them.
//
//===----------------------------------------------------------------------===//
#include "DepthKernel.h"
#include "Loops.h"
#include "Microkernel.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

namespace dpuopt::kernels {
namespace {

using Bytes16 = int8_t __attribute__((vector_size(16)));
using Words8 = int16_t __attribute__((vector_size(16)));
using Lanes4 = int32_t __attribute__((vector_size(16)));
using Wrapping = uint32_t __attribute__((vector_size(16)));

struct V {
  using Reg = Lanes4;
  using Count = int;
  static constexpr bool PartsBytes = false;
  static constexpr int Lanes = 4, MaxVectors = 4, TapsPerLane = 2, DepthTile = 1;
#if defined(__ARM_NEON) // twice the registers
  static constexpr int PixelsPerTile[] = {0, 8, 8, 5, 4};
#else
  static constexpr int PixelsPerTile[] = {0, 6, 4, 3, 2};
#endif

  static Reg load(const void *p) {
    Reg x;
    __builtin_memcpy(&x, p, sizeof(x));
    return x;
  }
  static void store(void *p, Reg x) { __builtin_memcpy(p, &x, sizeof(x)); }
  static Reg all(int x) { return Reg{x, x, x, x}; }
#if defined(__ARM_NEON)
  /// Two taps, which multiply every lane: there are instructions for that.
  using Taps = int16x4_t;
  static Taps broadcast(const uint8_t *p) {
    int32_t x;
    __builtin_memcpy(&x, p, 4);
    return vreinterpret_s16_s32(vdup_n_s32(x));
  }
  static Reg dot(Reg sum, Taps x, Reg w) {
    return vmlal_lane_s16(vmlal_lane_s16(sum, vmovn_s32(w), x, 0), vshrn_n_s32(w, 16), x, 1);
  }
#else
  using Taps = Reg;
  static Reg broadcast(const uint8_t *p) {
    int x;
    __builtin_memcpy(&x, p, 4);
    return all(x);
  }
#endif
  static Taps broadcastRaw(const uint8_t *p) { return broadcast(p); } // never called: the table says takesRaw = false
  static Reg dot(Reg sum, Reg x, Reg w) {
#if defined(__SSE2__)
    return sum + Reg(_mm_madd_epi16(__m128i(x), __m128i(w)));
#elif defined(__ARM_NEON)
    return vmlal_s16(vmlal_s16(sum, vmovn_s32(x), vmovn_s32(w)), vshrn_n_s32(x, 16), vshrn_n_s32(w, 16));
#elif __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return sum + (x << 16 >> 16) * (w << 16 >> 16) + (x >> 16) * (w >> 16);
#else
#error "weights are packed for little-endian machines"
#endif
  }
  // A leaky slope is computed of every sum and used for the negative ones: the others may wrap.
  static Reg add(Reg a, Reg b) { return Reg(Wrapping(a) + Wrapping(b)); }
  static Reg multiply(Reg a, Reg b) { return Reg(Wrapping(a) * Wrapping(b)); }
  static Reg larger(Reg a, Reg b) { return a > b ? a : b; }
  static Reg shiftLeft(Reg a, int n) { return a << n; }
  static Reg shiftRight(Reg a, int n) { return a >> n; }
  static Reg shiftRightBy(Reg a, Count n) { return a >> n; }
  static Reg ifNegative(Reg t, Reg yes, Reg no) { return t < 0 ? yes : no; }
  static Count count(int n) { return n; }

  /// Four lanes are in order as they are.
  template <int Vectors> static Reg pack(const Reg *s) {
    [[maybe_unused]] auto vector = [&](int v) { return s[v < Vectors ? v : 0]; };
#if defined(__SSE2__)
    auto half = [&](int v) { return _mm_packs_epi32(__m128i(vector(v)), __m128i(vector(v + 1))); };
    return Reg(_mm_packs_epi16(half(0), half(2)));
#elif defined(__ARM_NEON)
    auto half = [&](int v) { return vqmovn_s16(vcombine_s16(vqmovn_s32(vector(v)), vqmovn_s32(vector(v + 1)))); };
    return Reg(vcombine_s8(half(0), half(2)));
#else
    Bytes16 bytes = {};
    for (int v = 0; v < Vectors; ++v) {
      Reg x = s[v] < -128 ? all(-128) : s[v];
      x = x > 127 ? all(127) : x;
      for (int i = 0; i < 4; ++i)
        bytes[4 * v + i] = int8_t(x[i]);
    }
    return Reg(bytes);
#endif
  }
  static Reg allBytes(int x) {
    Bytes16 bytes = {};
    return Reg(bytes + int8_t(x));
  }
  static Reg clampBytes(Reg x, Reg low, Reg high) {
    Bytes16 y = Bytes16(x) > Bytes16(low) ? Bytes16(x) : Bytes16(low);
    return Reg(y < Bytes16(high) ? y : Bytes16(high));
  }
  static Reg lookUp(Reg x, const int8_t *table) {
    Bytes16 bytes = Bytes16(x);
    for (int i = 0; i < 16; ++i)
      bytes[i] = table[bytes[i] + 128];
    return Reg(bytes);
  }
  template <int Vectors> static void storeAll(Reg x, int8_t *out) { __builtin_memcpy(out, &x, 4 * Vectors); }
  static void storeSome(Reg x, int8_t *out, int n) { __builtin_memcpy(out, &x, size_t(n)); }

  static Reg padding() { return all(0); }
  static Reg loadAll(const int8_t *p) { return load(p); }
  static Reg loadSome(const int8_t *p, int n) {
    Reg x = {};
    __builtin_memcpy(&x, p, size_t(n));
    return x;
  }
  /// To 16 bits, then side by side.
  static void weave(const Reg *raw, Reg *out) {
    Words8 low[2], high[2];
    for (int i = 0; i < 2; ++i) {
      Bytes16 r = Bytes16(raw[i]), zero = {};
      low[i] = Words8(__builtin_shufflevector(zero, r, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)) >> 8;
      high[i] =
          Words8(__builtin_shufflevector(zero, r, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)) >> 8;
    }
    out[0] = Reg(__builtin_shufflevector(low[0], low[1], 0, 8, 1, 9, 2, 10, 3, 11));
    out[1] = Reg(__builtin_shufflevector(low[0], low[1], 4, 12, 5, 13, 6, 14, 7, 15));
    out[2] = Reg(__builtin_shufflevector(high[0], high[1], 0, 8, 1, 9, 2, 10, 3, 11));
    out[3] = Reg(__builtin_shufflevector(high[0], high[1], 4, 12, 5, 13, 6, 14, 7, 15));
  }
};

/// To 16 bits.
void widen(const int8_t *in, uint8_t *out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    int16_t x = in[i];
    __builtin_memcpy(out + 2 * i, &x, 2);
  }
}

void map(const int8_t *in, int8_t *out, size_t n, const int8_t *table) {
  for (size_t i = 0; i < n; ++i)
    out[i] = table[in[i] + 128];
}

} // namespace

extern const KernelTable PortableTable;
const KernelTable PortableTable = {false,          2,      0,           V::Lanes,  V::MaxVectors, widen,      panel<V>,
                                   V::TapsPerLane, 0,      depthRow<V>, add16,     addInto,       multiply16, map,
                                   toFloat,        toInt8, maxWindow,   sumWindow, scaleSums};

} // namespace dpuopt::kernels
