//===- Compile.cpp - dpuc compile: from ONNX to a verified xmodel ----------------------===//
#include "Deployment.h"
#include "Evaluation.h"
#include "FixPoints.h"
#include "OutputFolder.h"
#include "dpuopt/Support/Process.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <fmt/format.h>

using namespace dpuopt;
namespace path = llvm::sys::path;

static cl::SubCommand command("compile", "ONNX to a quantized, partitioned and verified xmodel");
static ModelFlags modelFlags(command);
static cl::opt<std::string>
    calib("calib",
          cl::desc("Data to compute fix points from: fashion-mnist:200, a folder of images, .npy, .bin (docs/cli.md)"),
          cl::value_desc("SOURCE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> quantInfo("quant-info", cl::desc("Take the fix points from this quant_info.json"),
                                      cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));
static QuantizeFlags quantizeFlags(command);
static BindFlags bindFlags(command);
static cl::opt<bool> roundScales("round-scales",
                                 cl::desc("A model that brings QuantizeLinear nodes: take the nearest fix point where "
                                          "a scale or zero point is none"),
                                 cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> emit("emit",
                                 cl::desc("Also write the quantized model as qdq-onnx, for ONNX Runtime and Netron"),
                                 cl::value_desc("qdq-onnx"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> quantizerNames(
    "quantizer-names",
    cl::desc("Name ops as vai_q_pytorch does, where the keys of quant_info.json tell (else: ONNX names)"),
    cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> outputDir("o", cl::desc("Folder for the results (.)"), cl::value_desc("DIR"), cl::init("."),
                                      cl::sub(command), cl::cat(dpucCategory()));
static DeployFlags deployFlags(command);
static cl::opt<bool> noXirCheck("no-xir-check", cl::desc("Do not load the result through libxir"), cl::sub(command),
                                cl::cat(dpucCategory()));
static cl::opt<bool> noCompiler("no-compiler", cl::desc("Do not run vai_c_xir even if it is on the PATH"),
                                cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned>
    accuracy("accuracy-images",
             cl::desc("Test images for the accuracy line with --calib fashion-mnist (1000; 0: none)"),
             cl::value_desc("N"), cl::init(1000), cl::sub(command), cl::cat(dpucCategory()));

namespace {

struct CompileOptions : ModelOptions {
  FixPointOptions fixPoints;
  DeployOptions deploy;
  Pipeline emitted; ///< what brings the quantized graph into the form to be written too; may be empty
  std::string outputDir;
  bool xirCheck = true;    ///< let libxir load the result
  bool runCompiler = true; ///< run vai_c_xir when it is on the PATH
  unsigned accuracyImages = 1000;
};

class Compilation {
public:
  Compilation(const CompileOptions &options, DiagEngine &diags)
      : options(options), diags(diags), name(resultName(options.model)), folder(options.outputDir),
        fixPoints(options.fixPoints, job, diags) {}

  int run() {
    auto opened = openJob(options, diags);
    if (!opened)
      return ExitBadInput;
    job = std::move(*opened);
    if (failed(fixPoints.check()) || failed(folder.prepare(diags)))
      return ExitBadInput;
    Status done = build();
    if (failed(done)) {
      folder.removeIfMade();
      return ExitBadInput;
    }
    printSummary(job.report, llvm::outs());
    llvm::outs().flush();
    bool good = checkExpectation(job.report, diags);
    return good && compilerAgrees ? ExitClean : ExitFindings;
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
    compile();
    if (failed(deploy()))
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
    return writeDeployment(model, options.deploy, folder, diags);
  }

  Status writeReports() {
    job.report.files = folder.written();
    for (const char *leaf : {"report.txt", "report.json"})
      job.report.files.push_back(folder.file(leaf));
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

  void compile() {
    std::vector<std::string> args = {"-x", xmodel, "-a", folder.file("arch.json"), "-o", options.outputDir, "-n", name};
    job.report.compileCommand = "vai_c_xir";
    for (const std::string &a : args)
      job.report.compileCommand += " " + a;
    auto program = llvm::sys::findProgramByName("vai_c_xir");
    if (!program) {
      job.report.compileResult = "vai_c_xir is not on the PATH: run this where it is";
      return;
    }
    if (!options.runCompiler) {
      job.report.compileResult = "not run (--no-compiler)";
      return;
    }
    ProcessResult result = runProcess(*program, args);
    (void)folder.write("vai_c_xir.log", diags, [&](llvm::raw_ostream &os) { os << result.out << result.err; });
    compilerAgrees = succeeded(verifyCompiled(result));
  }

  /// The compiler reports success even for an empty graph: count what it made.
  Status verifyCompiled(const ProcessResult &result) {
    if (result.exitCode != 0)
      return compileFailed(fmt::format("vai_c_xir failed (exit {}{}{}), see {}", result.exitCode,
                                       result.failure.empty() ? "" : ": ", result.failure,
                                       folder.file("vai_c_xir.log")));
    auto graph = importXmodel(folder.file(name + ".xmodel"), diags);
    if (!graph)
      return compileFailed("vai_c_xir made no xmodel that can be read");
    folder.note(name + ".xmodel");
    compiled = std::move(*graph);
    ModelReport made = collectReport(*compiled);
    unsigned want = options.expectDpu.value_or(job.report.count("DPU"));
    if (made.count("DPU") != want)
      return compileFailed(fmt::format("vai_c_xir made {} DPU subgraphs, {} {}", made.count("DPU"), want,
                                       options.expectDpu ? "expected" : "predicted"));
    job.report.compileResult = fmt::format("compiled: {} DPU subgraph{}, as predicted", want, want == 1 ? "" : "s");
    return success();
  }

  Status compileFailed(std::string why) {
    job.report.compileResult = why;
    return diags.error(why);
  }

  const CompileOptions &options;
  DiagEngine &diags;
  std::string name;
  OutputFolder folder;
  std::string xmodel;
  Job job;
  FixPoints fixPoints;
  std::unique_ptr<Graph> quantized; ///< lowered, before the partition is written into it
  std::unique_ptr<Graph> compiled;  ///< by vai_c_xir; null if it was not run, or made nothing
  bool compilerAgrees = true;
};

} // namespace

static int compile(DiagEngine &diags) {
  CompileOptions o;
  if (failed(modelFlags.fill(o, diags)))
    return ExitBadInput;
  if (!calib.empty() && !quantInfo.empty())
    return diags.error("dpuc compile takes the fix points from one place: either --calib or --quant-info"),
           ExitBadInput;
  FixPointOptions &f = o.fixPoints;
  f.calib = calib;
  f.quantInfo = quantInfo;
  f.bind = bindFlags.passOptions();
  if (quantizerNames)
    f.bind["quantizer-names"] = "true";
  if (!f.bind.empty() && quantInfo.empty())
    return diags.error("--quant-map, --allow-unbound, --allow-missing and --quantizer-names go with --quant-info"),
           ExitBadInput;
  if (quantizeFlags.given() && calib.empty())
    return diags.error("--method, --percentile, --bits and --seed go with --calib"), ExitBadInput;
  if (failed(quantizeFlags.fill(f.quantize, diags)))
    return ExitBadInput;
  f.roundScales = roundScales;
  f.timePasses = o.timePasses;
  auto deploy = deployFlags.read(calib, o.model, diags);
  if (!deploy)
    return ExitBadInput;
  o.deploy = std::move(*deploy);
  auto form = emitPipeline(emit, diags);
  if (!form)
    return ExitBadInput;
  o.emitted = std::move(*form);
  o.outputDir = outputDir;
  o.xirCheck = !noXirCheck;
  o.runCompiler = !noCompiler;
  o.accuracyImages = accuracy;
  return Compilation(o, diags).run();
}

namespace dpuopt {
extern const Command CompileCommand;
const Command CompileCommand = {command, compile};
} // namespace dpuopt
