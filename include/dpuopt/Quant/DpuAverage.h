//===- DpuAverage.h - averages and hard sigmoids as the DPU's integers have them -===//
//
// The DPU multiplies by n / 2^m where ONNX divides. How much that differs from the exact
// op; calibration and lowering both have to know. Executes nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_DPUAVERAGE_H
#define DPUOPT_QUANT_DPUAVERAGE_H

#include "dpuopt/IR/Graph.h"
#include <optional>

namespace dpuopt {

/// The DPU's integer stand-in for 1/(kh*kw): numerator / 2^shift (the vendor's reference kernels).
struct AverageFactor {
  int64_t numerator = 1;
  int shift = 0;
  double value() const;
};
AverageFactor dpuAverage(int64_t kh, int64_t kw);

/// kh*kw*N/2^M, by which the DPU's average over kh x kw differs from the exact one, as vai_q_pytorch has it: it takes
/// 3x6 and 6x3 for 6x6.
double averageCorrection(int64_t kh, int64_t kw);
/// The same for onnx.AveragePool, GlobalAveragePool and ReduceMean (over all that it averages, whatever the axes);
/// nullopt for other ops and unknown shapes.
std::optional<double> averageCorrection(const Op &op);

/// What the DPU's result is multiplied by compared with the exact op: averageCorrection(), the 6 * 2731 / 2^14 of a
/// hard-sigmoid; 1 for all else.
float dpuFactor(const Op &op);

} // namespace dpuopt
#endif
