//===- LayerErrors.cpp - how far off each layer of a quantized network is -------------===//
//
// Four runs of a sample: the float network, whose values are kept; the network as
// quantized; and twice each layer alone, with its parameters rounded and as they are. Alone
// means that after a value has been compared, the float one, rounded, takes its place.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Calibrate/LayerErrors.h"
#include "LayerSites.h"
#include <cmath>

using namespace dpuopt;

//===-- Figures -----------------------------------------------------------------------===//

double dpuopt::snrOf(double signal, double noise) {
  if (std::isnan(signal) || std::isnan(noise))
    return -INFINITY;
  return noise == 0 ? INFINITY : 10 * std::log10(signal / noise);
}

void Fidelity::add(std::span<const float> right, std::span<const float> wrong) {
  // Sums in lanes, so that they do not wait for each other.
  constexpr size_t Lanes = 4;
  double s[Lanes]{}, n[Lanes]{}, p[Lanes]{}, w[Lanes]{};
  const size_t count = std::min(right.size(), wrong.size());
  for (size_t i = 0; i < count; ++i) {
    const double a = right[i], b = wrong[i], d = a - b;
    const size_t k = i % Lanes;
    s[k] += a * a, n[k] += d * d, p[k] += a * b, w[k] += b * b;
  }
  for (size_t k = 0; k < Lanes; ++k)
    signal += s[k], noise += n[k], product += p[k], power += w[k];
}

Fidelity &Fidelity::operator+=(const Fidelity &o) {
  signal += o.signal, noise += o.noise, product += o.product, power += o.power;
  return *this;
}

double Fidelity::cosine() const {
  if (signal == 0 && power == 0)
    return 1;
  const double c = product / std::sqrt(signal * power);
  return std::isfinite(c) ? std::clamp(c, -1.0, 1.0) : 0;
}

double Placed::noise(int delta) const { return expectedError(values, {pos.bits, pos.fixPoint + delta}, rounding); }

int dpuopt::positionFor(double magnitude, int bits) {
  if (!(magnitude > 0))
    return maxFixPoint(bits);
  const double most = std::ldexp(1.0, bits - 1) - 0.5;
  return static_cast<int>(
      std::clamp(std::floor(std::log2(most / magnitude)), double(MinFixPoint), double(maxFixPoint(bits))));
}

const ParamError *LayerError::param(ParamRole role) const {
  auto found = llvm::find_if(params, [&](const ParamError &p) { return p.role == role; });
  return found == params.end() ? nullptr : &*found;
}

double LayerError::clippedShare() const {
  const uint64_t n = placed.values.count();
  return n ? static_cast<double>(clipped) / static_cast<double>(n) : 0;
}

int LayerError::forcedBy() const {
  const int bits = placed.pos.bits, with = positionFor(decisive.largest, bits);
  if (decisive.nextLargest == 0 || placed.pos.fixPoint > with)
    return 0;
  return positionFor(decisive.nextLargest, bits) - with;
}

//===-- One sample ----------------------------------------------------------------------===//

namespace {
enum Run : unsigned { Exact, Entire, Alone, AloneExactParams };

/// Sums of one layer.
struct LayerSums {
  ValueHistogram values;
  Fidelity single, entire;
  uint64_t clipped = 0;
  double noiseOfInputs = 0;  ///< before the result is rounded, parameters as they are
  double noiseUnrounded = 0; ///< before the result is rounded
  size_t perChannel = 0;     ///< numbers in a channel
  std::vector<double> shift; ///< by channel: sum of wrong - right, of `single`
  std::vector<float> range;  ///< by channel: largest magnitude
  std::vector<bool> seen;    ///< by channel: is anything left after rounding
  float largest = 0;

