//===- QuantSummary.h - what was measured of a quantization, as a report -------------===//
#ifndef DPUOPT_TOOLS_DPUC_QUANTSUMMARY_H
#define DPUOPT_TOOLS_DPUC_QUANTSUMMARY_H

#include "Tries.h"
#include "dpuopt/Calibrate/LayerErrors.h"
#include "dpuopt/Report/QuantReport.h"

namespace dpuopt {

/// Layers with their remedies, outputs, bits and how many samples were measured; the caller knows the rest.
QuantReport describe(const Quantization &q, const LayerErrors &errors);

QuantStep stepOf(const Try &t);

} // namespace dpuopt
#endif
