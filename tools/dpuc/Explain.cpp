//===- Explain.cpp - dpuc explain: what a rule id means -------------------------------===//
#include "Command.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Releases.h"
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
  bool inForce = target.vitisAi() >= rule.since && target.vitisAi() <= rule.until;
  llvm::outs() << fmt::format("  applies   {}\n  releases  {}{}\n  remedy    {}\n  source    {}\n  target    {}\n",
                              ops.empty() ? "to every op" : ops, releasesStr(rule.since, rule.until),
                              inForce ? "" : fmt::format(" (not {})", vitisAiStr(target.vitisAi())), rule.fix,
                              rule.source, target.described());
}

static void printBehaviour(const Behaviour &b) {
  llvm::outs() << fmt::format("{}\n  compiler  {}\n  releases  {}\n  source    {}\n", b.id, b.text,
                              releasesStr(b.since, b.until), b.source);
}

static int explain(DiagEngine &diags) {
  llvm::StringRef id = ruleId.getValue();
  auto target = makeDpuczdx8gTarget(targetFlags.request(), diags);
  if (!target)
    return ExitBadInput;
  if (id.empty()) {
    for (const Rule &rule : (*target)->rules())
      llvm::outs() << fmt::format("{:<28} {}\n", rule.id, rule.text((*target)->limits()));
    for (const Behaviour &b : compilerBehaviours())
      llvm::outs() << fmt::format("{:<28} {} (Vitis AI {})\n", b.id, b.text, releasesStr(b.since, b.until));
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
  for (const Behaviour &b : compilerBehaviours()) {
    if (id == b.id)
      return printBehaviour(b), ExitClean;
    if (unsigned d = id.edit_distance(b.id, true, distance); d < distance)
      distance = d, best = b.id;
  }
  diags.error("there is no rule '" + id.str() + "'")
      .note(best.empty() ? "dpuc explain without an id lists all" : "did you mean '" + best.str() + "'?");
  return ExitBadInput;
}

namespace dpuopt {
extern const Command ExplainCommand;
const Command ExplainCommand = {command, explain};
} // namespace dpuopt
