//===- Tries.h - quantizing until it is good enough ----------------------------------===//
//
// One try is a recipe carried out on a model and measured: accuracy on labelled samples,
// error of the outputs on the calibration data. The ladder adds steps to a recipe, the
// cheapest first, keeps what helps, and stops when the budget holds. Knows no flag.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_TRIES_H
#define DPUOPT_TOOLS_DPUC_TRIES_H

#include "Evaluation.h"
#include "FixPoints.h"
#include "dpuopt/Calibrate/OutputError.h"

namespace dpuopt {

/// What the result must keep; nothing by default.
struct QuantizationBudget {
  std::optional<double> maxDrop; ///< points of top-1 accuracy below the float model
  std::optional<double> minSnr;  ///< dB of the outputs
};

struct TryOptions {
  FixPointOptions fixPoints;
  std::string evalData; ///< labelled samples; may be empty
  QuantizationBudget budget;
};

struct Try {
  std::string name;    ///< "mse", "+ equalize"
  size_t samples = 0;  ///< of calibration data
  FixPointOptions how; ///< what it did
  std::optional<Quantized> found;
  std::vector<std::string> changes;
  std::unique_ptr<Graph> lowered; ///< xir.*, what is written
  QuantInfo info;
  std::optional<Evaluation> accuracy;
  OutputNoise noise;
  double seconds = 0; ///< without measuring
  bool kept = false;  ///< as far as the ladder is climbed, it is part of the result
  std::vector<Diagnostic> said;

  bool within(const QuantizationBudget &budget) const;
  /// By accuracy if it is known, else (and on ties) by the outputs' error.
  bool betterThan(const Try &other) const;
};

/// Tries on a model as it was read (`read`), on `target`. Errors are those of the first try that fails.
class Ladder {
public:
  Ladder(const Job &read, const TryOptions &options, DiagEngine &diags) : read(read), options(options), diags(diags) {}
  /// The recipe as asked; with a budget, and while it is not kept, more and more steps.
  Status climb();
  const Try &best() const { return *tries[bestIndex]; }
  Try &best() { return *tries[bestIndex]; }
  llvm::ArrayRef<std::unique_ptr<Try>> all() const { return tries; }

private:
  Status attempt(std::string name, const FixPointOptions &how);
  Status measure(Try &t, const Graph &floatGraph);

  const Job &read;
  const TryOptions &options;
  DiagEngine &diags;
  std::vector<std::unique_ptr<Try>> tries;
  size_t bestIndex = 0;
};

} // namespace dpuopt
#endif
