//===- Avx2.cpp - the kernels for AVX2 ------------------------------------------------------===//
#include "DepthKernel.h"
#include "Loops.h"
#include "Loops256.h"
#include "Microkernel.h"

namespace dpuopt::kernels {
namespace {

/// Pairs of 16-bit numbers: the instruction that multiplies bytes saturates its sums.
struct Words256 : Vec256 {
  static constexpr int MaxVectors = 2, TapsPerLane = 2, DepthTile = 2;
  static constexpr int PixelsPerTile[] = {0, 12, 6};
  static Reg broadcastRaw(const uint8_t *p) { return broadcast(p); } // never called: the table says takesRaw = false
  static Reg padding() { return _mm256_setzero_si256(); }
  static Reg dot(Reg sum, Reg x, Reg w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }
  /// To 16 bits, then side by side.
  static void weave(const Reg *raw, Reg *out) {
    const Reg zero = _mm256_setzero_si256();
    Reg low[2], high[2];
    for (int i = 0; i < 2; ++i) {
      low[i] = _mm256_srai_epi16(_mm256_unpacklo_epi8(zero, raw[i]), 8);
      high[i] = _mm256_srai_epi16(_mm256_unpackhi_epi8(zero, raw[i]), 8);
    }
    out[0] = _mm256_unpacklo_epi16(low[0], low[1]), out[1] = _mm256_unpackhi_epi16(low[0], low[1]);
    out[2] = _mm256_unpacklo_epi16(high[0], high[1]), out[3] = _mm256_unpackhi_epi16(high[0], high[1]);
  }
};

} // namespace

extern const KernelTable Avx2Table;
const KernelTable Avx2Table = {false,
                               2,
                               0,
                               Words256::Lanes,
                               Words256::MaxVectors,
                               widen,
                               panel<Words256>,
                               2,
                               0,
                               depthRow<Words256>,
                               add16,
                               addInto,
                               multiply16,
                               map,
                               toFloat,
                               toInt8,
                               maxWindow,
                               sumWindow,
                               scaleSums};

} // namespace dpuopt::kernels
