//===- Planner.cpp - what runs how ------------------------------------------------------------===//
#include "Planner.h"
#include "Chain.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

/// Ops in order; only those an output depends on, unless somebody watches them all.
std::vector<const Op *> Planner::neededOps() const {
  llvm::DenseSet<const Op *> needed;
  std::vector<const Op *> work, order;
  auto require = [&](const Value *v) {
    if (v && v->def() && needed.insert(v->def()).second)
      work.push_back(v->def());
  };
  for (const Value *v : g.outputs())
    require(v);
  while (!work.empty()) {
    const Op *op = work.back();
    work.pop_back();
    for (const Value *v : op->operands())
      require(v);
  }
  for (const Op &op : g.ops())
    if (options.observer || options.watcher || needed.count(&op))
      order.push_back(&op);
  return order;
}

/// Ops that have no float form: of compiled graphs.
static bool isCompiled(const Op &op) {
  return op.isXir() && (op.name().endswith("-fix") || op.isOneOf("xir.upload", "xir.download", "xir.identity-fix"));
}

bool Planner::sameBytes(const Value *from, const Value *to) const {
  auto a = storable(from), b = storable(to);
  return a && b && a->elemType() == b->elemType() && a->numElements() == b->numElements();
}

Status Planner::choose(llvm::ArrayRef<const Op *> ops) {
  llvm::DenseSet<const Op *> folded; // all of them first: a chain's constants may come behind its anchor
  for (const Op *op : ops) {
    // An observer wants to see everything computed, in every run.
    bool foldable = op->isConst() || (!options.observer && !isCompiled(*op));
    if (isFeed(*op) || (foldable && constants.mark(*op)))
      folded.insert(op);
  }
  if (usesIntegers())
    chooseRounded(ops);
  bool ok = true;
  for (const Op *op : ops) {
    if (folded.count(op))
      continue;
    if (isCompiled(*op))
      ok &= succeeded(chooseCompiled(*op));
    else if (usesIntegers() && op->numResults() == 1 && (isStorable(op->result()) || rounded.count(op->result())))
      ok &= succeeded(chooseChain(*op));
  }
  auto onIntegers = [&](const Op &op) { return fixed.count(&op) || swallowed.count(&op); };
  for (const Op *op : ops)
    if (!folded.count(op) && !onIntegers(*op))
      floats.choose(*op, onIntegers);
  return ok ? success() : failure();
}

/// Which float values are kept as integers: those rounded behind a move, and moved integers themselves.
void Planner::chooseRounded(llvm::ArrayRef<const Op *> ops) {
  rounded = roundedLater(ops);
  for (const Op *op : ops) {
    const Value *v = op->numResults() == 1 && keepsElements(*op) ? op->result() : nullptr;
    // What a `fix` alone reads runs in one with it.
    bool alone = v && v->hasOneUse() && v->uses()[0].user->is("xir.fix");
    if (!v || alone || storable(v) || !v->type().isStatic() || v->type().elemType().kind != ElemKind::F32)
      continue;
    auto first = storable(op->operand(0));
    bool same =
        first && llvm::all_of(op->is("xir.concat") ? op->operands() : op->operands().take_front(), [&](Value *x) {
          auto type = storable(x);
          return type && type->elemType() == first->elemType();
        });
    if (same)
      rounded[v] = v->type().withElem(first->elemType()), exact.insert(v);
  }
}

FixResult Planner::makeKernel(const Op &anchor, const Op *activation, const Op &last, bool compiled) {
  FixRequest request{anchor, fixKind(anchor), {}, *storable(last.result()), activation, compiled, options, diags};
  std::vector<Tensor> held;
  held.reserve(anchor.numOperands());
  for (const Value *v : anchor.operands()) {
    FixOperand operand;
    auto type = storable(v);
    if (v)
      operand.type = type ? *type : v->type();
    if (type && constants.contains(v)) {
      auto t = constants.stored(*v, type->elemType());
      if (!t)
        return failure();
      held.push_back(std::move(*t));
      operand.constant = &held.back();
    }
    request.operands.push_back(operand);
  }
  return makeFixKernel(request);
}

Status Planner::chooseCompiled(const Op &op) {
  Fixed how{&op, nullptr};
  bool alias = isReshape(op) && sameBytes(op.operand(0), op.result());
  if (!alias) {
    for (const Value *v : op.operands())
      if (v && v->type().isFix() && !isStorable(v))
        return diags.error(op.loc(),
                           fmt::format("cannot execute {} '{}': operand '{}' is {}; only signed fix points of "
                                       "at most 8 bits can be",
                                       op.name().str(), op.result()->name(), v->name(), v->type().str()));
    if (!isStorable(op.result()))
      return diags.error(op.loc(), fmt::format("cannot execute {} '{}': its result is {}; only signed fix points of at "
                                               "most 8 bits and static shapes can be",
                                               op.name().str(), op.result()->name(), op.result()->type().str()));
    auto kernel = makeKernel(op, nullptr, op, true);
    if (!kernel)
      return failure();
    how.kernel = std::move(*kernel);
  }
  fixed[&op] = std::move(how);
  return success();
}

Status Planner::chooseChain(const Op &op) {
  // Who watches wants to see every layer.
  bool plain = bool(options.watcher);
  auto chain = findChain(
      op, [&](const Value *v) { return storable(v).has_value(); }, plain);
  if (!chain || swallowed.count(chain->anchor) || fixed.count(chain->anchor))
    return success();
  const Op &anchor = *chain->anchor;
  bool alias = !chain->activation && isReshape(anchor) && sameBytes(anchor.operand(0), op.result());
  if (alias && rounded.count(op.result()))
    return success(); // a view
  Fixed how{&anchor, nullptr};
  if (!alias) {
    if (!hasFixEntry(fixKind(anchor), false) || !storable(anchor.operand(0)))
      return success();
    auto kernel = makeKernel(anchor, chain->activation, op, false);
    if (!kernel)
      return failure();
    if (!*kernel)
      return success();
    how.kernel = std::move(*kernel);
  }
  for (const Op *inner : chain->swallowed)
    swallowed.insert(inner);
  fixed[&op] = std::move(how);
  return success();
}

//===- All of it ------------------------------------------------------------------------===//

Result<Program> Planner::plan() {
  std::vector<const Op *> ops = neededOps();
  bool ok = succeeded(choose(ops));
  for (const Value *v : graphFeeds(g)) {
    if (v->type().numElements() > MaxResultElements)
      return diags.error(fmt::format("cannot execute: input '{}' is {}, at most {} elements can be", v->name(),
                                     v->type().str(), MaxResultElements));
    Form form = isStorable(v) && (usesIntegers() || (v->def() && isCompiled(*v->def()))) ? Form::Stored : Form::Real;
    program.feeds.push_back({v, newSlot(v, form), form});
    program.slots.back().given = form == Form::Real;
  }
  for (const Op *op : ops)
    ok &= succeeded(add(*op));
  if (!ok)
    return failure();
  for (const Value *v : g.outputs()) {
    bool stored = isStorable(v) && slots.count({v, unsigned(Form::Stored)}) && !slots.count({v, unsigned(Form::Real)});
    Form form = stored ? Form::Stored : Form::Real;
    auto slot = slotFor(v, form);
    if (!slot)
      return failure();
    program.outputs.push_back({v, *slot, form});
  }
  return std::move(program);
}

Result<Program> exec::planProgram(const Graph &g, const ExecOptions &options, DiagEngine &diags) {
  return Planner(g, options, diags).plan();
}
