//===- Compile.cpp - dpuc compile: from ONNX to a verified xmodel ----------------------===//
#include "Command.h"
#include "FixPoints.h"
#include "dpuopt/Data/Accuracy.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Quant/FixPlan.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <fmt/format.h>

using namespace dpuopt;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

static cl::SubCommand command("compile", "ONNX to a quantized, partitioned and verified xmodel");
static ModelFlags modelFlags(command);
static cl::opt<std::string>
    calib("calib",
          cl::desc("Data to compute fix points from: fashion-mnist:200, a folder of images, .npy, .bin (docs/cli.md)"),
          cl::value_desc("SOURCE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> quantInfo("quant-info", cl::desc("Take the fix points from this quant_info.json"),
                                      cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));
static BindFlags bindFlags(command);
static cl::opt<Equalize> equalize(
    "equalize", cl::desc("Equalize the weights of neighbouring convolutions first, as vai_q_pytorch does"),
    cl::ValueOptional, cl::init(Equalize::Auto), cl::sub(command), cl::cat(dpucCategory()),
    cl::values(clEnumValN(Equalize::Auto, "auto", "if the fix points of --quant-info then fit better (default)"),
               clEnumValN(Equalize::On, "on", "always"), clEnumValN(Equalize::Off, "off", "never"),
               clEnumValN(Equalize::On, "", "")));
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
  Pipeline emitted; ///< what brings the quantized graph into the form to be written too; may be empty
  std::string outputDir;
  bool xirCheck = true;    ///< let libxir load the result
  bool runCompiler = true; ///< run vai_c_xir when it is on the PATH
  unsigned accuracyImages = 1000;
};

/// What the results are called: net of net.onnx, and of net_int.onnx, the quantizer's own export.
std::string nameOf(llvm::StringRef model) {
  llvm::StringRef stem = path::stem(model), shorter = stem;
  return (shorter.consume_back("_int") && !shorter.empty() ? shorter : stem).str();
}

class Compilation {
public:
  Compilation(const CompileOptions &options, DiagEngine &diags)
      : options(options), diags(diags), name(nameOf(options.model)), fixPoints(options.fixPoints, job, diags) {}

