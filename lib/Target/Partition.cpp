//===- Partition.cpp - devices, subgraphs, transfer ops ---------------------===//
#include "dpuopt/Target/Partition.h"
#include "llvm/ADT/DenseSet.h"
#include <algorithm>
#include <fmt/format.h>
#include <numeric>

using namespace dpuopt;

namespace {
class Partitioner {
public:
  Partitioner(const Graph &g, const PartitionOptions &options) : g(g), options(options) {}
  Partition run();
  unsigned count();
  std::unique_ptr<FusedGraph> placed();

private:
  void assignDevices();
  Device firstDevice(FusedOp &op);
  std::vector<BrokenRule> judge(const FusedOp &op) const;
  bool recheck(FusedOp &op);
  void settle();
  std::vector<unsigned> groups();
  void formSubgraphs();
  void fillSubgraph(Subgraph &s, std::vector<unsigned> nodes);
  void addTransfers();
  void place();
  void explain(const FusedOp &op);

  const Graph &g;
  const PartitionOptions &options;
  Partition p;
  std::vector<std::vector<BrokenRule>> broken;      ///< by FusedOp
  std::vector<unsigned> subgraphOf;                 ///< by FusedOp
  std::vector<std::pair<unsigned, unsigned>> edges; ///< between FusedOps
  llvm::DenseMap<const Op *, unsigned> position;    ///< in the graph
};
} // namespace

static bool isUser(const FusedOp &op) { return op.kind == "data" || op.kind == "data-fix"; }

bool dpuopt::isJudged(const FusedOp &op) { return !isUser(op) && !op.isFix() && op.kind != "fix2float"; }

std::vector<BrokenRule> Partitioner::judge(const FusedOp &op) const {
  bool excused = options.fusion.isWaived(op.anchor) && op.unfused == Unfused::No;
  return excused ? std::vector<BrokenRule>() : options.check(op);
}

Device Partitioner::firstDevice(FusedOp &op) {
  if (isUser(op))
    return Device::User;
  if (!isJudged(op))
    return Device::Cpu;
  std::vector<BrokenRule> &rules = broken[&op - p.fused->ops.data()];
  rules = judge(op);
  if (options.fusion.isWaived(op.anchor, Waived::Moved))
    return Device::Cpu;
  bool fused = op.unfused == Unfused::No && op.fixed;
  return fused && rules.empty() ? Device::Dpu : Device::Cpu;
}

/// Looks again at an op that its neighbours may have kept off the DPU.
bool Partitioner::recheck(FusedOp &op) {
  std::vector<BrokenRule> &rules = broken[&op - p.fused->ops.data()];
  if (op.device != Device::Cpu || !op.fixed || op.unfused != Unfused::No || rules.empty())
    return false;
  rules = judge(op);
  if (!rules.empty())
    return false;
  op.device = Device::Dpu;
  return true;
}

void Partitioner::assignDevices() {
  std::vector<FusedOp> &ops = p.fused->ops;
  broken.resize(ops.size());
  for (FusedOp &op : ops)
    op.device = firstDevice(op);
  settle();
}

/// A reshape may follow its consumers; what it feeds may follow it. Only ever CPU to DPU, and an op is looked
/// at again only when a neighbour of it moved: this ends, soon, and in the same state whatever the order.
void Partitioner::settle() {
  std::vector<FusedOp> &ops = p.fused->ops;
  std::vector<unsigned> round(ops.size()), next;
  std::vector<bool> queued(ops.size());
  std::iota(round.rbegin(), round.rend(), 0);
  while (!round.empty()) {
    for (unsigned n : round) {
      if (!recheck(ops[n]))
        continue;
      for (const auto *neighbours : {&ops[n].inputs, &ops[n].users})
        for (unsigned other : *neighbours)
          if (!queued[other]) {
            queued[other] = true;
            next.push_back(other);
          }
    }
    for (unsigned n : next)
      queued[n] = false;
    round = std::move(next);
    next.clear();
  }
}

static std::string subgraphName(const FusedGraph &f, llvm::ArrayRef<unsigned> nodes) {
  const std::string *least = nullptr;
  auto consider = [&](const std::string &name) {
    if (!least || name < *least)
      least = &name;
  };
  for (unsigned n : nodes) {
    consider(f.ops[n].name);
    for (const std::string &c : f.ops[n].constNames)
      consider(c);
  }
  return "subgraph_" + *least;
}

