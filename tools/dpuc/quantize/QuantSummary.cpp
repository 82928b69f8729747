//===- QuantSummary.cpp - what was measured of a quantization, as a report -----------===//
#include "QuantSummary.h"
#include "dpuopt/Calibrate/Remedies.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// Parts of a histogram.
static constexpr size_t Bins = 64;
/// Numbers further out than this many times the range are drawn at the edge.
static constexpr double MostOutside = 2;

static QuantHistogram histogramOf(const Placed &p) {
  QuantHistogram h;
  const FloatRange values = p.values.range();
  const double step = std::ldexp(1.0, -p.pos.fixPoint), half = std::ldexp(1.0, p.pos.bits - 1);
  h.least = values.min, h.most = values.max;
  h.rangeLow = -half * step, h.rangeHigh = (half - 1) * step;
  h.low = std::min(h.rangeLow, std::max(h.least, MostOutside * h.rangeLow));
  h.high = std::max(h.rangeHigh, std::min(h.most, MostOutside * h.rangeHigh));
  h.counts = p.values.split(h.low, h.high, Bins);
  if (h.least < h.low)
    h.counts.front() += p.values.split(h.least, h.low, 1)[0];
  if (h.most > h.high)
    h.counts.back() += p.values.split(h.high, h.most, 1)[0];
  return h;
}

static QuantPlace placeOf(const Placed &p) {
  QuantPlace place{p.pos.bits, p.pos.fixPoint, p.clippedShare(), std::nullopt, histogramOf(p)};
  if (p.pos.bits <= 8)
    place.decibels = {p.snr(-1), p.snr(0), p.snr(1)};
  return place;
}

static QuantFidelity fidelityOf(const Fidelity &f) { return {f.snr(), f.cosine()}; }

static QuantChannels channelsOf(const ChannelSpread &c) { return {c.channels, c.dead, c.lost, c.ratio()}; }

static QuantParam paramOf(const Quantization &q, const ParamError &p) {
  static const char *const roles[] = {"weights", "bias", "constant"};
  return {q.params[static_cast<size_t>(p.slot)].value->name(), roles[static_cast<size_t>(p.role)], placeOf(p.placed),
          fidelityOf(p.fidelity), channelsOf(p.channels)};
}

/// "Conv+Relu".
static std::string opsOf(const LayerError &layer) {
  std::string text = layer.ops.empty() ? "input" : "";
  for (const Op *op : layer.ops) {
    llvm::StringRef name = op->name();
    name.consume_front("onnx.");
    text += (text.empty() ? "" : "+") + name.str();
  }
  return text;
}

static QuantLayer layerOf(const Quantization &q, const LayerError &e) {
  QuantLayer l;
  const Op *head = e.linear ? e.linear : e.ops.empty() ? nullptr : e.ops.front();
  l.name = e.value->name(), l.node = head ? head->loc().node : "", l.op = opsOf(e);
  l.shape = shapeStr(e.value->type().shape());
  for (int slot : e.inputs)
    if (const auto &pos = q.activations[static_cast<size_t>(slot)].pos)
      l.inputs.push_back(pos->fixPoint);
  l.place = placeOf(e.placed);
  for (const ParamError &p : e.params)
    l.params.push_back(paramOf(q, p));
  l.single = fidelityOf(e.single), l.entire = fidelityOf(e.entire), l.clipped = e.clippedShare();
  if (const double parts = e.parts.inputs + e.parts.params + e.parts.output; parts > 0)
    l.fromInputs = e.parts.inputs / parts, l.fromParams = e.parts.params / parts, l.fromOutput = e.parts.output / parts;
  l.meanShift = e.single.noise > 0 ? e.meanShift / e.single.noise : 0;
  l.channels = channelsOf(e.channels);
  l.decisive = e.decisive.sample, l.largest = e.decisive.largest, l.nextLargest = e.decisive.nextLargest;
  for (const Remedy &r : remediesFor(e))
    l.remedies.push_back(
        {remedyName(r.kind).str(), r.gain, e.single.signal > 0 ? r.noise / e.single.signal : 0, explain(r, e)});
  return l;
}

QuantReport dpuopt::describe(const Quantization &q, const LayerErrors &errors) {
  QuantReport r;
  r.bits = q.bits(), r.measured = errors.samples;
  for (const OutputFidelity &o : errors.outputs)
    r.outputs.push_back({o.value->name(), fidelityOf(o.fidelity), o.maxAbs, o.vectors, o.sameLargest});
  for (const LayerError &e : errors.layers)
    r.layers.push_back(layerOf(q, e));
  return r;
}

QuantStep dpuopt::stepOf(const Try &t) {
  QuantStep s{t.name, "", t.noise.decibels(), std::nullopt, t.kept};
  if (t.accuracy)
    s.accuracy = t.accuracy->percent(t.accuracy->model.top1);
  return s;
}
