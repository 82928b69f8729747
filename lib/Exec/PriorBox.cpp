//===- PriorBox.cpp - the anchor boxes of SSD detectors -----------------------------------===//
//
// As Caffe's PriorBox layer: around the centre of every cell of the feature map, for every size s in min_sizes, a
// square of s; with max_sizes one of sqrt(s * max); and one s * sqrt(r) wide, s / sqrt(r) high for every aspect ratio.
//
//===----------------------------------------------------------------------===//
#include "PriorBox.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

/// The given ratios and, with flip, their inverses; each once, and without the 1 that every size has anyway.
static std::vector<float> ratiosOf(const Op &op) {
  std::vector<float> ratios;
  auto add = [&](float r) {
    bool known = std::fabs(r - 1) < 1e-6f;
    for (float other : ratios)
      known = known || std::fabs(r - other) < 1e-6f;
    if (!known)
      ratios.push_back(r);
  };
  for (float r : op.getFloats("aspect_ratio")) {
    add(r);
    if (op.getBool("flip"))
      add(1 / r);
  }
  return ratios;
}

/// Width and height of the boxes of one cell, in pixels; empty if the attributes make no sense.
static std::vector<std::pair<float, float>> boxesOf(const Op &op) {
  std::vector<float> smallest = op.getFloats("min_sizes"), largest = op.getFloats("max_sizes");
  std::vector<std::pair<float, float>> boxes;
  if (!largest.empty() && largest.size() != smallest.size())
    return {};
  for (size_t i = 0; i < smallest.size(); ++i) {
    float s = smallest[i];
    boxes.push_back({s, s});
    if (!largest.empty())
      boxes.push_back({std::sqrt(s * largest[i]), std::sqrt(s * largest[i])});
    for (float r : ratiosOf(op))
      boxes.push_back({s * std::sqrt(r), s / std::sqrt(r)});
  }
  return boxes;
}

Result<Tensors> exec::priorBox(const Call &call) {
  const Tensor &cells = call.in(0), &image = call.in(1);
  std::vector<std::pair<float, float>> boxes = boxesOf(call.op);
  std::vector<float> variance = call.op.getFloats("variance"), step = call.op.getFloats("step");
  if (cells.shape().size() != 4 || image.shape().size() != 4 || boxes.empty() ||
      (variance.size() != 1 && variance.size() != 4) || step.size() > 2 || product(image.shape()) == 0 ||
      product(cells.shape()) == 0)
    return call.error("needs a feature map and an image N, H, W, C, as many max_sizes as min_sizes or none, "
                      "1 or 4 variances and at most 2 steps");
  int64_t h = cells.shape()[1], w = cells.shape()[2];
  float imageH = float(image.shape()[1]), imageW = float(image.shape()[2]);
  float stepW = step.empty() ? 0 : step[0], stepH = step.empty() ? 0 : step.back();
  if (stepW == 0 || stepH == 0)
    stepW = imageW / float(w), stepH = imageH / float(h);
  int64_t count = 0;
  if (__builtin_mul_overflow(h * w, int64_t(boxes.size()) * 4, &count) || count > MaxResultElements / 2)
    return call.error("its result is too large");
  auto y = call.allocate(ElemKind::F32, {1, 2, count});
  if (!y)
    return failure();
  float offset = float(call.op.getFloat("offset", 0.5));
  bool clip = call.op.getBool("clip");
  float *out = mutData<float>(*y), *variances = out + count;
  for (int64_t i = 0; i < h; ++i)
    for (int64_t j = 0; j < w; ++j) {
      float x = (float(j) + offset) * stepW, v = (float(i) + offset) * stepH;
      for (auto [boxW, boxH] : boxes)
        for (float corner :
             {(x - boxW / 2) / imageW, (v - boxH / 2) / imageH, (x + boxW / 2) / imageW, (v + boxH / 2) / imageH})
          *out++ = clip ? std::clamp(corner, 0.0f, 1.0f) : corner;
    }
  for (int64_t i = 0; i < count; ++i)
    variances[i] = variance[size_t(i) % variance.size()];
  return one(std::move(*y));
}
