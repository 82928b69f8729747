//===- FixPoints.cpp - fix points from data, a file, or the model itself --------------===//
#include "FixPoints.h"
#include "dpuopt/Calibrate/OutputError.h"
#include "dpuopt/Quant/FixPlan.h"
#include "dpuopt/Quant/Qdq.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

Status dpuopt::checkIsFloat(const Graph &g, DiagEngine &diags) {
  if (carriesQdq(g))
    return diags.error("the model brings its own fix points (QuantizeLinear/DequantizeLinear nodes)")
        .rule("qdq.twice")
        .note("dpuc compile takes it as it is; to find others start from the float model");
  if (llvm::any_of(g.ops(), [](const Op &op) { return op.isXir(); }))
    return diags.error("fix points are sought for a float ONNX model, this is an xmodel").rule("calibrate.graph");
  return success();
}

Status FixPoints::check() {
  const bool given = !options.calib.empty() || !options.quantInfo.empty(), own = carriesQdq(*job.graph);
  if (given && own)
    return diags.error("the model brings its own fix points (QuantizeLinear/DequantizeLinear nodes)")
        .rule("qdq.twice")
        .note("leave out --calib and --quant-info, or start from the float model");
  if (!given && !own)
    return diags.error("dpuc compile needs the fix points: either --calib SOURCE or --quant-info FILE")
        .note("a model with QuantizeLinear/DequantizeLinear nodes needs neither");
  ownFixPoints = own;
  return success();
}

Status FixPoints::apply(bool keepFloat) {
  size_t seen = diags.all().size();
  Status done = ownFixPoints ? importQdq() : cleanUpAndQuantize(keepFloat);
  for (const Diagnostic &d : llvm::makeArrayRef(diags.all()).drop_front(seen))
    if (llvm::StringRef(d.rule).startswith("quant.") || llvm::StringRef(d.rule).startswith("qdq."))
      changes.push_back((d.loc.node.empty() ? "" : d.loc.node + ": ") + d.message + " [" + d.rule + "]");
  return done;
}

/// Fix points are read from nodes before clean-up, and put on tensors after it.
Status FixPoints::importQdq() {
  if (options.quantize.equalize != Equalize::Auto && options.quantize.equalize != Equalize::Off)
    return diags.error("--equalize scales the weights of a float model; this one has its fix points already");
  Pipeline pipeline = steps("import-qdq", {{"round-scales", options.roundScales ? "true" : ""}});
  for (PassStep &step : steps("clean-up"))
    pipeline.push_back(std::move(step));
  return runSteps(job, pipeline, options.timePasses, diags);
}

Status FixPoints::cleanUp() {
  auto equalize = decideEqualize();
  if (!equalize)
    return failure();
  // What equalization on data changes is part of what is measured.
  if (*equalize == Equalize::Data) {
    if (failed(runSteps(job, steps("clean-up"), options.timePasses, diags)))
      return failure();
    floatGraph = job.graph->clone();
  }
  if (*equalize == Equalize::Data || *equalize == Equalize::Dfq)
    diags.warning("the weights are equalized: quant_info.json fits them, not those in the model")
        .rule("quant.equalized")
        .note("an xmodel has the equalized weights; fix points that fit the model's own: --equalize=vendor");
  if (failed(
          runSteps(job, cleanUpSteps(*equalize, options.calib, options.quantize.threads), options.timePasses, diags)))
    return failure();
  if (!floatGraph)
    floatGraph = job.graph->clone();
  return success();
}

Status FixPoints::cleanUpAndQuantize(bool keepFloat) {
  if (failed(cleanUp()))
    return failure();
  if (!keepFloat)
    floatGraph = nullptr;
  if (!options.calib.empty())
    return calibrate();
  PassOptions fromFile = options.bind;
  fromFile["file"] = options.quantInfo;
  return runSteps(job, steps("apply-quant-info", fromFile), options.timePasses, diags);
}

Status FixPoints::calibrate() {
  auto samples = Samples::open(*job.graph, options.calib, 0, diags);
  if (!samples)
    return failure();
  StageBars bars;
  const QuantizeOptions &how = options.quantize;
  const StepContext context{*samples, diags, how.threads, how.seed, bars.callback()};
  auto known = options.ranks ? options.ranks->gatherAll(*job.graph, how.recipe, context) : Statistics();
  auto quantized = known ? quantize(*job.graph, how.recipe, context, std::move(*known)) : failure();
  if (!quantized)
    return failure();
  quantized->network.applyTo(*job.graph);
  found = std::move(*quantized);
  return success();
}

//===-- Which equalization is best? ----------------------------------------------===//

/// Each is tried on the first samples; the outputs decide. The vendor's moves less: what is hardly better does not win.
Result<Equalize> FixPoints::chooseOnData() {
  constexpr size_t Tried = 32;
  constexpr double Margin = 0.8; // 1 dB
  const QuantizeOptions &how = options.quantize;
  std::string said;
  Equalize best = Equalize::Vendor;
  double least = INFINITY;
  for (auto [equalize, name] : {std::pair(Equalize::Vendor, "vendor"), std::pair(Equalize::Data, "data")}) {
    DiagEngine silent;
    auto copy = job.graph->clone();
    Pipeline pipeline = cleanUpSteps(equalize, options.calib, how.threads);
    if (failed(runPipeline(copy, pipeline, {}, silent)))
      continue; // the real run says why
    auto samples = Samples::open(*copy, options.calib, 0, silent);
    if (samples && samples->size() > Tried)
      samples = Samples::open(*copy, options.calib, Tried, silent);
    auto quantized = samples ? quantize(*copy, how.recipe, {*samples, silent, how.threads, how.seed}) : failure();
    auto error = quantized ? OutputError::create(quantized->network, *samples, firstSamples(samples->size()),
                                                 how.threads, silent)
                           : failure();
    auto noise = error ? error->of(quantized->network) : failure();
    if (!noise)
      continue;
    said += fmt::format("{}{} {:.1f} dB", said.empty() ? "" : ", ", name, noise->decibels());
    if (noise->ratio < least)
      least = noise->ratio * Margin, best = equalize;
  }
  diags.remark(fmt::format("equalization chosen by the outputs on the first samples: {}", said))
      .rule("quant.equalized");
  return best;
}

