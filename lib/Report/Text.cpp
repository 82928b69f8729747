//===- Text.cpp - reports for people -----------------------------------------------------===//
#include "dpuopt/Report/Report.h"
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
  const char *rule = t.isInput ? "multiply by 2^{} and round" : "multiply by 2^-{}";
  return fmt::format("int{} fix point {}: ", e.bits, e.fixPoint) + fmt::format(fmt::runtime(rule), e.fixPoint);
}

static void printVerdict(const ModelReport &r, llvm::raw_ostream &os) {
  os << fmt::format("verdict   {} DPU subgraph{}, {} CPU, {} USER", r.count("DPU"), r.count("DPU") == 1 ? "" : "s",
                    r.count("CPU"), r.count("USER"));
  if (r.expectedDpu)
    os << (r.asExpected() ? " (as expected)" : fmt::format(" (expected {} DPU)", *r.expectedDpu));
  os << '\n';
  for (const std::string &s : r.splitting)
    os << "  split by " << s << '\n';
  int64_t macs = r.macs();
  os << "work      " << humanCount(macs, "MAC");
  if (macs)
    os << fmt::format(", {:.1f} % on the DPU", 100.0 * static_cast<double>(r.macsOnDpu()) / static_cast<double>(macs));
  os << "; " << humanCount(r.params(), "") << "parameters\n";
}

/// "[rule.id]..." of all reasons: ops of one type with the same ids are one kind.
static std::string ruleIds(const ReportedOp &op) {
  std::string ids;
  for (llvm::StringRef reason : op.reasons)
    ids += reason.substr(std::min(reason.rfind('['), reason.size()));
  return ids;
}

/// One entry per kind of op and reason: the first op, and how many are like it.
static void printOffDpu(const ModelReport &r, llvm::raw_ostream &os) {
  std::vector<std::pair<const ReportedOp *, unsigned>> kinds;
  for (const ReportedOp &op : r.ops) {
    if (op.device == "DPU" || op.type == "data")
      continue;
    auto same = [&](auto &k) {
      return k.first->type == op.type && k.first->device == op.device && ruleIds(*k.first) == ruleIds(op);
    };
    auto it = llvm::find_if(kinds, same);
    if (it == kinds.end())
      kinds.push_back({&op, 1});
    else
      ++it->second;
  }
  if (!kinds.empty())
    os << "\nnot on the DPU\n";
  for (auto &[op, n] : kinds) {
    os << fmt::format("  {:<4} {:<20} {}{}\n", op->device, op->type, op->node.empty() ? op->name : op->node,
                      n > 1 ? fmt::format(" and {} more", n - 1) : "");
    for (const std::string &reason : op->reasons)
      os << "         " << reason << '\n';
  }
}

static void printInterface(const ModelReport &r, llvm::raw_ostream &os) {
  os << "\ninterface (NHWC)\n";
  for (const ReportedTensor &t : r.interface)
    os << fmt::format("  {:<6} {:<28} {:<16} {}\n", t.isInput ? "input" : "output", t.name, shapeStr(t.type.shape()),
                      fixPointText(t, r.placeholderFixPoints));
}

static void printSubgraphs(const ModelReport &r, size_t most, llvm::raw_ostream &os) {
  os << "\nsubgraphs (+ ops the compiler adds at their edges)\n";
  for (const ReportedSubgraph &s : llvm::makeArrayRef(r.subgraphs).take_front(most))
    os << fmt::format("  {:<4} {:>4} ops +{:<3} {:>10}  {}\n", s.device, s.ops, s.added,
                      s.macs ? humanCount(s.macs, "MAC") : "", s.name);
  if (r.subgraphs.size() > most)
    os << fmt::format("  ... and {} more\n", r.subgraphs.size() - most);
}

static void printOutcome(const ModelReport &r, llvm::raw_ostream &os) {
  if (r.accuracy)
    os << fmt::format("\naccuracy  float {:.2f} %, fixed point {:.2f} % (top-1, {} test images)\n",
                      r.accuracy->floatTop1, r.accuracy->fixedTop1, r.accuracy->images);
  if (!r.changes.empty())
    os << "\nfix points and weights were changed\n";
  for (const std::string &c : r.changes)
    os << "  " << c << '\n';
  if (!r.files.empty())
    os << "\nwrote\n";
  for (const std::string &f : r.files)
    os << "  " << f << '\n';
  if (!r.xirVerdict.empty())
    os << "libxir    " << r.xirVerdict << '\n';
  if (!r.compileCommand.empty())
    os << "\nnext      " << r.compileCommand << '\n';
  if (!r.compileResult.empty())
    os << "          " << r.compileResult << '\n';
}

static void printParts(const ModelReport &r, size_t mostSubgraphs, llvm::raw_ostream &os) {
  os << "model     " << r.model << " (" << r.graph << ")\n";
  os << "target    " << r.target << '\n';
  os << "as read   " << countsLine(r.before) << '\n';
  os << "lowered   " << countsLine(r.after) << '\n';
  if (!r.fixPointSource.empty())
    os << "fixed     " << r.fixPointSource << '\n';
  printVerdict(r, os);
  printSubgraphs(r, mostSubgraphs, os);
  printOffDpu(r, os);
  printInterface(r, os);
  printOutcome(r, os);
}

void dpuopt::printSummary(const ModelReport &r, llvm::raw_ostream &os) { printParts(r, SummaryLines, os); }

void dpuopt::printReport(const ModelReport &r, llvm::raw_ostream &os) {
  printParts(r, r.subgraphs.size(), os);
  os << fmt::format("\nall ops\n  {:<4} {:<22} {:<16} {:>10} {:>10}  {}\n", "dev", "type", "output", "MAC", "params",
                    "node");
  for (const ReportedOp &op : r.ops)
    os << fmt::format("  {:<4} {:<22} {:<16} {:>10} {:>10}  {}\n", op.device, op.type, shapeStr(op.shape),
                      op.macs ? humanCount(op.macs, "") : "", op.params ? humanCount(op.params, "") : "",
                      op.node.empty() ? op.name : op.node);
}
