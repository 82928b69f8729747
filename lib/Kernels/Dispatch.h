//===- Dispatch.h - the table of an ISA -------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_DISPATCH_H
#define DPUOPT_LIB_KERNELS_DISPATCH_H

#include "Table.h"
#include "dpuopt/Kernels/Isa.h"

namespace dpuopt::kernels {

/// The portable one for an ISA that this machine cannot run.
const KernelTable &tableOf(Isa isa);

} // namespace dpuopt::kernels
#endif
