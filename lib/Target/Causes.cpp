//===- Causes.cpp - root causes of a partition --------------------------------------===//
//
// An op has a reason of its own if it breaks a rule that is not about its neighbours.
// What such an op hides shows up when it is waived: the graph is partitioned again
// without the reasons found so far until nothing is left on the CPU.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Causes.h"
#include "Tail.h"
#include "WhatIf.h"
#include "llvm/ADT/StringMap.h"
#include <fmt/format.h>
#include <map>

using namespace dpuopt;

namespace {
/// Partitions again at most this often; each round finds what the one before hid.
constexpr unsigned MostRounds = 12;
/// More ops than this behind the last layers are a head, fewer an op at the end.
constexpr unsigned OpsAtEnd = 3;

struct Root {
  const Op *op;
  std::vector<BrokenRule> rules;
  std::string title, id;
};

class CauseFinder {
public:
  CauseFinder(const Graph &g, const Partition &p, const PartitionOptions &options) : g(g), p(p), options(options) {}
  std::vector<Cause> run();

private:
  void findRoots();
  bool addRoots(const FusedGraph &f, llvm::function_ref<bool(const FusedOp &, std::vector<BrokenRule> &)> isRoot);
  bool addOwnReasons(const FusedGraph &f);
  bool addUnfixed(const FusedGraph &f);
  bool addFirstLeft(const FusedGraph &f);
  void findCompelled();
  void group();
  void joinTheEnd();
  void sortOps();
  void assignFollowers();

  const Graph &g;
  const Partition &p;
  const PartitionOptions &options;
  std::vector<Root> roots;
  Waivers waived;
  llvm::DenseSet<const Op *> compelled; ///< transposes that follow the op they were inserted for
  std::vector<Cause> causes;
};
} // namespace

//===----------------------------------------------------------------------===//
// Roots

/// The rules that are not about a neighbour.
static std::vector<BrokenRule> ownRules(const FusedOp &op, std::vector<BrokenRule> broken) {
  llvm::erase_if(broken, [&](const BrokenRule &b) {
    bool aboutReader = op.unfused == Unfused::FloatResult && !op.because.empty() && b.rule->aboutResult;
    return b.rule->follows || aboutReader;
  });
  return broken;
}

static std::string titleOf(const FusedOp &op, llvm::ArrayRef<BrokenRule> rules) {
  for (const BrokenRule &b : rules)
    if (b.rule->title)
      return b.rule->title;
  std::string type = op.anchor ? xirType(*op.anchor).str() : op.kind;
  if (op.unfused == Unfused::Activation && op.activationOp)
    type += " + " + xirType(*op.activationOp).str();
  return type;
}

static bool isLeft(const FusedOp &op, const Waivers &waived) {
  return op.device == Device::Cpu && isJudged(op) && op.anchor && !waived.count(op.anchor);
}

bool CauseFinder::addRoots(const FusedGraph &f,
                           llvm::function_ref<bool(const FusedOp &, std::vector<BrokenRule> &)> isRoot) {
  size_t before = roots.size();
  for (const FusedOp &op : f.ops) {
    std::vector<BrokenRule> rules;
    if (!isLeft(op, waived) || !isRoot(op, rules))
      continue;
    std::string id;
    for (const BrokenRule &b : rules)
      id += (id.empty() ? "" : " ") + std::string(b.rule->id);
    roots.push_back({op.anchor, rules, titleOf(op, rules), id});
  }
  for (size_t i = before; i < roots.size(); ++i)
    waived[roots[i].op] = Waived::Supported;
  return roots.size() > before;
}

bool CauseFinder::addOwnReasons(const FusedGraph &f) {
  return addRoots(f, [&](const FusedOp &op, std::vector<BrokenRule> &rules) {
    rules = ownRules(op, options.check(op));
    return !rules.empty();
  });
}

