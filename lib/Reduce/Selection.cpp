//===- Selection.cpp - a part of a graph as a graph -------------------------------===//
#include "Selection.h"
#include "dpuopt/Reduce/Reduce.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/EquivalenceClasses.h"

using namespace dpuopt;
using namespace dpuopt::reduce;

std::vector<Op *> reduce::unitsOf(Graph &g) {
  std::vector<Op *> units;
  llvm::DenseSet<const Op *> constant;
  for (Op &op : g.ops()) {
    bool any = false, all = true;
    for (Value *v : op.operands())
      if (v)
        any = true, all &= v->def() && constant.count(v->def());
    if (op.isConst() || (any && all))
      constant.insert(&op);
    else
      units.push_back(&op);
  }
  return units;
}

unsigned dpuopt::countReducible(const Graph &g) { return unitsOf(const_cast<Graph &>(g)).size(); }

void reduce::dropUnread(Graph &g) {
  llvm::DenseSet<const Op *> units;
  for (Op *op : unitsOf(g))
    units.insert(op);
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(g.ops())))
    if (!units.count(&op) && op.unused())
      g.erase(&op);
  for (Value *in : g.inputs())
    if (in->unused())
      g.eraseInput(in);
}

namespace {

/// Removes units from a copy.
class Cutting {
public:
  Cutting(const Graph &original, const llvm::BitVector &keep, Gap gap)
      : g(original.clone()), units(unitsOf(*g)), keep(keep), gap(gap) {
    assert(keep.size() == units.size());
  }

  std::unique_ptr<Graph> run() {
    rememberRead();
    g->setOutputs({});
    for (size_t i = 0; i < units.size(); ++i)
      if (!keep[i])
        bridge(*units[i]);
    for (size_t i = units.size(); i-- > 0;)
      if (!keep[i])
        g->erase(units[i]);
    chooseOutputs();
    dropUnread(*g);
    return !g->outputs().empty() && nameInputs() ? std::move(g) : nullptr;
  }

private:
  /// What was an output or an operand, of the ops that stay.
  void rememberRead() {
    llvm::DenseSet<const Op *> stays;
    for (size_t i = 0; i < units.size(); ++i)
      if (keep[i])
        stays.insert(units[i]);
    for (Value *v : g->outputs())
      if (v && stays.count(v->def()) && !llvm::is_contained(outputs, v))
        outputs.push_back(v);
    for (Op *op : units)
      for (Value *r : op->results())
        if (!r->unused())
          read.insert(r);
  }

  /// Gives the readers of `op` something else to read.
  void bridge(Op &op) {
    for (Value *r : op.results()) {
      if (r->unused())
        continue;
      Value *instead = gap == Gap::Bypass ? sameType(op, *r) : nullptr;
      if (!instead) {
        instead = g->addInput(r->name(), r->type());
        added.emplace_back(instead->name(), r->name());
      }
      r->replaceAllUsesWith(instead);
    }
  }

  static Value *sameType(const Op &op, const Value &result) {
    for (Value *v : op.operands())
      if (v && !constantOf(v) && v->type() == result.type())
        return v;
    return nullptr;
  }

  /// Outputs that are still made, then what was read and is read no more.
  void chooseOutputs() {
    for (size_t i = 0; i < units.size(); ++i)
      if (keep[i] && units[i]->unused() && llvm::none_of(units[i]->results(), isOutput()))
        llvm::copy_if(units[i]->results(), std::back_inserter(outputs), [&](Value *r) { return read.count(r); });
    g->setOutputs(outputs);
  }

  std::function<bool(Value *)> isOutput() const {
    return [&](Value *v) { return llvm::is_contained(outputs, v); };
  }

  /// The names of the removed results are free by now. False: an input of unknown type.
  bool nameInputs() {
    for (auto &[input, name] : added) {
      Value *v = g->lookup(input);
      if (!v)
        continue;
      if (!v->type().hasRank() || v->type().elemType() == ElemType())
        return false;
      if (!g->lookup(name))
        v->setName(name);
    }
    return true;
  }

  std::unique_ptr<Graph> g;
  std::vector<Op *> units;
  const llvm::BitVector &keep;
  Gap gap;
  std::vector<Value *> outputs;
  llvm::DenseSet<const Value *> read;
  std::vector<std::pair<std::string, std::string>> added; ///< new input, and the name it is to have
};

} // namespace

std::unique_ptr<Graph> reduce::select(const Graph &g, const llvm::BitVector &keep, Gap gap) {
  return keep.none() ? nullptr : Cutting(g, keep, gap).run();
}

std::vector<llvm::BitVector> reduce::partsOf(Graph &g) {
  std::vector<Op *> units = unitsOf(g);
  llvm::EquivalenceClasses<unsigned> classes;
  llvm::DenseMap<const Op *, unsigned> index;
  for (unsigned i = 0; i < units.size(); ++i)
    index[units[i]] = i, classes.insert(i);
  for (unsigned i = 0; i < units.size(); ++i)
    for (Value *v : units[i]->operands())
      if (v && v->def() && index.count(v->def()))
        classes.unionSets(index[v->def()], i);
  std::map<unsigned, llvm::BitVector> parts;
  for (unsigned i = 0; i < units.size(); ++i)
    parts.try_emplace(classes.getLeaderValue(i), units.size()).first->second.set(i);
  std::vector<llvm::BitVector> out;
  for (auto &[leader, part] : parts)
    out.push_back(std::move(part));
  llvm::stable_sort(out, [](const auto &a, const auto &b) { return a.count() > b.count(); });
  return out;
}

std::unique_ptr<Graph> reduce::selectOutputs(const Graph &g, const llvm::BitVector &keep) {
  if (keep.none())
    return nullptr;
  std::unique_ptr<Graph> copy = g.clone();
  std::vector<Value *> outputs;
  for (unsigned i : keep.set_bits())
    outputs.push_back(copy->outputs()[i]);
  copy->setOutputs(outputs);
  for (Op &op : llvm::make_early_inc_range(llvm::reverse(copy->ops())))
    if (op.unused())
      copy->erase(&op);
  dropUnread(*copy);
  return copy;
}
