//===- PlannerSteps.cpp - slots and steps ---------------------------------------------------===//
#include "Chain.h"
#include "Planner.h"
#include "Rounding.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

//===- Slots ----------------------------------------------------------------------------===//

unsigned Planner::newSlot(const Value *v, Form form) {
  Slot slot;
  slot.type = form == Form::Stored ? storable(v).value_or(v->type()) : v->type();
  if (form == Form::Real && (slot.type.elemType().isFix() || slot.type.elemType().isFloat()))
    slot.type = slot.type.withElem(ElemKind::F32);
  if (form == Form::Last)
    slot.type = Type(ElemKind::F32, channelsLastShape(slot.type.shape()));
  slot.last = form == Form::Last;
  unsigned index = slot.base = static_cast<unsigned>(program.slots.size());
  program.slots.push_back(std::move(slot));
  slots[{v, unsigned(form)}] = index;
  return index;
}

Result<unsigned> Planner::constantSlot(const Value *v, Form form) {
  auto t = form == Form::Stored ? constants.stored(*v, storable(v)->elemType()) : constants.real(*v);
  if (!t)
    return failure();
  unsigned slot = newSlot(v, form);
  program.slots[slot].tensor = form == Form::Last ? toChannelsLast(*t) : std::move(*t);
  program.slots[slot].constant = true;
  return slot;
}

/// The slot of a value that is there already, converted if it is there in the other form only.
Result<unsigned> Planner::slotFor(const Value *v, Form form) {
  if (auto it = slots.find({v, unsigned(form)}); it != slots.end())
    return it->second;
  if (constants.contains(v))
    return constantSlot(v, form);
  if (form == Form::Last || slots.count({v, unsigned(Form::Last)})) {
    auto from = slotFor(v, form == Form::Last ? Form::Real : Form::Last);
    if (!from || form != Form::Stored)
      return from ? Result<unsigned>(changeLayout(*from, v, form)) : failure();
    // Rounded values of float kernels; two conversions, since there is no third.
    from = slotFor(v, Form::Real);
  }
  auto other = slots.find({v, unsigned(form == Form::Real ? Form::Stored : Form::Real)});
  if (other == slots.end())
    return diags.error(fmt::format("cannot execute: '{}' is used before it is computed", v->name()));
  unsigned slot = convert(v->def(), other->second, v, form, storable(v)->elemType());
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
bool Planner::isView(const Op &op) const {
  return op.numResults() == 1 && !isStorable(op.result()) && isReshape(op) && storable(op.result());
}

Status Planner::add(const Op &op) {
  if (isFeed(op) || swallowed.count(&op) || floats.swallows(op) ||
      llvm::all_of(op.results(), [&](const Value *v) { return constants.contains(v); }))
    return success();
  if (auto it = fixed.find(&op); it != fixed.end()) {
    if (!it->second.kernel)
      return addAlias(op, *it->second.anchor);
    return addFixed(op, *it->second.anchor, std::move(it->second.kernel));
  }
  if (usesIntegers() && isView(op))
    return addView(op);
  if (FloatUnit *unit = floats.unitOf(op))
    return unit->kernel ? addMade(op, *unit) : addFloatView(op, *unit);
  if (op.isOneOf("xir.fix2float") && isStorable(op.operand(0)))
    return addConversion(op, Form::Real);
  if (op.isOneOf("xir.fix", "xir.float2fix") && isStorable(op.result()) && usesIntegers() && op.operand(0) &&
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
    auto slot = storable(v) && kernel->reads(i) ? slotFor(v, Form::Stored) : Result<unsigned>(Step::None);
    if (!slot)
      return failure();
    step.operands.push_back(*slot);
  }
  step.results = {newSlot(op.result(), Form::Stored)};
  step.what = fixKind(anchor).str() + " int8";
  step.macs = macsOf(anchor, *op.result());
  step.inserted = rounded.count(op.result()); // nobody asked for what becomes of it behind the move
  step.fixKernel = std::move(kernel);
  program.steps.push_back(std::move(step));
  if (options.watcher && exact.count(op.result()))
    convert(&op, program.steps.back().results[0], op.result(), Form::Real, storable(op.result())->elemType());
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
    convert(&op, *from, op.result(), Form::Real, storable(op.result())->elemType());
  return success();
}

Status Planner::addConversion(const Op &op, Form to) {
  const Value *source = op.operand(0);
  const Type &result = op.result()->type();
  if (to == Form::Real && source->type().numElements() != result.numElements())
    return diags.error(op.loc(), fmt::format("cannot execute {}: it gives {}, its operand is {}", op.name().str(),
                                             result.str(), source->type().str()));
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

/// `v` in `form` as other bytes' name.
unsigned Planner::view(const Op *op, unsigned from, const Value *v, Form form) {
  unsigned slot = newSlot(v, form);
  program.slots[slot].base = program.slots[from].base;
  Step step;
  step.kind = Step::Kind::Alias;
  step.op = op;
  step.operands = {from}, step.results = {slot};
  step.what = "same bytes";
  program.steps.push_back(std::move(step));
  return slot;
}

unsigned Planner::changeLayout(unsigned from, const Value *v, Form to) {
  if (layoutsAgree(v->type().shape())) {
    unsigned slot = view(v->def(), from, v, to);
    program.steps.back().inserted = true;
    return slot;
  }
  Step step;
  step.kind = Step::Kind::Made;
  step.op = v->def();
  step.operands = {from}, step.results = {newSlot(v, to)};
  step.floatKernel = makeLayoutChange(v->type().shape(), to == Form::Last);
  step.what = to == Form::Last ? "to channels last" : "from channels last";
  step.inserted = true;
  program.steps.push_back(std::move(step));
  return program.steps.back().results[0];
}

static Form layoutOf(const Value &v, bool channelsLast) {
  return channelsLast && hasLayout(v) ? Form::Last : Form::Real;
}

Status Planner::addFloatView(const Op &op, const FloatUnit &unit) {
  auto from = slotFor(unit.inputs[0], layoutOf(*unit.inputs[0], unit.inLast));
  if (!from)
    return failure();
  view(&op, *from, op.result(), layoutOf(*op.result(), unit.outLast));
  return success();
}

Status Planner::addMade(const Op &op, FloatUnit &unit) {
  Step step;
  step.kind = Step::Kind::Made;
  step.op = &op;
  for (const Value *v : unit.inputs) {
    auto slot = slotFor(v, layoutOf(*v, unit.inLast));
    if (!slot)
      return failure();
    step.operands.push_back(*slot);
    if (Slot &s = program.slots[*slot]; s.constant)
      s.tensor = s.tensor.expanded();
  }
  for (const Value *v : op.results())
    step.results.push_back(newSlot(v, layoutOf(*v, unit.outLast)));
  step.addend = unit.addend;
  step.inPlace = unit.addend ? static_cast<int>(step.operands.size()) - 1 : unit.kernel->inPlace ? 0 : -1;
  step.what = fixKind(*unit.anchor).str() + " f32";
  step.macs = macsOf(*unit.anchor, *unit.anchor->result());
  step.floatKernel = std::move(unit.kernel);
  program.steps.push_back(std::move(step));
  return success();
}
