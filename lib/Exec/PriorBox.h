//===- PriorBox.h - the anchor boxes of SSD detectors -----------------------------------===//
#ifndef DPUOPT_LIB_EXEC_PRIORBOX_H
#define DPUOPT_LIB_EXEC_PRIORBOX_H

#include "Kernel.h"

namespace dpuopt::exec {

/// Operands: a feature map and the image (their sizes count); result [1, 2, 4 * boxes]: corners, then variances.
Result<Tensors> priorBox(const Call &call);

} // namespace dpuopt::exec
#endif