  LayerSums &operator+=(const LayerSums &o);
};

struct OutputSums {
  Fidelity fidelity;
  double maxAbs = 0;
  uint64_t vectors = 0, sameLargest = 0;
};

class LayerVisitor : public SampleVisitor {
public:
  LayerVisitor(const Quantization &q, const FlowGraph &rounded, const FlowGraph &unrounded,
               llvm::ArrayRef<LayerError> layers, llvm::ArrayRef<int> layerOf)
      : sums(layers.size()), q(q), rounded(rounded), unrounded(unrounded), layers(layers), layerOf(layerOf),
        exact(layers.size()) {}
  void feed(unsigned k, const Value &input, Tensor &t) override { observe(k, input, t); }
  void observe(unsigned k, const Value &v, Tensor &t) override;
  void finish(unsigned k, llvm::ArrayRef<Tensor> results) override;

  std::vector<LayerSums> sums;
  std::vector<OutputSums> outputs;

private:
  void keep(const Value &v, const Tensor &t);
  void compareEntire(size_t i, std::span<float> x);
  void compareAlone(size_t i, std::span<float> x);
  void compareChannels(size_t i, std::span<const float> x);

  const Quantization &q;
  const FlowGraph &rounded, &unrounded;
  llvm::ArrayRef<LayerError> layers;
  llvm::ArrayRef<int> layerOf; ///< by slot
  std::vector<Tensor> exact;   ///< what the float network computes, by layer
  std::vector<Tensor> results; ///< of the float network
};
} // namespace

LayerSums &LayerSums::operator+=(const LayerSums &o) {
  values.merge(o.values);
  single += o.single, entire += o.entire;
  clipped += o.clipped, noiseOfInputs += o.noiseOfInputs, noiseUnrounded += o.noiseUnrounded;
  perChannel += o.perChannel;
  shift.resize(o.shift.size()), range.resize(o.shift.size()), seen.resize(o.shift.size());
  for (size_t c = 0; c < shift.size(); ++c) {
    shift[c] += o.shift[c], range[c] = std::max(range[c], o.range[c]);
    seen[c] = seen[c] || o.seen[c];
  }
  return *this;
}

static std::span<const float> numbersOf(const Tensor &t) {
  llvm::ArrayRef<float> x = t.as<float>();
  return {x.data(), x.size()};
}

/// Differences of right and wrong numbers, squared.
static double noiseOf(std::span<const float> right, std::span<const float> wrong) {
  Fidelity f;
  f.add(right, wrong);
  return f.noise;
}

/// The float network's value of a layer, and what is known of it alone.
void LayerVisitor::keep(const Value &v, const Tensor &t) {
  const Value *mine = q.graph().lookup(v.name());
  const int slot = mine ? q.activationSlot(mine) : -1;
  const int i = slot < 0 ? -1 : layerOf[static_cast<size_t>(slot)];
  if (i < 0 || !t.elemType().isFloat())
    return;
  const auto n = static_cast<size_t>(i);
  exact[n] = t.toFloat().expanded();
  std::span<const float> x = numbersOf(exact[n]);
  const FloatRange r = rangeOf(x);
  sums[n].values.add(x);
  sums[n].largest = std::max(std::fabs(r.min), std::fabs(r.max));
}

void LayerVisitor::observe(unsigned k, const Value &v, Tensor &t) {
  if (k == Exact)
    return keep(v, t);
  const int slot = (k == AloneExactParams ? unrounded : rounded).prepare(v, t);
  const int i = slot < 0 ? -1 : layerOf[static_cast<size_t>(slot)];
  if (i < 0)
    return;
  const auto n = static_cast<size_t>(i);
  llvm::MutableArrayRef<float> all = t.mut<float>();
  std::span<float> x(all.data(), all.size());
  if (x.size() != static_cast<size_t>(exact[n].numElements()))
    return;
  if (k == Entire)
    return compareEntire(n, x);
  if (k == Alone)
    compareAlone(n, x);
  else
    sums[n].noiseOfInputs = noiseOf(numbersOf(exact[n]), x);
  llvm::copy(numbersOf(exact[n]), x.begin());
  fakeQuantize(x, layers[n].placed.pos, layers[n].placed.rounding);
  if (k == AloneExactParams)
    exact[n] = {};
}

