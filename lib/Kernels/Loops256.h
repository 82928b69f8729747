//===- Loops256.h - what compilers do not find for vectors of 8 lanes -----------------------===//
//
// Local to the .cpp that includes it; beside Loops.h.
//
//===----------------------------------------------------------------------===//
#include "Vec256.h"

namespace dpuopt::kernels {
namespace {

[[maybe_unused]] void flipSigns(const int8_t *in, uint8_t *out, size_t n) {
  for (size_t i = 0; i < n; ++i)
    out[i] = uint8_t(in[i]) ^ 0x80;
}

/// To 16 bits.
[[maybe_unused]] void widen(const int8_t *in, uint8_t *out, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    Vec256::store(out + 2 * i, _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(in + i))));
  for (; i < n; ++i) {
    int16_t x = in[i];
    __builtin_memcpy(out + 2 * i, &x, 2);
  }
}

void map(const int8_t *in, int8_t *out, size_t n, const int8_t *table) {
  size_t i = 0;
  for (; i + 32 <= n; i += 32)
    Vec256::store(out + i, Vec256::lookUp(Vec256::load(in + i), table));
  for (; i < n; ++i)
    out[i] = table[in[i] + 128];
}

} // namespace
} // namespace dpuopt::kernels