//===-- Was the quantizer's model equalized? -------------------------------------===//

namespace {

/// Constants looked at, smallest first, until this many elements: enough to tell.
constexpr int64_t MaxJudged = int64_t(1) << 22, MaxGlanced = int64_t(1) << 18;

bool fits(const Tensor &t, FixPos pos) {
  return diffsFixPoint(t, pos.bits, SearchRange, Rounding::HalfAway) == pos.fixPoint;
}

bool smaller(const Tensor &a, const Tensor &b) { return a.type().numElements() < b.type().numElements(); }

/// A parameter in both forms of the model, and the file's position for it.
struct Evidence {
  Tensor plain, equalized;
  FixPos pos;
};

/// The file's position of every parameter that it names.
FixPlan paramPlan(const Graph &g, const QuantInfo &info, const PassOptions &bind, DiagEngine &diags) {
  BindOptions options{true, true};
  if (auto map = bind.find("quant-map"); map != bind.end())
    if (auto read = readQuantMap(map->second, diags))
      options.map = std::move(*read);
  auto plan = bindQuantInfo(g, quantGroups(g), info, options, "", diags);
  return plan ? std::move(*plan) : FixPlan();
}

/// Have the small parameters (all biases among them) the file's positions as they are? Then the quantizer saw the
/// same weights, and nothing more expensive has to be tried.
bool fitsAtAGlance(const FixPlan &plan) {
  std::vector<std::pair<const Tensor *, FixPos>> params;
  for (const auto &[value, pos] : plan)
    if (const Tensor *t = constantOf(value); t && !t->isSplat())
      params.push_back({t, pos});
  llvm::stable_sort(params, [](auto &a, auto &b) { return smaller(*a.first, *b.first); });
  int64_t elements = 0;
  for (const auto &[t, pos] : params) {
    elements += t->type().numElements();
    if (elements > MaxGlanced)
      break;
    if (!fits(*t, pos))
      return false;
  }
  return !params.empty();
}

/// The parameters that equalization changes and the file has a position for, smallest first.
std::vector<Evidence> gatherEvidence(const FixPlan &plan, const Graph &equalized) {
  std::vector<Evidence> found;
  for (const auto &[value, pos] : plan) {
    const Tensor *before = constantOf(value), *after = constantOf(equalized.lookup(value->name()));
    if (before && after && !before->isSplat() && before->type() == after->type() && *before != *after)
      found.push_back({*before, *after, pos});
  }
  llvm::stable_sort(found, [](const Evidence &a, const Evidence &b) { return smaller(a.plain, b.plain); });
  return found;
}

struct Verdict {
  unsigned judged = 0, plain = 0, equalized = 0; ///< parameters; those whose position DiffS finds in each form
};

Verdict judge(llvm::ArrayRef<Evidence> evidence) {
  Verdict v;
  int64_t elements = 0;
  for (const Evidence &e : evidence) {
    elements += e.plain.type().numElements();
    if (v.judged && elements > MaxJudged)
      break;
    ++v.judged;
    v.plain += fits(e.plain, e.pos);
    v.equalized += fits(e.equalized, e.pos);
  }
  return v;
}

} // namespace

/// Tries both on copies. What is wrong with the model or the file is left for the real run to say.
Result<Equalize> FixPoints::decideEqualize() {
  const Equalize asked = options.quantize.equalize;
  if ((asked == Equalize::Data || asked == Equalize::Dfq) && !options.quantInfo.empty())
    return diags.error("--equalize=data and dfq go with --calib: a quantizer's fix points fit its own weights only");
  if (asked != Equalize::Auto)
    return asked;
  if (options.quantInfo.empty())
    return chooseOnData();
  DiagEngine silent;
  auto info = readQuantInfo(options.quantInfo, silent);
  if (!info)
    return Equalize::Off;
  auto plain = job.graph->clone(), equalized = job.graph->clone();
  if (failed(runPipeline(plain, steps("clean-up"), {}, silent)))
    return Equalize::Off;
  FixPlan plan = paramPlan(*plain, *info, options.bind, silent);
  if (plan.empty() || fitsAtAGlance(plan) || failed(runPipeline(equalized, steps("clean-up-equalized"), {}, silent)))
    return Equalize::Off;
  Verdict v = judge(gatherEvidence(plan, *equalized));
  if (v.equalized <= v.plain)
    return Equalize::Off;
  diags
      .remark(
          fmt::format("equalized the weights as the quantizer did: of {} parameters that this changes, {} then have "
                      "the fix point of {}, without it {} (--equalize=off leaves them as they are)",
                      v.judged, v.equalized, options.quantInfo, v.plain))
      .rule("quant.equalized");
  return Equalize::Vendor;
}
