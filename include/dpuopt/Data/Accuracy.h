//===- Accuracy.h - top-1 accuracy of whatever computes logits ------------------===//
#ifndef DPUOPT_DATA_ACCURACY_H
#define DPUOPT_DATA_ACCURACY_H

#include "dpuopt/Data/DataSource.h"
#include <functional>

namespace dpuopt {

struct Accuracy {
  size_t correct = 0, total = 0;
  double percent() const { return total ? 100.0 * static_cast<double>(correct) / static_cast<double>(total) : 0; }
};

/// Computes the class scores of one sample (any shape; the largest element wins, the first on ties).
using Classifier = std::function<Result<Tensor>(const Tensor &)>;

/// Runs `classify` over all of `data`. A sample without a label is an error.
Result<Accuracy> measureTop1(const Classifier &classify, DataSource &data, DiagEngine &diags);

} // namespace dpuopt
#endif
