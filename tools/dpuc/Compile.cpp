//===- Compile.cpp - dpuc compile: from ONNX to a verified xmodel ----------------------===//
#include "Command.h"
#include "dpuopt/Data/Accuracy.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Quant/FixPlan.h"
#include "dpuopt/Quant/Qdq.h"
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
static cl::opt<bool>
    equalize("equalize", cl::desc("Equalize the weights of neighbouring convolutions first, as vai_q_pytorch does"),
             cl::sub(command), cl::cat(dpucCategory()));
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
  std::string calib, quantInfo; ///< one of them, or none for a model with fix points of its own
  PassOptions bind;             ///< how the keys of quantInfo may bind
  bool roundScales = false;
  Pipeline emitted; ///< what brings the quantized graph into the form to be written too; may be empty
  std::string outputDir;
  bool equalize = false;   ///< cross-layer equalization before fix points
  bool xirCheck = true;    ///< let libxir load the result
  bool runCompiler = true; ///< run vai_c_xir when it is on the PATH
  unsigned accuracyImages = 1000;
};

class Compilation {
public:
  Compilation(const CompileOptions &options, DiagEngine &diags)
      : options(options), diags(diags), name(path::stem(options.model).str()) {}

  int run() {
    auto opened = openJob(options, diags);
    if (!opened)
      return ExitBadInput;
    job = std::move(*opened);
    if (failed(checkFixPoints()) || failed(prepareFolder()))
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
    if (failed(quantize()))
      return failure();
    QuantInfo info = collectQuantInfo(*job.graph);
    if (failed(runSteps(job, steps("lower-to-xir,sort-ops"), options.timePasses, diags)))
      return failure();
    quantized = job.graph->clone(); // what is written carries no prediction
    placeOnTarget(job, options);
    job.report.changes = std::move(changes);
    job.report.fixPointSource = ownFixPoints ? FromQdqNodes : "";
    if (failed(measure()) || failed(checkExportable(*quantized, diags)))
      return failure();
    if (failed(writeModel(info)) || failed(writeEmitted()) || failed(judge()))
      return failure();
    compile();
    return writeReports();
  }

  //===-- Fix points -----------------------------------------------------------===//
  /// They come from exactly one place.
  Status checkFixPoints() {
    const bool given = !options.calib.empty() || !options.quantInfo.empty(), own = carriesQdq(*job.graph);
    if (given && own)
      return diags.error("the model brings its own fix points (QuantizeLinear/DequantizeLinear nodes)")
          .file(options.model)
          .rule("qdq.twice")
          .note("leave out --calib and --quant-info, or start from the float model");
    if (!given && !own)
      return diags.error("dpuc compile needs the fix points: either --calib SOURCE or --quant-info FILE")
          .note("a model with QuantizeLinear/DequantizeLinear nodes needs neither");
    ownFixPoints = own;
    return success();
  }

  /// Fix points are read from nodes before clean-up, and put on tensors after it.
  Status quantize() {
    size_t seen = diags.all().size();
    Status done = ownFixPoints ? importQdq() : cleanUpAndQuantize();
    for (const Diagnostic &d : llvm::makeArrayRef(diags.all()).drop_front(seen))
      if (llvm::StringRef(d.rule).startswith("quant.") || llvm::StringRef(d.rule).startswith("qdq."))
        changes.push_back((d.loc.node.empty() ? "" : d.loc.node + ": ") + d.message + " [" + d.rule + "]");
    return done;
  }

  Status importQdq() {
    if (options.equalize)
      return diags.error("--equalize scales the weights of a float model; this one has its fix points already");
    Pipeline pipeline = steps("import-qdq", {{"round-scales", options.roundScales ? "true" : ""}});
    for (PassStep &step : steps("clean-up"))
      pipeline.push_back(std::move(step));
    return runSteps(job, pipeline, options.timePasses, diags);
  }

  Status cleanUpAndQuantize() {
    PassOptions fromFile = options.bind;
    fromFile["file"] = options.quantInfo;
    Pipeline fixPoints =
        options.calib.empty() ? steps("apply-quant-info", fromFile) : steps("calibrate", {{"data", options.calib}});
    if (failed(runSteps(job, steps(options.equalize ? "clean-up-equalized" : "clean-up"), options.timePasses, diags)))
      return failure();
    floatGraph = measuresAccuracy() ? job.graph->clone() : nullptr;
    return runSteps(job, fixPoints, options.timePasses, diags);
  }

  //===-- Accuracy ---------------------------------------------------------------===//
  /// FashionMNIST is the one data set whose labels we have.
  bool measuresAccuracy() const {
    return options.accuracyImages && llvm::StringRef(options.calib).startswith("fashion-mnist");
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
    if (!floatGraph)
      return success();
    std::vector<Value *> feeds = graphFeeds(*floatGraph);
    auto data =
        openDataSource(fmt::format("fashion-mnist-test:{}", options.accuracyImages), feeds[0]->type().shape(), diags);
    if (!data)
      return failure();
    auto asFloat = top1(*floatGraph, **data), asFixed = top1(*job.graph, **data);
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
  std::unique_ptr<Graph> floatGraph; ///< before fix points, when accuracy is measured
  std::unique_ptr<Graph> quantized;  ///< lowered, before the partition is written into it
  std::vector<std::string> changes;
  bool ownFixPoints = false; ///< the model has Q/DQ nodes
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
  o.calib = calib;
  o.quantInfo = quantInfo;
  o.bind = bindFlags.passOptions();
  if (quantizerNames)
    o.bind["quantizer-names"] = "true";
  if (!o.bind.empty() && quantInfo.empty())
    return diags.error("--quant-map, --allow-unbound, --allow-missing and --quantizer-names go with --quant-info"),
           ExitBadInput;
  o.equalize = equalize;
  o.roundScales = roundScales;
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