  int run() {
    auto opened = openJob(options, diags);
    if (!opened)
      return ExitBadInput;
    job = std::move(*opened);
    if (failed(fixPoints.check()) || failed(prepareFolder()))
      return ExitBadInput;
    Status done = build();
    if (failed(done)) {
      removeFolderIfMade();
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
    return writeReports();
  }

  //===-- Accuracy ---------------------------------------------------------------===//
  /// FashionMNIST is the one data set whose labels we have.
  bool measuresAccuracy() const {
    return options.accuracyImages && llvm::StringRef(options.fixPoints.calib).startswith("fashion-mnist");
  }

  Result<double> top1(const Graph &g, DataSource &data) {
    auto executor = Executor::create(g, {}, diags);
    if (!executor)
      return failure();
    std::vector<Value *> feeds = graphFeeds(g);
    auto classify = [&](const Tensor &sample) -> Result<Tensor> {
      // The lowered graph takes NHWC; with one channel that is the same bytes.
      Tensor input = sample;
      if (feeds[0]->type().shape() != sample.shape())
        input = sample.transposed({0, 2, 3, 1});
      auto out = (*executor)->run({input});
      if (!out)
        return failure();
      return (*out)[0];
    };
    auto accuracy = measureTop1(classify, data, diags);
    if (!accuracy)
      return failure();
    return accuracy->percent();
  }

  Status measure() {
    if (!fixPoints.floatGraph)
      return success();
    std::vector<Value *> feeds = graphFeeds(*fixPoints.floatGraph);
    auto data =
        openDataSource(fmt::format("fashion-mnist-test:{}", options.accuracyImages), feeds[0]->type().shape(), diags);
    if (!data)
      return failure();
    auto asFloat = top1(*fixPoints.floatGraph, **data), asFixed = top1(*job.graph, **data);
    if (!asFloat || !asFixed)
      return failure();
    job.report.accuracy = ReportedAccuracy{static_cast<unsigned>((*data)->size()), *asFloat, *asFixed};
    return success();
  }

  //===-- Files --------------------------------------------------------------------===//
  std::string file(const llvm::Twine &leaf) const {
    llvm::SmallString<128> p(options.outputDir);
    path::append(p, leaf);
    return p.str().str();
  }

  Status prepareFolder() {
    madeFolder = !fs::exists(options.outputDir);
    std::error_code ec = fs::create_directories(options.outputDir);
    if (!ec && !fs::is_directory(options.outputDir))
      ec = std::make_error_code(std::errc::not_a_directory);
    if (!ec)
      ec = fs::access(options.outputDir, fs::AccessMode::Write);
    if (ec)
      return diags.error("cannot write to '" + options.outputDir + "': " + ec.message()).file(options.outputDir);
    return success();
  }

  /// Nothing was written: leave no empty folder behind.
  void removeFolderIfMade() {
    if (madeFolder)
      fs::remove(options.outputDir); // fails, rightly, if it is not empty
  }

  Status writeText(const std::string &where, llvm::function_ref<void(llvm::raw_ostream &)> print) {
    job.report.files.push_back(where);
    return writeFileAtomically(where, diags, [&](llvm::raw_pwrite_stream &os) { return print(os), success(); });
  }

  Status writeModel(const QuantInfo &info) {
    xmodel = file(name + "_int.xmodel");
    if (failed(exportXmodel(*quantized, xmodel, diags)))
      return failure();
    job.report.files.push_back(xmodel);
    job.report.files.push_back(file("quant_info.json"));
    if (failed(writeQuantInfo(info, job.report.files.back(), diags)))
      return failure();
    return writeText(file("arch.json"), [&](llvm::raw_ostream &os) {
      os << fmt::format("{{\"fingerprint\":\"{:#x}\"}}\n", job.target->fingerprint());
    });
  }

  /// The quantized graph once more, in the form asked for.
  Status writeEmitted() {
    if (options.emitted.empty())
      return success();
    std::unique_ptr<Graph> copy = quantized->clone();
    job.report.files.push_back(file(name + "_qdq.onnx"));
    if (failed(runPipeline(copy, options.emitted, {}, diags)))
      return failure();
    return exportOnnx(*copy, job.report.files.back(), {}, diags);
  }

  Status writeReports() {
    job.report.files.push_back(file("report.txt"));
    job.report.files.push_back(file("report.json"));
    auto write = [&](const std::string &where, auto print) {
      return writeFileAtomically(where, diags, [&](llvm::raw_pwrite_stream &os) { return print(os), success(); });
    };
    if (failed(write(file("report.txt"), [&](llvm::raw_ostream &os) { printReport(job.report, os); })))
      return failure();
    return write(file("report.json"), [&](llvm::raw_ostream &os) { os << reportJson(job.report); });
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
    std::vector<std::string> args = {"-x", xmodel, "-a", file("arch.json"), "-o", options.outputDir, "-n", name};
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
    (void)writeText(file("vai_c_xir.log"), [&](llvm::raw_ostream &os) { os << result.out << result.err; });
    compilerAgrees = succeeded(verifyCompiled(result));
  }

  /// The compiler reports success even for an empty graph: count what it made.
  Status verifyCompiled(const ProcessResult &result) {
    if (result.exitCode != 0)
      return compileFailed(fmt::format("vai_c_xir failed (exit {}{}{}), see {}", result.exitCode,
                                       result.failure.empty() ? "" : ": ", result.failure, file("vai_c_xir.log")));
    std::string compiled = file(name + ".xmodel");
    auto graph = importXmodel(compiled, diags);
    if (!graph)
      return compileFailed("vai_c_xir made no xmodel that can be read");
    job.report.files.push_back(compiled);
    ModelReport made = collectReport(**graph);
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
  std::string xmodel;
  Job job;
  FixPoints fixPoints;
  std::unique_ptr<Graph> quantized; ///< lowered, before the partition is written into it
  bool madeFolder = false;
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
  f.equalize = equalize;
  f.roundScales = roundScales;
  f.timePasses = o.timePasses;
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
