//===- Quantize.cpp - fix points from data: the recipe and its steps -------------------===//
#include "dpuopt/Calibrate/Quantize.h"
#include "dpuopt/Calibrate/PositionHistory.h"
#include "dpuopt/Quant/LeakySlope.h"
#include <fmt/format.h>

using namespace dpuopt;

static Status checkFloat(const Graph &g, DiagEngine &diags) {
  auto placed = [&](const Value *v) {
    if (v->type().isFix())
      diags.error(fmt::format("'{}' has a fix point already ({}): calibrate a float graph", v->name(), v->type().str()))
          .rule("calibrate.graph");
    return v->type().isFix();
  };
  for (const Value *input : g.inputs())
    if (placed(input))
      return failure();
  for (const Op &op : g.ops())
    for (const Value *result : op.results())
      if (placed(result))
        return failure();
  return success();
}

Status dpuopt::placeParams(Quantization &q, const Recipe &recipe, DiagEngine &diags) {
  for (Quantization::Param &p : q.params) {
    p.pos = {recipe.bits, diffsFixPoint(p.floats, recipe.bits, recipe.searchRange, Rounding::HalfAway)};
    if (p.pos.fixPoint < MinFixPoint)
      return diags.error(p.value->def()->loc(),
                         fmt::format("constant '{}' holds an infinity or numbers beyond 2^{}: no fix "
                                     "point represents it",
                                     p.value->name(), -MinFixPoint));
  }
  return success();
}

Status dpuopt::placeActivations(Quantization &q, const Recipe &recipe, const StepContext &context) {
  const FlowGraph flow = q.flow(/*roundParams=*/true);
  PositionHistory history(q.activations.size());
  auto runner =
      SampleRunner::create({{flow.graph.get(), Watch::AnyOrder}}, context.samples, context.threads, context.diags);
  if (!runner)
    return failure();
  SampleJob job;
  job.begin = [&](size_t) { return std::make_unique<DiffsVisitor>(q, flow, history, recipe.searchRange); };
  job.collect = [&](size_t, SampleVisitor &visitor, llvm::StringRef name) {
    const SamplePositions &sample = static_cast<DiffsVisitor &>(visitor).positions;
    if (!history.agrees(sample))
      return Collected::Again;
    if (const Value *bad = sample.nonFinite)
      return context.diags
                 .error(bad->def() ? bad->def()->loc() : Location{},
                        fmt::format("'{}' has an infinity or NaN on calibration sample '{}'", bad->name(), name))
                 .rule("calibrate.non-finite"),
             Collected::Stop;
    history.add(sample);
    return Collected::Keep;
  };
  if (failed((*runner)->run(firstSamples(context.samples.size()), job, context.progress, "calibrating")))
    return failure();
  for (size_t slot = 0; slot < q.activations.size(); ++slot)
    if (std::optional<int> fixPoint = history.mode(slot))
      q.activations[slot].pos = FixPos{recipe.bits, *fixPoint};
  return success();
}

Result<Quantization> dpuopt::quantize(const Graph &g, const Recipe &recipe, const StepContext &context) {
  if (failed(checkFloat(g, context.diags)))
    return failure();
  for (const Op &op : g.ops())
    if (op.is("onnx.LeakyRelu"))
      sayDpuSlope(op, context.diags);
  Quantization q(g, recipe.bits, recipe.averageApproximation);
  if (failed(placeParams(q, recipe, context.diags)) || failed(placeActivations(q, recipe, context)))
    return failure();
  reportChanges(q.adjust(recipe.adjust), context.diags);
  return q;
}
