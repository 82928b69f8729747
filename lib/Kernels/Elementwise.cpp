//===- Elementwise.cpp - loops over int8 elements: which one is exact -------------------===//
#include "dpuopt/Kernels/Elementwise.h"
#include "Dispatch.h"
#include "dpuopt/Kernels/Requant.h"
#include <algorithm>
#include <cstring>

using namespace dpuopt::kernels;

static int8_t roundClamp(int64_t t, int shift, int low, int high) {
  return static_cast<int8_t>(std::clamp<int>(roundShift(t, std::clamp(shift, -62, 62)), low, high));
}

/// The definition, and the way for what does not fit 16 bits.
static int8_t addOne(llvm::ArrayRef<Addend> in, size_t i, const AddRule &rule) {
  int64_t sum = 0;
  for (const Addend &a : in)
    sum += a.data[i] * (int64_t(1) << rule.guard) >> std::min(a.shift, 62);
  return roundClamp(sum, rule.guard + rule.cut, rule.low, rule.high);
}

/// Elements whose sums are kept at a time.
static constexpr size_t SumBlock = 1024;

/// Sums in 32 bits.
static void addBlocks(llvm::ArrayRef<Addend> in, int8_t *out, size_t n, const AddRule &rule,
                      const KernelTable &kernels) {
  int32_t sums[SumBlock];
  for (size_t at = 0; at < n; at += SumBlock) {
    size_t count = std::min(SumBlock, n - at);
    std::fill_n(sums, count, 0);
    for (const Addend &a : in)
      kernels.addInto(sums, a.data + at, count, rule.guard, std::min(a.shift, 31));
    kernels.scaleSums(sums, out + at, count, 1, {rule.guard + rule.cut, rule.low, rule.high});
  }
}

void dpuopt::kernels::addShifted(llvm::ArrayRef<Addend> in, int8_t *out, size_t n, const AddRule &rule, Isa isa) {
  int shift = rule.guard + rule.cut;
  // 2 * 128 * 2^5 + 2^12 is below 2^15.
  if (in.size() == 2 && rule.guard <= 5 && shift >= 0 && shift <= 13)
    return tableOf(isa).add16(in[0].data, std::min(in[0].shift, 15), in[1].data, std::min(in[1].shift, 15), rule.guard,
                              out, n, {shift, rule.low, rule.high});
  // 16 * 128 * 2^18 + 2^29 is below 2^31.
  if (in.size() <= 16 && rule.guard <= 18 && shift >= 0 && shift <= 30)
    return addBlocks(in, out, n, rule, tableOf(isa));
  for (size_t i = 0; i < n; ++i)
    out[i] = addOne(in, i, rule);
}

void dpuopt::kernels::multiplyShifted(const int8_t *a, const int8_t *b, int8_t *out, size_t n, const MultiplyRule &rule,
                                      Isa isa) {
  if (rule.cut >= 0 && rule.cut <= 14) // 2^14 + 2^13 is below 2^15
    return tableOf(isa).multiply16(a, b, out, n, {rule.cut, rule.low, rule.high});
  for (size_t i = 0; i < n; ++i)
    out[i] = roundClamp(a[i] * b[i], rule.cut, rule.low, rule.high);
}

void dpuopt::kernels::mapBytes(const int8_t *in, int8_t *out, size_t n, const ByteTable &table, Isa isa) {
  tableOf(isa).map(in, out, n, table.data());
}

ByteTable dpuopt::kernels::shiftTable(int cut, int low, int high) {
  ByteTable table;
  for (int x = -128; x < 128; ++x)
    table[size_t(x + 128)] = roundClamp(x, cut, low, high);
  return table;
}

bool dpuopt::kernels::isIdentity(const ByteTable &table) {
  for (int x = -128; x < 128; ++x)
    if (table[size_t(x + 128)] != x)
      return false;
  return true;
}

void dpuopt::kernels::int8ToFloat(const int8_t *in, float *out, size_t n, float scale, Isa isa) {
  tableOf(isa).toFloat(in, out, n, scale);
}

void dpuopt::kernels::floatToInt8(const float *in, int8_t *out, size_t n, float scale, Isa isa) {
  tableOf(isa).toInt8(in, out, n, scale);
}

void dpuopt::kernels::copyRows(const int8_t *in, int8_t *out, const RowCopy &shape, const ByteTable *table, Isa isa) {
  const KernelTable &kernels = tableOf(isa);
  size_t rows = shape.rows, bytes = shape.bytes;
  if (shape.inRow == ptrdiff_t(bytes) && shape.outRow == ptrdiff_t(bytes))
    bytes *= rows, rows = 1;
  for (size_t row = 0; row < rows; ++row, in += shape.inRow, out += shape.outRow)
    if (table)
      kernels.map(in, out, bytes, table->data());
    else
      std::memcpy(out, in, bytes);
}