void LayerVisitor::compareEntire(size_t i, std::span<float> x) {
  const FixPos pos = layers[i].placed.pos;
  const float scale = std::ldexp(1.0f, pos.fixPoint), half = std::ldexp(1.0f, pos.bits - 1);
  uint64_t clipped = 0;
  for (float v : x)
    clipped += v * scale >= half - 0.5f || v * scale < -half - 0.5f;
  sums[i].clipped = clipped;
  fakeQuantize(x, pos, layers[i].placed.rounding);
  sums[i].entire.add(numbersOf(exact[i]), x);
}

void LayerVisitor::compareAlone(size_t i, std::span<float> x) {
  sums[i].noiseUnrounded = noiseOf(numbersOf(exact[i]), x);
  fakeQuantize(x, layers[i].placed.pos, layers[i].placed.rounding);
  sums[i].single.add(numbersOf(exact[i]), x);
  compareChannels(i, x);
}

void LayerVisitor::compareChannels(size_t i, std::span<const float> x) {
  const ChannelView view(layers[i], exact[i].shape());
  if (view.channels == 0 || x.empty())
    return;
  LayerSums &s = sums[i];
  s.shift.assign(view.channels, 0), s.range.assign(view.channels, 0), s.seen.assign(view.channels, false);
  s.perChannel = x.size() / view.channels;
  std::span<const float> right = numbersOf(exact[i]);
  for (size_t at = 0, row = 0; at < x.size(); at += view.inner, ++row) {
    const size_t c = row % view.channels;
    double shift = 0;
    float range = 0;
    bool seen = false;
    for (size_t j = at; j < at + view.inner; ++j) {
      shift += static_cast<double>(x[j]) - right[j];
      range = std::max(range, std::fabs(right[j]));
      seen |= x[j] != 0;
    }
    s.shift[c] += shift, s.range[c] = std::max(s.range[c], range);
    s.seen[c] = s.seen[c] || seen;
  }
}

static size_t largestOf(std::span<const float> x) { return size_t(std::max_element(x.begin(), x.end()) - x.begin()); }

void LayerVisitor::finish(unsigned k, llvm::ArrayRef<Tensor> all) {
  if (k == Exact)
    results.assign(all.begin(), all.end());
  if (k != Entire)
    return;
  outputs.resize(all.size());
  for (size_t o = 0; o < all.size(); ++o) {
    if (!all[o].elemType().isFloat() || results[o].shape() != all[o].shape() || all[o].numElements() == 0)
      continue;
    const Tensor a = results[o].toFloat().expanded(), b = all[o].toFloat().expanded();
    std::span<const float> right = numbersOf(a), wrong = numbersOf(b);
    outputs[o].fidelity.add(right, wrong);
    for (size_t j = 0; j < right.size(); ++j)
      outputs[o].maxAbs = std::max(outputs[o].maxAbs, std::fabs(double(right[j]) - wrong[j]));
    const auto longest = *std::max_element(a.shape().begin(), a.shape().end(), std::less<int64_t>());
    if (right.size() > 1 && static_cast<size_t>(longest) == right.size())
      outputs[o].vectors = 1, outputs[o].sameLargest = largestOf(right) == largestOf(wrong);
  }
  results.clear();
}

//===-- All samples ---------------------------------------------------------------------===//

static void see(Decisive &d, float magnitude, llvm::StringRef sample) {
  if (magnitude > d.largest || d.sample.empty()) {
    d.nextLargest = d.largest;
    d.largest = magnitude;
    d.sample = sample.str();
  } else {
    d.nextLargest = std::max(d.nextLargest, double(magnitude));
  }
}

