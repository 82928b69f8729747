//===- Elementwise.h - loops over int8 elements -----------------------------------------===//
//
// Dense arrays of `n` elements, one result per element; broadcasting is the caller's.
// Inputs may be the output (in place), but not overlap it otherwise. Each ISA gives the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_KERNELS_ELEMENTWISE_H
#define DPUOPT_KERNELS_ELEMENTWISE_H

#include "dpuopt/Kernels/Isa.h"
#include <array>
#include <cstddef>

namespace dpuopt::kernels {

/// One result for each int8, indexed by x + 128.
using ByteTable = std::array<int8_t, 256>;

struct Addend {
  const int8_t *data = nullptr;
  int shift = 0; ///< 0..62: fix point minus the smallest of all operands
};

/// y = clamp(floor(t + 1/2), low, high), t = (sum of floor(x_k * 2^guard / 2^shift_k)) / 2^(guard + cut).
struct AddRule {
  int guard = 2;              ///< 0..40; the DPU has 2. The largest shift, or more, makes the sum exact.
  int cut = 0;                ///< smallest fix point minus the result's; -62..62
  int low = -128, high = 127; ///< a ReLU has low = 0
};
void addShifted(llvm::ArrayRef<Addend> in, int8_t *out, size_t n, const AddRule &rule, Isa isa = defaultIsa());

/// y = clamp(floor(t + 1/2), low, high), t = a * b / 2^cut.
struct MultiplyRule {
  int cut = 0; ///< the operands' fix points minus the result's; -62..62
  int low = -128, high = 127;
};
void multiplyShifted(const int8_t *a, const int8_t *b, int8_t *out, size_t n, const MultiplyRule &rule,
                     Isa isa = defaultIsa());

/// y = table[x + 128].
void mapBytes(const int8_t *in, int8_t *out, size_t n, const ByteTable &table, Isa isa = defaultIsa());
/// The table of y = clamp(floor(x / 2^cut + 1/2), low, high): a change of the fix point.
ByteTable shiftTable(int cut, int low = -128, int high = 127);
/// Is it y = x?
bool isIdentity(const ByteTable &table);

/// y = x * scale in float32.
void int8ToFloat(const int8_t *in, float *out, size_t n, float scale, Isa isa = defaultIsa());
/// DPU_ROUND(x * scale): the product in float32, saturated to [-128, 127], halves toward +infinity. NaN gives 0.
void floatToInt8(const float *in, int8_t *out, size_t n, float scale, Isa isa = defaultIsa());

/// Copies `rows` rows of `bytes`; rows begin `inRow` and `outRow` bytes apart (a concat along the channels: one row
/// a pixel). With a table the bytes go through it.
struct RowCopy {
  size_t rows = 0, bytes = 0;
  ptrdiff_t inRow = 0, outRow = 0;
};
void copyRows(const int8_t *in, int8_t *out, const RowCopy &shape, const ByteTable *table = nullptr,
              Isa isa = defaultIsa());

} // namespace dpuopt::kernels
#endif
