//===- Avx512Vnni.cpp - the kernels for AVX-512 with VNNI -------------------------------===//
#include "DepthKernel.h"
#include "Loops.h"
#include "Microkernel.h"
#include "Vec256.h"

namespace dpuopt::kernels {
namespace {

/// 16 lanes; one instruction multiplies 64 pairs of bytes, unsigned times signed.
struct V {
  using Reg = __m512i;
  static constexpr int Lanes = 16, MaxVectors = 4, TapsPerLane = 4, DepthTile = 4;
  /// 24 accumulators, the weights and a pixel in 32 registers.
  static constexpr int PixelsPerTile[] = {0, 14, 12, 8, 6};

  static Reg load(const void *p) { return _mm512_loadu_si512(p); }
  static void store(void *p, Reg x) { _mm512_storeu_si512(p, x); }
  static Reg all(int x) { return _mm512_set1_epi32(x); }
  static Reg broadcast(const uint8_t *p) {
    int x;
    __builtin_memcpy(&x, p, 4);
    return _mm512_set1_epi32(x);
  }
  static Reg broadcastRaw(const uint8_t *p) { return _mm512_xor_si512(broadcast(p), all(int(0x80808080))); }
  static Reg dot(Reg sum, Reg x, Reg w) { return _mm512_dpbusd_epi32(sum, x, w); }
  static Reg add(Reg a, Reg b) { return _mm512_add_epi32(a, b); }
  static Reg multiply(Reg a, Reg b) { return _mm512_mullo_epi32(a, b); }
  static Reg larger(Reg a, Reg b) { return _mm512_max_epi32(a, b); }
  static Reg shiftLeft(Reg a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
  static Reg shiftRight(Reg a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
  static Reg ifNegative(Reg t, Reg yes, Reg no) { return _mm512_mask_blend_epi32(_mm512_movepi32_mask(t), no, yes); }

  static Reg padding() { return _mm512_set1_epi8(char(0x80)); }
  static Reg loadAll(const int8_t *p) { return load(p); }
  static Reg loadSome(const int8_t *p, int n) { return _mm512_maskz_loadu_epi8((__mmask64(1) << n) - 1, p); }
  static void weave(const Reg *raw, Reg *out) {
    Reg r[4];
    for (int i = 0; i < 4; ++i)
      r[i] = _mm512_xor_si512(raw[i], padding());
    Reg low01 = _mm512_unpacklo_epi8(r[0], r[1]), high01 = _mm512_unpackhi_epi8(r[0], r[1]);
    Reg low23 = _mm512_unpacklo_epi8(r[2], r[3]), high23 = _mm512_unpackhi_epi8(r[2], r[3]);
    out[0] = _mm512_unpacklo_epi16(low01, low23), out[1] = _mm512_unpackhi_epi16(low01, low23);
    out[2] = _mm512_unpacklo_epi16(high01, high23), out[3] = _mm512_unpackhi_epi16(high01, high23);
  }

  /// table[x + 128] of 64 bytes: two halves of two vectors each.
  static Reg lookUp(Reg x, const int8_t *table) {
    Reg below = _mm512_permutex2var_epi8(load(table), x, load(table + 64));
    Reg above = _mm512_permutex2var_epi8(load(table + 128), x, load(table + 192));
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), above, below);
  }

  using Count = __m128i;
  static constexpr bool PartsBytes = true;
  static Count count(int n) { return _mm_cvtsi32_si128(n); }
  static Reg shiftRightBy(Reg a, Count n) { return _mm512_sra_epi32(a, n); }
  static Reg allBytes(int x) { return _mm512_set1_epi8(char(x)); }
  static Reg clampBytes(Reg x, Reg low, Reg high) { return _mm512_min_epi8(_mm512_max_epi8(x, low), high); }

