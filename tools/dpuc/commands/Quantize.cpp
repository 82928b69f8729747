//===- Quantize.cpp - dpuc quantize: fix points from data, and what they cost ----------===//
#include "OutputFolder.h"
#include "QuantSummary.h"
#include "Tries.h"
#include "dpuopt/Xir/Xir.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("quantize", "Fix points from data: the quantized xmodel, quant_info.json and what the "
                                          "rounding costs (exit status: 1 if the budget is missed)");
static ModelFlags modelFlags(command);
static cl::opt<std::string>
    calib("calib", cl::desc("Samples: fashion-mnist:200, a folder of images, .npy, .bin, with :options (docs/cli.md)"),
          cl::value_desc("SOURCE"), cl::Required, cl::sub(command), cl::cat(dpucCategory()));
static QuantizeFlags quantizeFlags(command);
static cl::opt<std::string>
    evalData("eval", cl::desc("Labelled samples to measure accuracy on (with --calib fashion-mnist: its test images)"),
             cl::value_desc("SOURCE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<double>
    maxDrop("max-drop",
            cl::desc("Keep adding steps, cheapest first, until top-1 is at most so many points below "
                     "the float model's"),
            cl::value_desc("POINTS"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<double> minSnr("min-snr",
                              cl::desc("The same until the outputs' signal-to-noise ratio is at least so many dB"),
                              cl::value_desc("DB"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> layerSamples("layer-samples",
                                      cl::desc("Samples on which the error of each layer is measured (32; 0: none)"),
                                      cl::value_desc("N"), cl::init(32), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> allLayers("all", cl::desc("Print every layer, not the worst ones only"), cl::sub(command),
                               cl::cat(dpucCategory()));
static cl::opt<std::string> outputDir("o", cl::desc("Folder for the results (.)"), cl::value_desc("DIR"), cl::init("."),
                                      cl::sub(command), cl::cat(dpucCategory()));

namespace {

class Quantizing {
public:
  Quantizing(const ModelOptions &model, const TryOptions &options, const std::string &dir, DiagEngine &diags)
      : model(model), options(options), diags(diags), name(resultName(model.model)), folder(dir, "quantize") {}

  int run() {
    auto opened = openJob(model, diags);
    if (!opened || (first() && failed(folder.prepare(diags))))
      return ExitBadInput;
    job = std::move(*opened);
    ladder.emplace(job, options, diags);
    if (failed(build()))
      return ExitBadInput;
    if (!first())
      return ExitClean; // the first rank speaks for all
    print(llvm::outs());
    llvm::outs().flush();
    return judge();
  }

private:
  bool first() const { return !options.fixPoints.ranks || options.fixPoints.ranks->isFirst(); }
  Status build();
  Status describeResult();
  Status write();
  void print(llvm::raw_ostream &os);
  int judge();

  const ModelOptions &model;
  const TryOptions &options;
  DiagEngine &diags;
  std::string name;
  OutputFolder folder;
  Job job;
  std::optional<Ladder> ladder;
  QuantReport report;
};

Status Quantizing::build() {
  if (failed(ladder->climb()))
    return failure();
  if (!first())
    return success();
  // How it would be partitioned; what is written carries no prediction.
  job.graph = ladder->best().lowered->clone();
  placeOnTarget(job, model);
  return failed(describeResult()) ? failure() : write();
}

Status Quantizing::describeResult() {
  const Try &best = ladder->best();
  const QuantizeOptions &how = best.how.quantize;
  const Quantization &network = best.found->network;
  if (layerSamples) {
    auto samples = Samples::open(network.reference(), best.how.calib, 0, diags);
    StageBars bars;
    auto errors = samples
                      ? measureLayers(network, {*samples, diags, how.threads, how.seed, bars.callback()}, layerSamples)
                      : failure();
    if (!errors)
      return failure();
    report = describe(network, *errors);
  }
  report.model = model.model, report.target = job.target->described(), report.data = best.how.calib;
  report.method = searchMethodName(how.recipe.method).str();
  report.images = best.samples;
  for (const auto &t : ladder->all())
    report.steps.push_back(stepOf(*t));
  if (best.accuracy)
    report.accuracy =
        QuantAccuracy{"top-1", best.accuracy->samples, best.accuracy->percent(best.accuracy->reference.top1),
                      best.accuracy->percent(best.accuracy->model.top1)};
  report.notes = best.changes;
  return success();
}

Status Quantizing::write() {
  const Try &best = ladder->best();
  if (failed(checkExportable(*best.lowered, diags)) ||
      failed(folder.make(name + "_int.xmodel", diags,
                         [&](auto &file, auto &told) { return exportXmodel(*best.lowered, file, told); })) ||
      failed(folder.make("quant_info.json", diags,
                         [&](auto &file, auto &told) { return writeQuantInfo(best.info, file, told); })))
    return failure();
  auto text = [&](llvm::raw_ostream &os) { printQuantReport(report, report.layers.size(), os); };
  auto json = [&](llvm::raw_ostream &os) { os << quantReportJson(report); };
  auto page = [&](llvm::raw_ostream &os) { os << quantReportHtml(report); };
  if (failed(folder.write("quantization.txt", diags, text)) || failed(folder.write("quantization.json", diags, json)))
    return failure();
  return failed(folder.write("quantization.html", diags, page)) ? failure() : folder.commit(diags);
}

void Quantizing::print(llvm::raw_ostream &os) {
  constexpr size_t MostLayers = 20, MostNotes = 3;
  QuantReport shown = report;
  if (!allLayers && shown.notes.size() > MostNotes)
    shown.notes = {fmt::format("{} changes of weights and fix points: quantization.txt has them", report.notes.size())};
  printQuantReport(shown, allLayers ? report.layers.size() : MostLayers, os);
  const unsigned dpu = job.report.count("DPU"), cpu = job.report.cpuOps();
  os << fmt::format("partition {} DPU subgraph{}, {} op{} on the CPU{}\n", dpu, dpu == 1 ? "" : "s", cpu,
                    cpu == 1 ? "" : "s", cpu ? " (dpuc check says why)" : "");
  for (const std::string &file : folder.written())
    os << "wrote     " << file << "\n";
}

int Quantizing::judge() {
  const Try &best = ladder->best();
  if (best.within(options.budget))
    return checkExpectation(job.report, diags) ? ExitClean : ExitFindings;
  if (options.budget.maxDrop && best.accuracy && best.accuracy->drop() > *options.budget.maxDrop)
    diags
        .error(fmt::format("top-1 may drop by {:.2f} points, drops by {:.2f}", *options.budget.maxDrop,
                           best.accuracy->drop()))
        .rule("eval.max-drop");
  if (options.budget.minSnr && best.noise.decibels() < *options.budget.minSnr)
    diags
        .error(fmt::format("the outputs' signal-to-noise ratio must be at least {:.1f} dB, is {:.1f} dB",
                           *options.budget.minSnr, best.noise.decibels()))
        .rule("quantize.min-snr");
  return ExitFindings;
}

} // namespace

static int quantizeOnRanks(Ranks &ranks, DiagEngine &diags) {
  ModelOptions model;
  TryOptions options;
  options.fixPoints.ranks = &ranks;
  if (failed(modelFlags.fill(model, diags)) || failed(quantizeFlags.fill(options.fixPoints.quantize, diags)))
    return ExitBadInput;
  options.fixPoints.calib = calib;
  options.evalData = evalData;
  auto spec = parseDataSpec(calib, diags);
  if (!spec)
    return ExitBadInput;
  if (evalData.empty() && isFashionMnist(spec->source))
    options.evalData = "fashion-mnist-test:10000";
  if (maxDrop.getNumOccurrences())
    options.budget.maxDrop = maxDrop;
  if (minSnr.getNumOccurrences())
    options.budget.minSnr = minSnr;
  if (options.budget.maxDrop && options.evalData.empty())
    return diags.error("--max-drop needs labelled samples: --eval SOURCE"), ExitBadInput;
  return Quantizing(model, options, outputDir, diags).run();
}

/// The first rank's diagnostics are everybody's, except where only another one fails.
static int quantizeCommand(DiagEngine &diags) {
  Ranks ranks;
  if (failed(ranks.join(diags)))
    return ExitBadInput;
  DiagEngine silent;
  const int status = quantizeOnRanks(ranks, ranks.isFirst() ? diags : silent);
  for (const Diagnostic &d : silent.all())
    if (status == ExitBadInput && d.severity == Severity::Error)
      diags.emit(d);
  return status == ExitBadInput ? ranks.fail(status) : status;
}

namespace dpuopt {
extern const Command QuantizeCommand;
const Command QuantizeCommand = {command, quantizeCommand};
} // namespace dpuopt
