//===- ReferenceConv.h - the convolution every other must equal -------------------------===//
#ifndef DPUOPT_LIB_KERNELS_REFERENCECONV_H
#define DPUOPT_LIB_KERNELS_REFERENCECONV_H

#include "dpuopt/Kernels/Conv.h"

namespace dpuopt::kernels {

/// One sum after the other; slow, and plainly what Conv.h says.
std::unique_ptr<Conv> referenceConv(const ConvGeometry &g, const int8_t *weights, Requant requant);

} // namespace dpuopt::kernels
#endif
