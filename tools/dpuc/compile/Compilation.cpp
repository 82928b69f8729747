//===- Compilation.cpp - from ONNX to a verified xmodel, step by step -----------------===//
#include "Compilation.h"
#include "CompilerStep.h"
#include "Evaluation.h"
#include "HeadStripping.h"
#include "OutputFolder.h"
#include "dpuopt/Support/CommandWords.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>

using namespace dpuopt;
namespace path = llvm::sys::path;

namespace {

class Compilation {
public:
  Compilation(const CompileOptions &options, DiagEngine &diags)
      : options(options), diags(diags), name(resultName(options.model)), folder(options.outputDir, "compile"),
        deployment(options.deploy), fixPoints(options.fixPoints, job, diags) {}

  int run() {
    auto opened = openJob(options, diags);
    if (!opened)
      return ExitBadInput;
    job = std::move(*opened);
    if (failed(fixPoints.check()) || failed(folder.prepare(diags)))
      return ExitBadInput;
    auto found = VendorCompiler::find(options.compiler, diags);
    if (!found)
      return ExitBadInput;
    compiler = std::move(*found);
    if (options.stripHead && failed(takeHeadOff(job, options, folder, deployment, diags)))
      return ExitBadInput;
    if (!mayBecomeAsExpected())
      return ExitFindings;
    if (failed(build()) || failed(folder.commit(diags)) ||
        (options.budget && failed(options.budget->settle(job.report, diags))))
      return ExitBadInput;
    printSummary(job.report, llvm::outs());
    llvm::outs().flush();
    const bool good = checkExpectation(job.report, diags) && job.report.overBudget.empty();
    return std::max<int>(good ? ExitClean : ExitFindings, compilerStatus);
  }

private:
  Status build() {
    if (failed(fixPoints.apply(measuresAccuracy())))
      return failure();
    QuantInfo info = collectQuantInfo(*job.graph);
    if (failed(runSteps(job, steps("lower-to-xir,sort-ops"), options.timePasses, diags)))
      return failure();
    quantized = job.graph->clone(); // what is written carries no prediction
    placeOnTarget(job, options);
    job.report.changes = std::move(fixPoints.changes);
    job.report.fixPointSource = fixPoints.fromQdqNodes() ? FromQdqNodes : "";
    if (failed(measure()) || failed(checkExportable(*quantized, diags)))
      return failure();
    if (failed(writeModel(info)) || failed(writeEmitted()) || failed(judge()))
      return failure();
    if (failed(compile()) || failed(deploy()))
      return failure();
    return writeReports();
  }

  /// The partition is known before a sample is read. What is wrong with the model is left for the real run to say.
  bool mayBecomeAsExpected() {
    if (!options.expectDpu || options.fixPoints.calib.empty())
      return true;
    DiagEngine silent;
    Job trial{job.graph->clone(), job.target, {}, false};
    trial.report.before = job.report.before;
    if (failed(lowerForCheck(trial, false, silent)))
      return true;
    placeOnTarget(trial, options);
    if (trial.report.asExpected())
      return true;
    trial.report.placeholderFixPoints = true;
    printSummary(trial.report, llvm::outs());
    llvm::outs() << "stopped   before calibration; nothing is written\n";
    llvm::outs().flush();
    return checkExpectation(trial.report, diags);
  }

  //===-- Accuracy ---------------------------------------------------------------===//
  /// FashionMNIST is the one data set whose labels we have.
  bool measuresAccuracy() const {
    return options.accuracyImages && llvm::StringRef(options.fixPoints.calib).startswith("fashion-mnist");
  }

  Status measure() {
    if (!fixPoints.floatGraph)
      return success();
    auto measured =
        evaluateGraphs(*job.graph, *fixPoints.floatGraph, fmt::format("fashion-mnist-test:{}", options.accuracyImages),
                       options.fixPoints.quantize.threads, diags);
    if (!measured)
      return failure();
    job.report.accuracy =
        ReportedAccuracy{static_cast<unsigned>(measured->samples), measured->percent(measured->reference.top1),
                         measured->percent(measured->model.top1)};
    return success();
  }

