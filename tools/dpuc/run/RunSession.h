//===- RunSession.h - a model run on what it is fed, reported and written -----------------===//
#ifndef DPUOPT_TOOLS_DPUC_RUNSESSION_H
#define DPUOPT_TOOLS_DPUC_RUNSESSION_H

#include "Backend.h"
#include "RunReport.h"
#include "dpuopt/Data/TensorFiles.h"

namespace dpuopt {

struct RunSessionOptions {
  std::string output;                      ///< folder for the outputs; empty: none
  bool allTensors = false;                 ///< with it: every tensor
  bool constants = false;                  ///< with that: constants, too
  TensorFormat format = TensorFormat::Raw; ///< of numbers
  unsigned top = 5;                        ///< classes to print
  std::string labels;                      ///< file of their names, or empty
  bool keepRuns = false;                   ///< in the report, all of them
  ExecOptions exec;
  BackendOptions backend;
};

/// One model, any number of runs.
class RunSession {
public:
  RunSession(RunModel &model, Feeds &feeds, RunSessionOptions options, DiagEngine &diags)
      : model(model), feeds(feeds), options(std::move(options)), diags(diags) {}
  /// Reads the labels and makes the executor.
  Status prepare();
  /// Runs, writes, and prints each run as it ends.
  Status runAll();
  RunReport report;

private:
  Status runOne(size_t i);
  Status writeConstants();
  Status startFolder(size_t i, const Feeds::Set &set);
  Status write(llvm::StringRef name, const Tensor &t, bool numbers, std::vector<std::string> *files = nullptr);
  Status addOutput(const Value &v, const Tensor &numbers, ReportedRun &run);

  RunModel &model;
  Feeds &feeds;
  RunSessionOptions options;
  DiagEngine &diags;
  std::unique_ptr<Executor> executor;
  std::optional<TensorFolderWriter> writer;
  bool writeFailed = false;
  std::vector<std::string> classNames;
};

} // namespace dpuopt
#endif
