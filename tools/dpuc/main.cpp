//===- dpuc - one command per question of a model author -------------------------------===//
#include "Commands.h"
#include "dpuopt/Driver/Files.h"
#include "llvm/Support/CommandLine.h"

using namespace dpuopt;
namespace cl = llvm::cl;

static cl::SubCommand checkCmd("check", "Will this model run on the DPU, and if not, why? (needs no fix points)");
static cl::SubCommand compileCmd("compile", "ONNX to a quantized, partitioned and verified xmodel");
static cl::SubCommand explainCmd("explain", "What a rule id such as conv2d.kernel means (without id: all rules)");
static cl::OptionCategory category("dpuc options");

// Options of check and compile.
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL.onnx"), cl::Required, cl::sub(checkCmd),
                                  cl::sub(compileCmd), cl::cat(category));
static cl::opt<std::string>
    target("target", cl::desc("Board (kv260, zcu102, zcu104, ultra96), DPU name, fingerprint or arch.json (kv260)"),
           cl::value_desc("TARGET"), cl::init("kv260"), cl::sub(checkCmd), cl::sub(compileCmd), cl::sub(explainCmd),
           cl::cat(category));
static cl::opt<std::string> vitisAi("vitis-ai", cl::desc("Vitis AI release on the board: 2.5, 3.0 or 3.5"),
                                    cl::value_desc("VERSION"), cl::sub(checkCmd), cl::sub(compileCmd),
                                    cl::sub(explainCmd), cl::cat(category));
static cl::opt<int> expectDpu("expect-dpu-subgraphs",
                              cl::desc("Exit 1 and name the splitting ops unless the partition has N"),
                              cl::value_desc("N"), cl::init(-1), cl::sub(checkCmd), cl::sub(compileCmd),
                              cl::cat(category));
static cl::list<std::string> inputShapes("input-shape", cl::desc("Shape of an input with dynamic dimensions"),
                                         cl::value_desc("NAME=1x3x640x640"), cl::sub(checkCmd), cl::sub(compileCmd),
                                         cl::cat(category));
static cl::opt<bool> timePasses("time-passes", cl::desc("Print the time each pass took"), cl::sub(checkCmd),
                                cl::sub(compileCmd), cl::cat(category));
static cl::opt<bool> remarks("remarks", cl::desc("Print what was done to the model and why"), cl::sub(checkCmd),
                             cl::sub(compileCmd), cl::cat(category));
static cl::opt<bool> full("full", cl::desc("Print every subgraph and a table of all ops"), cl::sub(checkCmd),
                          cl::cat(category));
static cl::opt<std::string> json("json", cl::desc("Also write the report as JSON"), cl::value_desc("FILE"),
                                 cl::sub(checkCmd), cl::cat(category));
// Options of compile.
static cl::opt<std::string>
    calib("calib",
          cl::desc("Data to compute fix points from: fashion-mnist:200, a folder of images, .npy, .bin (docs/cli.md)"),
          cl::value_desc("SOURCE"), cl::sub(compileCmd), cl::cat(category));
static cl::opt<std::string> quantInfo("quant-info", cl::desc("Take the fix points from this quant_info.json"),
                                      cl::value_desc("FILE"), cl::sub(compileCmd), cl::cat(category));
static cl::opt<std::string> outputDir("o", cl::desc("Folder for the results (.)"), cl::value_desc("DIR"), cl::init("."),
                                      cl::sub(compileCmd), cl::cat(category));
static cl::opt<bool> noXirCheck("no-xir-check", cl::desc("Do not load the result through libxir"), cl::sub(compileCmd),
                                cl::cat(category));
static cl::opt<bool> noCompiler("no-compiler", cl::desc("Do not run vai_c_xir even if it is on the PATH"),
                                cl::sub(compileCmd), cl::cat(category));
static cl::opt<unsigned>
    accuracy("accuracy-images",
             cl::desc("Test images for the accuracy line with --calib fashion-mnist (1000; 0: none)"),
             cl::value_desc("N"), cl::init(1000), cl::sub(compileCmd), cl::cat(category));
// Option of explain.
static cl::opt<std::string> ruleId(cl::Positional, cl::desc("[RULE-ID]"), cl::sub(explainCmd), cl::cat(category));

static const char overview[] = "ONNX models for AMD/Xilinx DPUs (DPUCZDX8G)\n\n"
                               "Exit status: 0 clean, 1 findings (not everything is on the DPU, or not the expected\n"
                               "number of subgraphs), 2 bad input or usage. 'dpuc COMMAND --help' shows its options.\n";

static Status fill(ModelOptions &o, DiagEngine &diags) {
  o.model = model;
  o.target = {target, vitisAi};
  if (expectDpu >= 0)
    o.expectDpu = expectDpu;
  o.timePasses = timePasses;
  o.full = full;
  o.json = json;
  for (const std::string &shape : inputShapes)
    if (failed(parseInputShape(shape, o.onnx, diags)))
      return failure();
  return success();
}

static int compile(DiagEngine &diags) {
  CompileOptions o;
  if (failed(fill(o, diags)))
    return ExitBadInput;
  if (calib.empty() == quantInfo.empty())
    return diags.error("dpuc compile needs the fix points: either --calib SOURCE or --quant-info FILE"), ExitBadInput;
  o.calib = calib;
  o.quantInfo = quantInfo;
  o.outputDir = outputDir;
  o.xirCheck = !noXirCheck;
  o.runCompiler = !noCompiler;
  o.accuracyImages = accuracy;
  return runCompile(o, diags);
}

static int check(DiagEngine &diags) {
  ModelOptions o;
  return failed(fill(o, diags)) ? ExitBadInput : runCheck(o, diags);
}

int main(int argc, char **argv) {
  for (cl::SubCommand *sub : {&*cl::TopLevelSubCommand, &checkCmd, &compileCmd, &explainCmd})
    cl::HideUnrelatedOptions(category, *sub);
  cl::ParseCommandLineOptions(argc, argv, overview);
  DiagEngine diags(&llvm::errs());
  diags.printRemarks(remarks);
  if (checkCmd)
    return check(diags);
  if (compileCmd)
    return compile(diags);
  if (explainCmd)
    return runExplain(ruleId, {target, vitisAi}, diags);
  cl::PrintHelpMessage();
  return ExitBadInput;
}
