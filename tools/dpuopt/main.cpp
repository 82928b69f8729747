//===- dpuopt - read a graph, run passes, write a graph ---------------------------===//
#include "dpuopt/Driver/Driver.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Version.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "llvm/Support/CommandLine.h"

using namespace dpuopt;
namespace cl = llvm::cl;

static cl::OptionCategory category("dpuopt options");
static const cl::cat ours(category);
static cl::opt<std::string> input(cl::Positional, cl::desc("MODEL (.onnx, .onnxtxt, .dpuir or .xmodel)"), ours);
static cl::opt<std::string> passes("passes", cl::desc("Passes and pipelines to run, in order"),
                                   cl::value_desc("a,b<option=value>"), ours);
static cl::opt<std::string> output("o", cl::desc("Write the graph (.onnx, .dpuir or .xmodel; - is text on stdout)"),
                                   cl::value_desc("FILE"), ours);
static cl::opt<std::string> emit("emit", cl::desc("Last, bring the graph into a form: qdq-onnx, for a quantized one"),
                                 cl::value_desc("qdq-onnx"), ours);
static cl::opt<bool> printText("S", cl::desc("Print the graph as text on stdout"), ours);
static cl::list<std::string> inputShapes("input-shape", cl::desc("Shape of an input with dynamic dimensions"),
                                         cl::value_desc("NAME=1x3x640x640"), ours);
static cl::opt<int64_t> batch("batch", cl::desc("Batch size for a dynamic leading dimension (1)"), cl::init(1), ours);
static cl::opt<bool> printBeforeAll("print-before-all", cl::desc("Print the graph before each pass"), ours);
static cl::opt<bool> printAfterAll("print-after-all", cl::desc("Print the graph after each pass"), ours);
static cl::opt<bool> printChanged("print-changed", cl::desc("Print the graph after each pass that changed it"), ours);
static cl::list<std::string> printAfter("print-after", cl::desc("Print the graph after these passes"),
                                        cl::CommaSeparated, cl::value_desc("PASS"), ours);
static cl::opt<bool> timePasses("time-passes", cl::desc("Print the time each pass took"), ours);
static cl::opt<bool> checkEq("check-equivalence", cl::desc("Execute the graph before and after each pass and compare"),
                             ours);
static cl::opt<uint64_t> seed("seed", cl::desc("Seed of the random input of --check-equivalence (1)"), cl::init(1),
                              ours);
static cl::opt<bool> verifyDiags("verify-diagnostics",
                                 cl::desc("Compare diagnostics with // expected-error {{...}} comments"), ours);
static cl::opt<bool> remarks("remarks", cl::desc("Print remarks: what the passes did and why"), ours);
static cl::opt<bool> listPasses("list-passes", cl::desc("List passes and pipelines"), ours);
static cl::opt<bool> passDocs("print-pass-docs", cl::desc("Print the documentation of all passes (Markdown)"), ours);
static cl::opt<std::string> printTarget("print-target", cl::desc("Print a target's limits and rules (Markdown)"),
                                        cl::value_desc("kv260"), ours);
static cl::opt<std::string> vitisAi("vitis-ai", cl::desc("Vitis AI release a target name means (2.5, 3.0, 3.5)"),
                                    cl::value_desc("VERSION"), ours);

/// Load, run, write. `broken`: --check-equivalence found a difference.
static Status process(RunOptions &options, bool &broken, DiagEngine &diags) {
  OnnxImportOptions onnx;
  onnx.batch = batch;
  for (const std::string &shape : inputShapes)
    if (failed(parseInputShape(shape, onnx, diags)))
      return failure();
  auto pipeline = parsePipeline(passes, allPasses(), diags), form = emitPipeline(emit, diags);
  if (!pipeline || !form)
    return failure();
  pipeline->insert(pipeline->end(), form->begin(), form->end());
  auto graph = loadGraph(input, onnx, diags);
  if (!graph)
    return failure();
  diags.setFile(input);
  if (checkEq)
    options.compare = equivalenceCheck(llvm::errs(), seed, broken, diags);
  if (failed(runPipeline(*graph, *pipeline, options, diags)))
    return failure();
  if (printText || (output.empty() && pipeline->empty()))
    printGraph(**graph, llvm::outs());
  return output.empty() ? success() : saveGraph(**graph, output, diags);
}

int main(int argc, char **argv) {
  cl::HideUnrelatedOptions(category);
  cl::SetVersionPrinter(printVersion);
  if (!cl::ParseCommandLineOptions(
          argc, argv,
          "reads a graph, runs passes over it, writes a graph\n\n"
          "Exit status: 0 done, 1 --check-equivalence or --verify-diagnostics found a difference,\n"
          "2 bad input or usage.\n",
          &llvm::errs())) // without a stream it would exit with 1
    return ExitBadInput;
  if (listPasses)
    return printPassList(allPasses(), llvm::outs()), ExitClean;
  if (passDocs)
    return printPassDocs(allPasses(), llvm::outs()), ExitClean;
  DiagEngine diags(verifyDiags ? nullptr : &llvm::errs());
  diags.printRemarks(remarks);
  if (!printTarget.empty()) {
    auto target = makeDpuczdx8gTarget({printTarget, vitisAi}, diags);
    return target ? (printTargetDoc(**target, llvm::outs()), ExitClean) : ExitBadInput;
  }
  if (input.empty())
    return diags.error("no model given; see dpuopt --help"), ExitBadInput;
  RunOptions options;
  options.printBeforeAll = printBeforeAll;
  options.printAfterAll = printAfterAll;
  options.printChanged = printChanged;
  options.printAfter = printAfter;
  options.timePasses = timePasses;
  options.roundTrip = getenv("DPUOPT_ROUNDTRIP") != nullptr;
  bool broken = false;
  Status status = process(options, broken, diags);
  if (verifyDiags) {
    auto text = readFile(input, diags);
    return text && verifyDiagnostics(*text, input, diags, llvm::errs()) ? ExitClean : ExitFindings;
  }
  return succeeded(status) ? ExitClean : broken ? ExitFindings : ExitBadInput;
}
