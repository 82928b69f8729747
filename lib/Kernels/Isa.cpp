//===- Isa.cpp - which instructions the kernels may use ---------------------------------===//
#include "dpuopt/Kernels/Isa.h"
#include "Dispatch.h"
#include "llvm/ADT/STLExtras.h"
#include <cstdlib>
#include <vector>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

using namespace dpuopt::kernels;

llvm::StringRef dpuopt::kernels::isaName(Isa isa) {
  static const llvm::StringRef names[] = {"portable", "avx2", "avx-vnni", "avx512-vnni"};
  return names[size_t(isa)];
}

#if defined(__x86_64__)
/// VNNI with the encoding of AVX2; not every machine with AVX-512 has it.
static bool hasAvxVnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
}
static bool hasAvx512Vnni() { return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl"); }
#endif

static std::vector<Isa> findIsas() {
  std::vector<Isa> isas{Isa::Portable};
#if defined(__x86_64__)
  __builtin_cpu_init(); // also asks the operating system whether it keeps the registers
  if (!__builtin_cpu_supports("avx2"))
    return isas;
  isas.push_back(Isa::Avx2);
  if (hasAvxVnni() || hasAvx512Vnni())
    isas.push_back(Isa::AvxVnni);
  if (hasAvx512Vnni() && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vbmi"))
    isas.push_back(Isa::Avx512Vnni);
#endif
  return isas;
}

llvm::ArrayRef<Isa> dpuopt::kernels::supportedIsas() {
  static const std::vector<Isa> isas = findIsas();
  return isas;
}

Isa dpuopt::kernels::defaultIsa() {
  static const Isa isa = [] {
    const char *wish = std::getenv("DPUOPT_ISA");
    for (Isa i : supportedIsas())
      if (wish && isaName(i) == wish)
        return i;
    return supportedIsas().back();
  }();
  return isa;
}

const KernelTable &dpuopt::kernels::tableOf(Isa isa) {
#if defined(__x86_64__)
  static const KernelTable *const tables[] = {&PortableTable, &Avx2Table,
                                              hasAvxVnni() ? &AvxVnniTable : &AvxVnniEvexTable, &Avx512VnniTable};
  if (llvm::is_contained(supportedIsas(), isa))
    return *tables[size_t(isa)];
#endif
  (void)isa;
  return PortableTable;
}
