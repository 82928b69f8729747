//===- Judge.h - what a step's changes are judged by -----------------------------------===//
//
// The error at the network's outputs, and how large it is as the network stands. Whether a
// change is worth keeping is the step's decision.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_CALIBRATE_JUDGE_H
#define DPUOPT_LIB_CALIBRATE_JUDGE_H

#include "dpuopt/Calibrate/OutputError.h"
#include "dpuopt/Calibrate/Recipe.h"

namespace dpuopt {

class Judge {
public:
  /// Measures `q` as it stands on samples `which`; `context` must outlive this. Errors: those of OutputError.
  Status begin(const Quantization &q, const StepContext &context, std::vector<size_t> which);
  /// Squared error / squared signal of `q` as it is now.
  Result<double> of(const Quantization &q);
  /// The same of the network as it stands.
  double ratio() const { return standing; }
  /// A change that came to `ratio` is kept.
  void keep(double ratio) { standing = ratio; }

private:
  std::optional<OutputError> error;
  double standing = 0;
};

} // namespace dpuopt
#endif
