//===- LintReport.cpp - costs and order of the ways out, and the text -------------------===//
#include "dpuopt/Report/LintReport.h"
#include "dpuopt/Report/Lines.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// Rounding noise of one bit, dB.
static constexpr double BitInDecibels = 6.02;
/// What an activation of 8 bits usually keeps, and one whose range has been halved once; each further halving costs
/// ClipInDecibels. Guesses: real networks differ by some dB, the order of ways hardly does.
static constexpr double UsualDecibels = 40, ClippedDecibels = 25, ClipInDecibels = 13;
/// A way that breaks something else is no way.
static constexpr double BreaksSomething = 1e6;

unsigned LintReport::broken(llvm::StringRef gravity) const {
  unsigned count = 0;
  for (const LintRule &rule : rules)
    count += gravity == rule.gravity ? rule.broken : 0;
  return count;
}

//===-- Order ----------------------------------------------------------------------------===//

/// Noise that comes in addition, as a share of the signal.
static double addedNoise(double snrBefore, double snrAfter) {
  auto share = [](double snr) { return std::pow(10, -std::clamp(snr, -200.0, 200.0) / 10); };
  return share(snrAfter) - share(snrBefore);
}

static double moveCost(const LintMove &m) {
  if (m.param)
    return addedNoise(m.param->snrBefore, m.param->snrAfter);
  if (m.data)
    return addedNoise(m.data->snrBefore, m.data->snrAfter);
  const double usual = UsualDecibels + (m.bits - 8) * BitInDecibels;
  if (m.bitsLost >= 0 || m.rangeFits)
    return addedNoise(usual, usual - m.bitsLost * BitInDecibels);
  return addedNoise(usual, ClippedDecibels - (-m.bitsLost - 1) * ClipInDecibels);
}

double dpuopt::lintCost(const LintWay &way, std::optional<double> outputSnr) {
  double cost = 0;
  for (const LintMove &m : way.moves)
    cost += moveCost(m);
  if (outputSnr && way.outputSnr) // the tensors themselves decide between ways that are the same to the outputs
    cost = addedNoise(*outputSnr, *way.outputSnr) + cost / 1000;
  return way.breaks.empty() ? cost : cost + BreaksSomething;
}

void dpuopt::rankWays(LintReport &r) {
  for (LintFinding &f : r.findings) {
    for (LintWay &way : f.ways)
      way.cost = lintCost(way, r.outputSnr);
    llvm::stable_sort(f.ways, [](const LintWay &a, const LintWay &b) { return a.cost < b.cost; });
    for (LintWay &way : f.ways)
      way.cheapest = &way == &f.ways.front();
  }
}

//===-- Text -----------------------------------------------------------------------------===//

static std::string plural(size_t n, const char *word) { return fmt::format("{} {}{}", n, word, n == 1 ? "" : "s"); }

static std::string decibels(double snr) { return std::isinf(snr) && snr > 0 ? "exact" : fmt::format("{:.1f} dB", snr); }

static std::string percent(double share) { return share == 0 ? "none" : fmt::format("{:.3g} %", 100 * share); }

static std::string costText(const LintMove &m) {
  if (m.param)
    return fmt::format("SNR {} -> {}, largest error {:.3g} -> {:.3g} steps", decibels(m.param->snrBefore),
                       decibels(m.param->snrAfter), m.param->maxErrorBefore, m.param->maxErrorAfter);
  const int bits = std::abs(m.bitsLost);
  std::string text = m.bitsLost > 0
                         ? fmt::format("{} of the fraction lost (rounding noise +{:.1f} dB), range x{}",
                                       plural(bits, "bit"), bits * BitInDecibels, std::ldexp(1.0, bits))
                         : fmt::format("range / {}{}, rounding noise -{:.1f} dB", std::ldexp(1.0, bits),
                                       m.rangeFits ? " (which holds every value)" : ", what is beyond it saturates",
                                       bits * BitInDecibels);
  if (m.data)
    text += fmt::format("; on the data SNR {} -> {}, saturated {} -> {}", decibels(m.data->snrBefore),
                        decibels(m.data->snrAfter), percent(m.data->saturatedBefore), percent(m.data->saturatedAfter));
  return text;
}

static std::string outputText(const std::optional<double> &before, const std::optional<double> &after,
                              const std::optional<unsigned> &top1) {
  if (!after)
    return "";
  std::string text = before ? fmt::format("outputs {} -> {}", decibels(*before), decibels(*after))
                            : fmt::format("outputs {}", decibels(*after));
  return top1 ? text + fmt::format(", {} changed", plural(*top1, "answer")) : text;
}

static void printWay(const LintReport &r, const LintWay &way, size_t number, llvm::raw_ostream &os) {
  for (size_t i = 0; i < way.moves.size(); ++i) {
    const LintMove &m = way.moves[i];
    std::string head = i ? "         " : fmt::format("      {}. ", number);
    printWrapped(os, head,
                 fmt::format("{} '{}' {} -> {}: {}", m.role, shortened(m.tensor, 48), m.before, m.after, costText(m)));
  }
  std::string notes = way.cheapest ? "cheapest" : "";
  auto note = [&](const std::string &text) { notes += text.empty() ? "" : (notes.empty() ? "" : "; ") + text; };
  note(outputText(r.outputSnr, way.outputSnr, way.top1Changed));
  if (!way.tools.empty())
    note(fmt::format("{} would do this", fmt::join(way.tools, ", ")));
  if (!way.breaks.empty())
    note("breaks " + shortened(way.breaks.front(), 80) +
         (way.breaks.size() > 1 ? fmt::format(" and {} more", way.breaks.size() - 1) : ""));
  if (!notes.empty())
    printWrapped(os, "         = ", notes);
}

