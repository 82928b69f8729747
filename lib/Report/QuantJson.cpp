//===- QuantJson.cpp - how good a quantization is, for programs -------------------------===//
#include "dpuopt/Report/QuantReport.h"
#include <cmath>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

/// JSON has no infinity and no NaN.
static Json number(double v) { return std::isfinite(v) ? Json(v) : Json(nullptr); }

static Json histogramJson(const QuantHistogram &h) {
  return {{"low", number(h.low)},
          {"high", number(h.high)},
          {"counts", h.counts},
          {"min", number(h.least)},
          {"max", number(h.most)},
          {"range_low", number(h.rangeLow)},
          {"range_high", number(h.rangeHigh)}};
}

static Json placeJson(const QuantPlace &p) {
  Json j = {{"bit_width", p.bits}, {"fix_point", p.fixPoint}, {"clipped", number(p.clipped)}};
  if (p.decibels)
    j["rounding_snr_db"] = {
        {"below", number((*p.decibels)[0])}, {"here", number((*p.decibels)[1])}, {"above", number((*p.decibels)[2])}};
  j["histogram"] = histogramJson(p.histogram);
  return j;
}

static Json fidelityJson(const QuantFidelity &f) {
  return {{"snr_db", number(f.decibels)}, {"cosine", number(f.cosine)}};
}

static Json channelsJson(const QuantChannels &c) {
  return {{"count", c.channels}, {"dead", c.dead}, {"lost", c.lost}, {"spread", number(c.spread)}};
}

static Json paramJson(const QuantParam &p) {
  Json j = {{"name", p.name}, {"role", p.role}};
  j.update(placeJson(p.place));
  j["fidelity"] = fidelityJson(p.fidelity);
  if (p.channels.channels)
    j["channels"] = channelsJson(p.channels);
  return j;
}

static Json layerJson(const QuantLayer &l) {
  Json params = Json::array(), remedies = Json::array();
  for (const QuantParam &p : l.params)
    params.push_back(paramJson(p));
  for (const QuantRemedy &r : l.remedies)
    remedies.push_back({{"kind", r.kind}, {"gain_db", number(r.gain)}, {"share", number(r.share)}, {"text", r.text}});
  Json j = {{"name", l.name}, {"node", l.node}, {"op", l.op}, {"shape", l.shape}, {"input_fix_points", l.inputs}};
  j.update(placeJson(l.place));
  j["single"] = fidelityJson(l.single);
  j["entire"] = fidelityJson(l.entire);
  j["clipped_in_network"] = number(l.clipped);
  j["noise"] = {{"inputs", number(l.fromInputs)},
                {"params", number(l.fromParams)},
                {"output", number(l.fromOutput)},
                {"mean_shift", number(l.meanShift)}};
  if (l.channels.channels)
    j["channels"] = channelsJson(l.channels);
  j["decisive"] = {{"sample", l.decisive}, {"largest", number(l.largest)}, {"next_largest", number(l.nextLargest)}};
  j["params"] = std::move(params);
  j["remedies"] = std::move(remedies);
  return j;
}

static Json stepJson(const QuantStep &s) {
  Json j = {{"name", s.name}, {"what", s.what}};
  if (s.decibels)
    j["output_snr_db"] = number(*s.decibels);
  if (s.accuracy)
    j["accuracy"] = number(*s.accuracy);
  j["kept"] = s.kept;
  return j;
}

static Json outputJson(const QuantOutput &o) {
  Json j = {{"name", o.name}};
  j.update(fidelityJson(o.fidelity));
  j["max_abs"] = number(o.maxAbs);
  if (o.vectors)
    j["answers"] = {{"count", o.vectors}, {"same", o.sameLargest}};
  return j;
}

std::string dpuopt::quantReportJson(const QuantReport &r) {
  Json steps = Json::array(), outputs = Json::array(), layers = Json::array();
  for (const QuantStep &s : r.steps)
    steps.push_back(stepJson(s));
  for (const QuantOutput &o : r.outputs)
    outputs.push_back(outputJson(o));
  for (const QuantLayer &l : r.layers)
    layers.push_back(layerJson(l));
  Json j = {{"model", r.model}, {"target", r.target}, {"method", r.method},     {"data", r.data},
            {"bits", r.bits},   {"images", r.images}, {"measured", r.measured}, {"steps", std::move(steps)}};
  if (r.accuracy)
    j["accuracy"] = {{"what", r.accuracy->what},
                     {"images", r.accuracy->images},
                     {"float", number(r.accuracy->floats)},
                     {"fixed", number(r.accuracy->fixed)}};
  j["outputs"] = std::move(outputs);
  j["notes"] = r.notes;
  j["layers"] = std::move(layers);
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}
