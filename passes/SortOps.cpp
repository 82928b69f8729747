//===- SortOps.cpp - ops in the order of the quantizer's files -----------------------===//
//
// Before: a graph of xir.* and const ops. After: the same ops in the order in which
//   vai_q_pytorch and libxir would have written them, so that files compare op by op.
// Formula: three steps, each of which was read off real files.
//   1. The quantizer's nodes: reverse postorder of a depth-first walk over the ops that
//      compute, from its starts and to its users in their present order.
//   2. What it creates: the parameters of those nodes (weights, then bias); the other
//      operands that are constants, one kind of op after the other; then each node,
//      behind the constants made for it alone (shapes, factors).
//   3. What libxir writes: reverse postorder again, over all ops, in the order of 2.
// Conditions: none; other graphs stay as they are. The order means nothing to a reader.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Pass/Pass.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace dpuopt {
namespace {

using Ops = std::vector<Op *>;

class Sorter {
public:
  explicit Sorter(Graph &g);
  Ops sorted();

private:
  Ops reversePostorder(const Ops &ops) const;
  void create(Op *op);
  void createParameters(const Op &op);
  bool isSeparateConstant(const Op &op, unsigned operand) const;
  bool isConstant(const Value *v) const { return v && constants.count(v->def()); }

  Ops present;                     ///< in the graph's order
  llvm::DenseSet<Op *> constants;  ///< const ops, their fixes, stacks of these
  Ops created;                     ///< step 2
  llvm::DenseSet<const Op *> done; ///< those in it
};

/// Both kinds of op stand directly behind consts, so that create() does not go deep.
static bool isPartOfConstant(const Op &op) {
  auto isConst = [](const Value *v) { return v && v->def() && v->def()->isConst(); };
  auto isFixed = [&](const Value *v) {
    return v && v->def() && v->def()->is("xir.fix") && isConst(v->def()->operand(0));
  };
  if (op.is("xir.fix"))
    return isConst(op.operand(0));
  return op.is("xir.stack") && llvm::all_of(op.operands(), [&](const Value *v) { return isConst(v) || isFixed(v); });
}

Sorter::Sorter(Graph &g) {
  for (Op &op : g.ops()) {
    present.push_back(&op);
    if (op.isConst() || isPartOfConstant(op))
      constants.insert(&op);
  }
}

/// Depth first over `ops` alone, starts and users in the order of `ops`.
Ops Sorter::reversePostorder(const Ops &ops) const {
  llvm::DenseMap<const Op *, Ops> users;
  for (Op *op : ops)
    users[op];
  for (Op *op : ops)
    for (const Value *v : op->operands())
      if (v)
        if (auto it = users.find(v->def()); it != users.end() && (it->second.empty() || it->second.back() != op))
          it->second.push_back(op);
  Ops order;
  llvm::DenseSet<const Op *> seen;
  std::vector<std::pair<Op *, size_t>> path; // an op, and how many of its users were visited
  for (Op *start : ops) {
    if (seen.insert(start).second)
      path.push_back({start, 0});
    while (!path.empty()) {
      auto &[op, next] = path.back();
      const Ops &to = users.find(op)->second;
      if (next == to.size()) {
        order.push_back(op);
        path.pop_back();
      } else if (Op *user = to[next++]; seen.insert(user).second) {
        path.push_back({user, 0});
      }
    }
  }
  return {order.rbegin(), order.rend()};
}

/// Appends `op` behind the constants it needs.
void Sorter::create(Op *op) {
  if (!done.insert(op).second)
    return;
  for (const Value *v : op->operands())
    if (isConstant(v))
      create(v->def());
  created.push_back(op);
}

/// Not the factor behind an average: that is made with its op.
bool Sorter::isSeparateConstant(const Op &op, unsigned operand) const {
  const Value *v = op.operand(operand), *other = op.operand(0);
  if (!isConstant(v) || !op.isOneOf("xir.add", "xir.sub", "xir.mul", "xir.div", "xir.max", "xir.min"))
    return false;
  bool behindAverage =
      other && other->def() && other->def()->isOneOf("xir.avgpool2d", "xir.reduction_mean", "xir.hard-sigmoid");
  return !(behindAverage && v->def()->isConst() && v->type().numElements() == 1);
}

void Sorter::createParameters(const Op &op) {
  std::vector<std::string> names = xirArgNames(op);
  for (unsigned i = 0; i < op.numOperands(); ++i) {
    bool named = names[i] == "weights" || names[i] == "weight" || names[i] == "scale" || names[i] == "bias";
    if ((named || op.is("xir.matmul")) && isConstant(op.operand(i)))
      create(op.operand(i)->def());
  }
}

Ops Sorter::sorted() {
  Ops computing;
  llvm::copy_if(present, std::back_inserter(computing), [this](Op *op) { return !constants.count(op); });
  const Ops nodes = reversePostorder(computing);
  for (const Op *op : nodes)
    createParameters(*op);
  llvm::MapVector<llvm::StringRef, Ops> byKind;
  for (Op *op : computing)
    for (unsigned i = 0; i < op->numOperands(); ++i)
      if (isSeparateConstant(*op, i))
        byKind[op->name()].push_back(op->operand(i)->def());
  for (auto &[kind, ops] : byKind)
    llvm::for_each(ops, [this](Op *op) { create(op); });
  llvm::for_each(nodes, [this](Op *op) { create(op); });
  llvm::for_each(present, [this](Op *op) { create(op); }); // constants nobody uses
  return reversePostorder(created);
}

PassResult run(Graph &g, PassContext &) {
  if (!g.inputs().empty() || llvm::any_of(g.ops(), [](const Op &op) { return !op.isXir() && !op.isConst(); }))
    return PassResult::Unchanged;
  bool changed = false;
  auto at = g.ops().begin();
  for (Op *op : Sorter(g).sorted())
    if (&*at == op)
      ++at;
    else
      g.moveBefore(op, &*at), changed = true;
  return changed ? PassResult::Changed : PassResult::Unchanged;
}

} // namespace

extern const PassInfo SortOpsPass;
const PassInfo SortOpsPass = {
    "sort-ops",
    "Put the ops of a lowered graph into the order of vai_q_pytorch's files",
    "**Before:** a graph of `xir.*` and `const` ops in the order of the ONNX model. **After:** the same ops in the "
    "order "
    "in which vai_q_pytorch and libxir would have written them, so that two files can be compared op by op. The order "
    "means nothing else. **Formula:** the quantizer sorts its nodes in reverse postorder; it then creates the "
    "parameters "
    "of all nodes, the other constant operands by kind of op, and the nodes; and libxir writes all of these in reverse "
    "postorder once more. **Conditions:** only lowered graphs are changed.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
