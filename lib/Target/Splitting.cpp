//===- Splitting.cpp - the CPU ops that cut the DPU part in pieces ----------===//
//
// A CPU op splits if a DPU op is before it and a DPU op is behind it. Of those, the
// ones that break a rule of their own are causes; the rest follow the nearest cause.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Partition.h"

using namespace dpuopt;

static bool isCause(const Placement &where) {
  return llvm::any_of(where.broken, [](const BrokenRule &b) { return !b.rule->follows; });
}

/// FusedOps with DPU ops on both sides.
static std::vector<bool> between(const FusedGraph &f) {
  std::vector<bool> before(f.ops.size()), behind(f.ops.size());
  for (size_t i = 0; i < f.ops.size(); ++i)
    for (unsigned from : f.ops[i].inputs)
      before[i] = before[i] || before[from] || f.ops[from].device == Device::Dpu;
  for (size_t i = f.ops.size(); i-- > 0;)
    for (unsigned to : f.ops[i].users)
      behind[i] = behind[i] || behind[to] || f.ops[to].device == Device::Dpu;
  for (size_t i = 0; i < f.ops.size(); ++i)
    before[i] = before[i] && behind[i] && f.ops[i].device == Device::Cpu;
  return before;
}

std::vector<SplittingOp> dpuopt::splittingOps(const Partition &p, const Graph &) {
  const FusedGraph &f = *p.fused;
  std::vector<bool> splits = between(f);
  std::vector<int> cause(f.ops.size(), -1);
  std::vector<SplittingOp> result;
  auto inherit = [&](size_t i, llvm::ArrayRef<unsigned> neighbours) {
    for (unsigned n : neighbours)
      if (splits[i] && splits[n] && cause[i] < 0)
        cause[i] = cause[n];
  };
  auto start = [&](size_t i) {
    cause[i] = static_cast<int>(result.size());
    result.push_back({f.ops[i].anchor, p.of(*f.ops[i].anchor).broken, {}});
  };
  for (size_t i = 0; i < f.ops.size(); ++i)
    if (splits[i] && f.ops[i].anchor && isCause(p.of(*f.ops[i].anchor)))
      start(i);
  for (size_t i = 0; i < f.ops.size(); ++i)
    inherit(i, f.ops[i].inputs);
  for (size_t i = f.ops.size(); i-- > 0;)
    inherit(i, f.ops[i].users);
  // Whatever has no cause near it (devices taken from a file) stands for itself.
  for (size_t i = 0; i < f.ops.size(); ++i) {
    inherit(i, f.ops[i].inputs);
    if (splits[i] && cause[i] < 0 && f.ops[i].anchor && !f.ops[i].isFix() && f.ops[i].kind != "fix2float")
      start(i);
  }
  for (size_t i = 0; i < f.ops.size(); ++i)
    if (splits[i] && cause[i] >= 0 && f.ops[i].anchor && result[cause[i]].op != f.ops[i].anchor)
      result[cause[i]].followers.push_back(f.ops[i].anchor);
  return result;
}
