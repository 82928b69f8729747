//===- Vec256.h - vectors of 8 lanes ------------------------------------------------------===//
//
// For AVX2, which multiplies pairs of 16-bit numbers (bytes would saturate), for AVX-VNNI,
// and for the last channels on AVX-512. Local to the .cpp that includes it.
//
//===----------------------------------------------------------------------===//
#include "Table.h"
#include <immintrin.h>

namespace dpuopt::kernels {
namespace {

struct Vec256 {
  using Reg = __m256i;
  static constexpr int Lanes = 8;

  static Reg load(const void *p) { return _mm256_loadu_si256(static_cast<const __m256i *>(p)); }
  static void store(void *p, Reg x) { _mm256_storeu_si256(static_cast<__m256i *>(p), x); }
  static Reg all(int x) { return _mm256_set1_epi32(x); }
  static Reg broadcast(const uint8_t *p) {
    int x;
    __builtin_memcpy(&x, p, 4);
    return _mm256_set1_epi32(x);
  }
  static Reg add(Reg a, Reg b) { return _mm256_add_epi32(a, b); }
  static Reg multiply(Reg a, Reg b) { return _mm256_mullo_epi32(a, b); }
  static Reg larger(Reg a, Reg b) { return _mm256_max_epi32(a, b); }
  static Reg shiftLeft(Reg a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
  static Reg shiftRight(Reg a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
  static Reg ifNegative(Reg t, Reg yes, Reg no) { return _mm256_blendv_epi8(no, yes, _mm256_srai_epi32(t, 31)); }

  /// table[x + 128]: 16 entries at a time, those of other sixteenths give 0.
  static Reg lookUp(Reg x, const int8_t *table) {
    Reg y = _mm256_setzero_si256(), index = _mm256_xor_si256(x, _mm256_set1_epi8(char(0x80)));
    for (int i = 0; i < 16; ++i) {
      __m128i part = _mm_loadu_si128(reinterpret_cast<const __m128i *>(table + 16 * i));
      Reg at = _mm256_adds_epu8(_mm256_sub_epi8(index, _mm256_set1_epi8(char(16 * i))), _mm256_set1_epi8(0x70));
      y = _mm256_or_si256(y, _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(part), at));
    }
    return y;
  }

  using Count = __m128i;
  static constexpr bool PartsBytes = false;
  static Count count(int n) { return _mm_cvtsi32_si128(n); }
  static Reg shiftRightBy(Reg a, Count n) { return _mm256_sra_epi32(a, n); }
  static Reg allBytes(int x) { return _mm256_set1_epi8(char(x)); }
  static Reg clampBytes(Reg x, Reg low, Reg high) { return _mm256_min_epi8(_mm256_max_epi8(x, low), high); }

  static Reg loadAll(const int8_t *p) { return load(p); }
  static Reg loadSome(const int8_t *p, int n) {
#if defined(__AVX512VL__) && defined(__AVX512BW__)
    return _mm256_maskz_loadu_epi8((__mmask32(1) << n) - 1, p);
#else
    auto half = [](const int8_t *q) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(q)); };
    auto quarter = [](const int8_t *q) { return _mm_loadl_epi64(reinterpret_cast<const __m128i *>(q)); };
    if (n == 16) // the usual numbers of channels without a detour through memory
      return _mm256_castsi128_si256(half(p));
    if (n == 24)
      return _mm256_inserti128_si256(_mm256_castsi128_si256(half(p)), quarter(p + 16), 1);
    if (n == 8)
      return _mm256_castsi128_si256(quarter(p));
    alignas(32) int8_t bytes[32] = {};
    __builtin_memcpy(bytes, p, size_t(n));
    return load(bytes);
#endif
  }

  /// See V in Avx512Vnni.cpp.
  template <int Vectors> static Reg pack(const Reg *s) {
    Reg low = _mm256_packs_epi32(s[0], s[1 % Vectors]), high = low;
    if (Vectors > 2)
      high = _mm256_packs_epi32(s[2 % Vectors], s[3 % Vectors]);
    Reg x = _mm256_packs_epi16(low, high);
    if (Vectors == 3)
      x = _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 0, 0));
    if (Vectors == 2)
      x = _mm256_permute4x64_epi64(x, 0x08);
    if (Vectors == 1)
      x = _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0));
    return x;
  }
  template <int Vectors> static void storeAll(Reg x, int8_t *out) {
    if (Vectors == 4)
      store(out, x);
    else if (Vectors == 2)
      _mm_storeu_si128(reinterpret_cast<__m128i *>(out), _mm256_castsi256_si128(x));
    else
      storeSome(x, out, 8 * Vectors);
  }
  /// The usual numbers of channels without a detour through memory.
  static void storeSome(Reg x, int8_t *out, int n) {
    __m128i low = _mm256_castsi256_si128(x);
    if (n == 16)
      return _mm_storeu_si128(reinterpret_cast<__m128i *>(out), low);
    if (n == 8)
      return _mm_storel_epi64(reinterpret_cast<__m128i *>(out), low);
    if (n == 24) {
      _mm_storeu_si128(reinterpret_cast<__m128i *>(out), low);
      return _mm_storel_epi64(reinterpret_cast<__m128i *>(out + 16), _mm256_extracti128_si256(x, 1));
    }
#if defined(__AVX512VL__) && defined(__AVX512BW__)
    _mm256_mask_storeu_epi8(out, (__mmask32(1) << n) - 1, x);
#else
    alignas(32) int8_t bytes[32];
    store(bytes, x);
    __builtin_memcpy(out, bytes, size_t(n));
#endif
  }
};

inline void unpackBytes(const __m256i *r, __m256i *out) {
  __m256i low01 = _mm256_unpacklo_epi8(r[0], r[1]), high01 = _mm256_unpackhi_epi8(r[0], r[1]);
  __m256i low23 = _mm256_unpacklo_epi8(r[2], r[3]), high23 = _mm256_unpackhi_epi8(r[2], r[3]);
  out[0] = _mm256_unpacklo_epi16(low01, low23), out[1] = _mm256_unpackhi_epi16(low01, low23);
  out[2] = _mm256_unpacklo_epi16(high01, high23), out[3] = _mm256_unpackhi_epi16(high01, high23);
}

#if defined(__AVXVNNI__) || defined(__AVX512VNNI__)
/// Unsigned times signed bytes, 4 in a lane.
struct Vnni256 : Vec256 {
  static constexpr int MaxVectors = 2, TapsPerLane = 4, DepthTile = 3;
  static constexpr int PixelsPerTile[] = {0, 12, 6};
  static Reg flip(Reg x) { return _mm256_xor_si256(x, _mm256_set1_epi8(char(0x80))); }
  static Reg broadcastRaw(const uint8_t *p) { return flip(broadcast(p)); }
  static Reg padding() { return _mm256_set1_epi8(char(0x80)); }
  static Reg dot(Reg sum, Reg x, Reg w) {
#if defined(__AVX512VNNI__)
    return _mm256_dpbusd_epi32(sum, x, w);
#else
    return _mm256_dpbusd_avx_epi32(sum, x, w);
#endif
  }
  static void weave(const Reg *raw, Reg *out) {
    Reg r[4];
    for (int i = 0; i < 4; ++i)
      r[i] = flip(raw[i]);
    unpackBytes(r, out);
  }
};
#endif

} // namespace
} // namespace dpuopt::kernels
