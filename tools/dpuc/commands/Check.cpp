//===- Check.cpp - dpuc check: will it run, and if not, why ---------------------------===//
#include "BudgetFlags.h"
#include "Command.h"
#include "Matrix.h"
#include "RuntimeText.h"
#include "TemporaryFolder.h"
#include "dpuopt/Report/Formats.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace dpuopt;

static cl::SubCommand command("check", "Will this model run on the DPU, and if not, why? (needs no fix points)");
static ModelFlags modelFlags(command);
static cl::opt<bool> full("full", cl::desc("Print every subgraph and a table of all ops"), cl::sub(command),
                          cl::cat(dpucCategory()));
static cl::opt<bool> matrix("matrix", cl::desc("Also place it on every DPU: which is the smallest that suffices?"),
                            cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> profile("profile",
                                    cl::desc("Also ask if a runtime can load it: vart, graph-runner, "
                                             "dpu-pynq@2.5"),
                                    cl::value_desc("RUNTIME"), cl::sub(command), cl::cat(dpucCategory()));
static BudgetFlags budgetFlags(command);
static cl::opt<bool> github("github", cl::desc("Print findings as annotations of GitHub workflows"), cl::sub(command),
                            cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write the report as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> sarif("sarif", cl::desc("Also write the findings as SARIF 2.1.0"), cl::value_desc("FILE"),
                                  cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> junit("junit", cl::desc("Also write the findings as JUnit XML"), cl::value_desc("FILE"),
                                  cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> html("html", cl::desc("Also write a page with the graph and the causes"),
                                 cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> svg("svg", cl::desc("Also write the picture of the graph"), cl::value_desc("FILE"),
                                cl::sub(command), cl::cat(dpucCategory()));

static cl::opt<std::string> dot("dot", cl::desc("Also write the graph for Graphviz"), cl::value_desc("FILE"),
                                cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<std::string> png("png", cl::desc("Also write the graph as Graphviz draws it (needs its program dot)"),
                                cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));

/// Graphviz takes seconds for a thousand ops.
static constexpr unsigned DotTimeout = 300;

/// Lets dot draw to a file that only appears when it is whole.
static Status drawPng(const std::string &text, DiagEngine &diags) {
  auto program = llvm::sys::findProgramByName("dot");
  if (!program)
    return diags.error("--png needs Graphviz's program dot, which is not on the PATH")
        .note("Debian: apt install graphviz; --svg and --html need nothing");
  TemporaryFolder folder("dpuc-png");
  if (folder.failed())
    return diags.error("cannot make a temporary folder");
  std::string source = folder.file("graph.dot"), picture = folder.file("graph.png");
  if (failed(writeNamed(
          source, [&] { return text; }, diags)))
    return failure();
  ProcessResult result = runProcess(*program, {"-Tpng", source, "-o", picture}, {.timeoutSeconds = DotTimeout});
  if (result.exitCode != 0)
    return diags.error("dot drew nothing: " +
                       (result.failure.empty() ? llvm::StringRef(result.err).trim().str() : result.failure));
  auto bytes = readFile(picture, diags);
  return bytes ? writeNamed(
                     png, [&] { return *bytes; }, diags)
               : Status(failure());
}

static Status writeForms(const ModelReport &report, const Graph &lowered, DiagEngine &diags) {
  if (failed(writeNamed(
          html, [&] { return reportHtml(report, lowered); }, diags)) ||
      failed(writeNamed(
          svg, [&] { return reportSvg(report, lowered); }, diags)) ||
      failed(writeNamed(
          dot, [&] { return reportDot(report, lowered); }, diags)))
    return failure();
  if (!png.empty() && failed(drawPng(reportDot(report, lowered), diags)))
    return failure();
  using Form = std::string (*)(const ModelReport &);
  const std::pair<const std::string *, Form> forms[] = {
      {&json.getValue(), reportJson}, {&sarif.getValue(), reportSarif}, {&junit.getValue(), reportJunit}};
  for (auto [file, form] : forms)
    if (failed(writeNamed(
            *file, [&, form = form] { return form(report); }, diags)))
      return failure();
  return success();
}

/// Under a budget what it allows is clean; else everything has to be on the DPU, or as many subgraphs as expected.
static bool isClean(const ModelReport &report) {
  if (report.hasBudget)
    return report.overBudget.empty();
  return report.expectedDpu || report.cpuOps() == 0;
}

static int check(DiagEngine &diags) {
  ModelOptions options;
  if (failed(modelFlags.fill(options, diags)))
    return ExitBadInput;
  if (failed(budgetFlags.check(diags)))
    return ExitBadInput;
  auto job = openJob(options, diags);
  if (!job)
    return ExitBadInput;
  std::optional<RuntimeProfile> runtime;
  if (!profile.empty()) {
    auto parsed = parseRuntimeProfile(profile, job->target->vitisAi(), diags);
    if (!parsed)
      return ExitBadInput;
    runtime = *parsed;
  }
  if (failed(lowerForCheck(*job, options.timePasses, diags)))
    return ExitBadInput;
  Partition partition = placeOnTarget(*job, options);
  ModelReport &report = job->report;
  report.placeholderFixPoints = !job->hasFixPoints;
  report.fixPointSource = job->hasFixPoints ? FromQdqNodes : "";
  if (failed(budgetFlags.settle(report, diags)))
    return ExitBadInput;
  full ? printReport(report, llvm::outs()) : printSummary(report, llvm::outs());
  bool loads = !runtime || printRuntime(*runtime, loadedModel(*job->graph, partition), llvm::outs());
  if (matrix && failed(printMatrix(*job->graph, options.expectDpu.value_or(1), llvm::outs(), diags)))
    return ExitBadInput;
  if (github)
    llvm::outs() << reportGithub(report);
  llvm::outs().flush();
  if (failed(writeForms(report, *job->graph, diags)))
    return ExitBadInput;
  return checkExpectation(report, diags) && isClean(report) && loads ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command CheckCommand;
const Command CheckCommand = {command, check};
} // namespace dpuopt
