//===- Batch.h - many models compiled, in parallel and again ------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BATCH_H
#define DPUOPT_TOOLS_DPUC_BATCH_H

#include "BatchPlan.h"

namespace dpuopt {

struct BatchOptions {
  std::string plan;      ///< TOML file or folder
  BatchFlags flags;      ///< for every model
  std::string output;    ///< folder; each model has one in it
  unsigned jobs = 1;     ///< at the same time
  bool force = false;    ///< also what is up to date
  std::string ninjaFile; ///< write this build file instead
  std::string shard;     ///< "I/N": print the commands of that part instead
};

/// Runs `dpuc compile` for each model in a process of its own; one that fails does not stop the others. A model whose
/// flags and files are those of its last result is not compiled again (folders that its flags name are not looked
/// into). Writes summary.json and logs/NAME.log. Returns the worst exit status.
int runBatch(const BatchOptions &options, DiagEngine &diags);

/// The flags of this process that are for every model of a batch: all but those that are for the batch. Files they name
/// are named from the root, for the models are compiled elsewhere.
std::vector<std::string> flagsForEach();

} // namespace dpuopt
#endif
