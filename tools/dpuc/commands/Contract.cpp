//===- Contract.cpp - dpuc contract: what an application must know of an xmodel --------===//
#include "Deployment.h"
#include "dpuopt/Target/Conformance.h"

using namespace dpuopt;

static cl::SubCommand command("contract", "What must an application know of this xmodel? Writes it, as JSON and code");
static cl::opt<std::string> model(cl::Positional, cl::desc("MODEL.xmodel"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static TargetFlags targetFlags(command);
static DeployFlags deployFlags(command);
static cl::opt<std::string> source("onnx", cl::desc("The model it was made of, for its hashes"),
                                   cl::value_desc("MODEL.onnx"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> name("name", cl::desc("What the model is called (net of net.xmodel)"),
                                 cl::value_desc("NAME"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> outputDir("o", cl::desc("Folder for the results (.)"), cl::value_desc("DIR"), cl::init("."),
                                      cl::sub(command), cl::cat(dpucCategory()));

/// Reads the xmodel; one that the compiler has not seen is placed as it would.
static Result<Job> open(DiagEngine &diags) {
  ModelOptions options;
  options.model = model;
  options.target = targetFlags.request();
  auto job = openJob(options, diags);
  if (!job)
    return failure();
  if (llvm::any_of(job->graph->ops(), [](const Op &op) { return op.isOnnx(); }))
    return diags.error("a contract is of an xmodel, this is a float model")
        .note("dpuc compile writes the contract beside the xmodel");
  if (!isCompiledGraph(*job->graph))
    placeOnTarget(*job, options);
  return job;
}

static int run(DiagEngine &diags) {
  diags.printRemarks(true);
  auto options = deployFlags.read("", "", diags);
  auto job = options ? open(diags) : failure();
  if (llvm::StringRef(name).contains('/') || llvm::StringRef(name).startswith("."))
    return diags.error("--name is the stem of files: it has no '/' and does not begin with '.'"), ExitBadInput;
  OutputFolder folder(outputDir, "contract");
  if (!job || failed(folder.prepare(diags)))
    return ExitBadInput;
  DeployedModel deployed{name.empty() ? resultName(model) : name, model, source, *job->graph, *job->target};
  if (failed(writeDeployment(deployed, *options, folder, diags)) || failed(folder.commit(diags)))
    return ExitBadInput;
  for (const std::string &f : folder.written())
    llvm::outs() << "wrote     " << f << "\n";
  return ExitClean;
}

namespace dpuopt {
extern const Command ContractCommand;
const Command ContractCommand = {command, run};
} // namespace dpuopt
