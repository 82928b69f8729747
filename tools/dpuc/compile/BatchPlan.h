//===- BatchPlan.h - many models to compile ----------------------------------------------===//
//
// A TOML file or a folder of models, as the commands that compile them one by one. Reads
// files; runs nothing.
//
//   [defaults]                      # for every model; any flag of dpuc compile without its dashes
//   calib = "images/"
//   target = ["kv260", "zcu102"]    # a list: one job each
//   [[model]]
//   onnx = "nets/resnet50.onnx"     # relative to this file, as all paths in it
//   name = "resnet"                 # folder of the results; default: the file's name
//   expect-dpu-subgraphs = 1
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BATCHPLAN_H
#define DPUOPT_TOOLS_DPUC_BATCHPLAN_H

#include "dpuopt/Support/Diagnostic.h"
#include "dpuopt/Support/Status.h"
#include "llvm/ADT/ArrayRef.h"
#include <string>
#include <vector>

namespace dpuopt {

/// One `dpuc compile`.
struct BatchJob {
  std::string name;              ///< of its folder: letters, digits, '.', '_' and '-'; unique in the plan
  std::string model, target;     ///< path as given; the target as given, may be empty
  std::vector<std::string> args; ///< model and flags, without -o
};

struct BatchPlan {
  std::string folder; ///< that paths are relative to
  std::vector<BatchJob> jobs;
};

/// `path`: a .toml file, or a folder (each .onnx file in it, by name). `flags` are given to every job, before its own.
/// Errors [batch.plan]: no TOML (with line and column), a model without `onnx`, a value that is no flag's, two jobs of
/// one name, nothing to do.
Result<BatchPlan> readBatchPlan(llvm::StringRef path, llvm::ArrayRef<std::string> flags, DiagEngine &diags);

} // namespace dpuopt
#endif
