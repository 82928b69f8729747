//===- Explain.cpp - dpuc explain: what a rule id means -------------------------------===//
#include "Commands.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

using namespace dpuopt;

static void explain(const Rule &rule, const Target &target) {
  llvm::outs() << fmt::format("{}\n  requires  {}\n", rule.id, rule.text(target.limits()));
  std::string ops;
  for (const char *op : rule.ops)
    ops += (ops.empty() ? "" : ", ") + std::string(op);
  llvm::outs() << fmt::format("  applies   {}\n  remedy    {}\n  source    {}\n  target    {}\n", ops, rule.fix,
                              rule.source, target.described());
}

int dpuopt::runExplain(llvm::StringRef id, const TargetRequest &request, DiagEngine &diags) {
  auto target = makeDpuczdx8gTarget(request, diags);
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
      return explain(rule, **target), ExitClean;
    if (unsigned d = id.edit_distance(rule.id, true, distance); d < distance)
      distance = d, best = rule.id;
  }
  diags.error("there is no rule '" + id.str() + "'")
      .note(best.empty() ? "dpuc explain without an id lists all" : "did you mean '" + best.str() + "'?");
  return ExitBadInput;
}
