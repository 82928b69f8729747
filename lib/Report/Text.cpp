//===- Text.cpp - reports for people -----------------------------------------------------===//
#include "CauseText.h"
#include "dpuopt/Report/Lines.h"
#include "dpuopt/Support/Printable.h"
#include <fmt/format.h>

using namespace dpuopt;

std::string dpuopt::humanCount(int64_t n, llvm::StringRef unit) {
  static const char *prefixes[] = {"", "k", "M", "G", "T"};
  double v = static_cast<double>(n);
  unsigned p = 0;
  while (v >= 1000 && p < 4)
    v /= 1000, ++p;
  int decimals = p == 0 || v >= 100 ? 0 : v >= 10 ? 1 : 2;
  return fmt::format("{:.{}f} {}{}", v, decimals, prefixes[p], unit.str());
}

/// "Conv" of "onnx.Conv", "conv2d" of "xir.conv2d"; an operator of another domain keeps that.
static std::string shortName(llvm::StringRef name) {
  name.consume_front("onnx.") || name.consume_front("xir.");
  return name.str();
}

static std::string countsLine(const OpCounts &counts) {
  unsigned total = 0;
  std::vector<std::pair<unsigned, std::string>> order;
  for (auto &[name, n] : counts) {
    total += n;
    order.push_back({n, shortName(name)});
  }
  std::stable_sort(order.begin(), order.end(), [](auto &a, auto &b) { return a.first > b.first; });
  std::string line = fmt::format("{} ops", total);
  for (size_t i = 0; i < order.size(); ++i)
    line += fmt::format("{}{} {}", i ? ", " : ": ", order[i].second, order[i].first);
  return line;
}

/// Subgraphs and off-DPU kinds beyond this many lines are for the whole report.
static constexpr size_t SummaryLines = 12;

static std::string fixPointText(const ReportedTensor &t, bool placeholder) {
  ElemType e = t.type.elemType();
  if (!e.isFix())
    return e.str();
  if (placeholder)
    return fmt::format("int{} (the fix point comes with calibration)", e.bits);
  return fmt::format("int{} fix point {}: multiply by 2^{}{}", e.bits, e.fixPoint, t.isInput ? e.fixPoint : -e.fixPoint,
                     t.isInput ? " and round" : "");
}

static void printVerdict(const ModelReport &r, llvm::raw_ostream &os) {
  unsigned dpu = r.count("DPU"), want = r.plan ? r.plan->expected : r.expectedDpu.value_or(dpu);
  os << "verdict   ";
  os.changeColor(dpu == want ? llvm::raw_ostream::GREEN : llvm::raw_ostream::RED, true);
  os << fmt::format("{} DPU subgraph{}", dpu, dpu == 1 ? "" : "s");
  os.resetColor();
  os << fmt::format(", {} CPU, {} USER", r.count("CPU"), r.count("USER"));
  if (r.expectedDpu)
    os << (r.asExpected() ? " (as expected)" : fmt::format(" (expected {} DPU)", *r.expectedDpu));
  else if (dpu != want)
    os << fmt::format(" (want {} DPU)", want);
  os << '\n';
}

/// MACs by device, the largest op on the CPU, and what crosses the edge of the DPU.
static void printWork(const ModelReport &r, llvm::raw_ostream &os) {
  int64_t macs = r.macs();
  os << "work      " << humanCount(macs, "MAC");
  if (macs)
    os << fmt::format(", {:.1f} % on the DPU", 100.0 * static_cast<double>(r.macsOnDpu()) / static_cast<double>(macs));
  os << "; " << humanCount(r.params(), "") << "parameters\n";
  unsigned dpuOps = llvm::count_if(r.ops, [](const ReportedOp &op) { return op.device == "DPU"; });
  std::string ops = fmt::format("{} DPU, {} CPU", dpuOps, r.cpuOps());
  if (const ReportedOp *op = r.largestCpuOp())
    ops += fmt::format(", largest: {} {} {}{}", op->type, shortened(op->node.empty() ? op->name : op->node, 36),
                       shapeStr(op->shape), op->macs ? ", " + humanCount(op->macs, "MAC") : "");
  printWrapped(os, "ops       ", ops);
  int64_t bytes = 0;
  for (const ReportedCrossing &c : r.crossings)
    bytes += c.bytes;
  if (!r.crossings.empty())
    os << fmt::format("boundary  {} tensor{}, {}\n", r.crossings.size(), r.crossings.size() == 1 ? "" : "s",
                      humanCount(bytes, "B"));
  if (!r.harmless.empty())
    printWrapped(os, "harmless  ",
                 fmt::format("{} output{} converted to float on the CPU (x / 2^fix point): do it in the application",
                             r.harmless.size(), r.harmless.size() == 1 ? " is" : "s are"));
}

static void printCrossings(const ModelReport &r, llvm::raw_ostream &os) {
  os << "\ntensors between devices\n";
  for (const ReportedCrossing &c : r.crossings)
    printWrapped(os,
                 fmt::format("  {:<4} -> {:<9} {:<16} {:<6} {:>10}  ", c.from, c.to, shapeStr(c.shape), c.type,
                             humanCount(c.bytes, "B")),
                 c.name);
}

