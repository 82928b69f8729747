//===- Eval.cpp - dpuc eval: how accurate is this model? ------------------------------===//
#include "Evaluation.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
using Json = nlohmann::ordered_json;

static cl::SubCommand command("eval", "How accurate is this model? (exit status: 1 if a limit is missed)");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<std::string> data("data",
                                 cl::desc("Labelled samples: fashion-mnist:test, a folder with a subfolder per class, "
                                          "a folder with :labels=FILE; with :options (docs/run.md)"),
                                 cl::value_desc("SOURCE"), cl::Required, cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> floatModel("float", cl::desc("Compare with this model on the same samples"),
                                       cl::value_desc("MODEL.onnx"), cl::sub(command), cl::cat(dpucCategory()));
static InputFlags inputFlags(command, false);
static BackendFlags backendFlags(command, false);
static cl::opt<unsigned> count("count", cl::desc("At most so many samples (all)"), cl::value_desc("N"), cl::init(0),
                               cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> threads("threads", cl::desc("Samples at the same time (1)"), cl::value_desc("N"), cl::init(1),
                            cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> output("output", cl::desc("The output that has the scores (the first that is one vector)"),
                                   cl::value_desc("NAME"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<double> minAccuracy("min-accuracy", cl::desc("Exit 1 if top-1 is less"), cl::value_desc("PERCENT"),
                                   cl::init(-1), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<double> maxDrop("max-drop", cl::desc("Exit 1 if top-1 is so many points below --float"),
                               cl::value_desc("POINTS"), cl::init(-1), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write what was found as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

/// The spec with --count; all of FashionMNIST where nothing limits it.
static Result<std::string> dataSpec(DiagEngine &diags) {
  auto parsed = parseDataSpec(data, diags);
  if (!parsed)
    return failure();
  std::string spec = data;
  if (count)
    spec += fmt::format(":count={}", count.getValue());
  else if (parsed->options.count == 0 && isFashionMnist(parsed->source))
    spec += parsed->options.test ? ":count=10000" : ":count=60000";
  return spec;
}

static Result<Contestant> contestant(RunModel &opened, const std::string &spec, DiagEngine &diags) {
  if (opened.inputs.size() != 1)
    return diags.error(fmt::format("has {} inputs; accuracy is measured of models with one", opened.inputs.size()))
        .file(opened.path)
        .rule("eval.inputs");
  auto defaults = inputFlags.defaults(diags);
  if (!defaults)
    return failure();
  auto open = [&opened, spec, options = *defaults](DiagEngine &to) {
    return openInput({spec}, opened.inputs[0], options, to);
  };
  auto source = open(diags);
  if (!source)
    return failure();
  Contestant contestant{opened, open, (*source)->size(), {}, {}};
  if (output.empty())
    return contestant;
  auto index = findOutput(opened, output, diags);
  if (!index)
    return failure();
  contestant.output = *index;
  return contestant;
}

static std::string perSecond(const ModelScore &s, size_t samples) {
  return s.seconds > 0 ? fmt::format("{:.0f}", static_cast<double>(samples) / s.seconds) : "-";
}

static void print(const Evaluation &e, llvm::raw_ostream &os) {
  auto row = [&](const std::string &name, const ModelScore &s) {
    os << fmt::format("{:<32}  {:>6.2f} %  {:>6.2f} %  {:>9}\n", name, e.percent(s.top1), e.percent(s.top5),
                      perSecond(s, e.samples));
  };
  os << fmt::format("{}: {} samples, {} classes\n", data.getValue(), e.samples, e.classes);
  os << fmt::format("{:<32}  {:>8}  {:>8}  {:>9}\n", "", "top-1", "top-5", "samples/s");
  row(llvm::sys::path::filename(model).str(), e.model);
  if (!e.hasReference)
    return;
  row(llvm::sys::path::filename(floatModel).str(), e.reference);
  os << fmt::format("drop {:.2f} points; the same answer for {:.2f} % of the samples\n", e.drop(), e.percent(e.agree));
  os << fmt::format("both right {}, only the float model {}, only {} {}, both wrong {}", e.bothRight, e.onlyReference,
                    llvm::sys::path::filename(model).str(), e.onlyModel, e.bothWrong);
  os << fmt::format(" (McNemar: p = {:.2g})\n", e.pValue());
}

static Json scoreJson(const Evaluation &e, const std::string &path, const ModelScore &s) {
  return {{"model", path},
          {"top1", e.percent(s.top1)},
          {"top5", e.percent(s.top5)},
          {"right", s.top1},
          {"samples_per_second", s.seconds > 0 ? static_cast<double>(e.samples) / s.seconds : 0.0}};
}

static std::string evalJson(const Evaluation &e) {
  Json j = {{"data", data.getValue()},
            {"samples", e.samples},
            {"classes", e.classes},
            {"model", scoreJson(e, model, e.model)}};
  if (e.hasReference) {
    j["float"] = scoreJson(e, floatModel, e.reference);
    j["drop"] = e.drop();
    j["agreement"] = e.percent(e.agree);
    j["both_right"] = e.bothRight;
    j["only_float"] = e.onlyReference;
    j["only_model"] = e.onlyModel;
    j["both_wrong"] = e.bothWrong;
    j["p_value"] = e.pValue();
  }
  return j.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// True if --min-accuracy and --max-drop are kept.
static bool checkLimits(const Evaluation &e, DiagEngine &diags) {
  bool kept = true;
  if (minAccuracy >= 0 && e.percent(e.model.top1) < minAccuracy) {
    diags
        .error(fmt::format("top-1 must be at least {:.2f} %, is {:.2f} %", minAccuracy.getValue(),
                           e.percent(e.model.top1)))
        .rule("eval.min-accuracy");
    kept = false;
  }
  if (maxDrop >= 0 && e.drop() > maxDrop) {
    diags.error(fmt::format("top-1 may drop by {:.2f} points, drops by {:.2f}", maxDrop.getValue(), e.drop()))
        .rule("eval.max-drop");
    kept = false;
  }
  return kept;
}

static Status checkFlags(DiagEngine &diags) {
  if (maxDrop >= 0 && floatModel.empty())
    return diags.error("--max-drop needs --float MODEL.onnx");
  return checkThreads(threads, diags);
}

static int eval(DiagEngine &diags) {
  auto onnx = succeeded(checkFlags(diags)) ? inputFlags.importOptions(diags) : failure();
  auto spec = onnx ? dataSpec(diags) : failure();
  auto reference = spec && !floatModel.empty() ? RunModel::open(floatModel, *onnx, diags) : failure();
  if (!spec || (!floatModel.empty() && !reference))
    return ExitBadInput;
  auto opened = RunModel::open(model, *onnx, diags);
  auto mine = opened ? contestant(*opened, *spec, diags) : failure();
  auto backend = mine ? backendFlags.options(1, diags) : failure();
  if (!backend)
    return ExitBadInput;
  mine->backend = backend->front();
  auto other = reference ? contestant(*reference, *spec, diags) : failure();
  if (reference && !other)
    return ExitBadInput;
  auto found = evaluateModels(*mine, reference ? &*other : nullptr, static_cast<unsigned>(threads.getValue()), diags);
  if (!found)
    return ExitBadInput;
  print(*found, llvm::outs());
  llvm::outs().flush();
  if (failed(writeNamed(
          json, [&] { return evalJson(*found); }, diags)))
    return ExitBadInput;
  return checkLimits(*found, diags) ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command EvalCommand;
const Command EvalCommand = {command, eval};
} // namespace dpuopt
