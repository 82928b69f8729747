//===- Calibrate.cpp - fix points from data ------------------------------------------===//
//
// Before: a float onnx.* graph after clean-up, static shapes. After: inputs, ends of
// quantization groups, weights, biases and constant operands have fix points in their
// types, constants hold integers. Conditions: no fix points yet; data for every input.
// Formula: DiffS (dpuopt/Quant/FixPoint.h) per sample, the mode over all samples;
// values are rounded before they flow on, weights first.
//
//===----------------------------------------------------------------------===//
#include "LeakySlope.h"
#include "QuantOptions.h"
#include "dpuopt/Data/DataSource.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Quant/Calibrator.h"
#include "llvm/ADT/StringMap.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

using Sources = std::vector<std::unique_ptr<DataSource>>;

/// "SPEC", or "input=SPEC;input=SPEC" for graphs with several inputs: the spec of each input.
Result<std::vector<std::string>> splitSpecs(const Graph &g, llvm::StringRef text, DiagEngine &diags) {
  auto inputs = g.inputs();
  llvm::StringMap<std::string> byName;
  llvm::SmallVector<llvm::StringRef, 4> parts;
  text.split(parts, ';');
  for (llvm::StringRef part : parts)
    for (const Value *input : inputs)
      if (part.startswith(input->name() + "="))
        byName[input->name()] = part.drop_front(input->name().size() + 1).str();
  if (byName.empty() && inputs.size() == 1)
    return std::vector<std::string>{text.str()};
  std::vector<std::string> specs;
  for (const Value *input : inputs) {
    if (!byName.count(input->name()))
      return diags.error(fmt::format("no calibration data for the model's input '{}'", input->name()))
          .note("with several inputs: data=INPUT=SPEC;INPUT=SPEC")
          .rule("calibrate.data");
    specs.push_back(byName[input->name()]);
  }
  return specs;
}

Result<Sources> openSources(const Graph &g, const PassContext &ctx) {
  if (ctx.option("data").empty())
    return ctx.diags.error("calibrate needs the option data=SPEC, such as data=fashion-mnist:200")
        .rule("calibrate.data");
  std::optional<int64_t> count = ctx.intOption("count");
  if (!count)
    return failure();
  Result<std::vector<std::string>> specs = splitSpecs(g, ctx.option("data"), ctx.diags);
  if (!specs)
    return failure();
  Sources sources;
  for (size_t i = 0; i < specs->size(); ++i) {
    std::string spec = (*specs)[i];
    if (*count > 0)
      spec += fmt::format(":count={}", *count);
    auto source = openDataSource(spec, g.inputs()[i]->type().shape(), ctx.diags);
    if (!source)
      return failure();
    sources.push_back(std::move(*source));
    if (sources[i]->size() != sources[0]->size())
      return ctx.diags
          .error(fmt::format("inputs '{}' and '{}' have {} and {} samples", g.inputs()[0]->name(),
                             g.inputs()[i]->name(), sources[0]->size(), sources[i]->size()))
          .rule("calibrate.data");
  }
  return sources;
}