/// Results that stay float although whatever reads them could take them fixed.
bool CauseFinder::addUnfixed(const FusedGraph &f) {
  return addRoots(f, [&](const FusedOp &op, std::vector<BrokenRule> &rules) {
    rules = options.check(op);
    auto waits = [&](unsigned user) {
      return isLeft(f.ops[user], waived) && f.ops[user].unfused == Unfused::FloatResult;
    };
    return op.unfused == Unfused::FloatResult && llvm::none_of(op.users, waits);
  });
}

/// Nothing names a reason of its own (devices of a file, neighbours that wait for each other): the first op does.
bool CauseFinder::addFirstLeft(const FusedGraph &f) {
  bool found = false;
  return addRoots(f, [&](const FusedOp &op, std::vector<BrokenRule> &rules) {
    rules = options.check(op);
    return !std::exchange(found, true);
  });
}

void CauseFinder::findRoots() {
  const FusedGraph *f = p.fused.get();
  std::unique_ptr<FusedGraph> next;
  PartitionOptions again = options;
  again.fusion.waived = &waived;
  for (unsigned round = 0; round < MostRounds; ++round) {
    if (!addOwnReasons(*f) && !addUnfixed(*f) && !addFirstLeft(*f))
      return;
    next = fusedAndPlaced(g, again);
    f = next.get();
  }
}

//===----------------------------------------------------------------------===//
// Causes

/// Transposes that lowering put around another op of the same node, to keep its meaning in NHWC, are no causes:
/// they follow that op, wherever it is on the CPU.
void CauseFinder::findCompelled() {
  llvm::StringMap<const FusedOp *> byNode;
  for (const FusedOp &op : p.fused->ops)
    if (isJudged(op) && op.anchor && !op.anchor->loc().node.empty() && !op.anchor->is("xir.transpose"))
      byNode.try_emplace(op.anchor->loc().node, &op);
  llvm::erase_if(roots, [&](Root &r) {
    auto it = r.op->is("xir.transpose") ? byNode.find(r.op->loc().node) : byNode.end();
    if (it == byNode.end())
      return false;
    if (it->second->device == Device::Cpu)
      return compelled.insert(r.op), true;
    r.title = fmt::format("transpose around {}", xirType(*it->second->anchor));
    return false;
  });
}

void CauseFinder::group() {
  std::map<std::pair<std::string, std::string>, unsigned> index;
  for (const Root &r : roots) {
    auto [it, isNew] = index.try_emplace({r.title, r.id}, causes.size());
    if (isNew) {
      Cause &c = causes.emplace_back();
      c.id = r.id;
      c.title = r.title;
      c.rules = r.rules;
    }
    Cause &c = causes[it->second];
    c.ops.push_back(r.op);
    c.waivers[r.op] = Waived::Supported;
  }
}

/// Every other CPU op follows the cause nearest before it, else behind it.
void CauseFinder::assignFollowers() {
  const std::vector<FusedOp> &ops = p.fused->ops;
  llvm::DenseMap<const Op *, int> own;
  for (unsigned c = 0; c < causes.size(); ++c)
    for (const Op *op : causes[c].ops)
      own[op] = c;
  std::vector<int> cause(ops.size(), -1);
  auto settle = [&](unsigned i, llvm::ArrayRef<unsigned> neighbours) {
    if (ops[i].device != Device::Cpu || cause[i] >= 0)
      return;
    if (auto it = own.find(ops[i].anchor); ops[i].anchor && it != own.end())
      cause[i] = it->second;
    for (unsigned n : neighbours)
      cause[i] = cause[i] < 0 ? cause[n] : cause[i];
  };
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned i = 0; i < ops.size(); ++i)
      settle(i, ops[i].inputs);
    for (unsigned i = ops.size(); i-- > 0;)
      settle(i, ops[i].users);
  }
  for (unsigned i = 0; i < ops.size(); ++i) {
    if (cause[i] < 0 || !isJudged(ops[i]) || !ops[i].anchor || own.count(ops[i].anchor))
      continue;
    causes[cause[i]].followers.push_back(ops[i].anchor);
    if (compelled.contains(ops[i].anchor))
      causes[cause[i]].waivers.try_emplace(ops[i].anchor, Waived::Supported);
  }
}

