//===- Explain.cpp - dpuc explain: what a rule id means -------------------------------===//
#include "Command.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("explain", "What a rule id such as conv2d.kernel means (without id: all rules)");
static cl::opt<std::string> ruleId(cl::Positional, cl::desc("[RULE-ID]"), cl::sub(command), cl::cat(dpucCategory()));
static TargetFlags targetFlags(command);

static void printRule(const Rule &rule, const Target &target) {
  llvm::outs() << fmt::format("{}\n  requires  {}\n", rule.id, rule.text(target.limits()));
  std::string ops;
  for (const char *op : rule.ops)
    ops += (ops.empty() ? "" : ", ") + std::string(op);
  llvm::outs() << fmt::format("  applies   {}\n  remedy    {}\n  source    {}\n  target    {}\n", ops, rule.fix,
                              rule.source, target.described());
}

static int explain(DiagEngine &diags) {
  llvm::StringRef id = ruleId.getValue();
  auto target = makeDpuczdx8gTarget(targetFlags.request(), diags);
  if (!target)
    return ExitBadInput;
  if (id.empty()) {
    for (const Rule &rule : (*target)->rules())
      llvm::outs() << fmt::format("{:<28} {}\n", rule.id, rule.text((*target)->limits()));
    return ExitClean;
  }
  llvm::StringRef best;
  unsigned distance = 6;
  for (const Rule &rule : (*target)->rules()) {
    if (id == rule.id)
      return printRule(rule, **target), ExitClean;
    if (unsigned d = id.edit_distance(rule.id, true, distance); d < distance)
      distance = d, best = rule.id;
  }
  diags.error("there is no rule '" + id.str() + "'")
      .note(best.empty() ? "dpuc explain without an id lists all" : "did you mean '" + best.str() + "'?");
  return ExitBadInput;
}

namespace dpuopt {
extern const Command ExplainCommand;
const Command ExplainCommand = {command, explain};
} // namespace dpuopt
