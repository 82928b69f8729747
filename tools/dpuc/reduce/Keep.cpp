//===- Keep.cpp - what a reduced model has to show still ----------------------------===//
#include "Keep.h"
#include "dpuopt/Target/Causes.h"
#include "llvm/Support/Regex.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {
struct FigureKind {
  const char *name;
  int64_t (*of)(const ModelReport &);
};
constexpr FigureKind figureKinds[] = {
    {"dpu-subgraphs", [](const ModelReport &r) -> int64_t { return r.count("DPU"); }},
    {"cpu-subgraphs", [](const ModelReport &r) -> int64_t { return r.count("CPU"); }},
    {"cpu-ops", [](const ModelReport &r) -> int64_t { return r.cpuOps(); }},
    {"macs", [](const ModelReport &r) { return r.macs(); }},
    {"macs-on-cpu", [](const ModelReport &r) { return r.macs() - r.macsOnDpu(); }},
};
} // namespace

/// A budget writes figures with underscores.
static const FigureKind *findFigure(llvm::StringRef name) {
  std::string dashed = name.str();
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  auto it = llvm::find_if(figureKinds, [&](const FigureKind &f) { return f.name == dashed; });
  return it == std::end(figureKinds) ? nullptr : it;
}

static bool parseFigure(Condition &c) {
  llvm::SmallVector<llvm::StringRef, 4> parts;
  if (!llvm::Regex("^([a-z_-]+) *(>=|<=|==|!=|=|>|<) *([0-9]+)$").match(c.text, &parts))
    return false;
  const FigureKind *figure = findFigure(parts[1]);
  if (!figure || parts[3].getAsInteger(10, c.number))
    return false;
  c.name = figure->name;
  c.relation = parts[2] == "=" ? "==" : parts[2].str();
  return true;
}

static bool parseId(Condition &c) {
  llvm::StringRef text = c.text;
  c.negated = text.consume_front("!");
  text = text.ltrim();
  if (text.consume_front("rule:"))
    c.kind = Condition::Rule;
  else if (text.consume_front("cause:"))
    c.kind = Condition::Cause;
  else
    return false;
  c.name = text.trim().str();
  return !c.name.empty();
}

Status dpuopt::parseConditions(llvm::StringRef text, std::vector<Condition> &conditions, DiagEngine &diags) {
  llvm::SmallVector<llvm::StringRef, 4> items;
  text.split(items, "&&");
  for (llvm::StringRef item : items) {
    Condition c;
    c.text = item.trim().str();
    if (!parseId(c) && !parseFigure(c)) {
      std::string names;
      for (const FigureKind &f : figureKinds)
        names += std::string(names.empty() ? "" : ", ") + f.name;
      return diags
          .error(fmt::format("a condition is rule:ID, cause:ID or FIGURE>N (>=, <, <=, ==, !=), found '{}'", c.text))
          .note("figures are " + names + "; ids are those of dpuc check; conditions are joined by &&")
          .rule("reduce.condition");
    }
    conditions.push_back(std::move(c));
  }
  return success();
}

/// Ids of what the passes had to say; the first error is why it cannot be lowered.
static void collectDiagnostics(const DiagEngine &diags, Facts &facts) {
  for (const Diagnostic &d : diags.all()) {
    if (d.severity != Severity::Remark && !d.rule.empty())
      ++facts.rules[d.rule];
    if (d.severity == Severity::Error && facts.failure.empty())
      facts.failure = d.message;
  }
}

Facts dpuopt::collectFacts(const Graph &g, const std::shared_ptr<const Target> &target, bool withCauses) {
  Facts facts;
  DiagEngine diags;
  Job job{g.clone(), target, {}, false};
  if (Status lowered = lowerForCheck(job, false, diags); failed(lowered)) {
    collectDiagnostics(diags, facts);
    if (facts.failure.empty())
      facts.failure = "a pass failed";
    return facts;
  }
  collectDiagnostics(diags, facts);
  Partition partition = partitionGraph(*job.graph, partitionFor(*target));
  for (const auto &[op, placement] : partition.placement)
    for (const BrokenRule &broken : placement.broken)
      ++facts.rules[broken.rule->id];
  annotate(*job.graph, partition);
  ModelReport report = collectReport(*job.graph);
  countSubgraphs(partition, report);
  for (const FigureKind &f : figureKinds)
    facts.figures[f.name] = f.of(report);
  if (withCauses)
    for (const Cause &cause : diagnose(*job.graph, partition, partitionFor(*target)).causes)
      for (llvm::StringRef rest = cause.id; !rest.empty();) {
        auto [id, more] = rest.split(' ');
        facts.causes[id.str()] += cause.ops.size();
        rest = more;
      }
  return facts;
}

static bool compare(int64_t a, llvm::StringRef relation, int64_t b) {
  if (relation == ">")
    return a > b;
  if (relation == ">=")
    return a >= b;
  if (relation == "<")
    return a < b;
  if (relation == "<=")
    return a <= b;
  return relation == "==" ? a == b : a != b;
}

bool dpuopt::holds(const Condition &c, const Facts &facts) {
  if (c.kind == Condition::Figure) {
    auto it = facts.figures.find(c.name);
    return it != facts.figures.end() && compare(it->second, c.relation, c.number);
  }
  // The absence of a rule in a model that cannot be judged says nothing.
  if (c.negated && !facts.failure.empty())
    return false;
  return (c.kind == Condition::Rule ? facts.rules : facts.causes).count(c.name) != c.negated;
}

std::string dpuopt::foundFor(const Condition &c, const Facts &facts) {
  if (!facts.failure.empty() && (c.kind == Condition::Figure || c.negated))
    return "the model cannot be lowered: " + facts.failure;
  if (c.kind == Condition::Figure)
    return fmt::format("{} is {}", c.name, facts.figures.at(c.name));
  const auto &ids = c.kind == Condition::Rule ? facts.rules : facts.causes;
  std::string list;
  for (const auto &[id, count] : ids)
    list += fmt::format("{}{} ({})", list.empty() ? "" : ", ", id, count);
  const char *what = c.kind == Condition::Rule ? "broken rules" : "root causes";
  return list.empty() ? fmt::format("there are no {}", what) : fmt::format("{} are {}", what, list);
}
