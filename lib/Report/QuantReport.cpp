//===- QuantReport.cpp - how good a quantization is, as text ----------------------------===//
#include "dpuopt/Report/QuantReport.h"
#include "QuantText.h"
#include "dpuopt/Report/Lines.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include <cmath>
#include <fmt/format.h>
#include <numeric>

using namespace dpuopt;

/// Pieces of advice in a text that does not show all.
static constexpr size_t MostAdvice = 5;

std::vector<size_t> QuantReport::worstFirst() const {
  std::vector<size_t> order(layers.size());
  std::iota(order.begin(), order.end(), size_t(0));
  llvm::stable_sort(order, [&](size_t a, size_t b) { return layers[a].single.decibels < layers[b].single.decibels; });
  return order;
}

std::vector<QuantReport::Advice> QuantReport::advice() const {
  std::vector<Advice> all;
  for (size_t i = 0; i < layers.size(); ++i)
    for (size_t k = 0; k < layers[i].remedies.size(); ++k)
      if (layers[i].remedies[k].gain > 0)
        all.push_back({i, k});
  auto share = [&](const Advice &a) { return layers[a.layer].remedies[a.remedy].share; };
  llvm::stable_sort(all, [&](const Advice &a, const Advice &b) { return share(a) > share(b); });
  return all;
}

std::string dpuopt::decibelText(double decibels) {
  return std::isfinite(decibels) ? fmt::format("{:.1f}", decibels) : decibels > 0 ? "exact" : "lost";
}

std::string dpuopt::percentText(double share) {
  const double percent = 100 * share;
  return percent == 0 ? "0" : percent < 0.01 ? "<0.01" : fmt::format("{:.2f}", percent);
}

std::string dpuopt::fixPointText(const QuantLayer &layer, const char *role) {
  auto found = llvm::find_if(layer.params, [&](const QuantParam &p) { return p.role == role; });
  return found == layer.params.end() ? "" : std::to_string(found->place.fixPoint);
}

std::string dpuopt::inputsText(const QuantLayer &layer) {
  std::vector<int> distinct;
  for (int in : layer.inputs)
    if (!llvm::is_contained(distinct, in))
      distinct.push_back(in);
  return fmt::format("{}", fmt::join(distinct, ","));
}

std::string dpuopt::remedyText(const QuantLayer &layer) {
  if (layer.remedies.empty() || layer.remedies[0].gain <= 0)
    return "";
  return fmt::format("{} +{:.1f}", layer.remedies[0].kind, layer.remedies[0].gain);
}

std::optional<double> dpuopt::boughtBy(const QuantReport &r, size_t step) {
  for (size_t before = step; before-- > 0;)
    if (r.steps[before].kept && r.steps[before].decibels && r.steps[step].decibels) {
      const double bought = *r.steps[step].decibels - *r.steps[before].decibels;
      return std::isfinite(bought) ? std::optional(bought) : std::nullopt;
    }
  return std::nullopt;
}

std::string dpuopt::stepText(const QuantReport &r, const QuantStep &s) {
  std::string text = s.accuracy ? fmt::format("{:.2f} %", *s.accuracy) : "";
  if (s.accuracy && r.accuracy)
    text += fmt::format(" ({:+.2f})", *s.accuracy - r.accuracy->floats);
  for (const std::string &more : {s.what, s.kept ? std::string() : "not kept"})
    if (!more.empty())
      text += (text.empty() ? "" : "; ") + more;
  return text;
}

/// A node's name without parts that the next part repeats: /features/features.5/conv/conv.1/Conv is
/// features.5/conv.1/Conv.
static std::string plainName(llvm::StringRef name) {
  llvm::SmallVector<llvm::StringRef, 8> parts;
  name.split(parts, '/', -1, /*KeepEmpty=*/false);
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i)
    if (i + 1 == parts.size() || !parts[i + 1].startswith((parts[i] + ".").str()))
      out += (out.empty() ? "" : "/") + parts[i].str();
  return out;
}

