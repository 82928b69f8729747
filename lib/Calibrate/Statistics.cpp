//===- Statistics.cpp - what samples say of a network's values --------------------------===//
#include "dpuopt/Calibrate/Statistics.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

namespace {

/// DiffS: this many samples are run first by whoever starts in the middle. After a few, most histories hold their mode.
constexpr uint64_t WarmUp = 16;

Collected stopAt(const Value *bad, llvm::StringRef sample, DiagEngine &diags) {
  diags
      .error(bad->def() ? bad->def()->loc() : Location{},
             fmt::format("'{}' has an infinity or NaN on calibration sample '{}'", bad->name(), sample.str()))
      .rule("calibrate.non-finite");
  return Collected::Stop;
}

std::vector<size_t> samplesIn(SampleRange range) {
  std::vector<size_t> all;
  for (uint64_t i = range.first; i < range.last; ++i)
    all.push_back(i);
  return all;
}

//===-- DiffS -----------------------------------------------------------------------===//

/// Runs samples on the history so far.
class DiffsRun {
public:
  DiffsRun(const Quantization &q, const Recipe &recipe, const StepContext &context)
      : q(q), recipe(recipe), context(context), flow(q.flow(/*roundParams=*/true)), history(q.activations.size()) {}

  bool agrees(const SamplePositions &sample) const { return history.agrees(sample); }
  void add(const SamplePositions &sample) { history.add(sample); }
  Status run(SampleRange range, Statistics &found);

private:
  const Quantization &q;
  const Recipe &recipe;
  const StepContext &context;
  FlowGraph flow;
  PositionHistory history;
  std::unique_ptr<SampleRunner> runner;
};

Status DiffsRun::run(SampleRange range, Statistics &found) {
  if (!runner) {
    auto made =
        SampleRunner::create({{flow.graph.get(), Watch::AnyOrder}}, context.samples, context.threads, context.diags);
    if (!made)
      return failure();
    runner = std::move(*made);
  }
  SampleJob job;
  job.begin = [&](size_t) { return std::make_unique<DiffsVisitor>(q, flow, history, recipe.searchRange); };
  job.collect = [&](size_t i, SampleVisitor &visitor, llvm::StringRef name) {
    SamplePositions &sample = static_cast<DiffsVisitor &>(visitor).positions;
    if (!history.agrees(sample))
      return Collected::Again;
    if (sample.nonFinite)
      return stopAt(sample.nonFinite, name, context.diags);
    history.add(sample);
    sample.name = name.str();
    found.positions[i] = std::move(sample);
    return Collected::Keep;
  };
  return runner->run(samplesIn(range), job, context.progress, "calibrating");
}

/// Goes through all samples in order, and runs those that are missing or came too early.
Status completeDiffs(DiffsRun &run, uint64_t total, Statistics &statistics) {
  for (uint64_t i = 0; i < total;) {
    auto known = statistics.positions.find(i);
    if (known != statistics.positions.end() && run.agrees(known->second)) {
      run.add(known->second);
      ++i;
      continue;
    }
    auto next = statistics.positions.upper_bound(i);
    const uint64_t end = next == statistics.positions.end() ? total : std::min(next->first, total);
    if (failed(run.run({i, end}, statistics)))
      return failure();
    i = end;
  }
  return success();
}

//===-- Histograms ------------------------------------------------------------------===//

/// What one run adds to; runs take turns with as many as are needed at once.
struct Accumulator {
  std::vector<ValueHistogram> histograms;
  bool busy = false;
};

class HistogramVisitor : public SampleVisitor {
public:
  HistogramVisitor(const Quantization &q, const FlowGraph &flow, Accumulator &sums) : q(q), flow(flow), sums(sums) {
    extreme.assign(q.activations.size(), -1);
  }
  void feed(unsigned k, const Value &input, Tensor &t) override { observe(k, input, t); }
  void observe(unsigned, const Value &v, Tensor &t) override {
    const int slot = flow.prepare(v, t);
    if (slot < 0)
      return;
    const auto s = static_cast<size_t>(slot);
    const Tensor dense = t.expanded();
    llvm::ArrayRef<float> x = dense.as<float>();
    std::span<const float> all(x.data(), x.size());
    const FloatRange range = rangeOf(all);
    if (!range.finite && !nonFinite)
      nonFinite = q.activations[s].value;
    extreme[s] = std::max(std::fabs(range.min), std::fabs(range.max));
    sums.histograms[s].add(all);
  }
  void finish(unsigned, llvm::ArrayRef<Tensor>) override { finished = true; }

