//===- Check.cpp - dpuc check: will it run, and if not, why ---------------------------===//
#include "Commands.h"
#include "dpuopt/Support/File.h"

using namespace dpuopt;

/// Needs no fix points: placeholders stand in for them.
static Pipeline checkPipeline() {
  Pipeline all;
  for (const char *name : {"clean-up", "assume-fix-points", "lower-to-xir"})
    for (PassStep &step : steps(name))
      all.push_back(std::move(step));
  return all;
}

int dpuopt::runCheck(const ModelOptions &options, DiagEngine &diags) {
  auto job = openJob(options, diags);
  if (!job || failed(runSteps(*job, checkPipeline(), options.timePasses, diags)))
    return ExitBadInput;
  placeOnTarget(*job, options);
  job->report.placeholderFixPoints = true;
  options.full ? printReport(job->report, llvm::outs()) : printSummary(job->report, llvm::outs());
  llvm::outs().flush();
  if (!options.json.empty() && failed(writeFileAtomically(options.json, diags, [&](llvm::raw_ostream &os) {
        return os << reportJson(job->report), success();
      })))
    return ExitBadInput;
  bool allOnDpu = llvm::none_of(job->report.ops, [](const ReportedOp &op) { return op.device == "CPU"; });
  return checkExpectation(job->report, diags) && (options.expectDpu || allOnDpu) ? ExitClean : ExitFindings;
}
