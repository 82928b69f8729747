//===- Planner.cpp - from a graph to the list of what to do ---------------------------------===//
#include "Chain.h"
#include "Constants.h"
#include "Rounding.h"
#include "Steps.h"
#include "llvm/ADT/DenseSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {

class Planner {
public:
  Planner(const Graph &g, const ExecOptions &options, DiagEngine &diags)
      : g(g), options(options), diags(diags), constants(options, diags) {}
  Result<Program> plan();

private:
  // Which ops, and which of them on integers.
  std::vector<const Op *> neededOps() const;
  Status choose(llvm::ArrayRef<const Op *> ops);
  Status chooseCompiled(const Op &op);
  Status chooseChain(const Op &op);
  FixResult makeKernel(const Op &anchor, const Op *activation, const Op &last, bool compiled);
  // Steps.
  Status add(const Op &op);
  Status addFixed(const Op &op, const Op &anchor, std::unique_ptr<FixKernel> kernel);
  Status addFloat(const Op &op);
  Status addAlias(const Op &op, const Op &source);
  Status addView(const Op &op);
  Status addConversion(const Op &op, Form to);
  unsigned convert(const Op *op, unsigned from, const Value *v, Form to, ElemType fix);
  Result<unsigned> slotFor(const Value *v, Form form);
  Result<unsigned> constantSlot(const Value *v, Form form);
  unsigned newSlot(const Value *v, Form form);

  bool onIntegers() const { return !options.observer && !options.ignoreFixPoints; }

  const Graph &g;
  const ExecOptions &options;
  DiagEngine &diags;
  Constants constants;
  Program program;
  llvm::DenseMap<std::pair<const Value *, unsigned>, unsigned> slots; ///< by value and form
  /// What runs on integers, by its last op; a null kernel: an alias.
  struct Fixed {
    const Op *anchor;
    std::unique_ptr<FixKernel> kernel;
  };
  llvm::DenseMap<const Op *, Fixed> fixed;
  llvm::DenseSet<const Op *> swallowed;
};

} // namespace

//===- What is there to do --------------------------------------------------------------===//

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

static bool isFeed(const Op &op) { return op.isOneOf("xir.data", "xir.data-fix"); }

/// Ops that have no float form: of compiled graphs.
static bool isCompiled(const Op &op) {
  return op.isXir() && (op.name().endswith("-fix") || op.isOneOf("xir.upload", "xir.download", "xir.identity-fix"));
}

static bool sameBytes(const Value *from, const Value *to) {
  auto a = storedType(from), b = storedType(to);
  return a && b && a->elemType() == b->elemType() && a->numElements() == b->numElements();
}

Status Planner::choose(llvm::ArrayRef<const Op *> ops) {
  bool ok = true;
  for (const Op *op : ops) {
    // An observer wants to see everything computed, in every run.
    bool foldable = op->isConst() || (!options.observer && !isCompiled(*op));
    if (isFeed(*op) || (foldable && constants.mark(*op)))
      continue;
    if (isCompiled(*op))
      ok &= succeeded(chooseCompiled(*op));
    else if (onIntegers() && op->numResults() == 1 && isStorable(op->result()))
      ok &= succeeded(chooseChain(*op));
  }
  return ok ? success() : failure();
}