static std::string placeText(const LintFinding &f) {
  return fmt::format("{} ({})", f.node.empty() ? "'" + shortened(f.tensor, 60) + "'" : shortened(f.node, 60),
                     llvm::StringRef(f.op).rsplit('.').second.str());
}

/// Findings of a rule shown without --all.
static constexpr size_t MostShown = 5;

static void printRule(const LintReport &r, const LintRule &rule, bool all, llvm::raw_ostream &os) {
  os << fmt::format("\n{} {}: {} of {} broken\n", rule.gravity, rule.id, rule.broken, rule.checked);
  printWrapped(os, "    required  ", rule.required);
  printWrapped(os, "    because   ", rule.why);
  printWrapped(os, "    tools     ", rule.tools);
  size_t shown = 0;
  for (const LintFinding &f : r.findings) {
    if (f.rule != rule.id || !f.broken)
      continue;
    if (!all && shown++ == MostShown) {
      os << fmt::format("  and {} more (--all prints them)\n", rule.broken - MostShown);
      break;
    }
    printWrapped(os, "  ", placeText(f));
    printWrapped(os, "    ", f.numbers);
    for (size_t i = 0; i < f.ways.size(); ++i)
      printWay(r, f.ways[i], i + 1, os);
    if (f.ways.empty())
      os << "      no position mends it\n";
  }
}

static void printTable(const LintReport &r, llvm::raw_ostream &os) {
  os << fmt::format("\n  {:<26}{:<8}{:>7}{:>7}{:>9}  {}\n", "rule", "gravity", "checked", "broken", "tightest",
                    "required");
  for (const LintRule &rule : r.rules) {
    auto [name, sum] = llvm::StringRef(rule.required).split(" = "); // the name of a sum says nothing here
    printWrapped(os,
                 fmt::format("  {:<26}{:<8}{:>7}{:>7}{:>9}  ", rule.id, rule.gravity, rule.checked, rule.broken,
                             rule.tightest ? fmt::format("{}", *rule.tightest) : "-"),
                 sum.empty() ? name : sum);
  }
}

static void printTools(const LintReport &r, bool all, llvm::raw_ostream &os) {
  os << "\nwhat the vendor's tools would change on export\n";
  for (const LintTool &tool : r.tools) {
    std::string outputs = outputText(r.outputSnr, tool.outputSnr, tool.top1Changed);
    os << fmt::format("  {:<18}{}{}\n", tool.name,
                      tool.changes.empty() ? "nothing" : plural(tool.changes.size(), "position"),
                      outputs.empty() || tool.changes.empty() ? "" : "; " + outputs);
    size_t shown = 0;
    for (const LintTool::Change &c : tool.changes) {
      if (!all && shown++ == MostShown) {
        os << fmt::format("    and {} more (--all prints them)\n", tool.changes.size() - MostShown);
        break;
      }
      printWrapped(os, "    ", fmt::format("'{}' {} -> {} [{}]", shortened(c.tensor, 48), c.before, c.after, c.rule));
    }
  }
}

static void printMargins(const LintReport &r, llvm::raw_ostream &os) {
  os << "\nevery constraint, the tightest first (margin, place, numbers)\n";
  std::vector<const LintFinding *> order;
  for (const LintFinding &f : r.findings)
    order.push_back(&f);
  llvm::stable_sort(order, [](const LintFinding *a, const LintFinding *b) { return a->margin < b->margin; });
  for (const LintFinding *f : order)
    printWrapped(os, fmt::format("  {:>6}  ", f->margin),
                 fmt::format("{}: {} [{}]", placeText(*f), f->numbers, f->rule));
}

void dpuopt::printLint(const LintReport &r, bool all, llvm::raw_ostream &os) {
  printWrapped(os, "model     ", shortened(r.model, 88));
  printWrapped(os, "positions ", fmt::format("{} {}", r.placed, shortened(r.positions, 80)));
  if (!r.data.empty())
    printWrapped(os, "measured  ",
                 fmt::format("{} of {}; {}", plural(r.samples, "sample"), shortened(r.data, 60),
                             outputText({}, r.outputSnr, r.top1Changed)));
  unsigned checked = 0;
  for (const LintRule &rule : r.rules)
    checked += rule.checked;
  printWrapped(os, "found     ",
               fmt::format("{} checked: {} broken, {} that the quantizer changes, {} to consider",
                           plural(checked, "constraint"), r.broken("error"), r.broken("changed"), r.broken("advice")));
  printTable(r, os);
  for (const LintRule &rule : r.rules)
    if (rule.broken)
      printRule(r, rule, all, os);
  printTools(r, all, os);
  if (all)
    printMargins(r, os);
}
