//===- LayerByLayer.cpp - layers changed one after the other, and judged ----------------===//
#include "LayerByLayer.h"
#include "Judge.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// Memory for the moments of a pass, unless one part alone takes more.
static constexpr size_t MaxMoments = size_t(256) << 20;
/// Rows with more numbers are tuned in parts of at most as many.
static constexpr size_t MaxInputs = 4096, LargeInputs = 6144;

static void addParts(const LinearLayer &layer, bool biasesOnly, std::vector<LayerPart> &parts) {
  if (biasesOnly) {
    if (layer.bias >= 0)
      parts.push_back({&layer, 0, 0});
    return;
  }
  const size_t most = layer.inputs <= LargeInputs ? LargeInputs : MaxInputs;
  for (size_t first = 0; first < layer.inputs; first += most)
    parts.push_back({&layer, first, std::min(most, layer.inputs - first)});
}

/// Consecutive parts whose moments fit into memory together, about as many passes as are asked for. Parts of one
/// layer are never tuned on the same moments: both would make up for the same error.
static std::vector<std::vector<LayerPart>> passesOf(llvm::ArrayRef<LayerPart> parts, unsigned passes) {
  const size_t most = (parts.size() + std::max(1u, passes) - 1) / std::max(1u, passes);
  std::vector<std::vector<LayerPart>> all;
  size_t bytes = 0;
  for (const LayerPart &part : parts) {
    const bool fits = !all.empty() && all.back().size() < most && bytes + Moments::bytes(part) <= MaxMoments &&
                      all.back().back().layer != part.layer;
    if (!fits)
      all.emplace_back(), bytes = 0;
    all.back().push_back(part);
    bytes += Moments::bytes(part);
  }
  return all;
}

namespace {
class Judged {
public:
  Judged(Quantization &q, const LayerStep &step, const StepContext &context) : q(q), step(step), context(context) {}
  Status run();

private:
  Status begin();
  Status pass(llvm::ArrayRef<LayerPart> parts, size_t number, size_t count);
  Status change(const LayerPart &part, const Moments &moments);

  Quantization &q;
  const LayerStep &step;
  const StepContext &context;
  std::vector<size_t> learns; ///< samples
  Judge judge;
};
} // namespace

/// A quarter of the samples is kept for judging what the others have taught.
Status Judged::begin() {
  learns = firstSamples(std::min(context.samples.size(), std::max<size_t>(1, step.images)));
  std::vector<size_t> judges(learns.end() - static_cast<std::ptrdiff_t>(learns.size() / 4), learns.end());
  learns.resize(learns.size() - judges.size());
  if (judges.empty())
    judges = learns;
  return judge.begin(q, context, std::move(judges));
}

Status Judged::change(const LayerPart &part, const Moments &moments) {
  const auto params = q.params;
  const auto activations = q.activations;
  auto best = params;
  auto bestActivations = activations;
  double least = INFINITY;
  for (const auto &change : step.changes) {
    q.params = params, q.activations = activations;
    change(q, part, moments);
    auto found = judge.of(q);
    if (!found)
      return failure();
    if (*found < least)
      least = *found, best = q.params, bestActivations = q.activations;
  }
  const double ratio = judge.ratio();
  const bool kept = least <= ratio;
  q.params = kept ? best : params, q.activations = kept ? bestActivations : activations;
  const Location &loc = part.layer->op->loc();
  q.outcomes.push_back({step.name, loc.node.empty() ? part.layer->output->name() : loc.node, ratio, least, kept});
  context.diags
      .remark(loc, fmt::format("{}: noise-to-signal ratio at the outputs {:.4g} -> {:.4g}, {}", step.name, ratio, least,
                               kept ? "kept" : "restored"))
      .rule("calibrate.step");
  if (kept)
    judge.keep(least);
  return success();
}

Status Judged::pass(llvm::ArrayRef<LayerPart> parts, size_t number, size_t count) {
  auto moments = collectMoments(q, parts, learns, step.moments, context,
                                fmt::format("{}, pass {} of {}", step.name, number + 1, count));
  if (!moments)
    return failure();
  for (size_t i = 0; i < parts.size(); ++i)
    if (failed(change(parts[i], (*moments)[i])))
      return failure();
  return success();
}

Status Judged::run() {
  const std::vector<LinearLayer> layers = linearLayers(q);
  std::vector<LayerPart> parts;
  for (const LinearLayer &layer : layers)
    addParts(layer, step.biasesOnly, parts);
  if (parts.empty())
    return success();
  if (failed(begin()))
    return failure();
  const auto passes = passesOf(parts, step.passes);
  for (size_t i = 0; i < passes.size(); ++i)
    if (failed(pass(passes[i], i, passes.size())))
      return failure();
  return success();
}

Status dpuopt::layerByLayer(Quantization &q, const LayerStep &step, const StepContext &context) {
  return Judged(q, step, context).run();
}
