//===- Table.h - what each ISA implements ----------------------------------------------===//
//
// One table of function pointers per ISA, each filled by its own .cpp, compiled for that
// ISA alone. Only plain types here, and nothing inline: a function emitted by a file
// compiled for AVX-512 must never be the copy the linker keeps for everybody.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_TABLE_H
#define DPUOPT_LIB_KERNELS_TABLE_H

#include <cstddef>
#include <cstdint>

namespace dpuopt::kernels {

/// Floor((x + 2^(shift - 1)) / 2^shift), then into [low, high].
struct RoundClamp {
  int shift; ///< negative: multiplies
  int low, high;
};

/// A window of a pool, cut at the image's border.
struct Window {
  const int8_t *first;
  size_t rows, columns;
  ptrdiff_t rowBytes, pixelBytes;
};

struct KernelTable {
  // Elements (Loops.h). `RoundClamp::shift` is 0..30 in those of 32 bits, 0..13 in add16.
  void (*add16)(const int8_t *a, int shiftA, const int8_t *b, int shiftB, int guard, int8_t *out, size_t n,
                RoundClamp r);
  void (*multiply)(const int8_t *a, const int8_t *b, int8_t *out, size_t n, RoundClamp r);
  void (*map)(const int8_t *in, int8_t *out, size_t n, const int8_t *table);
  void (*toFloat)(const int8_t *in, float *out, size_t n, float scale);
  void (*toInt8)(const float *in, int8_t *out, size_t n, float scale);
  void (*maxWindow)(const Window &w, int8_t *out, size_t channels);
  void (*sumWindow)(const Window &w, int32_t *out, size_t channels);
  void (*scaleSums)(const int32_t *sums, int8_t *out, size_t n, int factor, RoundClamp r);
};

extern const KernelTable PortableTable;

} // namespace dpuopt::kernels
#endif
