//===- Targets.cpp - dpuc targets: the DPUs there are ---------------------------------===//
#include "Command.h"
#include "Matrix.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("targets", "Which DPUs are there, and on which is a model one subgraph?");
static cl::opt<std::string> model("matrix", cl::desc("Place this model on every one of them"),
                                  cl::value_desc("MODEL.onnx"), cl::sub(command), cl::cat(dpucCategory()));
static InputShapeFlag inputShapes(command);

static void list() {
  llvm::outs() << fmt::format("{:<30} {:<18} {:>5}  {}\n", "name", "fingerprint", "peak", "releases");
  for (const DpuConfiguration &c : dpuczdx8gConfigurations())
    printWrapped(llvm::outs(), fmt::format("{:<30} 0x{:<16x} {:>5}  ", c.name, c.fingerprint, c.peak),
                 releasesOfFingerprint(c.fingerprint));
  llvm::outs() << "\nboards: kv260, zcu102, zcu104 (B4096), kria-app (B3136), ultra96 (B1600); --target also takes a\n"
                  "fingerprint or the path of an arch.json, --vitis-ai the release on the board\n";
}

static int targets(DiagEngine &diags) {
  if (model.empty())
    return list(), ExitClean;
  ModelOptions options;
  options.model = model;
  options.target.target = "kv260";
  auto onnx = inputShapes.read(diags);
  if (!onnx)
    return ExitBadInput;
  options.onnx = std::move(*onnx);
  auto job = openJob(options, diags);
  if (!job || failed(lowerForCheck(*job, false, diags)) || failed(printMatrix(*job->graph, 1, llvm::outs(), diags)))
    return ExitBadInput;
  return ExitClean;
}

namespace dpuopt {
extern const Command TargetsCommand;
const Command TargetsCommand = {command, targets};
} // namespace dpuopt
