//===- Compile.cpp - dpuc compile: from ONNX to a verified xmodel ----------------------===//
#include "Batch.h"
#include "Compilation.h"

using namespace dpuopt;

static cl::SubCommand command("compile", "ONNX to a quantized, partitioned and verified xmodel");
static ModelFlags modelFlags(command, cl::Optional);
static BudgetFlags budgetFlags(command);
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
static cl::opt<bool> stripHead("strip-head",
                               cl::desc("First cut off what decodes boxes, as dpuc fix --fix head does; NAME.head.json "
                                        "and NAME.head.onnx describe it"),
                               cl::sub(command), cl::cat(dpucCategory()));
static DeployFlags deployFlags(command);
static cl::opt<bool> noXirCheck("no-xir-check", cl::desc("Do not load the result through libxir"), cl::sub(command),
                                cl::cat(dpucCategory()));
static cl::opt<bool> noCompiler("no-compiler", cl::desc("Do not run vai_c_xir even if it is on the PATH"),
                                cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> vaiCXir("vai-c-xir",
                                    cl::desc("Command that runs the compiler, a container or another machine "
                                             "(scripts/vai_c_xir-docker.sh); default: vai_c_xir on the PATH"),
                                    cl::value_desc("COMMAND"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> compilerTimeout("compiler-timeout", cl::desc("Seconds the compiler may take (3600; 0: any)"),
                                         cl::value_desc("N"), cl::init(3600), cl::sub(command),
                                         cl::cat(dpucCategory()));
static cl::opt<bool> caseWeights("case-weights",
                                 cl::desc("A regression case has the model's own weights, not random ones"),
                                 cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> batch("batch",
                                  cl::desc("Compile the models of a TOML file, or of a folder, with these flags and "
                                           "their own (docs/cli.md)"),
                                  cl::value_desc("MODELS.toml"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned> jobs("jobs", cl::desc("--batch: models at the same time (1)"), cl::value_desc("N"),
                              cl::init(1), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> force("force", cl::desc("--batch: also what is up to date"), cl::sub(command),
                           cl::cat(dpucCategory()));
static cl::opt<std::string> ninja("ninja", cl::desc("--batch: write a build file for ninja, and run nothing"),
                                  cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> printShard("print-shard",
                                       cl::desc("--batch: print the commands of part I (1 to N) of N, a line each, and "
                                                "run nothing"),
                                       cl::value_desc("I/N"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<unsigned>
    accuracy("accuracy-images",
             cl::desc("Test images for the accuracy line with --calib fashion-mnist (1000; 0: none)"),
             cl::value_desc("N"), cl::init(1000), cl::sub(command), cl::cat(dpucCategory()));

static int compileBatch(DiagEngine &diags) {
  if (jobs < 1 || jobs > 256)
    return diags.error("--jobs must be in 1-256"), ExitBadInput;
  BatchFlags flags{flagsForEach(), {}};
  for (const auto &option : command.OptionsMap)
    flags.known.push_back(option.first().str());
  return runBatch({batch, std::move(flags), outputDir, jobs, force, ninja, printShard}, diags);
}

static int compile(DiagEngine &diags) {
  if (!batch.empty())
    return compileBatch(diags);
  CompileOptions o;
  if (failed(modelFlags.fill(o, diags)))
    return ExitBadInput;
  if (failed(budgetFlags.check(diags)))
    return ExitBadInput;
  o.budget = &budgetFlags;
  if (o.model.empty())
    return diags.error("dpuc compile takes a model, or --batch"), ExitBadInput;
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
    return diags.error("--method, --search, --bias-correct, --finetune and their like go with --calib"), ExitBadInput;
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
  o.stripHead = stripHead;
  o.xirCheck = !noXirCheck;
  o.runCompiler = !noCompiler;
  o.compiler = {vaiCXir, compilerTimeout};
  o.caseWeights = caseWeights;
  o.accuracyImages = accuracy;
  return runCompilation(o, diags);
}

namespace dpuopt {
extern const Command CompileCommand;
const Command CompileCommand = {command, compile};
} // namespace dpuopt