/// The graph's value that a compiled op's tensor stands for.
static const Value *valueOf(const FusedGraph &f, unsigned n) {
  for (;;) {
    const FusedOp &op = f.ops[n];
    if (op.result || op.inputs.empty())
      return op.result;
    n = op.inputs.front();
  }
}

void Partitioner::fillSubgraph(Subgraph &s, std::vector<unsigned> nodes) {
  s.nodes = std::move(nodes);
  s.device = p.fused->ops[s.nodes.front()].device;
  s.name = subgraphName(*p.fused, s.nodes);
  for (unsigned n : s.nodes) {
    const FusedOp &op = p.fused->ops[n];
    s.ops.insert(s.ops.end(), op.members.begin(), op.members.end());
    s.ops.insert(s.ops.end(), op.consts.begin(), op.consts.end());
    if (op.isBoundary())
      s.added.push_back(op.name);
  }
  llvm::sort(s.ops, [&](const Op *a, const Op *b) { return position.lookup(a) < position.lookup(b); });
}

std::vector<unsigned> Partitioner::groups() {
  const std::vector<FusedOp> &ops = p.fused->ops;
  std::vector<Device> devices;
  for (unsigned n = 0; n < ops.size(); ++n) {
    devices.push_back(ops[n].device);
    for (unsigned from : ops[n].inputs)
      edges.push_back({from, n});
  }
  return groupByDevice(devices, edges);
}

void Partitioner::formSubgraphs() {
  const std::vector<FusedOp> &ops = p.fused->ops;
  std::vector<unsigned> group = groups();
  unsigned count = group.empty() ? 0 : *std::max_element(group.begin(), group.end()) + 1;
  std::vector<std::vector<unsigned>> members(count);
  for (unsigned n = 0; n < ops.size(); ++n)
    members[group[n]].push_back(n);
  std::vector<std::string> names;
  for (const auto &m : members)
    names.push_back(subgraphName(*p.fused, m));
  std::vector<std::pair<unsigned, unsigned>> links;
  for (auto [u, v] : edges)
    if (group[u] != group[v])
      links.push_back({group[u], group[v]});
  std::vector<unsigned> order = orderByName(names, links), rank(count);
  for (unsigned i = 0; i < order.size(); ++i) {
    rank[order[i]] = i;
    fillSubgraph(p.subgraphs.emplace_back(), std::move(members[order[i]]));
  }
  for (unsigned n = 0; n < ops.size(); ++n)
    subgraphOf.push_back(rank[group[n]]);
}

void Partitioner::addTransfers() {
  std::vector<FusedOp> &ops = p.fused->ops;
  llvm::DenseSet<std::pair<const Subgraph *, const Value *>> in, out;
  for (unsigned n = 0; n < ops.size(); ++n) {
    const FusedOp &op = ops[n];
    const Value *value = valueOf(*p.fused, n);
    std::vector<unsigned> readers; // other subgraphs, each once, in their order
    for (unsigned u : op.users)
      if (subgraphOf[u] != subgraphOf[n])
        readers.push_back(subgraphOf[u]);
    llvm::sort(readers);
    readers.erase(std::unique(readers.begin(), readers.end()), readers.end());
    std::string source = op.name;
    if (op.device == Device::Dpu && !readers.empty()) {
      source += "_download_0";
      p.transfers.push_back({false, source, op.tensor, subgraphOf[n], n});
    }
    if (Subgraph &from = p.subgraphs[subgraphOf[n]]; !readers.empty() && value && out.insert({&from, value}).second)
      from.outputs.push_back(value);
    unsigned k = 0;
    for (unsigned s : readers) {
      if (value && in.insert({&p.subgraphs[s], value}).second)
        p.subgraphs[s].inputs.push_back(value);
      if (p.subgraphs[s].device != Device::Dpu)
        continue;
      p.transfers.push_back(
          {true, fmt::format("{}_upload_{}", source, k), fmt::format("{}_upload_{}", op.tensor, k), s, n});
      ++k;
    }
  }
  for (const TransferOp &t : p.transfers)
    p.subgraphs[t.subgraph].added.push_back(t.name);
}