/// What is constant in a channel's error, and what of it the bias cannot take at its position.
static void conclude(LayerError &layer, LayerSums &s) {
  const ParamError *bias = layer.param(ParamRole::Bias);
  const double numbers = static_cast<double>(s.perChannel);
  for (size_t c = 0; c < s.shift.size(); ++c) {
    const double mean = s.shift[c] / numbers;
    const double step = bias ? std::ldexp(1.0, -bias->placed.pos.fixPoint) : 0;
    const double left = bias ? mean - step * std::round(mean / step) : mean;
    layer.meanShift += mean * mean * numbers, layer.shiftLeft += left * left * numbers;
    layer.channels.dead += s.range[c] == 0;
    layer.channels.lost += s.range[c] > 0 && !s.seen[c];
    layer.channels.largest = std::max(layer.channels.largest, double(s.range[c]));
    if (s.range[c] > 0 && (layer.channels.smallest == 0 || s.range[c] < layer.channels.smallest))
      layer.channels.smallest = s.range[c];
  }
  // Noise without a mean has one too on few numbers, whose square is expected to be a share of the rest.
  const double channels = static_cast<double>(s.shift.size()), all = channels * numbers;
  const double chance =
      all > channels ? channels * std::max(0.0, s.single.noise - layer.meanShift) / (all - channels) : layer.meanShift;
  const double real = layer.meanShift > chance ? 1 - chance / layer.meanShift : 0;
  layer.meanShift *= real, layer.shiftLeft *= real;
  layer.channels.channels = static_cast<unsigned>(s.shift.size());
  layer.placed.values = std::move(s.values);
  layer.single = s.single, layer.entire = s.entire, layer.clipped = s.clipped;
  layer.parts.inputs = s.noiseOfInputs;
  layer.parts.params = std::max(0.0, s.noiseUnrounded - s.noiseOfInputs);
  layer.parts.output = std::max(0.0, s.single.noise - s.noiseUnrounded);
}

/// Data is often sorted by class: `count` of all samples, from all over.
static std::vector<size_t> spread(size_t all, size_t count) {
  const size_t n = count ? std::min(count, all) : all;
  std::vector<size_t> which = firstSamples(n);
  for (size_t &i : which)
    i = i * all / n;
  return which;
}

Result<LayerErrors> dpuopt::measureLayers(const Quantization &q, const StepContext &context, size_t count) {
  LayerErrors errors;
  errors.layers = layersOf(q);
  std::vector<int> layerOf(q.activations.size(), -1);
  for (size_t i = 0; i < errors.layers.size(); ++i)
    layerOf[static_cast<size_t>(errors.layers[i].slot)] = static_cast<int>(i);
  const FlowGraph rounded = q.flow(/*roundParams=*/true), unrounded = q.flow(/*roundParams=*/false);
  auto runner = SampleRunner::create({{&q.reference(), Watch::InOrder},
                                      {rounded.graph.get(), Watch::InOrder},
                                      {rounded.graph.get(), Watch::InOrder},
                                      {unrounded.graph.get(), Watch::InOrder}},
                                     context.samples, context.threads, context.diags);
  if (!runner)
    return failure();

  std::vector<LayerSums> sums(errors.layers.size());
  for (const Value *output : q.graph().outputs())
    errors.outputs.push_back({output, {}});
  SampleJob job;
  job.begin = [&](size_t) { return std::make_unique<LayerVisitor>(q, rounded, unrounded, errors.layers, layerOf); };
  job.collect = [&](size_t, SampleVisitor &visitor, llvm::StringRef name) {
    auto &seen = static_cast<LayerVisitor &>(visitor);
    for (size_t i = 0; i < sums.size(); ++i) {
      see(errors.layers[i].decisive, seen.sums[i].largest, name);
      sums[i] += seen.sums[i];
    }
    for (size_t o = 0; o < seen.outputs.size(); ++o) {
      OutputFidelity &to = errors.outputs[o];
      to.fidelity += seen.outputs[o].fidelity;
      to.maxAbs = std::max(to.maxAbs, seen.outputs[o].maxAbs);
      to.vectors += seen.outputs[o].vectors, to.sameLargest += seen.outputs[o].sameLargest;
    }
    ++errors.samples;
    return Collected::Keep;
  };
  if (failed((*runner)->run(spread(context.samples.size(), count), job, context.progress, "measuring")))
    return failure();
  for (size_t i = 0; i < sums.size(); ++i)
    conclude(errors.layers[i], sums[i]);
  return errors;
}