  /// Saturating packs take 4 lanes of each vector in turn; weights are packed in that order (channelOfLane), so the
  /// bytes come out in the order of the channels. Fewer than 4 vectors leave gaps, which are closed.
  template <int Vectors> static Reg pack(const Reg *s) {
    Reg low = _mm512_packs_epi32(s[0], s[1 % Vectors]), high = low;
    if (Vectors > 2)
      high = _mm512_packs_epi32(s[2 % Vectors], s[3 % Vectors]);
    Reg x = _mm512_packs_epi16(low, high);
    if (Vectors == 3)
      x = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0), x);
    if (Vectors == 2)
      x = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 0, 0, 0, 0), x);
    if (Vectors == 1)
      x = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), x);
    return x;
  }
  template <int Vectors> static void storeAll(Reg x, int8_t *out) {
    if (Vectors == 4)
      store(out, x);
    if (Vectors == 2 || Vectors == 3)
      _mm256_storeu_si256(reinterpret_cast<__m256i *>(out), _mm512_castsi512_si256(x));
    if (Vectors == 3)
      _mm_storeu_si128(reinterpret_cast<__m128i *>(out + 32), _mm512_extracti32x4_epi32(x, 2));
    if (Vectors == 1)
      _mm_storeu_si128(reinterpret_cast<__m128i *>(out), _mm512_castsi512_si128(x));
  }
  /// Four vectors packed together that are 4 pixels of one, or 2 of two: each pixel's bytes to its place.
  template <int Vectors> static void storeParts(Reg x, int8_t *const *to, int channels) {
    if (Vectors == 1) {
      x = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), x);
      storePart(_mm256_castsi128_si256(_mm512_castsi512_si128(x)), to[0], 16, channels);
      storePart(_mm256_castsi128_si256(_mm512_extracti32x4_epi32(x, 1)), to[1], 16, channels);
      storePart(_mm256_castsi128_si256(_mm512_extracti32x4_epi32(x, 2)), to[2 % (4 / Vectors)], 16, channels);
      storePart(_mm256_castsi128_si256(_mm512_extracti32x4_epi32(x, 3)), to[3 % (4 / Vectors)], 16, channels);
    } else {
      x = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), x);
      storePart(_mm512_castsi512_si256(x), to[0], 32, channels);
      storePart(_mm512_extracti64x4_epi64(x, 1), to[1], 32, channels);
    }
  }
  static void storePart(__m256i x, int8_t *out, int all, int channels) {
    if (channels == 32 && all == 32)
      Vec256::store(out, x);
    else
      Vec256::storeSome(x, out, channels);
  }
  static void storeSome(Reg x, int8_t *out, int n) { _mm512_mask_storeu_epi8(out, (__mmask64(1) << n) - 1, x); }
};

constexpr size_t Bytes = sizeof(__m512i);

/// One bit for each of the n < 64 bytes that are left.
inline __mmask64 first(size_t n) { return (__mmask64(1) << n) - 1; }

void prepare(const int8_t *in, uint8_t *out, size_t n) {
  const __m512i flip = _mm512_set1_epi8(char(0x80));
  for (; n >= Bytes; n -= Bytes, in += Bytes, out += Bytes)
    _mm512_storeu_si512(out, _mm512_xor_si512(_mm512_loadu_si512(in), flip));
  if (n)
    _mm512_mask_storeu_epi8(out, first(n), _mm512_xor_si512(_mm512_maskz_loadu_epi8(first(n), in), flip));
}

void map(const int8_t *in, int8_t *out, size_t n, const int8_t *table) {
  for (; n >= Bytes; n -= Bytes, in += Bytes, out += Bytes)
    V::store(out, V::lookUp(V::load(in), table));
  if (n)
    _mm512_mask_storeu_epi8(out, first(n), V::lookUp(_mm512_maskz_loadu_epi8(first(n), in), table));
}

void depth(const DepthJob &j) { j.lanes == V::Lanes ? depthRow<V>(j) : depthRow<Vnni256>(j); }

} // namespace

extern const KernelTable Avx512VnniTable;
const KernelTable Avx512VnniTable = {true,    1,      128,       V::Lanes,  V::MaxVectors, prepare,    panel<V>,
                                     4,       8,      depth,     add16,     addInto,       multiply16, map,
                                     toFloat, toInt8, maxWindow, sumWindow, scaleSums};

} // namespace dpuopt::kernels
