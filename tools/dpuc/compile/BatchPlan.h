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
//   expect-dpu-subgraphs = 1        # stronger than the defaults', and those than the command line's
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
  unsigned threads = 0;          ///< it may have, if its flags do not say; 0: any
};

struct BatchPlan {
  std::string folder; ///< that paths are relative to
  std::vector<BatchJob> jobs;
};

/// What the command line says for every job.
struct BatchFlags {
  std::vector<std::string> words; ///< as typed; a job's own flags of the same names, and [defaults], are stronger
  std::vector<std::string> known; ///< names of flags there are, without dashes
};

/// `path`: a .toml file, or a folder (each .onnx file in it, by name).
/// Errors [batch.plan], with the line: no TOML, a model without `onnx`, a key that is no flag, a value that is no
/// flag's, two jobs of one name, nothing to do. In a folder, names that come out the same get numbers, and a file whose
/// name cannot stand in a line is left out with a warning.
Result<BatchPlan> readBatchPlan(llvm::StringRef path, const BatchFlags &flags, DiagEngine &diags);

} // namespace dpuopt
#endif