static std::string totalOf(const OpCounts &counts) {
  unsigned n = 0;
  for (auto &[name, k] : counts)
    n += k;
  return fmt::format("{}", n);
}

static void printPasses(const ModelReport &r, llvm::raw_ostream &os) {
  std::string text;
  for (const ReportedPass &p : r.passes) {
    std::string before = totalOf(p.before), after = totalOf(p.after);
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", p.name,
                        before == after ? "" : fmt::format(" {} -> {}", before, after));
  }
  if (!text.empty())
    printWrapped(os, "changed   ", text);
}

/// The target, its other readings on a line of their own.
static void printTarget(const ModelReport &r, llvm::raw_ostream &os) {
  auto [is, also] = llvm::StringRef(r.target).split("; ");
  printWrapped(os, "target    ", is);
  if (!also.empty())
    printWrapped(os, "          ", also);
}

static void printInterface(const ModelReport &r, llvm::raw_ostream &os) {
  constexpr size_t nameWidth = 28; // a longer name has a line of its own: people copy it
  os << "\ninterface (NHWC)\n";
  for (const ReportedTensor &t : r.interface) {
    std::string head = fmt::format("  {:<6} ", t.isInput ? "input" : "output");
    if (t.name.size() > nameWidth)
      printWrapped(os, head, t.name), head.assign(head.size(), ' ');
    os << fmt::format("{}{:<{}} {:<16} {}\n", head, t.name.size() > nameWidth ? "" : t.name, nameWidth,
                      shapeStr(t.type.shape()), fixPointText(t, r.placeholderFixPoints));
  }
}

static void printSubgraphs(const ModelReport &r, size_t most, llvm::raw_ostream &os) {
  os << "\nsubgraphs (+ ops the compiler adds at their edges)\n";
  for (const ReportedSubgraph &s : llvm::makeArrayRef(r.subgraphs).take_front(most))
    printWrapped(os,
                 fmt::format("  {:<4} {:>4} ops +{:<3} {:>10}  ", s.device, s.ops, s.added,
                             s.macs ? humanCount(s.macs, "MAC") : ""),
                 s.name);
  if (r.subgraphs.size() > most)
    os << fmt::format("  ... and {} more\n", r.subgraphs.size() - most);
}

static void printOutcome(const ModelReport &r, size_t mostChanges, llvm::raw_ostream &os) {
  if (r.accuracy)
    os << fmt::format("\naccuracy  float {:.2f} %, fixed point {:.2f} % (top-1, {} test images)\n",
                      r.accuracy->floatTop1, r.accuracy->fixedTop1, r.accuracy->images);
  if (!r.changes.empty())
    os << "\nfix points and weights were changed\n";
  for (const std::string &c : llvm::makeArrayRef(r.changes).take_front(mostChanges))
    printWrapped(os, "  ", c);
  if (r.changes.size() > mostChanges)
    os << fmt::format("  ... and {} more (report.txt has them)\n", r.changes.size() - mostChanges);
  if (!r.files.empty())
    os << "\nwrote\n";
  for (const std::string &f : r.files)
    os << "  " << printable(f) << '\n';
  if (!r.xirVerdict.empty())
    printWrapped(os, "libxir    ", r.xirVerdict);
  if (!r.compileCommand.empty())
    os << "\nnext      " << printable(r.compileCommand) << '\n';
  llvm::SmallVector<llvm::StringRef, 4> lines;
  llvm::StringRef(r.compileResult).split(lines, '\n', -1, false);
  for (llvm::StringRef line : lines)
    printWrapped(os, "          " + line.take_while([](char c) { return c == ' '; }).str(), line);
}

static void printParts(const ModelReport &r, size_t most, llvm::raw_ostream &os) {
  bool whole = most >= r.subgraphs.size();
  printWrapped(os, "model     ", r.model + " (" + r.graph + ")");
  printTarget(r, os);
  printWrapped(os, "as read   ", countsLine(r.before));
  printPasses(r, os);
  printWrapped(os, "lowered   ", countsLine(r.after));
  if (!r.fixPointSource.empty())
    printWrapped(os, "fixed     ", r.fixPointSource);
  printVerdict(r, os);
  printWork(r, os);
  printCauses(r, os);
  if (whole || r.count("DPU") == 1)
    printSubgraphs(r, most, os);
  if (whole)
    printCrossings(r, os);
  printInterface(r, os);
  printOutcome(r, most, os);
}

void dpuopt::printSummary(const ModelReport &r, llvm::raw_ostream &os) { printParts(r, SummaryLines, os); }

void dpuopt::printReport(const ModelReport &r, llvm::raw_ostream &os) {
  printParts(r, SIZE_MAX, os);
  os << fmt::format("\nall ops\n  {:<4} {:<22} {:<16} {:>10} {:>10}  {}\n", "dev", "type", "output", "MAC", "params",
                    "node");
  for (const ReportedOp &op : r.ops) {
    printWrapped(os,
                 fmt::format("  {:<4} {:<22} {:<16} {:>10} {:>10}  ", op.device, op.type, shapeStr(op.shape),
                             op.macs ? humanCount(op.macs, "") : "", op.params ? humanCount(op.params, "") : ""),
                 op.node.empty() ? op.name : op.node);
    for (const std::string &reason : op.reasons)
      printWrapped(os, "         ", reason);
  }
}
