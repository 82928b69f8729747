//===- Compilation.cpp - from ONNX to a verified xmodel, step by step -----------------===//
#include "Compilation.h"
#include "CommandWords.h"
#include "CompiledCheck.h"
#include "Evaluation.h"
#include "HeadStripping.h"
#include "OutputFolder.h"
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
    if (failed(build()) || failed(folder.commit(diags)) ||
        (options.budget && failed(options.budget->settle(job.report, diags))))
      return ExitBadInput;
    printSummary(job.report, llvm::outs());
    llvm::outs().flush();
    bool good = checkExpectation(job.report, diags);
    return good && compilerAgrees && job.report.overBudget.empty() ? ExitClean : ExitFindings;
  }

private:
  Status build() {
    if (options.stripHead && failed(takeHeadOff(job, options, folder, deployment, diags)))
      return failure();
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
    xmodel = folder.note(name + "_int.xmodel");
    if (failed(exportXmodel(*quantized, xmodel, diags)) ||
        failed(writeQuantInfo(info, folder.note("quant_info.json"), diags)))
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
    return exportOnnx(*copy, folder.note(name + "_qdq.onnx"), {}, diags);
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
    CompilerRun run = compiler->run({"-x", xmodel, "-a", folder.file("arch.json"), "-o", folder.stage(), "-n", name});
    if (failed(folder.write("vai_c_xir.log", diags,
                            [&](llvm::raw_ostream &os) { os << run.process.out << run.process.err; })))
      return failure();
    const std::string why = whatFailed(run);
    if (!why.empty()) {
      compileFailed(run, why);
      for (const char *leaf : {".xmodel"}) // half of one would be taken for whole
        llvm::sys::fs::remove(folder.file(name + leaf));
      return success();
    }
    for (const std::string &leaf : {name + ".xmodel", std::string("meta.json"), std::string("md5sum.txt")})
      if (llvm::sys::fs::exists(folder.file(leaf)))
        folder.note(leaf);
    return verifyCompiled(run);
  }

  /// Why there is no compiled file to look at; empty: there is. The compiler reports success even for an empty graph.
  std::string whatFailed(const CompilerRun &run) {
    if (run.process.exitCode != 0)
      return fmt::format("vai_c_xir failed ({}), see {}",
                         run.process.failure.empty() ? fmt::format("exit {}", run.process.exitCode)
                                                     : run.process.failure,
                         folder.shown("vai_c_xir.log"));
    DiagEngine silent;
    auto graph = importXmodel(folder.file(name + ".xmodel"), silent);
    if (!graph)
      return "vai_c_xir made no xmodel that can be read" +
             (silent.all().empty() ? "" : ": " + silent.all().front().message);
    if (!isCompiledGraph(**graph))
      return "vai_c_xir made an empty graph";
    compiled = std::move(*graph);
    return "";
  }

  /// With what its log says that is known.
  void compileFailed(const CompilerRun &run, const std::string &why) {
    job.report.compileResult = why;
    compilerAgrees = false;
    DiagBuilder error = diags.error(why);
    error.rule("compiler.failed");
    for (const CompilerMessage &m : run.messages)
      if (m.severity != "WARNING")
        error.note(m.explanation.empty() ? m.text : fmt::format("{} (dpuc explain {})", m.text, m.explanation));
  }

  Status verifyCompiled(const CompilerRun &run) {
    auto check = checkCompiled({*quantized, xmodel}, {*compiled, folder.file(name + ".xmodel")}, *job.target,
                               options.expectDpu, diags);
    if (!check)
      return failure();
    sayWarnings(run);
    compilerAgrees = check->good();
    if (check->good()) {
      const unsigned dpu = check->partition.expected.dpu;
      job.report.compileResult = fmt::format(
          "compiled: {} DPU subgraph{}, as predicted; fix points and weights unchanged", dpu, dpu == 1 ? "" : "s");
      return success();
    }
    std::string text;
    llvm::raw_string_ostream os(text);
    printCompiledCheck(*check, SIZE_MAX, os);
    job.report.compileResult = "what vai_c_xir made is not what it was to be:\n" + os.str();
    DiagBuilder error = diags.error("what vai_c_xir made is not what it was to be");
    error.rule("compiler.other");
    for (const CheckedItem &item : check->items)
      if (!item.good)
        error.note(item.what + ": " + item.text);
    error.note(folder.shown("difference.txt") + " has all of it, for a report with the two xmodels");
    return folder.write("difference.txt", diags, [&](llvm::raw_ostream &out) {
      out << job.report.target << "\n" << job.report.compileCommand << "\n" << os.str();
    });
  }

  /// The compiler's own warnings, at the ops they are about.
  void sayWarnings(const CompilerRun &run) {
    for (const CompilerMessage &m : run.messages) {
      auto op = llvm::find_if(job.report.ops, [&](const ReportedOp &o) { return o.name == m.op; });
      Location loc;
      if (op != job.report.ops.end())
        loc.node = op->node;
      diags.remark(loc, "vai_c_xir: " + m.text).rule(m.explanation.empty() ? "compiler.message" : m.explanation);
    }
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
  bool compilerAgrees = true;
};

} // namespace

int dpuopt::runCompilation(const CompileOptions &options, DiagEngine &diags) {
  return Compilation(options, diags).run();
}
