//===- Job.h - a model on its way through a command of dpuc ------------------------===//
//
// From a file to a partitioned graph and its report. Knows no command and no flag.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_JOB_H
#define DPUOPT_TOOLS_DPUC_JOB_H

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
};

/// A model on its way: the graph, its target and what is known so far.
struct Job {
  std::unique_ptr<Graph> graph;
  std::shared_ptr<const Target> target;
  ModelReport report;
  bool hasFixPoints = false; ///< the model brought its own (QuantizeLinear nodes)
};

/// What reports say of fix points that import-qdq found.
constexpr const char *FromQdqNodes = "from the model's QuantizeLinear/DequantizeLinear nodes";

/// Resolves the target, then reads the model and counts its ops.
Result<Job> openJob(const ModelOptions &options, DiagEngine &diags);
/// Runs passes with given options (file names need no quoting this way).
Status runSteps(Job &job, const Pipeline &steps, bool timePasses, DiagEngine &diags);
/// One pass with options, or a named pipeline.
Pipeline steps(llvm::StringRef name, PassOptions options = {});
/// Clean-up and lowering as far as rules can be asked: placeholders stand in for the fix points the model lacks.
Status lowerForCheck(Job &job, bool timePasses, DiagEngine &diags);
/// Lists in the report the subgraphs of the compiled file, also those that hold only ops the compiler adds.
void countSubgraphs(const Partition &partition, ModelReport &report);
/// Assigns devices and subgraphs, and fills the report from the graph.
Partition placeOnTarget(Job &job, const ModelOptions &options);
/// Emits the error of --expect-dpu-subgraphs with the ops that split the graph.
bool checkExpectation(const ModelReport &report, DiagEngine &diags);

} // namespace dpuopt
#endif
