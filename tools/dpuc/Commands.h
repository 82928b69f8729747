//===- Commands.h - the commands of dpuc, and what they share --------------------===//
//
// Each command is a pipeline plus a report. A command returns the exit code; what
// went wrong has been printed through the DiagEngine.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_COMMANDS_H
#define DPUOPT_TOOLS_DPUC_COMMANDS_H

#include "dpuopt/Driver/Driver.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Report/Report.h"
#include "dpuopt/Target/Partition.h"
#include <memory>

namespace dpuopt {

/// What `check` and `compile` have in common.
struct ModelOptions {
  std::string model;
  OnnxImportOptions onnx;
  TargetRequest target;
  std::optional<unsigned> expectDpu;
  bool timePasses = false;
  bool full = false; ///< check: print the table of all ops too
  std::string json;  ///< check: also write the report as JSON here
};

struct CompileOptions : ModelOptions {
  std::string calib, quantInfo; ///< exactly one of them
  std::string outputDir;
  bool xirCheck = true;    ///< let libxir load the result
  bool runCompiler = true; ///< run vai_c_xir when it is on the PATH
  unsigned accuracyImages = 1000;
};

int runCheck(const ModelOptions &options, DiagEngine &diags);
int runCompile(const CompileOptions &options, DiagEngine &diags);
/// Prints what a rule id means, with the limits of `target`; without id, lists all.
int runExplain(llvm::StringRef id, const TargetRequest &target, DiagEngine &diags);

/// A model on its way: the graph, its target and what is known so far.
struct Job {
  std::unique_ptr<Graph> graph;
  std::shared_ptr<const Target> target;
  ModelReport report;
};

/// Resolves the target, then reads the model and counts its ops.
Result<Job> openJob(const ModelOptions &options, DiagEngine &diags);
/// Runs passes with given options (file names need no quoting this way).
Status runSteps(Job &job, const Pipeline &steps, bool timePasses, DiagEngine &diags);
/// One pass with options, or a named pipeline.
Pipeline steps(llvm::StringRef name, PassOptions options = {});
/// Assigns devices and subgraphs, and fills the report from the graph.
void placeOnTarget(Job &job, const ModelOptions &options);
/// Emits the error of --expect-dpu-subgraphs with the ops that split the graph.
bool checkExpectation(const ModelReport &report, DiagEngine &diags);

} // namespace dpuopt
#endif
