//===- Calibrator.h - fix points from data -------------------------------------===//
//
// Watches a float graph being executed: rounds each value that has a position before
// it flows on, and keeps the positions found. Who executes, and on what data, is the
// caller's business (pass calibrate).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_CALIBRATOR_H
#define DPUOPT_QUANT_CALIBRATOR_H

#include "dpuopt/Quant/FixPlan.h"

namespace dpuopt {

struct CalibrationOptions {
  int bits = 8;                     ///< of every value
  int searchRange = SearchRange;    ///< 1: positions that just do not overflow (diffs_mode maxmin)
  bool averageApproximation = true; ///< averages as the DPU computes them (n / 2^m), as vai_q_pytorch does
};

class Calibrator {
public:
  /// `g` and `groups` must outlive the calibrator.
  Calibrator(const Graph &g, const QuantGroups &groups, const CalibrationOptions &options);

  /// Finds the parameters' positions and replaces the graph's constants (so give it a clone)
  /// by their rounded values, still f32. An infinite constant is an error that names it.
  Status quantizeParams(DiagEngine &diags);

  /// Position of a model input for this sample; rounds it. Called before the sample runs.
  void feed(const Value &input, Tensor &t);
  /// To be called with each value as it is computed (ExecObserver).
  void observe(const Value &v, Tensor &t);

  /// The first value in which a NaN or infinity was seen; null: none.
  const Value *nonFinite() const { return badValue; }

  /// Parameters' positions, and the mode of each value's history (smallest on ties).
  FixPlan plan() const;

private:
  void record(const Value &v, Tensor &t, int range, Rounding rounding);

  const QuantGroups &groups;
  CalibrationOptions options;
  llvm::DenseMap<const Value *, FixPos> paramPositions;
  llvm::DenseMap<const Value *, std::vector<int>> histories;
  llvm::DenseMap<const Value *, float> averageFactor;
  const Value *badValue = nullptr;
};

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

} // namespace dpuopt
#endif
