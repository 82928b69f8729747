//===- Conformance.cpp - comparing a partition with a compiled file ---------===//
#include "dpuopt/Target/Conformance.h"
#include "llvm/ADT/StringMap.h"
#include <fmt/format.h>

using namespace dpuopt;

namespace {
/// One side: subgraphs in order, and where each op is.
struct Side {
  struct Entry {
    std::string kind, device;
    unsigned subgraph;
    const FusedOp *op = nullptr; ///< on our side, unless it is a constant or a transfer
  };
  std::vector<std::string> names, devices; ///< of the subgraphs
  std::vector<std::string> order;          ///< op names as they came
  llvm::StringMap<Entry> ops;

  void add(const std::string &name, Entry e) {
    if (ops.try_emplace(name, std::move(e)).second)
      order.push_back(name);
  }
  SubgraphCounts counts() const {
    auto count = [&](const char *d) { return static_cast<unsigned>(llvm::count(devices, d)); };
    return {count("USER"), count("DPU"), count("CPU")};
  }
};

class Comparison {
public:
  Comparison(const Partition &p, const Graph &compiled, bool fromSource) : p(p), fromSource(fromSource) {
    readFile(compiled);
    readPartition();
  }
  Conformance run();

private:
  void readFile(const Graph &g);
  void readPartition();
  void compareOps();
  void compareSubgraphs();
  Disagreement &report(const char *kind, const std::string &subject, std::string expected, std::string got);
  void addReason(Disagreement &d, const FusedOp *op) const;

  const Partition &p;
  bool fromSource;
  Side file, ours;
  Conformance result;
};
} // namespace

static std::string textOf(const AttrMap &map, const char *key) {
  auto it = map.find(key);
  return it != map.end() && it->second.is(AttrKind::String) ? it->second.asString() : "";
}

/// Constants and what the compiler computed from them alone.
static bool isConstant(const Op &op) {
  const Op *from = &op;
  while (from->is("xir.fix") && from->operand(0) && from->operand(0)->def())
    from = from->operand(0)->def();
  return from->isConst() || from->isOneOf("xir.const", "xir.const-fix");
}

void Comparison::readFile(const Graph &g) {
  llvm::StringMap<const Op *> byName;
  for (const Op &op : g.ops())
    byName[xirName(op)] = &op;
  const Attr *list = g.attr("subgraphs");
  if (!list || !list->is(AttrKind::List))
    return;
  for (const Attr &s : list->asList()) {
    if (!s.is(AttrKind::Dict))
      continue;
    const AttrMap &map = s.asMap();
    auto attrs = map.find("attrs"), ops = map.find("ops");
    file.names.push_back(textOf(map, "name"));
    file.devices.push_back(
        attrs != map.end() && attrs->second.is(AttrKind::Dict) ? textOf(attrs->second.asMap(), "device") : "");
    if (ops == map.end() || !ops->second.isStringList())
      continue;
    for (const std::string &name : ops->second.asStrings())
      if (const Op *op = byName.lookup(name); op && !(fromSource && isConstant(*op)))
        file.add(name, {xirType(*op).str(), op->getString("device", file.devices.back()),
                        static_cast<unsigned>(file.names.size() - 1)});
  }
}

void Comparison::readPartition() {
  for (unsigned s = 0; s < p.subgraphs.size(); ++s) {
    const Subgraph &sub = p.subgraphs[s];
    ours.names.push_back(sub.name);
    ours.devices.push_back(deviceName(sub.device));
    for (unsigned n : sub.nodes) {
      const FusedOp &op = p.fused->ops[n];
      ours.add(op.name, {op.kind, deviceName(op.device), s, &op});
      if (!fromSource)
        for (const Op *c : op.consts)
          ours.add(xirName(*c), {xirType(*c).str(), deviceName(op.device), s});
    }
  }
  for (const TransferOp &t : p.transfers)
    ours.add(t.name, {t.isUpload ? "upload" : "download", "DPU", t.subgraph});
}

Disagreement &Comparison::report(const char *kind, const std::string &subject, std::string expected, std::string got) {
  Disagreement d;
  d.kind = kind;
  d.subject = subject;
  d.expected = std::move(expected);
  d.got = std::move(got);
  result.differences.push_back(std::move(d));
  return result.differences.back();
}

void Comparison::addReason(Disagreement &d, const FusedOp *op) const {
  const Op *anchor = op ? op->anchor : nullptr;
  auto it = anchor ? p.placement.find(anchor) : p.placement.end();
  if (it == p.placement.end())
    return;
  for (const BrokenRule &b : it->second.broken) {
    d.rule += (d.rule.empty() ? "" : ", ") + std::string(b.rule->id);
    d.because += (d.because.empty() ? "" : "; ") + b.message();
  }
}

void Comparison::compareOps() {
  for (const std::string &name : file.order) {
    const Side::Entry &want = file.ops.find(name)->second;
    auto it = ours.ops.find(name);
    ++result.ops;
    if (it == ours.ops.end()) {
      report("op", name, fmt::format("{} on {}", want.kind, want.device), "");
      continue;
    }
    const Side::Entry &have = it->second;
    if (have.device != want.device)
      addReason(report("device", name, want.device, have.device), have.op);
    else if (have.kind != want.kind)
      addReason(report("op", name, want.kind, have.kind), have.op);
  }
  for (const std::string &name : ours.order)
    if (const Side::Entry &have = ours.ops.find(name)->second; !file.ops.count(name))
      addReason(report("op", name, "", fmt::format("{} on {}", have.kind, have.device)), have.op);
}

void Comparison::compareSubgraphs() {
  auto line = [](const Side &s, unsigned i) { return s.devices[i] + " " + s.names[i]; };
  auto lines = [&](const Side &s) {
    std::vector<std::string> all;
    for (unsigned i = 0; i < s.names.size(); ++i)
      all.push_back(line(s, i));
    return all;
  };
  std::vector<std::string> want = lines(file), have = lines(ours), sortedWant = want, sortedHave = have;
  llvm::sort(sortedWant);
  llvm::sort(sortedHave);
  std::vector<std::string> missing, extra;
  std::set_difference(sortedWant.begin(), sortedWant.end(), sortedHave.begin(), sortedHave.end(),
                      std::back_inserter(missing));
  std::set_difference(sortedHave.begin(), sortedHave.end(), sortedWant.begin(), sortedWant.end(),
                      std::back_inserter(extra));
  for (const std::string &s : missing)
    report("subgraph", s, s, "");
  for (const std::string &s : extra)
    report("subgraph", s, "", s);
  if (!missing.empty() || !extra.empty())
    return;
  for (unsigned i = 0; i < want.size(); ++i)
    if (want[i] != have[i]) {
      report("order", fmt::format("subgraph {}", i), want[i], have[i]);
      return;
    }
  for (const std::string &name : file.order)
    if (auto it = ours.ops.find(name); it != ours.ops.end()) {
      const Side::Entry &e = file.ops.find(name)->second;
      if (e.subgraph != it->second.subgraph && e.device == it->second.device)
        report("subgraph", name, file.names[e.subgraph], ours.names[it->second.subgraph]);
    }
}

Conformance Comparison::run() {
  result.expected = file.counts();
  result.got = ours.counts();
  compareOps();
  compareSubgraphs();
  return std::move(result);
}

Conformance dpuopt::compareWithCompiled(const Partition &p, const Graph &compiled, bool fromSource) {
  return Comparison(p, compiled, fromSource).run();
}
