//===- Tail.cpp - what stands behind the last layers --------------------------------===//
#include "Tail.h"
#include "dpuopt/Target/Fusion.h"

using namespace dpuopt;

namespace {
/// A layer has at least this share of all weights or of all their uses.
constexpr double LayerShare = 0.001;

/// What a layer weighs: its weights, and how often each is used.
struct Weight {
  double elements = 0, uses = 0;
};
} // namespace

static const Tensor *constantThroughFix(const Value *v) {
  while (v && v->def() && v->def()->is("xir.fix"))
    v = v->def()->operand(0);
  return constantOf(v);
}

static Weight weightOf(const Op &op) {
  llvm::StringRef type = xirType(op);
  Weight w;
  if (!type.contains("conv") && !type.contains("matmul") && type != "inner-product")
    return w;
  if (op.numOperands() < 2 || op.numResults() != 1)
    return w;
  const Tensor *weights = constantThroughFix(op.operand(1));
  const Type &out = op.result()->type();
  if (!weights || !out.isStatic() || out.rank() == 0)
    return w;
  w.elements = static_cast<double>(weights->numElements());
  int64_t channels = std::max<int64_t>(1, out.dim(out.rank() - 1));
  w.uses = w.elements * static_cast<double>(out.numElements() / channels);
  return w;
}

/// A fix or a movement of data: where it runs is nobody's concern.
static bool onlyCarries(const Op &op) { return op.is("xir.fix") || isReshapeLike(op) || op.is("xir.transpose"); }

llvm::DenseSet<const Op *> dpuopt::opsBehindLastLayers(const Graph &g) {
  llvm::DenseMap<const Op *, Weight> weights;
  Weight total;
  for (const Op &op : g.ops())
    if (Weight w = weightOf(op); w.elements > 0) {
      weights[&op] = w;
      total.elements += w.elements;
      total.uses += w.uses;
    }
  llvm::DenseSet<const Op *> before, behind;
  for (const Op &op : llvm::reverse(g.ops())) {
    Weight w = weights.lookup(&op);
    bool leads = w.elements >= LayerShare * total.elements && w.elements > 0;
    leads |= w.uses >= LayerShare * total.uses && w.elements > 0;
    for (const Value *v : op.results())
      leads |= llvm::any_of(v->uses(), [&](const Use &u) { return u.user && before.contains(u.user); });
    (leads ? before : behind).insert(&op);
  }
  return behind;
}

llvm::DenseSet<const Op *> dpuopt::closureBehind(const Graph &g, llvm::ArrayRef<const Op *> roots) {
  llvm::DenseSet<const Op *> moved(roots.begin(), roots.end());
  for (const Op &op : g.ops())
    for (const Value *v : op.operands())
      if (v && v->def() && moved.contains(v->def()))
        moved.insert(&op);
  for (const Op &op : llvm::reverse(g.ops())) {
    if (!onlyCarries(op) || op.numResults() != 1 || op.result()->unused() || constantThroughFix(op.operand(0)))
      continue;
    if (llvm::all_of(op.result()->uses(), [&](const Use &u) { return u.user && moved.contains(u.user); }))
      moved.insert(&op);
  }
  return moved;
}

std::vector<const Value *> dpuopt::cutOf(const Graph &g, const llvm::DenseSet<const Op *> &moved) {
  std::vector<const Value *> cut;
  for (const Op &op : g.ops()) {
    if (!moved.contains(&op))
      continue;
    for (const Value *v : op.operands()) {
      if (!v || !v->def() || moved.contains(v->def()) || constantThroughFix(v) || v->def()->is("xir.stack"))
        continue;
      if (!llvm::is_contained(cut, v))
        cut.push_back(v);
    }
  }
  return cut;
}