  //===-- Files --------------------------------------------------------------------===//
  Status writeModel(const QuantInfo &info) {
    auto model = [&](auto &file, DiagEngine &told) { return exportXmodel(*quantized, xmodel = file, told); };
    auto points = [&](auto &file, DiagEngine &told) { return writeQuantInfo(info, file, told); };
    if (failed(folder.make(name + "_int.xmodel", diags, model)) ||
        failed(folder.make("quant_info.json", diags, points)))
      return failure();
    return folder.write("arch.json", diags, [&](llvm::raw_ostream &os) {
      os << fmt::format("{{\"fingerprint\":\"{:#x}\"}}\n", job.target->fingerprint());
    });
  }

  /// The quantized graph once more, in the form asked for.
  Status writeEmitted() {
    if (options.emitted.empty())
      return success();
    std::unique_ptr<Graph> copy = quantized->clone();
    if (failed(runPipeline(copy, options.emitted, {}, diags)))
      return failure();
    return folder.make(name + "_qdq.onnx", diags,
                       [&](auto &file, DiagEngine &told) { return exportOnnx(*copy, file, {}, told); });
  }

  /// What the application must know: of the compiled xmodel if there is one, else of what it will be.
  Status deploy() {
    DeployedModel model{name, compiled ? folder.file(name + ".xmodel") : xmodel, options.model,
                        compiled ? *compiled : *job.graph, *job.target};
    return writeDeployment(model, deployment, folder, diags);
  }

  Status writeReports() {
    for (const char *leaf : {"report.txt", "report.json"})
      folder.note(leaf);
    job.report.files = folder.written();
    if (failed(folder.write("report.txt", diags, [&](llvm::raw_ostream &os) { printReport(job.report, os); })))
      return failure();
    return folder.write("report.json", diags, [&](llvm::raw_ostream &os) { os << reportJson(job.report); });
  }

  //===-- Other people's tools ---------------------------------------------------------===//
  Status judge() {
    if (!options.xirCheck)
      return success();
    auto verdict = judgeXmodel(xmodel, job.graph.get(), diags);
    if (!verdict)
      return failure();
    unsigned dpu = llvm::count_if(verdict->subgraphs, [](auto &s) { return s.second == "DPU"; });
    if (dpu != job.report.count("DPU"))
      return diags.error(fmt::format("libxir counts {} DPU subgraphs, we count {}", dpu, job.report.count("DPU")))
          .file(xmodel);
    job.report.xirVerdict = fmt::format("loads {}: {} ops, {} subgraphs, {} on the DPU", path::filename(xmodel).str(),
                                        verdict->numOps, verdict->subgraphs.size(), dpu);
    return success();
  }

  /// As somebody would type it: with the files where they will be.
  std::string compileCommand() const {
    std::string line = compiler ? compiler->commandLine({}) : "vai_c_xir";
    for (const std::string &word :
         {std::string("-x"), folder.shown(name + "_int.xmodel"), std::string("-a"), folder.shown("arch.json"),
          std::string("-o"), folder.name(), std::string("-n"), name})
      line += " " + shellWord(word);
    return line;
  }

  /// Not without the number of subgraphs that was asked for.
  Status compile() {
    job.report.compileCommand = compileCommand();
    if (!compiler)
      job.report.compileResult = "vai_c_xir is not on the PATH: run this where it is";
    else if (!options.runCompiler)
      job.report.compileResult = "not run (--no-compiler)";
    else if (!job.report.asExpected())
      job.report.compileResult = "not run: the partition is not the one asked for";
    else
      return runCompiler();
    return success();
  }

  Status runCompiler() {
    auto made = runCompilerStep(
        {*compiler, *quantized, *job.target, options.expectDpu, name, job.report.compileCommand, options.caseWeights},
        folder, diags);
    if (!made)
      return failure();
    compiled = std::move(made->compiled);
    job.report.compileResult = std::move(made->said);
    compilerStatus = made->status;
    return success();
  }

  const CompileOptions &options;
  DiagEngine &diags;
  std::string name;
  OutputFolder folder;
  std::string xmodel;
  Job job;
  DeployOptions deployment;
  FixPoints fixPoints;
  std::unique_ptr<Graph> quantized;       ///< lowered, before the partition is written into it
  std::unique_ptr<Graph> compiled;        ///< by vai_c_xir; null if it was not run, or made nothing
  std::optional<VendorCompiler> compiler; ///< none on the PATH
  int compilerStatus = ExitClean;
};

} // namespace

int dpuopt::runCompilation(const CompileOptions &options, DiagEngine &diags) {
  return Compilation(options, diags).run();
}
