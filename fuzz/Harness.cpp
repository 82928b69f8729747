//===- Harness.cpp - what the harnesses share ---------------------------------------===//
#include "Harness.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/Quant/FixLint.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstdlib>

using namespace dpuopt;

void fuzz::require(bool kept, const char *promise) {
  if (kept)
    return;
  llvm::errs() << "broken promise: " << promise << '\n';
  std::abort();
}

namespace {
struct ScratchFolder {
  llvm::SmallString<128> path;
  ScratchFolder() { llvm::sys::fs::createUniqueDirectory("dpuopt-fuzz", path); }
  ~ScratchFolder() { llvm::sys::fs::remove_directories(path); }
};
} // namespace

std::string fuzz::scratchFile(llvm::StringRef name) {
  static ScratchFolder folder;
  llvm::SmallString<128> path = folder.path;
  llvm::sys::path::append(path, name);
  return path.str().str();
}

static std::string print(const Graph &g, SideData &side) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printGraph(g, os, &side);
  return os.str();
}

void fuzz::requireTextRoundTrip(const Graph &g) {
  DiagEngine diags;
  SideData side, again;
  std::string text = print(g, side);
  auto parsed = parseGraph(text, "printed", side, diags);
  for (const Diagnostic &d : diags.all())
    llvm::errs() << d.message << '\n';
  require(static_cast<bool>(parsed), "what is printed can be parsed");
  require(print(**parsed, again) == text, "parsing what is printed gives the same graph");
}

void fuzz::requireLint(const Graph &g, const FixPlan &plan) {
  const QuantGroups groups = quantGroups(g);
  for (const FixFinding &finding : lintFixPoints(g, groups, plan)) {
    const FixConstraint &c = finding.constraint;
    require(!c.str(plan).empty() && (!c.holds(plan) || finding.ways.empty()), "ways out are for what is broken");
    for (const FixWay &way : finding.ways) {
      FixPlan moved = plan;
      for (const FixMove &m : way.moves) {
        require(plan.find(m.value)->second == m.before && !(m.before == m.after),
                "a move starts where the position is");
        moved[m.value] = m.after;
        (void)paramCost(m);
      }
      bool mended = false;
      for (const FixConstraint &now : fixConstraints(*c.op, groups, moved))
        mended |= now.rule == c.rule && now.holds(moved);
      require(mended || !way.tools.empty(), "a way out mends its constraint, unless it is a tool's");
    }
  }
}
