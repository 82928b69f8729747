//===- LintMeasure.cpp - the ways out of dpuc lint-quant, measured on data ----------------===//
#include "LintMeasure.h"
#include "Progress.h"
#include "dpuopt/Calibrate/OutputError.h"
#include "dpuopt/Calibrate/PositionCost.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {

class Measurer {
public:
  Measurer(const Graph &g, const FixPlan &plan, Samples samples, const LintMeasureOptions &options, DiagEngine &diags)
      : plan(plan), samples(std::move(samples)), options(options), diags(diags), q(g, 8, true) {}

  Status run(llvm::ArrayRef<FixFinding> findings, LintReport &report);

private:
  Status checkParams();
  FixPlan ours(const FixPlan &of) const;
  Status measureTensors(llvm::ArrayRef<FixFinding> findings, LintReport &report);
  Status measureWays(llvm::ArrayRef<FixFinding> findings, OutputError &error, LintReport &report);
  Status measureTools(OutputError &error, LintReport &report);
  Status outputs(OutputError &error, const FixPlan &of, std::optional<double> &snr, std::optional<unsigned> &top1);

  const FixPlan &plan;
  const Samples samples;
  const LintMeasureOptions &options;
  DiagEngine &diags;
  Quantization q;
};

/// The plan's positions by the values of our clone.
FixPlan Measurer::ours(const FixPlan &of) const {
  FixPlan moved;
  for (const auto &[value, pos] : of)
    if (Value *v = q.graph().lookup(value->name()))
      moved[v] = pos;
  return moved;
}

/// A parameter without a position would be rounded at none.
Status Measurer::checkParams() {
  const FixPlan given = ours(plan);
  for (const Quantization::Param &p : q.params)
    if (!given.count(p.value))
      return diags.error(fmt::format("measuring on data needs the fix point of '{}'", p.value->name()))
          .rule("quant-info.missing-key")
          .note("leave out --calib, or complete the quant_info.json");
  return success();
}

Status Measurer::outputs(OutputError &error, const FixPlan &of, std::optional<double> &snr,
                         std::optional<unsigned> &top1) {
  q.take(ours(of));
  auto noise = error.of(q);
  if (!noise)
    return failure();
  snr = noise->decibels();
  if (noise->classifier)
    top1 = static_cast<unsigned>(noise->top1Changed);
  return success();
}

/// Every activation that would move, before and after.
Status Measurer::measureTensors(llvm::ArrayRef<FixFinding> findings, LintReport &report) {
  std::vector<PositionQuery> queries;
  std::vector<LintMove *> moves;
  for (size_t f = 0; f < findings.size(); ++f)
    for (size_t w = 0; w < findings[f].ways.size(); ++w)
      for (size_t m = 0; m < findings[f].ways[w].moves.size(); ++m) {
        const FixMove &move = findings[f].ways[w].moves[m];
        const int slot = q.activationSlot(q.graph().lookup(move.value->name()));
        if (slot < 0)
          continue;
        queries.push_back({slot, move.before});
        queries.push_back({slot, move.after});
        moves.push_back(&report.findings[f].ways[w].moves[m]);
      }
  if (queries.empty())
    return success();
  auto costs = positionCosts(q, queries, samples, firstSamples(samples.size()), options.threads, diags);
  if (!costs)
    return failure();
  for (size_t i = 0; i < moves.size(); ++i) {
    const PositionCost &before = (*costs)[2 * i], &after = (*costs)[2 * i + 1];
    moves[i]->data = {before.decibels(), after.decibels(), before.saturatedShare(), after.saturatedShare()};
  }
  return success();
}

Status Measurer::measureWays(llvm::ArrayRef<FixFinding> findings, OutputError &error, LintReport &report) {
  size_t total = 0, done = 0;
  for (const FixFinding &f : findings)
    total += f.ways.size();
  Progress progress("ways out", std::min(total, options.mostWays));
  for (size_t f = 0; f < findings.size(); ++f)
    for (size_t w = 0; w < findings[f].ways.size() && done < options.mostWays; ++w, ++done) {
      FixPlan moved = plan;
      for (const FixMove &m : findings[f].ways[w].moves)
        moved[m.value] = m.after;
      LintWay &way = report.findings[f].ways[w];
      if (failed(outputs(error, moved, way.outputSnr, way.top1Changed)))
        return failure();
      progress.step();
    }
  if (done < total)
    diags.warning(fmt::format("the effect on the outputs was measured for {} of {} ways out", done, total))
        .rule("lint-quant.measured");
  return success();
}

Status Measurer::measureTools(OutputError &error, LintReport &report) {
  for (LintTool &tool : report.tools) {
    FixPlan moved = ours(plan);
    for (const LintTool::Change &c : tool.changes)
      moved[q.graph().lookup(c.tensor)].fixPoint = c.after;
    if (!tool.changes.empty() && failed(outputs(error, moved, tool.outputSnr, tool.top1Changed)))
      return failure();
  }
  return success();
}

Status Measurer::run(llvm::ArrayRef<FixFinding> findings, LintReport &report) {
  if (failed(checkParams()))
    return failure();
  report.data = options.data;
  report.samples = static_cast<unsigned>(samples.size());
  if (failed(measureTensors(findings, report)))
    return failure();
  q.take(ours(plan));
  auto error = OutputError::create(q, samples, firstSamples(samples.size()), options.threads, diags);
  if (!error || failed(outputs(*error, plan, report.outputSnr, report.top1Changed)))
    return failure();
  return succeeded(measureWays(findings, *error, report)) ? measureTools(*error, report) : failure();
}

} // namespace

Status dpuopt::measureLint(const Graph &g, const FixPlan &plan, llvm::ArrayRef<FixFinding> findings,
                           const LintMeasureOptions &options, LintReport &report, DiagEngine &diags) {
  auto samples = Samples::open(g, options.data, 0, diags);
  if (!samples)
    return failure();
  return Measurer(g, plan, std::move(*samples), options, diags).run(findings, report);
}