//===----------------------------------------------------------------------===//
// The end of the network

/// "sigmoid 3, strided_slice 9", most first.
static std::string kindsOf(llvm::ArrayRef<const Cause *> parts) {
  std::vector<std::pair<size_t, std::string>> kinds;
  for (const Cause *c : parts)
    kinds.push_back({c->ops.size(), c->title});
  llvm::stable_sort(kinds, [](auto &a, auto &b) { return a.first > b.first; });
  std::string text;
  for (auto &[n, title] : kinds)
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", title, n > 1 ? fmt::format(" {}", n) : "");
  return text;
}

/// Causes with all their ops behind the last layers: one cause, and the application can do their part.
void CauseFinder::joinTheEnd() {
  llvm::DenseSet<const Op *> behind = opsBehindLastLayers(g);
  auto isBehind = [&](const Cause &c) {
    return llvm::all_of(c.ops, [&](const Op *op) { return behind.contains(op); });
  };
  auto firstAtEnd = std::stable_partition(causes.begin(), causes.end(), [&](auto &c) { return !isBehind(c); });
  if (firstAtEnd == causes.end())
    return;
  std::vector<const Cause *> parts;
  Cause head = *firstAtEnd;
  for (auto it = firstAtEnd; it != causes.end(); ++it) {
    parts.push_back(&*it);
    if (it != firstAtEnd)
      head.ops.insert(head.ops.end(), it->ops.begin(), it->ops.end());
  }
  head.atEnd = true;
  llvm::DenseSet<const Op *> moved = closureBehind(g, head.ops);
  for (const Op *op : moved)
    head.waivers[op] = Waived::Moved;
  head.cut = cutOf(g, moved);
  auto isOp = [](const Op *op) { return !op->isOneOf("xir.fix", "xir.stack", "xir.const") && !op->isConst(); };
  if (parts.size() > 1 || llvm::count_if(moved, isOp) > OpsAtEnd) {
    head.isHead = true;
    head.id = HeadCause;
    head.title = "post-processing (" + kindsOf(parts) + ")";
  }
  causes.erase(firstAtEnd, causes.end());
  causes.push_back(std::move(head));
}

std::vector<Cause> CauseFinder::run() {
  findRoots();
  findCompelled();
  group();
  joinTheEnd();
  sortOps();
  assignFollowers();
  return std::move(causes);
}

/// Roots of later rounds stand among those of the first.
void CauseFinder::sortOps() {
  llvm::DenseMap<const Op *, unsigned> position;
  for (const Op &op : g.ops())
    position[&op] = position.size();
  for (Cause &c : causes)
    llvm::sort(c.ops, [&](const Op *a, const Op *b) { return position.lookup(a) < position.lookup(b); });
}

//===----------------------------------------------------------------------===//

/// Outputs that leave the DPU fixed: the CPU only divides by a power of two.
static std::vector<std::string> harmlessOutputs(const Partition &p) {
  std::vector<std::string> names;
  for (const FusedOp &op : p.fused->ops)
    if (op.kind == "fix2float" && op.users.empty() && !op.inputs.empty() &&
        p.fused->ops[op.inputs.front()].device == Device::Dpu)
      names.push_back(p.fused->ops[op.inputs.front()].tensor);
  return names;
}

Diagnosis dpuopt::diagnose(const Graph &g, const Partition &p, const PartitionOptions &options, unsigned expected) {
  Diagnosis d;
  d.causes = CauseFinder(g, p, options).run();
  d.dpu = p.count(Device::Dpu);
  d.expected = expected;
  d.harmless = harmlessOutputs(p);
  findFirstChanges(g, p, options, d);
  return d;
}
