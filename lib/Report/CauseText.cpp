//===- CauseText.cpp - root causes and what to change first, for people ---------------===//
#include "CauseText.h"
#include "dpuopt/Report/Lines.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {
/// Ops of a cause that are named; the report as JSON has all.
constexpr size_t NamedOps = 3;
constexpr size_t TitleWidth = 56;
} // namespace

static std::string plural(size_t n, llvm::StringRef what) { return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s"); }

/// "a, b, c and 54 more"; each node once.
static std::string namesOf(const ReportedCause &c) {
  std::vector<std::string> names;
  for (const std::string &n : c.nodes)
    if (names.empty() || names.back() != n)
      names.push_back(n);
  std::string text;
  for (size_t i = 0; i < names.size() && i < NamedOps; ++i)
    text += (i ? ", " : "") + names[i];
  if (names.size() > NamedOps)
    text += fmt::format(" and {} more", names.size() - NamedOps);
  return text;
}

static std::string cutText(const ReportedCause &c) {
  std::string text;
  for (const ReportedTensor &t : c.cut)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", t.name, shapeStr(t.type.shape()));
  return text;
}

static void printCause(const ReportedCause &c, size_t number, const ReportedPlan &plan, llvm::raw_ostream &os) {
  std::string title = c.isHead ? c.title : fmt::format("{} [{}]", c.title, c.id);
  if (c.isHead)
    title = fmt::format("post-processing [{}]", c.id);
  os << fmt::format(" {:>2}  ", number);
  os.changeColor(llvm::raw_ostream::YELLOW, true);
  os << fmt::format("{:<{}}", shortened(title, TitleWidth), TitleWidth);
  os.resetColor();
  os << fmt::format(" {:>5} {:>7}   {} -> {}\n", c.nodes.size(), c.followers, plan.dpu, c.dpuIfFixed);
  printWrapped(os, "     at       ", namesOf(c));
  if (c.isHead) {
    llvm::StringRef kinds = llvm::StringRef(c.title).split('(').second.rsplit(')').first;
    printWrapped(os, "     is       ", kinds);
  }
  for (const ReportedRule &rule : c.isHead ? llvm::ArrayRef<ReportedRule>() : llvm::makeArrayRef(c.rules)) {
    printWrapped(os, "     required ", fmt::format("{} [{}]", rule.required, rule.id));
    printWrapped(os, "     found    ", rule.found);
  }
  if (!c.remedy.empty())
    printWrapped(os, "     remedy   ", c.remedy);
  if (!c.cut.empty())
    printWrapped(os, "     cut      ", cutText(c));
}

/// "1, 2 and 5"
static std::string numbers(llvm::ArrayRef<unsigned> set) {
  std::string text;
  for (size_t i = 0; i < set.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == set.size() ? " and " : ", ", set[i] + 1);
  return text;
}

std::string dpuopt::planText(const ModelReport &r) {
  const ReportedPlan &plan = *r.plan;
  std::string want = plural(plan.expected, "DPU subgraph");
  if (plan.dpu == plan.expected)
    return "nothing: it has " + want + " as it is";
  if (r.causes.empty())
    return fmt::format("no cause is known for {}", plural(plan.dpu, "DPU subgraph"));
  if (!plan.reachable)
    return fmt::format("{} out of reach: without any of the causes there {} {}", want,
                       plan.dpuIfAllFixed == 1 ? "is" : "are", plan.dpuIfAllFixed);
  std::string certain = plan.exact ? "no smaller set does" : "chosen greedily: a smaller set may do";
  return fmt::format("{}: {} ({})", numbers(plan.first), want, certain);
}

void dpuopt::printCauses(const ModelReport &r, llvm::raw_ostream &os) {
  if (!r.plan || r.causes.empty())
    return;
  os << fmt::format("\n{:<{}} {:>5} {:>7}   {}\n", "root causes", TitleWidth + 5, "ops", "follow",
                    "DPU subgraphs without");
  for (size_t i = 0; i < r.causes.size(); ++i)
    printCause(r.causes[i], i + 1, *r.plan, os);
  os.changeColor(llvm::raw_ostream::SAVEDCOLOR, true);
  printWrapped(os, "change first  ", planText(r));
  os.resetColor();
}

std::vector<std::string> dpuopt::causeLines(const ModelReport &r) {
  std::vector<std::string> lines;
  for (const ReportedCause &c : r.causes)
    lines.push_back(fmt::format("{} [{}]: {}, {} follow; without it {}{}{}", c.title, c.id,
                                plural(c.nodes.size(), "op"), c.followers, plural(c.dpuIfFixed, "DPU subgraph"),
                                c.remedy.empty() ? "" : " -> ", c.remedy));
  if (r.plan && r.plan->dpu != r.plan->expected)
    lines.push_back("change first " + planText(r));
  return lines;
}
