//===- Calibrate.cpp - fix points from data ------------------------------------------===//
//
// Before: a float onnx.* graph after clean-up, static shapes. After: inputs, ends of
// quantization groups, weights, biases and constant operands have fix points in their
// types, constants hold integers. Conditions: no fix points yet; data for every input.
// Formula: DiffS (dpuopt/Quant/FixPoint.h) per sample, the mode over all samples;
// values are rounded before they flow on, weights first.
//
//===----------------------------------------------------------------------===//
#include "QuantOptions.h"
#include "SampleOptions.h"
#include "dpuopt/Calibrate/Quantize.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

constexpr int64_t MaxNumber = 1000000;

/// The steps that follow. 0: a step's own number.
bool readSteps(PassContext &ctx, Recipe &recipe, uint64_t &seed) {
  std::optional<int64_t> images = ctx.intOption("images"), passes = ctx.intOption("passes"),
                         evaluations = ctx.intOption("evaluations"), dice = ctx.intOption("seed");
  if (!images || !passes || !evaluations || !dice)
    return false;
  for (auto [name, number] : {std::pair("images", *images), {"passes", *passes}, {"evaluations", *evaluations}})
    if (number < 0 || number > MaxNumber) {
      ctx.diags.error(fmt::format("{} must be in 0-{}, is {}", name, MaxNumber, number)).rule("calibrate.steps");
      return false;
    }
  recipe.search.on = ctx.flag("search");
  recipe.biasCorrect.on = ctx.flag("bias-correct");
  recipe.fineTune.on = ctx.flag("finetune");
  if (*images)
    recipe.search.images = recipe.biasCorrect.images = recipe.fineTune.images = static_cast<size_t>(*images);
  if (*passes)
    recipe.biasCorrect.passes = recipe.fineTune.passes = static_cast<unsigned>(*passes);
  if (*evaluations)
    recipe.search.evaluations = static_cast<size_t>(*evaluations);
  seed = static_cast<uint64_t>(*dice);
  return true;
}

PassResult run(Graph &g, PassContext &ctx) {
  std::optional<int64_t> bits = ctx.intOption("bits"), range = ctx.intOption("range");
  if (!bits || !range)
    return PassResult::Failure;
  auto fail = [&](std::string text, const char *rule) {
    return ctx.diags.error(std::move(text)).rule(rule), PassResult::Failure;
  };
  if (*bits < MinBits || *bits > MaxBits)
    return fail(fmt::format("bits must be in {}-{}, is {}", MinBits, MaxBits, *bits), "calibrate.bits");
  if (*range < 1 || *range > MaxBits)
    return fail(fmt::format("range must be in 1-{}, is {}", MaxBits, *range), "calibrate.range");
  auto method = parseSearchMethod(ctx.option("method"));
  if (!method)
    return fail(fmt::format("method must be diffs, mse, maxmin, percentile or entropy, is '{}'", ctx.option("method")),
                "calibrate.method");
  double percentile = 0;
  if (llvm::StringRef(ctx.option("percentile")).getAsDouble(percentile) || !(percentile > 0 && percentile <= 1))
    return fail(fmt::format("percentile must be in 0..1, is '{}'", ctx.option("percentile")), "calibrate.percentile");
  auto given = openSamples(g, ctx, "calibrate", "calibrate.data");
  if (!given)
    return PassResult::Failure;
  Recipe recipe;
  recipe.bits = static_cast<int>(*bits);
  recipe.searchRange = static_cast<int>(*range);
  recipe.method = *method;
  recipe.percentile = percentile;
  recipe.averageApproximation = !ctx.flag("exact-averages");
  recipe.adjust = adjustOptions(ctx);
  uint64_t seed = 0;
  if (!readSteps(ctx, recipe, seed))
    return PassResult::Failure;
  auto quantized = quantize(g, recipe, {given->samples, ctx.diags, given->threads, seed});
  if (!quantized)
    return PassResult::Failure;
  quantized->network.applyTo(g);
  QuantInfo info = collectQuantInfo(g);
  info.biasCorrected = recipe.biasCorrect.on, info.fastFinetuned = recipe.fineTune.on;
  if (!ctx.option("output").empty() && failed(writeQuantInfo(info, ctx.option("output"), ctx.diags)))
    return PassResult::Failure;
  return PassResult::Changed;
}

} // namespace

