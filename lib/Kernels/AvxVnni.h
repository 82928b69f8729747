//===- AvxVnni.h - the kernels for 256-bit vectors with VNNI --------------------------------===//
//
// Included once by each file that compiles them; TABLE is the table's name.
//
//===----------------------------------------------------------------------===//
#include "DepthKernel.h"
#include "Loops.h"
#include "Loops256.h"
#include "Microkernel.h"

namespace dpuopt::kernels {

extern const KernelTable TABLE;
const KernelTable TABLE = {true,
                           1,
                           128,
                           Vnni256::Lanes,
                           Vnni256::MaxVectors,
                           flipSigns,
                           panel<Vnni256>,
                           4,
                           0,
                           depthRow<Vnni256>,
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
