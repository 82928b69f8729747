//===- HeadDecoder.cpp - a detector's head, computed from its description --------===//
//
// Written from the formulas of the description alone: comparing it with the part of
// the model that was cut off proves the description.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Passes/DetectHead.h"
#include <cmath>

namespace dpuopt {
namespace {

double sigmoid(double t) { return 1 / (1 + std::exp(-t)); }

class Decoder {
public:
  Decoder(const DetectHead &head, llvm::ArrayRef<Tensor> cut) : head(head) {
    for (const Tensor &t : cut)
      tensors.push_back(t.toFloat().expanded());
    for (const HeadResult &r : head.results)
      if (r.described) {
        rows = std::max(rows, r.firstRow + r.rows);
        columns = std::max(columns, r.firstColumn + r.columns);
      }
  }

  Tensor run() {
    Tensor out = Tensor::zeros(Type(ElemKind::F32, {rows, columns}));
    values = out.mut<float>();
    for (const HeadScale &s : head.scales)
      for (const HeadAnchor &a : s.anchors)
        for (int64_t cell = 0; cell < s.height * s.width; ++cell)
          decode(s, a, cell);
    return out;
  }

private:
  double logit(HeadChannel c, int64_t cell) const {
    const Tensor &t = tensors[c.output];
    return t.as<float>()[c.channel * (t.shape()[2] * t.shape()[3]) + cell];
  }

  /// The expectation of bin numbers, weighted by softmax.
  double distance(const HeadAnchor &a, unsigned side, int64_t cell) const {
    if (head.bins == 1)
      return logit(a.box[side], cell);
    double largest = -INFINITY, sum = 0, weighted = 0;
    for (int64_t b = 0; b < head.bins; ++b)
      largest = std::max(largest, logit(a.box[side * head.bins + b], cell));
    for (int64_t b = 0; b < head.bins; ++b) {
      double e = std::exp(logit(a.box[side * head.bins + b], cell) - largest);
      sum += e, weighted += e * static_cast<double>(b);
    }
    return weighted / sum;
  }

  /// Centre and size in pixels of the input.
  std::array<double, 4> box(const HeadScale &s, const HeadAnchor &a, int64_t cell) const {
    double t[4];
    for (unsigned i = 0; i < 4; ++i)
      t[i] = distance(a, i, cell);
    double cx = (double(cell % s.width) + s.offsetX) * s.strideX, cy = (double(cell / s.width) + s.offsetY) * s.strideY;
    switch (head.decode) {
    case BoxDecode::SigmoidSq:
      return {cx + head.xyScale * (sigmoid(t[0]) - 0.5) * s.strideX,
              cy + head.xyScale * (sigmoid(t[1]) - 0.5) * s.strideY, 4 * std::pow(sigmoid(t[2]), 2) * a.width,
              4 * std::pow(sigmoid(t[3]), 2) * a.height};
    case BoxDecode::SigmoidExp:
      return {cx + head.xyScale * (sigmoid(t[0]) - 0.5) * s.strideX,
              cy + head.xyScale * (sigmoid(t[1]) - 0.5) * s.strideY, std::exp(t[2]) * a.width,
              std::exp(t[3]) * a.height};
    case BoxDecode::OffsetExp:
      return {cx + t[0] * s.strideX, cy + t[1] * s.strideY, std::exp(t[2]) * s.strideX, std::exp(t[3]) * s.strideY};
    case BoxDecode::Distances:
      return {cx + (t[2] - t[0]) / 2 * s.strideX, cy + (t[3] - t[1]) / 2 * s.strideY, (t[0] + t[2]) * s.strideX,
              (t[1] + t[3]) * s.strideY};
    case BoxDecode::Prior:
      return {cx + head.variances[0] * t[0] * a.width, cy + head.variances[0] * t[1] * a.height,
              std::exp(head.variances[1] * t[2]) * a.width, std::exp(head.variances[1] * t[3]) * a.height};
    case BoxDecode::Raw:
      break;
    }
    return {t[0], t[1], t[2], t[3]};
  }

  void decode(const HeadScale &s, const HeadAnchor &a, int64_t cell) {
    float *row = &values[(a.firstRow + cell * s.cellStep) * columns];
    if (!a.box.empty()) {
      std::array<double, 4> b = box(s, a, cell);
      if (head.decode != BoxDecode::Raw) {
        if (head.form == BoxForm::Corners)
          b = {b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
        for (unsigned i = 0; i < 4; ++i)
          b[i] *= i % 2 ? head.unitY : head.unitX;
      }
      for (unsigned i = 0; i < 4; ++i)
        row[head.boxColumn + i] = static_cast<float>(b[i]);
    }
    double object = 1;
    if (a.objectness) {
      object = logit(*a.objectness, cell);
      object = head.objectness == ScoreForm::Sigmoid ? sigmoid(object) : object;
    }
    if (head.objectnessColumn >= 0)
      row[head.objectnessColumn] = static_cast<float>(object);
    if (head.classColumn >= 0)
      scores(a, cell, head.multiplied ? object : 1, row + head.classColumn);
  }

  void scores(const HeadAnchor &a, int64_t cell, double factor, float *out) const {
    double largest = 0, sum = 1;
    if (head.scores == ScoreForm::Softmax) {
      largest = -INFINITY, sum = 0;
      for (HeadChannel c : a.classes)
        largest = std::max(largest, logit(c, cell));
      for (HeadChannel c : a.classes)
        sum += std::exp(logit(c, cell) - largest);
    }
    for (HeadChannel c : a.classes) {
      double t = logit(c, cell);
      t = head.scores == ScoreForm::Sigmoid   ? sigmoid(t)
          : head.scores == ScoreForm::Softmax ? std::exp(t - largest) / sum
                                              : t;
      *out++ = static_cast<float>(t * factor);
    }
  }

  const DetectHead &head;
  std::vector<Tensor> tensors;
  int64_t rows = 0, columns = 0;
  llvm::MutableArrayRef<float> values;
};

} // namespace

Tensor decodeHead(const DetectHead &head, llvm::ArrayRef<Tensor> cut) { return Decoder(head, cut).run(); }

} // namespace dpuopt
