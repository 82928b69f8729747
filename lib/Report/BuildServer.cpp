//===- BuildServer.cpp - JUnit and GitHub annotations ----------------------------------===//
#include "dpuopt/Report/Formats.h"
#include "dpuopt/Report/Lines.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {
/// One thing that is as wanted, or not.
struct Outcome {
  std::string name, id, failure; ///< failure: empty if it is as wanted
};
} // namespace

static std::vector<Outcome> outcomesOf(const ModelReport &r) {
  std::vector<Outcome> list;
  if (r.plan) {
    bool good = r.plan->dpu == r.plan->expected;
    list.push_back({"DPU subgraphs", "dpu-subgraphs",
                    good ? "" : fmt::format("{} wanted, found {}", r.plan->expected, r.plan->dpu)});
  }
  for (const ReportedCause &c : r.causes) {
    std::string text = fmt::format("{} op{}, first {}", c.nodes.size(), c.nodes.size() == 1 ? "" : "s",
                                   c.nodes.empty() ? "" : c.nodes.front());
    for (const ReportedRule &rule : c.isHead ? llvm::ArrayRef<ReportedRule>() : llvm::makeArrayRef(c.rules))
      text += fmt::format("; required: {}, found: {}", rule.required, rule.found);
    list.push_back({c.title, c.id, text + (c.remedy.empty() ? "" : "; remedy: " + c.remedy)});
  }
  for (const ReportedOver &over : r.overBudget)
    list.push_back({"budget: " + over.text, "budget.over", fmt::format("{} allowed, found {}", over.most, over.found)});
  // Under a budget what is within it is as wanted.
  if (r.hasBudget)
    for (Outcome &o : list)
      if (o.id != "budget.over")
        o.failure.clear();
  return list;
}

std::string dpuopt::reportJunit(const ModelReport &r) {
  std::vector<Outcome> outcomes = outcomesOf(r);
  auto failed = llvm::count_if(outcomes, [](const Outcome &o) { return !o.failure.empty(); });
  std::string counts = fmt::format("tests=\"{}\" failures=\"{}\"", outcomes.size(), failed);
  std::string out = fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n"
                                "  <testsuite name=\"{}\" {}>\n",
                                counts, escapedXml(r.model), counts);
  for (const Outcome &o : outcomes) {
    out += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", escapedXml(o.id), escapedXml(o.name));
    out += o.failure.empty() ? "/>\n"
                             : fmt::format(">\n      <failure type=\"{}\" message=\"{}\"/>\n    </testcase>\n",
                                           escapedXml(o.id), escapedXml(o.failure));
  }
  return out + "  </testsuite>\n</testsuites>\n";
}

/// The escapes of workflow commands; properties have two more.
static std::string escaped(llvm::StringRef text, bool property) {
  std::string out;
  for (char c : text)
    if (c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ',')))
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      out += c;
  return out;
}

std::string dpuopt::reportGithub(const ModelReport &r) {
  std::string out;
  for (const Outcome &o : outcomesOf(r))
    if (!o.failure.empty())
      out += fmt::format("::error file={},title={}::{}: {}\n", escaped(r.model, true), escaped(o.id, true),
                         escaped(o.name, false), escaped(o.failure, false));
  return out;
}