extern const PassInfo CalibratePass;
const PassInfo CalibratePass = {
    "calibrate",
    "Find fix points by running the graph on data",
    "**Before:** a float `onnx.*` graph after clean-up. **After:** graph inputs, the ends of quantization groups, "
    "weights, biases and constant operands have fix points in their types, and constants hold integers. **Formula:** "
    "DiffS, as vai_q_pytorch does it: of the largest fix point p that does not overflow and the four above it, the one "
    "with the least sum of squared rounding errors (model inputs: p itself), at most 12 (15 beyond 8 bits); weights "
    "once, activations by the most frequent result over all samples, the smallest on ties. Every value is rounded "
    "before it flows on. The other methods look at the float network's values on all samples together: `mse` takes the "
    "position with the least sum of squared rounding and saturation errors, `maxmin` the largest that does not "
    "overflow, "
    "`percentile` the same but for the largest 0.01 %, `entropy` the least Kullback-Leibler divergence. Every "
    "LeakyRelu gets the DPU's slope 26/256 first (a warning where it had another). Then the "
    "repairs of `apply-quant-info`. `search` then moves positions one by one or those of an Add or Concat together, "
    "`bias-correct` puts what a layer's outputs lack on average into its biases, `finetune` moves the integers of "
    "weights and biases to where the layer's outputs come nearest to the float network's; each change stays only if "
    "the network's outputs are not worse for it (docs/quantize.md, remarks `calibrate.step`). **Conditions:** no fix "
    "points yet; every op can be "
    "executed; no infinity or NaN.\n\n"
    "**Data** is `SOURCE(:OPTION)*`, for several inputs `INPUT=SPEC;INPUT=SPEC`. Sources: `fashion-mnist` (training "
    "images of Debian's dataset-fashion-mnist, 200 of them), `fashion-mnist-test` (1000), a folder of `.png`, `.jpg`, "
    "`.jpeg` or of `.npy` files, one such file, or a `.bin` file of raw numbers. Options: `N` or `count=N`, `skip=N`; "
    "`divide=255`, `mean=a/b/c`, `scale=a/b/c`, `std=a/b/c` give `(x / divide - mean) * scale` per channel (images: "
    "divide is 255 unless given; files of numbers: 1); `bgr`; `fit=stretch`, `crop` or `pad` and `short=N` fit images "
    "to the input; `nhwc` and `dtype=f32`, `u8` or `i8` describe files of numbers.",
    Preserves::Meaning,
    {DataOption,
     CountOption,
     ThreadsOption,
     {"bits", "N", "Bit width of everything", "8"},
     {"method", "NAME", "diffs (the vendor's), mse, maxmin, percentile or entropy (of all samples at once)", "diffs"},
     {"range", "N", "Positions that diffs tries (1: the vendor's diffs_mode maxmin)", "5"},
     {"percentile", "SHARE", "Share of all values that method=percentile must not clip", "0.9999"},
     {"search", nullptr, "Then move positions by one as long as the network's outputs become better"},
     {"bias-correct", nullptr, "Then correct the biases, layer by layer"},
     {"finetune", nullptr, "Then tune weights and biases, layer by layer"},
     {"images", "N", "Samples for those steps (0: search 128, the others 1024)", "0"},
     {"passes", "N", "Times bias-correct and finetune run over them, about; more layers share a pass (0: 24)", "0"},
     {"evaluations", "N", "Moves that search tries, at most (0: 300)", "0"},
     {"seed", "N", "Of the positions in the layers' outputs that finetune looks at", "0"},
     {"exact-averages", nullptr, "Average as ONNX defines it, not with the DPU's n/2^m"},
     {"output", "FILE", "Also write the fix points found to a quant_info.json"},
     AlignConcatOption,
     AlignAddOption,
     AlignPoolOption},
    run,
};

} // namespace dpuopt
