//===- Isa.h - which instructions the kernels may use ----------------------------===//
//
// Found out at run time, once. Every ISA gives the same bits; they differ in time only.
// The environment variable DPUOPT_ISA (portable, avx2, avx-vnni, avx512-vnni) lowers the
// choice, for tests and bug reports; a name this machine cannot run is ignored.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_KERNELS_ISA_H
#define DPUOPT_KERNELS_ISA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace dpuopt::kernels {

enum class Isa : uint8_t { Portable, Avx2, AvxVnni, Avx512Vnni };

/// "portable", "avx2", ...
llvm::StringRef isaName(Isa isa);
/// Those this machine can run, slowest first; Portable always.
llvm::ArrayRef<Isa> supportedIsas();
/// The fastest supported one, or what DPUOPT_ISA says.
Isa defaultIsa();

} // namespace dpuopt::kernels
#endif
