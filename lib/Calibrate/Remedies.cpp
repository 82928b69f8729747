//===- Remedies.cpp - what would make a layer more exact, from its numbers -------------===//
#include "dpuopt/Calibrate/Remedies.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// Channels of weights that differ by less are as good as equal.
static constexpr double UnequalChannels = 4;
/// The share of the numbers that a bound would leave as they are.
static constexpr double KeptByBound = 0.999;
/// A sample that reaches this many times as far as all others is unusual.
static constexpr double UnusualSample = 1.5;
/// More than what goes away cannot be gained: 30 dB stands for all of it.
static constexpr double LeastLeft = 1e-3;

llvm::StringRef dpuopt::remedyName(RemedyKind kind) {
  static const char *const names[] = {"equalize", "bias-correct", "finetune", "position",
                                      "bound",    "images",       "inputs",   "none"};
  return names[static_cast<size_t>(kind)];
}

namespace {
class Doctor {
public:
  explicit Doctor(const LayerError &layer) : layer(layer), total(layer.single.noise) {}
  std::vector<Remedy> run();

private:
  void consider(RemedyKind kind, double noise, int positions = 0);
  void weights();
  void position();
  void range();

  const LayerError &layer;
  const double total;
  std::vector<Remedy> found;
};
} // namespace

/// Decibels gained if `noise` goes.
static double gainOf(double total, double noise) {
  return total > 0 ? -10 * std::log10(std::max(LeastLeft, 1 - noise / total)) : 0;
}

void Doctor::consider(RemedyKind kind, double noise, int positions) {
  Remedy r{kind, std::clamp(noise, 0.0, total), 0, positions};
  r.gain = gainOf(total, r.noise);
  if (r.gain >= WorthwhileGain)
    found.push_back(r);
}

/// What the rounding of the weights costs goes to equalization as far as unequal channels are to blame.
void Doctor::weights() {
  const ParamError *w = layer.param(ParamRole::Weights);
  if (!w)
    return;
  const bool unequal = w->channels.ratio() >= UnequalChannels;
  if (unequal)
    consider(RemedyKind::Equalize, layer.parts.params * (1 - w->leftIfEqualized));
  consider(RemedyKind::FineTune, layer.parts.params * (unequal ? w->leftIfEqualized : 1));
}

void Doctor::position() {
  const FixPos pos = layer.placed.pos;
  if (pos.bits > 8)
    return;
  for (int delta : {-1, 1})
    if (pos.fixPoint + delta <= maxFixPoint(pos.bits))
      consider(RemedyKind::Position, layer.placed.noise(0) - layer.placed.noise(delta), delta);
}

/// Positions that are lost to a few numbers, or to one sample. With n more, rounding costs a part in 4^n of what it
/// does.
void Doctor::range() {
  auto saved = [&](int positions) { return layer.parts.output * (1 - std::ldexp(1.0, -2 * positions)); };
  const Decisive &d = layer.decisive;
  if (int n = layer.forcedBy(); n > 0 && d.largest >= UnusualSample * d.nextLargest)
    consider(RemedyKind::Images, saved(n), n);
  SearchOptions most;
  most.percentile = KeptByBound;
  const FixPos pos = layer.placed.pos;
  const int bounded = searchFixPoint(layer.placed.values, SearchMethod::Percentile, pos.bits, most);
  if (bounded > pos.fixPoint + 1)
    consider(RemedyKind::Bound, saved(bounded - pos.fixPoint), bounded - pos.fixPoint);
}

std::vector<Remedy> Doctor::run() {
  weights();
  if (layer.param(ParamRole::Bias))
    consider(RemedyKind::BiasCorrect, layer.meanShift - layer.shiftLeft);
  position();
  range();
  llvm::stable_sort(found, [](const Remedy &a, const Remedy &b) { return a.noise > b.noise; });
  if (found.empty())
    found.push_back({layer.parts.inputs > total / 2 ? RemedyKind::Inputs : RemedyKind::None});
  return std::move(found);
}

std::vector<Remedy> dpuopt::remediesFor(const LayerError &layer) { return Doctor(layer).run(); }

//===-- In words ------------------------------------------------------------------------===//

static double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

std::string dpuopt::explain(const Remedy &r, const LayerError &layer) {
  const int fp = layer.placed.pos.fixPoint, bits = layer.placed.pos.bits;
  const double total = layer.single.noise;
  switch (r.kind) {
  case RemedyKind::Equalize: {
    const ParamError &w = *layer.param(ParamRole::Weights);
    return fmt::format("equalize: its weights' channels differ {:.0f}-fold in range, and rounding them at one "
                       "position makes {:.0f} % of its noise",
                       w.channels.ratio(), percent(layer.parts.params, total));
  }
  case RemedyKind::BiasCorrect:
    return fmt::format("bias correction: {:.0f} % of its noise is a constant per channel",
                       percent(layer.meanShift, total));
  case RemedyKind::FineTune:
    return fmt::format("fine tuning: rounding its weights makes {:.0f} % of its noise, and scaling channels does not "
                       "change that",
                       percent(layer.parts.params, total));
  case RemedyKind::Position:
    return fmt::format("fix point {} instead of {}: rounding the float values has {:.1f} dB there, {:.1f} dB here",
                       fp + r.positions, fp, layer.placed.snr(r.positions), layer.placed.snr(0));
  case RemedyKind::Bound:
    return fmt::format("bound the activation (ReLU6, or a clip) and train: 99.9 % of its values would be unchanged at "
                       "fix point {}, the rest forces {}",
                       fp + r.positions, fp);
  case RemedyKind::Images:
    return fmt::format("more calibration images: only '{}' reaches {:.3g}, the others {:.3g}; is it one of its kind?",
                       layer.decisive.sample, layer.decisive.largest, layer.decisive.nextLargest);
  case RemedyKind::Inputs:
    return fmt::format("nothing here: {:.0f} % of its noise is the rounding of what it reads",
                       percent(layer.parts.inputs, total));
  case RemedyKind::None:
    break;
  }
  return fmt::format("nothing: what is left is rounding to {} bits", bits);
}
