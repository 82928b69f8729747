//===- Evaluation.h - accuracy of one or two classifiers on the same samples ---------===//
//
// Any number of threads; the counts do not depend on it. Knows no flag.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_EVALUATION_H
#define DPUOPT_TOOLS_DPUC_EVALUATION_H

#include "Backend.h"
#include <functional>

namespace dpuopt {

/// What one model said of all samples.
struct ModelScore {
  size_t top1 = 0, top5 = 0;
  double seconds = 0; ///< of the runs alone, all threads together
};

struct Evaluation {
  size_t samples = 0, classes = 0;
  ModelScore model, reference;
  bool hasReference = false;
  size_t agree = 0; ///< same first class
  size_t bothRight = 0, onlyReference = 0, onlyModel = 0, bothWrong = 0;

  double percent(size_t n) const { return samples ? 100.0 * static_cast<double>(n) / static_cast<double>(samples) : 0; }
  /// Percentage points that the model is worse than the reference.
  double drop() const { return percent(reference.top1) - percent(model.top1); }
  /// McNemar's test: how often chance alone makes as large a difference of the two that only one got right.
  double pValue() const;
};

/// A model with its view of the samples: data in its own layout. Each thread opens its own.
struct Contestant {
  RunModel &model;
  std::function<Result<std::unique_ptr<DataSource>>(DiagEngine &)> open;
  size_t samples;
  BackendOptions backend = {};
  std::optional<size_t> output = {}; ///< the one that has the scores; none: the first that is one vector
};

/// Which output is called `name`, also by the name it had before quantizer and compiler. Error [eval.output]: none.
Result<size_t> findOutput(const RunModel &model, llvm::StringRef name, DiagEngine &diags);

/// `reference` may be null; both have as many samples. Errors: a sample without a label or with one too large, a model
/// without one vector of scores, models with different numbers of classes.
Result<Evaluation> evaluateModels(Contestant &model, Contestant *reference, unsigned threads, DiagEngine &diags);

/// `model` (of either vocabulary) against `reference` on the labelled samples of `spec`.
Result<Evaluation> evaluateGraphs(const Graph &model, const Graph &reference, llvm::StringRef spec, unsigned threads,
                                  DiagEngine &diags);

} // namespace dpuopt
#endif
