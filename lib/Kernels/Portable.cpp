//===- Portable.cpp - the kernels in plain C++ --------------------------------------------===//
#include "Loops.h"

namespace dpuopt::kernels {
namespace {

void map(const int8_t *in, int8_t *out, size_t n, const int8_t *table) {
  for (size_t i = 0; i < n; ++i)
    out[i] = table[in[i] + 128];
}

} // namespace

extern const KernelTable PortableTable;
const KernelTable PortableTable = {false,   2,     0,        4,   4,       nullptr, nullptr,   1,         0,
                                   nullptr, add16, multiply, map, toFloat, toInt8,  maxWindow, sumWindow, scaleSums};

} // namespace dpuopt::kernels
