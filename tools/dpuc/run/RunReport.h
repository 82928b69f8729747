//===- RunReport.h - what `dpuc run` found, as data, text and JSON ------------------===//
#ifndef DPUOPT_TOOLS_DPUC_RUNREPORT_H
#define DPUOPT_TOOLS_DPUC_RUNREPORT_H

#include "RunModel.h"
#include "dpuopt/Compare/Meaning.h"

namespace dpuopt {

struct ReportedFeed {
  InputWanted input;
  std::string source;
};

struct ReportedOutput {
  std::string name;
  Type type;                   ///< of the numbers
  std::optional<ElemType> fix; ///< of the stored integers behind them
  double min = 0, max = 0;
  int64_t notNumbers = 0;          ///< NaN
  std::optional<ScoreKind> scores; ///< they look like scores of classes
  std::vector<ClassScore> top;
  std::vector<std::string> files;
};

struct ReportedRun {
  std::vector<ReportedFeed> inputs;
  std::vector<ReportedOutput> outputs;
  std::string folder; ///< where it was written, or empty
};

struct RunReport {
  std::string model, form;
  bool channelsLast = false;
  std::vector<ReportedRun> runs;
  std::vector<std::string> classNames;
};

void printRunHeading(const RunReport &report, llvm::raw_ostream &os);
/// One run; `named` begins with what was fed (of several runs).
void printRun(const ReportedRun &run, const RunReport &report, bool named, llvm::ArrayRef<std::string> classNames,
              llvm::raw_ostream &os);
std::string runJson(const RunReport &report);

/// One name a line, in class order.
Result<std::vector<std::string>> readClassNames(llvm::StringRef path, DiagEngine &diags);

} // namespace dpuopt
#endif