  const Quantization &q;
  const FlowGraph &flow;
  Accumulator &sums;
  std::vector<float> extreme;
  const Value *nonFinite = nullptr;
  bool finished = false;
};

Status addHistograms(const Quantization &q, const StepContext &context, SampleRange range, Statistics &found) {
  FlowGraph flow = q.flow(/*roundParams=*/false);
  auto runner =
      SampleRunner::create({{flow.graph.get(), Watch::AnyOrder}}, context.samples, context.threads, context.diags);
  if (!runner)
    return failure();
  std::vector<std::unique_ptr<Accumulator>> pool;
  SampleJob job;
  job.begin = [&](size_t) {
    auto it = llvm::find_if(pool, [](const auto &a) { return !a->busy; });
    if (it == pool.end()) {
      pool.push_back(std::make_unique<Accumulator>());
      pool.back()->histograms.resize(q.activations.size());
      it = std::prev(pool.end());
    }
    (*it)->busy = true;
    return std::make_unique<HistogramVisitor>(q, flow, **it);
  };
  job.collect = [&](size_t i, SampleVisitor &visitor, llvm::StringRef name) {
    auto &seen = static_cast<HistogramVisitor &>(visitor);
    seen.sums.busy = false;
    if (seen.nonFinite)
      return stopAt(seen.nonFinite, name, context.diags);
    for (size_t slot = 0; slot < seen.extreme.size(); ++slot)
      found.extremes[slot].see(seen.extreme[slot], i, name);
    return Collected::Keep;
  };
  if (failed((*runner)->run(samplesIn(range), job, context.progress, "calibrating")))
    return failure();
  for (const auto &sums : pool)
    for (size_t slot = 0; slot < q.activations.size(); ++slot)
      found.histograms[slot].merge(sums->histograms[slot]);
  return success();
}

/// The samples in [0, total) that are in none of `ranges` (sorted).
std::vector<SampleRange> gapsOf(llvm::ArrayRef<SampleRange> ranges, uint64_t total) {
  std::vector<SampleRange> gaps;
  uint64_t at = 0;
  for (const SampleRange &r : ranges) {
    if (r.first > at)
      gaps.push_back({at, r.first});
    at = std::max(at, r.last);
  }
  if (at < total)
    gaps.push_back({at, total});
  return gaps;
}

} // namespace

//===-- Parts -----------------------------------------------------------------------===//

SampleRange dpuopt::rangeOfPart(uint64_t total, unsigned index, unsigned count) {
  return {total * index / count, total * (index + 1) / count};
}

void Extreme::see(float found, uint64_t from, llvm::StringRef called) {
  if (found < magnitude || (found == magnitude && from >= sample))
    return;
  magnitude = found, sample = from, name = called.str();
}

bool Statistics::merge(const Statistics &other) {
  for (const auto &[sample, found] : other.positions)
    if (positions.count(sample))
      return false;
  for (const SampleRange &a : ranges)
    for (const SampleRange &b : other.ranges)
      if (a.first < b.last && b.first < a.last)
        return false;
  positions.insert(other.positions.begin(), other.positions.end());
  ranges.insert(ranges.end(), other.ranges.begin(), other.ranges.end());
  llvm::sort(ranges, [](const SampleRange &a, const SampleRange &b) { return a.first < b.first; });
  histograms.resize(std::max(histograms.size(), other.histograms.size()));
  for (size_t slot = 0; slot < other.histograms.size(); ++slot)
    histograms[slot].merge(other.histograms[slot]);
  extremes.resize(std::max(extremes.size(), other.extremes.size()));
  for (size_t slot = 0; slot < other.extremes.size(); ++slot)
    if (const Extreme &e = other.extremes[slot]; e.magnitude >= 0)
      extremes[slot].see(e.magnitude, e.sample, e.name);
  return true;
}

Result<Statistics> dpuopt::gather(const Quantization &q, const Recipe &recipe, const StepContext &context,
                                  SampleRange range) {
  Statistics found;
  if (recipe.method == SearchMethod::Diffs) {
    DiffsRun run(q, recipe, context);
    Statistics guess; // of others' samples
    if (failed(run.run({0, std::min(WarmUp, range.first)}, guess)) || failed(run.run(range, found)))
      return failure();
    return found;
  }
  found.histograms.resize(q.activations.size());
  found.extremes.resize(q.activations.size());
  found.ranges = {range};
  if (failed(addHistograms(q, context, range, found)))
    return failure();
  return found;
}

Result<Statistics> dpuopt::complete(const Quantization &q, const Recipe &recipe, const StepContext &context,
                                    Statistics known) {
  const uint64_t total = context.samples.size();
  known.extremes.resize(q.activations.size());
  if (recipe.method == SearchMethod::Diffs) {
    DiffsRun run(q, recipe, context);
    if (failed(completeDiffs(run, total, known)))
      return failure();
    for (const auto &[i, sample] : known.positions)
      for (size_t slot = 0; slot < sample.extreme.size(); ++slot)
        known.extremes[slot].see(sample.extreme[slot], i, sample.name);
    return known;
  }
  known.histograms.resize(q.activations.size());
  for (const SampleRange &gap : gapsOf(known.ranges, total))
    if (failed(addHistograms(q, context, gap, known)))
      return failure();
  known.ranges = {{0, total}};
  return known;
}