FixResult Planner::makeKernel(const Op &anchor, const Op *activation, const Op &last, bool compiled) {
  FixRequest request{anchor, fixKind(anchor), {}, last.result()->type(), activation, compiled, options, diags};
  std::vector<Tensor> held;
  held.reserve(anchor.numOperands());
  for (const Value *v : anchor.operands()) {
    FixOperand operand;
    auto type = storedType(v);
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
  auto chain = findChain(op);
  if (!chain || swallowed.count(chain->anchor) || fixed.count(chain->anchor))
    return success();
  const Op &anchor = *chain->anchor;
  bool alias = !chain->activation && isReshape(anchor) && sameBytes(anchor.operand(0), op.result());
  Fixed how{&anchor, nullptr};
  if (!alias) {
    if (!hasFixEntry(fixKind(anchor), false) || !storedType(anchor.operand(0)))
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

//===- Slots ----------------------------------------------------------------------------===//

unsigned Planner::newSlot(const Value *v, Form form) {
  Slot slot;
  slot.type = v->type();
  if (form == Form::Real && (slot.type.elemType().isFix() || slot.type.elemType().isFloat()))
    slot.type = slot.type.withElem(ElemKind::F32);
  program.slots.push_back(std::move(slot));
  unsigned index = static_cast<unsigned>(program.slots.size()) - 1;
  slots[{v, unsigned(form)}] = index;
  return index;
}

Result<unsigned> Planner::constantSlot(const Value *v, Form form) {
  auto t = form == Form::Stored ? constants.stored(*v, storedType(v)->elemType()) : constants.real(*v);
  if (!t)
    return failure();
  unsigned slot = newSlot(v, form);
  program.slots[slot].tensor = std::move(*t);
  program.slots[slot].constant = true;
  return slot;
}

/// The slot of a value that is there already, converted if it is there in the other form only.
Result<unsigned> Planner::slotFor(const Value *v, Form form) {
  if (auto it = slots.find({v, unsigned(form)}); it != slots.end())
    return it->second;
  if (constants.contains(v))
    return constantSlot(v, form);
  auto other = slots.find({v, unsigned(form == Form::Real ? Form::Stored : Form::Real)});
  if (other == slots.end())
    return diags.error(fmt::format("cannot execute: '{}' is used before it is computed", v->name()));
  unsigned slot = convert(v->def(), other->second, v, form, storedType(v)->elemType());
  program.steps.back().inserted = true;
  return slot;
}

unsigned Planner::convert(const Op *op, unsigned from, const Value *v, Form to, ElemType fix) {
  Step step;
  step.kind = to == Form::Real ? Step::Kind::ToReal : Step::Kind::ToStored;
  step.op = op;
  step.operands = {from};
  step.results = {newSlot(v, to)};
  step.fix = fix;
  step.what = to == Form::Real ? "to float" : "to int8";
  program.steps.push_back(std::move(step));
  return program.steps.back().results[0];
}

//===- Steps ----------------------------------------------------------------------------===//

/// A float reshape of a stored value.
static bool isView(const Op &op) {
  return op.numResults() == 1 && !isStorable(op.result()) && isReshape(op) && storedType(op.result());
}

Status Planner::add(const Op &op) {
  if (isFeed(op) || swallowed.count(&op) ||
      llvm::all_of(op.results(), [&](const Value *v) { return constants.contains(v); }))
    return success();
  if (auto it = fixed.find(&op); it != fixed.end()) {
    if (!it->second.kernel)
      return addAlias(op, *it->second.anchor);
    return addFixed(op, *it->second.anchor, std::move(it->second.kernel));
  }
  if (onIntegers() && isView(op))
    return addView(op);
  if (op.isOneOf("xir.fix2float") && isStorable(op.operand(0)))
    return addConversion(op, Form::Real);
  if (op.isOneOf("xir.fix", "xir.float2fix") && isStorable(op.result()) && onIntegers() && op.operand(0) &&
      roundModeOf(op) == RoundMode::HalfUp)
    return addConversion(op, Form::Stored);
  return addFloat(op);
}

/// Multiply-adds of convolutions and matrix products, from the weights' shape.
static int64_t macsOf(const Op &anchor, const Value &result) {
  llvm::StringRef kind = fixKind(anchor);
  bool counts = kind.contains("conv") || kind == "matmul" || kind == "inner-product" ||
                anchor.isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm", "onnx.MatMul");
  const Value *x = anchor.operand(0), *w = anchor.operand(1);
  if (!counts || !w || !w->type().isStatic() || !result.type().isStatic() || !x->type().isStatic() ||
      w->type().rank() < 2 || result.type().rank() < 2)
    return 0;
  bool channelsSecond = anchor.isOneOf("onnx.Conv", "onnx.ConvTranspose");
  auto channels = [&](const Type &t) { return std::max<int64_t>(1, channelsSecond ? t.dim(1) : t.shape().back()); };
  if (kind.startswith("transposed") || anchor.is("onnx.ConvTranspose")) // each input meets every weight of its channel
    return x->type().numElements() / channels(x->type()) * w->type().numElements();
  return result.type().numElements() / channels(result.type()) * w->type().numElements();
}

Status Planner::addFixed(const Op &op, const Op &anchor, std::unique_ptr<FixKernel> kernel) {
  Step step;
  step.kind = Step::Kind::Fixed;
  step.op = &op;
  for (unsigned i = 0; i < anchor.numOperands(); ++i) {
    const Value *v = anchor.operand(i);
    auto slot = storedType(v) && kernel->reads(i) ? slotFor(v, Form::Stored) : Result<unsigned>(Step::None);
    if (!slot)
      return failure();
    step.operands.push_back(*slot);
  }
  step.results = {newSlot(op.result(), Form::Stored)};
  step.what = fixKind(anchor).str() + " int8";
  step.macs = macsOf(anchor, *op.result());
  step.fixKernel = std::move(kernel);
  program.steps.push_back(std::move(step));
  return success();
}

Status Planner::addAlias(const Op &op, const Op &source) {
  auto from = slotFor(source.operand(0), Form::Stored);
  if (!from)
    return failure();
  slots[{op.result(), unsigned(Form::Stored)}] = *from;
  Step step;
  step.kind = Step::Kind::Alias;
  step.op = &op;
  step.operands = {*from}, step.results = {*from};
  step.what = "same bytes";
  program.steps.push_back(std::move(step));
  return success();
}

/// The integers are there already; floats are made of them when somebody asks.
Status Planner::addView(const Op &op) {
  auto from = slotFor(op.operand(0), Form::Stored);
  if (!from)
    return failure();
  slots[{op.result(), unsigned(Form::Stored)}] = *from;
  if (options.watcher)
    convert(&op, *from, op.result(), Form::Real, storedType(op.result())->elemType());
  return success();
}

Status Planner::addConversion(const Op &op, Form to) {
  const Value *source = op.operand(0);
  auto from = slotFor(source, to == Form::Real ? Form::Stored : Form::Real);
  if (!from)
    return failure();
  convert(&op, *from, op.result(), to, (to == Form::Real ? source : op.result())->type().elemType());
  return success();
}

Status Planner::addFloat(const Op &op) {
  Step step;
  step.kind = Step::Kind::Float;
  step.op = &op;
  step.kernel = op.getBool("off_table") ? nullptr : findKernel(op.name());
  if (!step.kernel)
    diags.error(op.loc(), fmt::format("cannot execute {}: the executor does not know this operator", op.name().str()));
  for (unsigned i = 0; i < op.numOperands() && step.kernel; ++i) {
    const Value *v = op.operand(i);
    auto slot = v ? slotFor(v, Form::Real) : Result<unsigned>(Step::None);
    if (!slot)
      return failure();
    step.operands.push_back(*slot);
    if (v && constants.contains(v) && i < 64)
      step.constants |= uint64_t(1) << i;
  }
  for (const Value *v : op.results()) // also after an error: what follows is judged for itself
    step.results.push_back(newSlot(v, Form::Real));
  step.what = fixKind(op).str() + " f32";
  step.macs = op.numResults() ? macsOf(op, *op.result()) : 0;
  bool ok = step.kernel != nullptr;
  program.steps.push_back(std::move(step));
  return ok ? success() : failure();
}

//===- All of it ------------------------------------------------------------------------===//

Result<Program> Planner::plan() {
  std::vector<const Op *> ops = neededOps();
  bool ok = succeeded(choose(ops));
  for (const Value *v : graphFeeds(g)) {
    Form form = isStorable(v) && (onIntegers() || (v->def() && isCompiled(*v->def()))) ? Form::Stored : Form::Real;
    program.feeds.push_back({v, newSlot(v, form), form});
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