Status checkGraph(const Graph &g, DiagEngine &diags) {
  if (g.inputs().empty())
    return diags.error("calibration needs a graph with inputs").rule("calibrate.graph");
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

/// Runs sample after sample through the executor, the calibrator watching.
Status watch(const Graph &g, Calibrator &calibrator, Sources &sources, DiagEngine &diags) {
  ExecOptions options;
  options.observer = [&](const Value &v, Tensor &t) { calibrator.observe(v, t); };
  options.observerTakesAnyOrder = true; // positions are sums over all elements
  auto executor = Executor::create(g, options, diags);
  if (!executor)
    return failure();
  for (size_t i = 0; i < sources[0]->size(); ++i) {
    std::vector<Tensor> inputs;
    std::string name;
    for (size_t k = 0; k < sources.size(); ++k) {
      Result<Sample> sample = sources[k]->load(i, diags);
      if (!sample)
        return failure();
      calibrator.feed(*g.inputs()[k], sample->input);
      inputs.push_back(std::move(sample->input));
      name = sample->name;
    }
    if (!(*executor)->run(inputs))
      return failure();
    if (const Value *bad = calibrator.nonFinite())
      return diags
          .error(bad->def() ? bad->def()->loc() : Location{},
                 fmt::format("'{}' has an infinity or NaN on calibration sample '{}'", bad->name(), name))
          .rule("calibrate.non-finite");
  }
  return success();
}

/// The plan of a clone's values, for the values of the same name.
FixPlan transfer(const FixPlan &plan, const Graph &g) {
  FixPlan moved;
  for (const auto &[value, pos] : plan)
    moved[g.lookup(value->name())] = pos;
  return moved;
}

PassResult run(Graph &g, PassContext &ctx) {
  std::optional<int64_t> bits = ctx.intOption("bits");
  if (!bits || failed(checkGraph(g, ctx.diags)))
    return PassResult::Failure;
  if (*bits < MinBits || *bits > MaxBits)
    return ctx.diags.error(fmt::format("bits must be in {}-{}, is {}", MinBits, MaxBits, *bits)).rule("calibrate.bits"),
           PassResult::Failure;
  Result<Sources> sources = openSources(g, ctx);
  if (!sources)
    return PassResult::Failure;
  for (const Op &op : g.ops())
    if (op.is("onnx.LeakyRelu"))
      sayDpuSlope(op, ctx.diags);
  std::unique_ptr<Graph> copy = g.clone();
  useDpuSlopes(*copy);
  QuantGroups groups = quantGroups(*copy);
  CalibrationOptions options;
  options.bits = static_cast<int>(*bits);
  options.searchRange = ctx.flag("maxmin") ? InputSearchRange : SearchRange;
  options.averageApproximation = !ctx.flag("exact-averages");
  Calibrator calibrator(*copy, groups, options);
  if (failed(calibrator.quantizeParams(ctx.diags)) || failed(watch(*copy, calibrator, *sources, ctx.diags)))
    return PassResult::Failure;
  useDpuSlopes(g);
  FixPlan plan = transfer(calibrator.plan(), g);
  reportChanges(adjustFixPoints(g, quantGroups(g), plan, adjustOptions(ctx)), ctx.diags);
  applyFixPlan(plan);
  if (!ctx.option("output").empty() && failed(writeQuantInfo(collectQuantInfo(g), ctx.option("output"), ctx.diags)))
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
    "before it flows on. Every LeakyRelu gets the DPU's slope 26/256 first (a warning where it had another). Then the "
    "repairs of `apply-quant-info`. **Conditions:** no fix points yet; every op can be "
    "executed; no infinity or NaN.\n\n"
    "**Data** is `SOURCE(:OPTION)*`, for several inputs `INPUT=SPEC;INPUT=SPEC`. Sources: `fashion-mnist` (training "
    "images of Debian's dataset-fashion-mnist, 200 of them), `fashion-mnist-test` (1000), a folder of `.png`, `.jpg`, "
    "`.jpeg` or of `.npy` files, one such file, or a `.bin` file of raw numbers. Options: `N` or `count=N`, `skip=N`; "
    "`divide=255`, `mean=a/b/c`, `scale=a/b/c`, `std=a/b/c` give `(x / divide - mean) * scale` per channel (images: "
    "divide is 255 unless given; files of numbers: 1); `bgr`; `fit=stretch`, `crop` or `pad` and `short=N` fit images "
    "to the input; `nhwc` and `dtype=f32`, `u8` or `i8` describe files of numbers.",
    Preserves::Meaning,
    {{"data", "SPEC", "Where samples come from: fashion-mnist:200, a folder, x.npy, x.bin, with :options"},
     {"count", "N", "At most N samples (0: what the source gives)", "0"},
     {"bits", "N", "Bit width of everything", "8"},
     {"maxmin", nullptr, "Take the largest fix point that does not overflow, without search"},
     {"exact-averages", nullptr, "Average as ONNX defines it, not with the DPU's n/2^m"},
     {"output", "FILE", "Also write the fix points found to a quant_info.json"},
     AlignConcatOption,
     AlignAddOption,
     AlignPoolOption},
    run,
};

} // namespace dpuopt
