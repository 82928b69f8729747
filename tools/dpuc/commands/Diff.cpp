//===- Diff.cpp - dpuc diff: what do two models do differently ---------------------===//
#include "Command.h"
#include "dpuopt/Driver/Files.h"
#include "dpuopt/Report/DiffReport.h"

using namespace dpuopt;

static cl::SubCommand command("diff", "What is different between two models? (exit status: 0 nothing, 1 something)");
static cl::opt<std::string> fileA(cl::Positional, cl::desc("A"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::opt<std::string> fileB(cl::Positional, cl::desc("B"), cl::Required, cl::sub(command),
                                  cl::cat(dpucCategory()));
static cl::list<std::string> ignore("ignore",
                                    cl::desc("What does not count: a kind of difference as in the summary "
                                             "(names: ops are paired by structure), or attributes=NAME"),
                                    cl::value_desc("KIND"), cl::CommaSeparated, cl::sub(command),
                                    cl::cat(dpucCategory()));
static cl::opt<bool> all("all", cl::desc("Print every difference (else ten of a kind)"), cl::sub(command),
                         cl::cat(dpucCategory()));
static cl::opt<std::string> json("json", cl::desc("Also write all differences as JSON"), cl::value_desc("FILE"),
                                 cl::sub(command), cl::cat(dpucCategory()));

static Status readIgnored(DiffOptions &options, DiagEngine &diags) {
  std::string kinds;
  for (size_t k = 0; k < NumDiffKinds; ++k)
    kinds += (k ? ", " : "") + diffKindName(DiffKind(k)).str();
  for (llvm::StringRef item : ignore) {
    if (item.consume_front("attributes=")) {
      options.ignoredAttributes.insert(item.str());
      continue;
    }
    size_t k = 0;
    while (k < NumDiffKinds && item != diffKindName(DiffKind(k)))
      ++k;
    if (k == NumDiffKinds)
      return diags.error("--ignore knows no '" + item.str() + "'").note("known are " + kinds + " and attributes=NAME");
    if (DiffKind(k) == DiffKind::Names)
      options.ignoreNames = true;
    else
      options.ignored.insert(DiffKind(k));
  }
  return success();
}

static int diff(DiagEngine &diags) {
  DiffOptions options;
  if (failed(readIgnored(options, diags)))
    return ExitBadInput;
  auto a = loadGraph(fileA, {}, diags), b = loadGraph(fileB, {}, diags);
  if (!a || !b)
    return ExitBadInput;
  GraphDiff found = diffGraphs(**a, **b, options);
  printDiff(found, fileA, fileB, all ? SIZE_MAX : 10, llvm::outs());
  llvm::outs().flush();
  if (failed(writeNamed(
          json, [&] { return diffJson(found, fileA, fileB); }, diags)))
    return ExitBadInput;
  return found.same() ? ExitClean : ExitFindings;
}

namespace dpuopt {
extern const Command DiffCommand;
const Command DiffCommand = {command, diff};
} // namespace dpuopt
