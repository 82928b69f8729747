//===- Run.cpp - dpuc run: what does this model compute? ----------------------------===//
#include "RunSession.h"
#include "dpuopt/Support/File.h"

using namespace dpuopt;

static cl::SubCommand command("run", "Run a model on this machine, bit for bit as the DPU would");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static InputFlags inputFlags(command, true);
static cl::opt<std::string> output("output", cl::desc("Write the outputs there, with an index.tsv"),
                                   cl::value_desc("DIR"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> allTensors("all-tensors", cl::desc("With --output: write every tensor (for dpuc compare)"),
                                cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> constants("constants", cl::desc("With --all-tensors: also the integers of constants"),
                               cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<TensorFormat> format("format", cl::desc("How numbers are written (stored integers are .i8)"),
                                    cl::values(clEnumValN(TensorFormat::Raw, "raw", ".f32 (default)"),
                                               clEnumValN(TensorFormat::Npy, "npy", ".npy")),
                                    cl::init(TensorFormat::Raw), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> top("top", cl::desc("How many classes to print (5)"), cl::value_desc("N"), cl::init(5),
                             cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> labels("labels", cl::desc("Names of the classes, one a line"), cl::value_desc("FILE"),
                                   cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<int> threads("threads", cl::desc("Threads of one run (1)"), cl::value_desc("N"), cl::init(1),
                            cl::sub(command), cl::cat(dpucCategory()));
static VendorFlags vendorFlags(command);
static BackendFlags backendFlags(command, false);
static cl::opt<std::string> json("json", cl::desc("Also write what was printed as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

static Result<RunSessionOptions> sessionOptions(DiagEngine &diags) {
  auto backend = backendFlags.options(1, diags);
  if (!backend)
    return failure();
  RunSessionOptions o{output,          allTensors, constants, format, top, labels, !json.empty(), vendorFlags.options(),
                      backend->front()};
  o.exec.threads = static_cast<unsigned>(threads.getValue());
  return o;
}

static int run(DiagEngine &diags) {
  if (failed(checkThreads(threads, diags)))
    return ExitBadInput;
  if (allTensors && output.empty())
    return diags.error("--all-tensors needs --output DIR"), ExitBadInput;
  if (constants && !allTensors)
    return diags.error("--constants needs --all-tensors"), ExitBadInput;
  auto onnx = inputFlags.importOptions(diags);
  auto opened = onnx ? RunModel::open(model, *onnx, diags) : failure();
  auto feeds = opened ? inputFlags.open(opened->inputs, diags) : failure();
  if (!feeds)
    return ExitBadInput;
  auto options = sessionOptions(diags);
  if (!options)
    return ExitBadInput;
  RunSession session(*opened, *feeds, std::move(*options), diags);
  if (failed(session.prepare()) || failed(session.runAll()))
    return ExitBadInput;
  llvm::outs().flush();
  return failed(writeNamed(
             json, [&] { return runJson(session.report); }, diags))
             ? ExitBadInput
             : ExitClean;
}

namespace dpuopt {
extern const Command RunCommand;
const Command RunCommand = {command, run};
} // namespace dpuopt
