//===- Tries.cpp - quantizing until it is good enough --------------------------------===//
#include "Tries.h"
#include <chrono>
#include <fmt/format.h>

using namespace dpuopt;

/// Calibration samples on which the outputs' error is measured.
constexpr size_t MaxMeasured = 64;

bool Try::within(const QuantizationBudget &budget) const {
  return (!budget.maxDrop || (accuracy && accuracy->drop() <= *budget.maxDrop)) &&
         (!budget.minSnr || noise.decibels() >= *budget.minSnr);
}

bool Try::betterThan(const Try &other) const {
  if (accuracy && other.accuracy && accuracy->model.top1 != other.accuracy->model.top1)
    return accuracy->model.top1 > other.accuracy->model.top1;
  return noise.ratio < other.noise.ratio;
}

namespace {

/// What can be added to a recipe, the cheapest first.
struct Rung {
  const char *name;
  bool (*has)(const FixPointOptions &how);
  void (*add)(FixPointOptions &how);
};

const Rung rungs[] = {
    {"method mse", [](const FixPointOptions &how) { return how.quantize.recipe.method != SearchMethod::Diffs; },
     [](FixPointOptions &how) { how.quantize.recipe.method = SearchMethod::Mse; }},
    {"equalize", [](const FixPointOptions &how) { return how.quantize.equalize != Equalize::Off; },
     [](FixPointOptions &how) { how.quantize.equalize = Equalize::Auto; }},
    {"bias-correct", [](const FixPointOptions &how) { return how.quantize.recipe.biasCorrect.on; },
     [](FixPointOptions &how) { how.quantize.recipe.biasCorrect.on = true; }},
    {"search", [](const FixPointOptions &how) { return how.quantize.recipe.search.on; },
     [](FixPointOptions &how) { how.quantize.recipe.search.on = true; }},
    {"finetune", [](const FixPointOptions &how) { return how.quantize.recipe.fineTune.on; },
     [](FixPointOptions &how) { how.quantize.recipe.fineTune.on = true; }},
};

std::vector<size_t> measuredSamples(size_t total) {
  const size_t n = std::min(total, MaxMeasured);
  std::vector<size_t> which;
  for (size_t i = 0; i < n; ++i)
    which.push_back(i * total / n);
  return which;
}

} // namespace

/// Accuracy bit by bit as the DPU has it; the outputs' error on the rounded float graph, which is as near.
Status Ladder::measure(Try &t, const Graph &floatGraph) {
  const QuantizeOptions &how = t.how.quantize;
  auto samples = Samples::open(floatGraph, t.how.calib, 0, diags);
  auto error =
      samples ? OutputError::create(t.found->network, *samples, measuredSamples(samples->size()), how.threads, diags)
              : failure();
  auto noise = error ? error->of(t.found->network) : failure();
  if (!noise)
    return failure();
  t.noise = *noise;
  t.samples = samples->size();
  if (options.evalData.empty())
    return success();
  auto accuracy = evaluateGraphs(*t.lowered, floatGraph, options.evalData, how.threads, diags);
  if (!accuracy)
    return failure();
  t.accuracy = *accuracy;
  return success();
}

Status Ladder::attempt(std::string name, const FixPointOptions &how) {
  auto made = std::make_unique<Try>();
  made->name = std::move(name), made->how = how;
  Job job{read.graph->clone(), read.target, {}, read.hasFixPoints};
  const auto start = std::chrono::steady_clock::now();
  const size_t before = diags.all().size();
  FixPoints fixPoints(made->how, job, diags);
  if (failed(fixPoints.apply(/*keepFloat=*/true)))
    return failure();
  made->info = collectQuantInfo(*job.graph);
  if (failed(runSteps(job, steps("lower-to-xir,sort-ops"), false, diags)))
    return failure();
  made->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  made->found = std::move(fixPoints.found);
  made->changes = std::move(fixPoints.changes);
  made->lowered = std::move(job.graph);
  made->said.assign(diags.all().begin() + static_cast<ptrdiff_t>(before), diags.all().end());
  tries.push_back(std::move(made));
  return measure(*tries.back(), *fixPoints.floatGraph);
}

Status Ladder::climb() {
  if (failed(checkIsFloat(*read.graph, diags)))
    return failure();
  FixPointOptions how = options.fixPoints;
  if (failed(attempt(searchMethodName(how.quantize.recipe.method).str(), how)))
    return failure();
  tries[0]->kept = true;
  for (const Rung &rung : rungs) {
    if (best().within(options.budget))
      return success();
    if (rung.has(how))
      continue;
    FixPointOptions more = how;
    rung.add(more);
    if (failed(attempt(fmt::format("+ {}", rung.name), more)))
      return failure();
    if (!tries.back()->betterThan(best()))
      continue;
    bestIndex = tries.size() - 1;
    tries.back()->kept = true;
    how = more;
  }
  return success();
}
