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

static std::string countsLine(const OpCounts &counts) {
  unsigned total = 0;
  std::vector<std::pair<unsigned, std::string>> order;
  for (auto &[name, n] : counts) {
    total += n;
    order.push_back({n, name.substr(name.find('.') + 1)});
  }
  std::stable_sort(order.begin(), order.end(), [](auto &a, auto &b) { return a.first > b.first; });
  std::string line = fmt::format("{} ops", total);
  for (size_t i = 0; i < order.size(); ++i)
    line += fmt::format("{}{} {}", i ? ", " : ": ", order[i].second, order[i].first);
  return line;
}

static std::string fixPointText(const ReportedTensor &t) {
  ElemType e = t.type.elemType();
  if (!e.isFix())
    return e.str();
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

static void printOffDpu(const ModelReport &r, llvm::raw_ostream &os) {
  bool first = true;
  for (const ReportedOp &op : r.ops) {
    if (op.device == "DPU" || op.type == "data")
      continue;
    if (first)
      os << "\nnot on the DPU\n";
    first = false;
    os << fmt::format("  {:<4} {:<20} {}\n", op.device, op.type, op.node.empty() ? op.name : op.node);
    for (const std::string &reason : op.reasons)
      os << "         " << reason << '\n';
  }
}

static void printInterface(const ModelReport &r, llvm::raw_ostream &os) {
  os << "\ninterface (NHWC)\n";
  for (const ReportedTensor &t : r.interface)
    os << fmt::format("  {:<6} {:<28} {:<16} {}\n", t.isInput ? "input" : "output", t.name, shapeStr(t.type.shape()),
                      fixPointText(t));
}

static void printSubgraphs(const ModelReport &r, llvm::raw_ostream &os) {
  os << "\nsubgraphs (+ ops the compiler adds at their edges)\n";
  for (const ReportedSubgraph &s : r.subgraphs)
    os << fmt::format("  {:<4} {:>4} ops +{:<3} {:>10}  {}\n", s.device, s.ops, s.added,
                      s.macs ? humanCount(s.macs, "MAC") : "", s.name);
}

static void printOutcome(const ModelReport &r, llvm::raw_ostream &os) {
  if (r.accuracy)
    os << fmt::format("\naccuracy  float {:.2f} %, fixed point {:.2f} % (top-1, {} test images)\n",
                      r.accuracy->floatTop1, r.accuracy->fixedTop1, r.accuracy->images);
  if (!r.changes.empty())
    os << "\nadjusted fix points\n";
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

void dpuopt::printSummary(const ModelReport &r, llvm::raw_ostream &os) {
  os << "model     " << r.model << " (" << r.graph << ")\n";
  os << "target    " << r.target << '\n';
  os << "as read   " << countsLine(r.before) << '\n';
  os << "lowered   " << countsLine(r.after) << '\n';
  printVerdict(r, os);
  printSubgraphs(r, os);
  printOffDpu(r, os);
  printInterface(r, os);
  printOutcome(r, os);
}

void dpuopt::printReport(const ModelReport &r, llvm::raw_ostream &os) {
  printSummary(r, os);
  os << fmt::format("\nall ops\n  {:<4} {:<22} {:<16} {:>10} {:>10}  {}\n", "dev", "type", "output", "MAC", "params",
                    "node");
  for (const ReportedOp &op : r.ops)
    os << fmt::format("  {:<4} {:<22} {:<16} {:>10} {:>10}  {}\n", op.device, op.type, shapeStr(op.shape),
                      op.macs ? humanCount(op.macs, "") : "", op.params ? humanCount(op.params, "") : "",
                      op.node.empty() ? op.name : op.node);
}
