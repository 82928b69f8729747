//===- Judge.cpp - what a step's changes are judged by ---------------------------------===//
#include "Judge.h"

using namespace dpuopt;

Status Judge::begin(const Quantization &q, const StepContext &context, std::vector<size_t> which) {
  auto created = OutputError::create(q, context.samples, std::move(which), context.threads, context.diags);
  if (!created)
    return failure();
  error.emplace(std::move(*created));
  auto found = of(q);
  if (!found)
    return failure();
  standing = *found;
  return success();
}

Result<double> Judge::of(const Quantization &q) {
  auto noise = error->of(q);
  if (!noise)
    return failure();
  return noise->ratio;
}
