//===- Accuracy.cpp - top-1 accuracy of whatever computes logits ------------------===//
#include "dpuopt/Data/Accuracy.h"
#include <fmt/format.h>

namespace dpuopt {

Result<Accuracy> measureTop1(const Classifier &classify, DataSource &data, DiagEngine &diags) {
  Accuracy result;
  for (size_t i = 0; i < data.size(); ++i) {
    Result<Sample> sample = data.load(i, diags);
    if (!sample)
      return failure();
    if (sample->label < 0)
      return diags
          .error(fmt::format("sample '{}' has no label: accuracy needs labelled data, such as "
                             "fashion-mnist:test:1000",
                             sample->name))
          .rule("data.label");
    Result<Tensor> scores = classify(sample->input);
    if (!scores)
      return failure();
    int64_t best = 0;
    for (int64_t k = 1; k < scores->numElements(); ++k)
      if (scores->at(k) > scores->at(best))
        best = k;
    result.correct += best == sample->label;
    ++result.total;
  }
  return result;
}

} // namespace dpuopt