static void printSteps(const QuantReport &r, llvm::raw_ostream &os) {
  for (size_t i = 0; i < r.steps.size(); ++i) {
    const QuantStep &s = r.steps[i];
    const std::optional<double> bought = boughtBy(r, i);
    std::string outcome = s.decibels ? decibelText(*s.decibels) + " dB" : "";
    outcome += bought ? fmt::format(" ({:+.1f})", *bought) : "";
    const std::string head = fmt::format("{:<10}{:<20}{:<18}", i == 0 ? "steps" : "", s.name, outcome);
    const std::string text = stepText(r, s);
    printWrapped(os, text.empty() ? llvm::StringRef(head).rtrim() : head, text);
  }
}

static void printOutputs(const QuantReport &r, llvm::raw_ostream &os) {
  for (const QuantOutput &o : r.outputs) {
    std::string text = fmt::format("{} dB, cosine {:.6f}, largest difference {:.4g}", decibelText(o.fidelity.decibels),
                                   o.fidelity.cosine, o.maxAbs);
    if (o.vectors)
      text += fmt::format(", same answer on {} of {}", o.sameLargest, o.vectors);
    printWrapped(os, "output    ", o.name + ": " + text);
  }
}

static void printLayers(const QuantReport &r, size_t most, llvm::raw_ostream &os) {
  const std::vector<size_t> order = r.worstFirst();
  os << "\nlayers, worst first";
  if (order.size() > most)
    os << fmt::format(" ({} of {}; --all prints them all)", most, order.size());
  os << fmt::format("\n  {:<30} {:<10}{:>4}{:>4}{:>4}{:>4}{:>7}{:>7}{:>7}  {}\n", "", "", "fix", "", "", "", "clip",
                    "alone", "in net", "would help");
  os << fmt::format("  {:<30} {:<10}{:>4}{:>4}{:>4}{:>4}{:>7}{:>7}{:>7}  {}\n", "layer", "op", "w", "b", "in", "out",
                    "%", "dB", "dB", "by dB");
  for (size_t i : llvm::makeArrayRef(order).take_front(most)) {
    const QuantLayer &l = r.layers[i];
    std::string line = fmt::format("  {:<30} {:<10}{:>4}{:>4}{:>4}{:>4}{:>7}{:>7}{:>7}  {}",
                                   shortened(plainName(l.title()), 30), shortened(l.op, 10), fixPointText(l, "weights"),
                                   fixPointText(l, "bias"), inputsText(l), l.place.fixPoint, percentText(l.clipped),
                                   decibelText(l.single.decibels), decibelText(l.entire.decibels), remedyText(l));
    os << llvm::StringRef(line).rtrim() << '\n';
  }
}

static void printAdvice(const QuantReport &r, size_t most, llvm::raw_ostream &os) {
  const std::vector<QuantReport::Advice> advice = r.advice();
  if (advice.empty())
    return;
  os << "\nwhat would help, by the noise that goes\n";
  for (const QuantReport::Advice &a : llvm::makeArrayRef(advice).take_front(most)) {
    const QuantRemedy &remedy = r.layers[a.layer].remedies[a.remedy];
    os << fmt::format("  {}: up to {:+.1f} dB\n", shortened(r.layers[a.layer].title(), 80), remedy.gain);
    printWrapped(os, "    ", remedy.text);
  }
  if (advice.size() > most)
    os << fmt::format("  and {} more\n", advice.size() - most);
}

void dpuopt::printQuantReport(const QuantReport &r, size_t mostLayers, llvm::raw_ostream &os) {
  printWrapped(os, "model     ", r.model);
  if (!r.target.empty())
    printWrapped(os, "target    ", r.target);
  printWrapped(os, "method    ", fmt::format("{}, {} bits, {} calibration images", r.method, r.bits, r.images));
  if (!r.data.empty())
    printWrapped(os, "data      ", r.data);
  printSteps(r, os);
  printOutputs(r, os);
  if (r.accuracy)
    os << fmt::format("accuracy  float {:.2f} %, fixed point {:.2f} % ({}, {} images)\n", r.accuracy->floats,
                      r.accuracy->fixed, r.accuracy->what, r.accuracy->images);
  for (const std::string &note : r.notes)
    printWrapped(os, "note      ", note);
  if (r.layers.empty())
    return;
  os << fmt::format("measured  on {} image{}, against the float network\n", r.measured, r.measured == 1 ? "" : "s");
  printLayers(r, mostLayers, os);
  printAdvice(r, mostLayers < r.layers.size() ? MostAdvice : SIZE_MAX, os);
}