/// Reasons of a CPU op's members: the anchor has the rules, the others follow it.
void Partitioner::explain(const FusedOp &op) {
  if (op.device != Device::Cpu)
    return;
  const std::vector<BrokenRule> &rules = broken[&op - p.fused->ops.data()];
  for (const Op *m : op.members) {
    Placement &where = p.placement[m];
    if (m == op.anchor && !op.isFix()) {
      where.broken = rules;
      for (const BrokenRule &b : rules)
        where.reasons.push_back(b.str());
      if (rules.empty() && !op.inputs.empty())
        where.reasons.push_back(
            fmt::format("reads '{}', which is computed on the CPU", p.fused->ops[op.inputs.front()].name));
    } else if (m == op.anchor) {
      const FusedOp *from = op.inputs.empty() ? nullptr : &p.fused->ops[op.inputs.front()];
      where.reasons.push_back(from ? fmt::format("quantizes '{}', which is computed on the CPU", from->name)
                                   : "quantizes a constant for the CPU");
    } else {
      where.reasons.push_back(fmt::format("is a part of '{}'", op.name));
    }
  }
}

void Partitioner::place() {
  for (unsigned n = 0; n < p.fused->ops.size(); ++n) {
    const FusedOp &op = p.fused->ops[n];
    for (const auto &list : {op.members, op.consts})
      for (const Op *m : list) {
        Placement &where = p.placement[m];
        where.device = op.device;
        where.subgraph = subgraphOf[n];
      }
    explain(op);
  }
  for (const Op &op : g.ops()) // unused constants, transfer ops of a compiled graph
    p.placement.try_emplace(&op);
}

Partition Partitioner::run() {
  unsigned i = 0;
  for (const Op &op : g.ops())
    position[&op] = i++;
  p.fused = fuseGraph(g, options.fusion);
  assignDevices();
  formSubgraphs();
  addTransfers();
  place();
  return std::move(p);
}

std::unique_ptr<FusedGraph> Partitioner::placed() {
  p.fused = fuseGraph(g, options.fusion);
  assignDevices();
  return std::move(p.fused);
}

std::unique_ptr<FusedGraph> dpuopt::fusedAndPlaced(const Graph &g, const PartitionOptions &options) {
  return Partitioner(g, options).placed();
}

unsigned Partitioner::count() {
  p.fused = placed();
  std::vector<unsigned> group = groups();
  llvm::DenseSet<unsigned> dpu;
  for (unsigned n = 0; n < group.size(); ++n)
    if (p.fused->ops[n].device == Device::Dpu)
      dpu.insert(group[n]);
  return dpu.size();
}

unsigned dpuopt::countDpuSubgraphs(const Graph &g, const PartitionOptions &options) {
  return Partitioner(g, options).count();
}

Partition dpuopt::partitionGraph(const Graph &g, const PartitionOptions &options) {
  return Partitioner(g, options).run();
}

PartitionOptions dpuopt::partitionFor(const Target &target) {
  PartitionOptions o;
  o.fusion.vitisAi = target.vitisAi();
  const std::vector<int64_t> &kernel = target.limits().list("conv.kernel");
  if (!kernel.empty())
    o.fusion.maxMatmulSide = *std::max_element(kernel.begin(), kernel.end());
  o.fusion.fusesActivation = [&target](llvm::StringRef kind, llvm::StringRef activation) {
    return target.fusesActivation(kind, activation);
  };
  o.check = [&target](const FusedOp &op) { return target.check(op); };
  return o;
}

unsigned Partition::count(Device d) const {
  return llvm::count_if(subgraphs, [&](const Subgraph &s) { return s.device == d; });
}

void dpuopt::annotate(Graph &g, const Partition &p) {
  std::vector<Attr> list;
  for (const Subgraph &s : p.subgraphs) {
    if (s.ops.empty())
      continue; // only what the compiler adds (fix2float): in this graph there is nothing to put in it
    std::vector<std::string> names;
    for (const Op *op : s.ops)
      names.push_back(xirName(*op));
    AttrMap attrs, d;
    attrs["device"] = Attr::string(deviceName(s.device));
    d["attrs"] = Attr::dict(std::move(attrs));
    d["children"] = Attr::list(AttrKind::Dict, {});
    d["name"] = Attr::string(s.name);
    d["ops"] = Attr::strings(names);
    list.push_back(Attr::dict(std::move(d)));
  }
  g.attrs()["subgraphs"] = Attr::list(AttrKind::Dict, std::move(list));
  for (Op &op : g.ops()) {
    const Placement &where = p.of(op);
    op.setAttr("device", Attr::string(deviceName(where.device)));
    op.removeAttr("reason");
    if (!where.reasons.empty())
      op.setAttr("reason", Attr::strings(where.reasons));
  }
}
