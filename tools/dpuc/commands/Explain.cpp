//===- Explain.cpp - dpuc explain: what a code means, ours or the vendor's ------------===//
#include "Command.h"
#include "dpuopt/Quant/FixRules.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Releases.h"
#include <fmt/format.h>

using namespace dpuopt;

static cl::SubCommand command("explain", "What a rule id such as conv2d.kernel means, or a message of the vendor's "
                                         "tools (without id: all)");
static cl::opt<std::string> code(cl::Positional, cl::desc("[CODE]"), cl::sub(command), cl::cat(dpucCategory()));
static TargetFlags targetFlags(command);
static cl::opt<std::string> logFile("log", cl::desc("Pick the known messages out of a log of the vendor's tools"),
                                    cl::value_desc("FILE"), cl::sub(command), cl::cat(dpucCategory()));
static cl::opt<bool> markdown("markdown", cl::desc("Print all pages as Markdown (docs/errors.md)"), cl::sub(command),
                              cl::cat(dpucCategory()));

namespace {
struct Page {
  const char *code, *pattern, *cause, *example, *fix, *versions;
};
constexpr Page pages[] = {
#define PAGE(Code, Pattern, Cause, Example, Fix, Versions) {Code, Pattern, Cause, Example, Fix, Versions},
#include "FindingPages.def"
#include "Pages.def"
#undef PAGE
};

/// What breaks a rule.
struct Example {
  const char *rule, *text;
};
constexpr Example examples[] = {
#define EXAMPLE(Rule, Text) {Rule, Text},
#include "Examples.def"
#undef EXAMPLE
};
} // namespace

static void line(llvm::StringRef head, llvm::StringRef text) {
  if (!text.empty())
    printWrapped(llvm::outs(), fmt::format("  {:<9} ", head.str()), text);
}

static llvm::StringRef exampleOf(llvm::StringRef rule) {
  auto it = llvm::find_if(examples, [&](const Example &e) { return e.rule == rule; });
  return it == std::end(examples) ? "" : it->text;
}

static void printPage(const Page &p) {
  llvm::outs() << p.code << '\n';
  line("cause", p.cause);
  line("example", p.example);
  line("fix", p.fix);
  line("see", p.versions);
  line("in logs", p.pattern);
}

static void printRule(const Rule &rule, const Target &target) {
  std::string ops;
  for (const char *op : rule.ops)
    ops += (ops.empty() ? "" : ", ") + std::string(op);
  bool inForce = target.vitisAi() >= rule.since && target.vitisAi() <= rule.until;
  llvm::outs() << rule.id << '\n';
  line("requires", rule.text(target.limits()));
  line("applies", ops.empty() ? "to every op" : ops);
  line("example", exampleOf(rule.id));
  line("releases",
       releasesStr(rule.since, rule.until) + (inForce ? "" : fmt::format(" (not {})", vitisAiStr(target.vitisAi()))));
  line("remedy", rule.fix);
  line("source", rule.source);
  line("target", target.described());
}

static void printBehaviour(const Behaviour &b) {
  llvm::outs() << b.id << '\n';
  line("compiler", b.text);
  line("releases", releasesStr(b.since, b.until));
  line("source", b.source);
}

static const char *gravityText(FixGravity gravity) {
  switch (gravity) {
  case FixGravity::Broken:
    return "error: the DPU cannot do it";
  case FixGravity::Changed:
    return "changed: a quantizer moves the position without a word";
  case FixGravity::Advice:
    return "advice: legal, but precision is lost";
  }
  return "";
}

static void printFixRule(const FixRule &r) {
  llvm::outs() << r.id << '\n';
  line("requires", r.required());
  line("applies", fmt::format("to {}", r.ops));
  line("gravity", gravityText(r.gravity));
  line("cause", r.why);
  line("example", r.example);
  line("tools", r.tools);
  line("remedy", "`dpuc lint-quant` lists the ways out with their cost");
  line("source", r.source);
}

static void printFixRulesMarkdown() {
  llvm::outs()
      << "## Fix points\n\nWhat `dpuc lint-quant` checks. fp_w, fp_i, fp_b, fp_o are the fix points of weights, "
         "input, bias and\noutput, fp_f that of the second factor of a product (of a swish: its sigmoid).\n\n";
  for (const FixRule &r : fixRules())
    llvm::outs() << fmt::format("### {}\n- Required: {}\n- Applies to: {}\n- Gravity: {}\n- Because: {}\n- Example: {}\n"
                                "- Vendor's tools: {}\n- Source: {}\n\n",
                                r.id, r.required(), r.ops, gravityText(r.gravity), r.why, r.example, r.tools, r.source);
}

