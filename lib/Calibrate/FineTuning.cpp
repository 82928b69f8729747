//===- FineTuning.cpp - weights and biases that fit the quantized network ---------------===//
//
// An output lacks two things: what rounding its own weights has taken, and what came in
// wrong. Of the first everything is known; the second is estimated from the samples, and
// in deep networks it is noise for the most part. So two changes are tried: one that makes
// up for all that is lacking, one for what the layer's own rounding takes and the mean of
// the rest.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Calibrate/FineTuning.h"
#include "IntegerDescent.h"
#include "LayerByLayer.h"
#include <cmath>

using namespace dpuopt;

namespace {

/// The integers of a parameter, and the float network's numbers.
struct Integers {
  Integers(const Quantization &q, const Quantization::Param &p)
      : pos(p.pos), shape(p.floats.shape()), step(std::ldexp(1.0, -p.pos.fixPoint)), most((1 << (p.pos.bits - 1)) - 1) {
    const Tensor rounded = quantizeTensor(p.floats, p.pos, Rounding::HalfAway);
    const Tensor exact = constantOf(q.reference().lookup(p.value->name()))->toFloat();
    for (int64_t i = 0; i < rounded.numElements(); ++i)
      now.push_back(static_cast<int>(rounded.intAt(i))), wanted.push_back(static_cast<float>(exact.at(i)));
  }
  IntegerUnknown unknown(size_t at, double ridge) const { return {now[at], -most - 1, most, step, ridge}; }
  /// What rounding takes from a number.
  double taken(size_t at) const { return wanted[at] - now[at] * step; }
  Tensor floats() const {
    std::vector<float> all;
    for (int i : now)
      all.push_back(std::ldexp(static_cast<float>(i), -pos.fixPoint));
    return Tensor::fromFloats(shape, std::move(all));
  }
  FixPos pos;
  llvm::ArrayRef<int64_t> shape;
  double step;
  int most;
  std::vector<int> now;
  std::vector<float> wanted;
};

/// One way to tune one layer, or a part of it.
class Tuning {
public:
  Tuning(Quantization &q, const LayerPart &part, const Moments &moments, double ridge, bool ownOnly)
      : q(q), part(part), layer(*part.layer), moments(moments), ridge(ridge), ownOnly(ownOnly),
        weights(q, q.params[layer.weight]) {
    if (layer.bias >= 0)
      biases.emplace(q, q.params[static_cast<size_t>(layer.bias)]);
  }
  void run(unsigned threads);

private:
  double ridgeOf(size_t group) const;
  void tune(size_t group, size_t output, double ridge);
  void limit(size_t group, size_t output, llvm::MutableArrayRef<double> gradient) const;

  Quantization &q;
  const LayerPart &part;
  const LinearLayer &layer;
  const Moments &moments;
  const double ridge;
  const bool ownOnly;
  Integers weights;
  std::optional<Integers> biases;
};

} // namespace

double Tuning::ridgeOf(size_t group) const {
  double trace = 0;
  for (size_t k = 0; k < part.count; ++k)
    trace += moments.second(group, k)[k];
  return ridge * trace / static_cast<double>(part.count);
}

/// Replaces the gradient by one that sees what this layer's rounding takes, and of all else the mean.
void Tuning::limit(size_t group, size_t o, llvm::MutableArrayRef<double> gradient) const {
  const float *lacks = moments.cross(group, o), *constant = moments.second(group, part.count);
  std::fill(gradient.begin(), gradient.end(), 0);
  auto add = [&](double factor, const float *row) {
    for (size_t k = 0; k < gradient.size(); ++k)
      gradient[k] += factor * row[k];
  };
  for (size_t k = 0; k < part.count; ++k)
    add(weights.taken(layer.weightAt(group, o, part.first + k)), moments.second(group, k));
  if (biases)
    add(biases->taken(layer.biasAt(group, o)), constant);
  add((lacks[part.count] - gradient.back()) / constant[part.count], constant);
}

void Tuning::tune(size_t group, size_t o, double ridge) {
  std::vector<IntegerUnknown> unknowns;
  std::vector<double> gradient(moments.cross(group, o), moments.cross(group, o) + part.width());
  if (ownOnly)
    limit(group, o, gradient);
  for (size_t k = 0; k < part.count; ++k) {
    const size_t at = layer.weightAt(group, o, part.first + k);
    unknowns.push_back(weights.unknown(at, ridge));
    gradient[k] += ridge * weights.taken(at);
  }
  const size_t biasAt = layer.biasAt(group, o);
  unknowns.push_back(biases ? biases->unknown(biasAt, 0) : IntegerUnknown{0, 0, 0, 1});
  constexpr unsigned Sweeps = 20;
  descend(moments.second(group, 0), moments.stride(), unknowns, gradient, Sweeps);
  for (size_t k = 0; k < part.count; ++k)
    weights.now[layer.weightAt(group, o, part.first + k)] = unknowns[k].q;
  if (biases)
    biases->now[biasAt] = unknowns.back().q;
}

void Tuning::run(unsigned threads) {
  std::vector<double> ridges;
  for (size_t g = 0; g < layer.groups; ++g)
    ridges.push_back(ridgeOf(g));
  inParallel(threads, layer.groups * layer.outputs,
             [&](size_t i) { tune(i / layer.outputs, i % layer.outputs, ridges[i / layer.outputs]); });
  q.params[layer.weight].floats = weights.floats();
  if (biases)
    q.params[static_cast<size_t>(layer.bias)].floats = biases->floats();
}

Status dpuopt::fineTune(Quantization &q, const FineTuneOptions &options, const StepContext &context) {
  LayerStep step{"fine tuning", options.images, options.passes, {options.rows, context.seed}, false, {}};
  for (bool ownOnly : {false, true})
    step.changes.push_back([&, ownOnly](Quantization &q, const LayerPart &part, const Moments &moments) {
      Tuning(q, part, moments, options.ridge, ownOnly).run(context.threads);
    });
  return layerByLayer(q, step, context);
}
