//===- QuantText.h - numbers of the quantization report as text (internal to lib/Report) --===//
#ifndef DPUOPT_LIB_REPORT_QUANTTEXT_H
#define DPUOPT_LIB_REPORT_QUANTTEXT_H

#include "dpuopt/Report/QuantReport.h"

namespace dpuopt {

/// "31.4"; "exact" without noise, "lost" without signal.
std::string decibelText(double decibels);
/// "0", "<0.01", "1.25".
std::string percentText(double share);
/// Of the layer's first parameter in this role; empty: it has none.
std::string fixPointText(const QuantLayer &layer, const char *role);
/// The different fix points it reads: "4", "4,5".
std::string inputsText(const QuantLayer &layer);
/// "equalize +3.1"; empty where nothing helps.
std::string remedyText(const QuantLayer &layer);

/// Decibels that a step added to the last one kept before it.
std::optional<double> boughtBy(const QuantReport &r, size_t step);
/// What else there is to say of a step.
std::string stepText(const QuantReport &r, const QuantStep &step);

/// Bars of logarithmic height over what the fix point represents; beyond that they are marked.
std::string histogramSvg(const QuantHistogram &h);
/// Decibels of all layers in graph order.
std::string depthSvg(const QuantReport &r);

} // namespace dpuopt
#endif