static void listed(llvm::StringRef id, llvm::StringRef text) {
  printWrapped(llvm::outs(), fmt::format("{:<28} ", id.str()), text);
}

static void printAll(const Target &target) {
  for (const Rule &rule : target.rules())
    listed(rule.id, rule.text(target.limits()));
  for (const FixRule &rule : fixRules())
    listed(rule.id, rule.required());
  for (const Page &p : pages)
    listed(p.code, p.cause);
  for (const Behaviour &b : compilerBehaviours())
    listed(b.id, fmt::format("{} (Vitis AI {})", b.text, releasesStr(b.since, b.until)));
}

static void printMarkdown(const Target &target) {
  llvm::outs() << "# Codes and messages\n\nGenerated by `dpuc explain --markdown`; do not edit. `dpuc explain CODE` "
                  "prints one of "
                  "them,\n`dpuc explain --log vai.log` those that stand in a log of the vendor's tools.\n\n"
                  "## Messages and findings\n\n";
  for (const Page &p : pages) {
    llvm::outs() << fmt::format("### {}\n{}\n\n", p.code, p.cause);
    if (*p.pattern)
      llvm::outs() << fmt::format("- In logs: `{}`\n", p.pattern);
    if (*p.example)
      llvm::outs() << fmt::format("- Example: {}\n", p.example);
    llvm::outs() << fmt::format("- Fix: {}\n- See: {}\n\n", p.fix, p.versions);
  }
  printFixRulesMarkdown();
  llvm::outs() << fmt::format("## Rules\n\nNumbers are those of {}.\n\n", target.name().str());
  for (const Rule &rule : target.rules())
    llvm::outs() << fmt::format("### {}\n- Required: {}\n- Example: {}\n- Fix: {}\n- Releases: {}\n- Source: {}\n\n",
                                rule.id, rule.text(target.limits()), exampleOf(rule.id).str(), rule.fix,
                                releasesStr(rule.since, rule.until), rule.source);
}

/// The known messages of a log, each with the first line it stands in.
static int explainLog(DiagEngine &diags) {
  auto text = readFile(logFile, diags);
  if (!text)
    return ExitBadInput;
  llvm::SmallVector<llvm::StringRef, 0> lines;
  llvm::StringRef(*text).split(lines, '\n');
  unsigned found = 0;
  for (const Page &p : pages) {
    auto has = [&](llvm::StringRef line) { return *p.pattern && line.contains(p.pattern); };
    auto first = llvm::find_if(lines, has);
    if (first == lines.end())
      continue;
    llvm::outs() << (found++ ? "\n" : "");
    printWrapped(llvm::outs(),
                 fmt::format("line {} ({} like it): ", first - lines.begin() + 1, llvm::count_if(lines, has)),
                 first->trim().take_front(300));
    printPage(p);
  }
  if (!found)
    llvm::outs() << "no message in it is known\n";
  return found ? ExitFindings : ExitClean;
}

namespace {
/// The code that was asked for, or the nearest.
struct Search {
  llvm::StringRef wanted, best;
  unsigned distance = 6;
  bool is(llvm::StringRef id) {
    if (wanted.equals_insensitive(id))
      return true;
    if (unsigned d = wanted.edit_distance(id, true, distance); d < distance)
      distance = d, best = id;
    return false;
  }
};
} // namespace

static int explain(DiagEngine &diags) {
  auto target = makeDpuczdx8gTarget(targetFlags.request(), diags);
  if (!target)
    return ExitBadInput;
  if (!logFile.empty())
    return explainLog(diags);
  if (markdown)
    return printMarkdown(**target), ExitClean;
  if (code.empty())
    return printAll(**target), ExitClean;
  Search search{code.getValue(), ""};
  for (const Rule &rule : (*target)->rules())
    if (search.is(rule.id))
      return printRule(rule, **target), ExitClean;
  for (const FixRule &rule : fixRules())
    if (search.is(rule.id))
      return printFixRule(rule), ExitClean;
  for (const Behaviour &b : compilerBehaviours())
    if (search.is(b.id))
      return printBehaviour(b), ExitClean;
  for (const Page &p : pages)
    if (search.is(p.code) || (*p.pattern && llvm::StringRef(code).contains(p.pattern)))
      return printPage(p), ExitClean;
  diags.error("there is no rule '" + code + "'")
      .note(search.best.empty() ? "dpuc explain without an id lists all" : "did you mean '" + search.best.str() + "'?");
  return ExitBadInput;
}

namespace dpuopt {
extern const Command ExplainCommand;
const Command ExplainCommand = {command, explain};
} // namespace dpuopt
