//===- Check.cpp - dpuc check: will it run, and if not, why ---------------------------===//
#include "Command.h"
#include "dpuopt/Quant/Qdq.h"
#include "dpuopt/Support/File.h"

using namespace dpuopt;

static cl::SubCommand command("check", "Will this model run on the DPU, and if not, why? (needs no fix points)");
static ModelFlags modelFlags(command);
static cl::opt<bool> full("full", cl::desc("Print every subgraph and a table of all ops"), cl::sub(command),
                          cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write the report as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

/// Needs no fix points: placeholders stand in for them, unless the model brings its own.
static Pipeline checkPipeline(bool hasFixPoints) {
  Pipeline all = hasFixPoints ? steps("import-qdq", {{"round-scales", "true"}}) : Pipeline();
  for (const char *name : {"clean-up", "assume-fix-points", "lower-to-xir"})
    if (!hasFixPoints || name != llvm::StringRef("assume-fix-points"))
      for (PassStep &step : steps(name))
        all.push_back(std::move(step));
  return all;
}

static int check(DiagEngine &diags) {
  ModelOptions options;
  if (failed(modelFlags.fill(options, diags)))
    return ExitBadInput;
  auto job = openJob(options, diags);
  if (!job)
    return ExitBadInput;
  const bool hasFixPoints = carriesQdq(*job->graph);
  if (failed(runSteps(*job, checkPipeline(hasFixPoints), options.timePasses, diags)))
    return ExitBadInput;
  placeOnTarget(*job, options);
  job->report.placeholderFixPoints = !hasFixPoints;
  job->report.fixPointSource = hasFixPoints ? FromQdqNodes : "";
  full ? printReport(job->report, llvm::outs()) : printSummary(job->report, llvm::outs());
  llvm::outs().flush();
  if (!json.empty() && failed(writeFileAtomically(json, diags, [&](llvm::raw_ostream &os) {
        return os << reportJson(job->report), success();
      })))
    return ExitBadInput;
  bool allOnDpu = llvm::none_of(job->report.ops, [](const ReportedOp &op) { return op.device == "CPU"; });
  return checkExpectation(job->report, diags) && (options.expectDpu || allOnDpu) ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command CheckCommand;
const Command CheckCommand = {command, check};
} // namespace dpuopt
