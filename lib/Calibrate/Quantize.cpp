//===- Quantize.cpp - fix points from data: the recipe and its steps -------------------===//
#include "dpuopt/Calibrate/Quantize.h"
#include "dpuopt/Calibrate/BiasCorrection.h"
#include "dpuopt/Calibrate/FineTuning.h"
#include "dpuopt/Calibrate/JointSearch.h"
#include "dpuopt/Quant/FixRules.h"
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

/// Where a whole constant goes by itself.
static int placeOf(const Tensor &floats, const Recipe &recipe) {
  if (recipe.method == SearchMethod::Diffs)
    return diffsFixPoint(floats, recipe.bits, recipe.searchRange, Rounding::HalfAway);
  ValueHistogram histogram;
  const Tensor dense = floats.expanded();
  llvm::ArrayRef<float> all = dense.as<float>();
  histogram.add({all.data(), all.size()});
  const bool maxmin = recipe.method == SearchMethod::MaxMin;
  return histogram.nonFinite() ? MinFixPoint - 1
                               : searchFixPoint(histogram, maxmin ? SearchMethod::MaxMin : SearchMethod::Mse,
                                                recipe.bits, {Rounding::HalfAway});
}

Status dpuopt::placeParams(Quantization &q, const Recipe &recipe, DiagEngine &diags) {
  for (Quantization::Param &p : q.params) {
    p.pos = {recipe.bits, placeOf(p.floats, recipe)};
    if (p.pos.fixPoint < MinFixPoint)
      return diags.error(p.value->def()->loc(),
                         fmt::format("constant '{}' holds an infinity or numbers beyond 2^{}: no fix "
                                     "point represents it",
                                     p.value->name(), -MinFixPoint));
  }
  return success();
}

void dpuopt::placeActivations(Quantization &q, const Recipe &recipe, const Statistics &statistics) {
  PositionHistory history(q.activations.size());
  for (const auto &[i, sample] : statistics.positions)
    history.add(sample);
  for (size_t slot = 0; slot < q.activations.size(); ++slot) {
    Quantization::Activation &a = q.activations[slot];
    if (recipe.method == SearchMethod::Diffs) {
      if (std::optional<int> fixPoint = history.mode(slot))
        a.pos = FixPos{recipe.bits, *fixPoint};
    } else if (const ValueHistogram &h = statistics.histograms[slot]; h.count() > 0) {
      SearchOptions options;
      options.rounding = a.rounding();
      options.percentile = recipe.percentile;
      a.pos = FixPos{recipe.bits,
                     searchFixPoint(h, a.isInput() ? SearchMethod::MaxMin : recipe.method, recipe.bits, options)};
    }
  }
}

Result<Quantization> dpuopt::beginQuantization(const Graph &g, const Recipe &recipe, DiagEngine &diags) {
  if (failed(checkFloat(g, diags)))
    return failure();
  for (const Op &op : g.ops())
    if (op.is("onnx.LeakyRelu"))
      sayDpuSlope(op, diags);
  Quantization q(g, recipe.bits, recipe.averageApproximation);
  if (failed(placeParams(q, recipe, diags)))
    return failure();
  return q;
}

static Status improve(Quantization &q, const Recipe &recipe, const StepContext &context) {
  if (recipe.search.on && failed(searchJointly(q, recipe.search, recipe.adjust, context)))
    return failure();
  if (recipe.biasCorrect.on && failed(correctBiases(q, recipe.biasCorrect, recipe.adjust, context)))
    return failure();
  return recipe.fineTune.on ? fineTune(q, recipe.fineTune, context) : success();
}

Result<Quantized> dpuopt::quantize(const Graph &g, const Recipe &recipe, const StepContext &context, Statistics known) {
  auto q = beginQuantization(g, recipe, context.diags);
  if (q)
    warnOfConstants(g, context.samples, context.diags);
  auto statistics = q ? complete(*q, recipe, context, std::move(known)) : failure();
  if (!statistics)
    return failure();
  placeActivations(*q, recipe, *statistics);
  Quantized quantized{std::move(*q), std::move(*statistics), {}};
  quantized.repairs = quantized.network.adjust(recipe.adjust);
  reportChanges(quantized.repairs, context.diags);
  if (failed(improve(quantized.network, recipe, context)))
    return failure();
  reportBroken(quantized.network.graph(), quantized.network.groups(), quantized.network.plan(), context.diags);
  return quantized;
}
