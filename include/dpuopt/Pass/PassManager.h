//===- PassManager.h - parse a pipeline and run it ---------------------------===//
#ifndef DPUOPT_PASS_PASSMANAGER_H
#define DPUOPT_PASS_PASSMANAGER_H

#include "dpuopt/Pass/Pass.h"
#include <functional>

namespace dpuopt {

/// One step of a pipeline, options filled in with defaults.
struct PassStep {
  const PassInfo *pass;
  PassOptions options;
};
using Pipeline = std::vector<PassStep>;

/// Parses `fold-batchnorm,apply-quant-info<file=q.json>,clean-up`; named pipelines
/// are expanded. Errors (unknown name with the nearest known one, unknown option,
/// unbalanced brackets) name the position in the text.
Result<Pipeline> parsePipeline(llvm::StringRef text, const PassRegistry &registry, DiagEngine &diags);

struct RunOptions {
  bool printBeforeAll = false, printAfterAll = false, printChanged = false;
  std::vector<std::string> printAfter; ///< pass names
  bool timePasses = false;
  bool verifyEach = true;
  bool roundTrip = false;           ///< print and parse the graph again after every pass
  llvm::raw_ostream *out = nullptr; ///< where IR dumps and timings go (default: stderr)
  /// Called with the graph before and after each pass that changed it
  /// (--check-equivalence); failure stops the run.
  std::function<Status(const Graph &before, const Graph &after, const PassStep &)> compare;
  /// Called after each pass, with its result (reports).
  std::function<void(const PassStep &, PassResult, double seconds)> observe;
};

/// Verifies, then runs the steps in order; verifies after each and names the pass
/// that broke the graph. `g` is replaced when roundTrip is set.
Status runPipeline(std::unique_ptr<Graph> &g, const Pipeline &pipeline, const RunOptions &options, DiagEngine &diags);

} // namespace dpuopt
#endif
