//===- Executor.cpp - a graph made ready to run many times ------------------------------===//
#include "Chain.h"
#include "Constants.h"
#include "ConvShape.h"
#include "Evaluate.h"
#include "Rounding.h"
#include "Steps.h"
#include <chrono>
#include <cmath>
#include <cstring>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

std::vector<Value *> dpuopt::graphFeeds(const Graph &g) {
  std::vector<Value *> feeds;
  for (Value *v : g.inputs())
    feeds.push_back(v);
  for (const Op &op : g.ops())
    if (op.isOneOf("xir.data", "xir.data-fix"))
      feeds.push_back(op.result());
  return feeds;
}

namespace {

class Prepared final : public Executor {
public:
  Prepared(ExecOptions options, DiagEngine &diags)
      : options(std::move(options)), diags(diags), team(this->options.threads) {}
  Status prepare(const Graph &g);
  Result<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) override;

private:
  Status feed(const Program::Feed &feed, const Tensor &given);
  void put(Slot &slot, Tensor t);
  Tensor stored(const Slot &slot, const Value &v) const;
  Status execute(Step &step);
  Status checkOperands(const Step &step);
  Status executeTimed(Step &step);
  Status executeFloat(Step &step);
  Status executeMade(Step &step);
  void takeName(const Step &step);
  void inPieces(size_t n, llvm::function_ref<void(size_t, size_t)> work);
  Status toStored(const Step &step);
  void toReal(const Step &step);
  void show(const Step &step);
  void observe(const Value &v, Slot &slot);
  void watch(const Value &v, const Slot &slot);
  Result<Tensor> output(const Program::Output &o) const;

  ExecOptions options;
  DiagEngine &diags;
  kernels::Team team;
  Program program;
};

Status Prepared::prepare(const Graph &g) {
  setThreads(options.threads); // oneDNN's primitives are made for a number of threads
  auto planned = planProgram(g, options, diags);
  if (!planned)
    return failure();
  program = std::move(*planned);
  return placeInArena(program, options, diags);
}

//===- Slots ----------------------------------------------------------------------------===//

/// Keeps a result. One that lies elsewhere in the arena (a kernel gave back its operand) must move: that place will be
/// used again.
void Prepared::put(Slot &slot, Tensor t) {
  const uint8_t *bytes = t.storage().bytes().data();
  bool inArena = bytes >= program.arena.get() && bytes < program.arena.get() + program.arenaBytes;
  if (inArena && bytes != slot.memory) {
    t = t.expanded();
    size_t size = t.storage().size();
    if (slot.memory && size == slot.bytes()) {
      std::memcpy(slot.memory, t.storage().bytes().data(), size);
      t = Tensor(t.type(), Blob::borrow({slot.memory, size}));
    } else {
      t = Tensor(t.type(), Blob::copy(t.storage().bytes()));
    }
  }
  slot.tensor = std::move(t);
}

/// A stored slot under the name of one of its values.
Tensor Prepared::stored(const Slot &slot, const Value &v) const {
  if (!slot.memory)
    return slot.tensor;
  return Tensor(v.type(), Blob::borrow({slot.memory, static_cast<size_t>(v.type().numBytes())}));
}

//===- Inputs and outputs ---------------------------------------------------------------===//

/// Converts one input to what its value is at run time.
Status Prepared::feed(const Program::Feed &feed, const Tensor &given) {
  const Value &v = *feed.value;
  const Type &type = v.type();
  bool fits = given.elemType().byteSize() != 0 && (!type.hasRank() || type.rank() == given.shape().size());
  for (size_t i = 0; fits && type.hasRank() && i < type.rank(); ++i)
    fits = type.dim(i) < 0 || type.dim(i) == given.shape()[i];
  if (!fits)
    return diags.error(fmt::format("input '{}' must be {}, is {}", v.name(), type.str(), given.type().str()));
  Slot &slot = program.slots[feed.slot];
  ElemType e = type.elemType();
  if (feed.form == Form::Stored && given.elemType() == e) {
    Tensor dense = given.expanded();
    std::memcpy(slot.memory, dense.storage().bytes().data(), slot.bytes());
    return success();
  }
  Tensor t = runtimeForm(given);
  if (e.isInteger() && e.kind != t.elemType().kind)
    t = castTo(t, e.kind);
  else if ((e.isFloat() || e.isFix()) && t.elemType().kind != ElemKind::F32)
    t = castTo(t, ElemKind::F32);
  if (e.isFix() && !options.ignoreFixPoints)
    roundToFix(t, e, RoundMode::HalfUp);
  if (feed.form == Form::Real) {
    slot.tensor = std::move(t);
    return success();
  }
  Tensor integers = storedForm(t, e);
  std::memcpy(slot.memory, integers.storage().bytes().data(), slot.bytes());
  return success();
}

/// A copy that outlives the next run.
Result<Tensor> Prepared::output(const Program::Output &o) const {
  const Slot &slot = program.slots[o.slot];
  if (o.form == Form::Stored)
    return stored(slot, *o.value).toFloat();
  if (slot.tensor.elemType().byteSize() == 0)
    return diags.error(fmt::format("output '{}' is not a number", o.value->name()));
  if (slot.constant || slot.tensor.isSplat())
    return slot.tensor.expanded();
  return Tensor(slot.tensor.type(), Blob::copy(slot.tensor.storage().bytes()));
}

//===- Steps ----------------------------------------------------------------------------===//

/// Calls work(begin, end) for pieces of [0, n), on all members of the team if it is worth waking them.
void Prepared::inPieces(size_t n, llvm::function_ref<void(size_t, size_t)> work) {
  constexpr size_t Piece = 1 << 15;
  team.run((n + Piece - 1) / Piece, [&](size_t i, unsigned) { work(i * Piece, std::min(n, (i + 1) * Piece)); });
}

Status Prepared::toStored(const Step &step) {
  Tensor x = program.slots[step.operands[0]].tensor.expanded();
  const Slot &result = program.slots[step.results[0]];
  if (x.elemType().kind != ElemKind::F32 || static_cast<size_t>(x.numElements()) != result.bytes())
    return diags.error(step.op ? step.op->loc() : Location(),
                       fmt::format("cannot execute: {} is to be rounded to {}", x.type().str(), result.type.str()));
  const float *from = data<float>(x);
  int8_t *to = reinterpret_cast<int8_t *>(result.memory);
  inPieces(static_cast<size_t>(x.numElements()), [&](size_t begin, size_t end) {
    floatToFix({from + begin, end - begin}, step.fix, to + begin);
  });
  return success();
}

void Prepared::toReal(const Step &step) {
  Slot &to = program.slots[step.results[0]];
  const Slot &from = program.slots[step.operands[0]];
  const int8_t *x = from.memory ? reinterpret_cast<const int8_t *>(from.memory) : from.tensor.as<int8_t>().data();
  to.tensor = to.memory ? Tensor(to.type, Blob::borrow({to.memory, to.bytes()})) : Tensor::zeros(to.type);
  float *y = mutData<float>(to.tensor);
  inPieces(static_cast<size_t>(to.type.numElements()), [&](size_t begin, size_t end) {
    fixToFloat({x + begin, end - begin}, step.fix, y + begin);
  });
}

Status Prepared::executeFloat(Step &step) {
  llvm::SmallVector<const Tensor *, 8> operands;
  for (unsigned slot : step.operands)
    operands.push_back(slot == Step::None ? nullptr : &program.slots[slot].tensor);
  llvm::SmallVector<Reserved, 2> reserved;
  for (unsigned slot : step.results)
    if (program.slots[slot].memory)
      reserved.push_back({program.slots[slot].memory, program.slots[slot].bytes()});
  Call call{*step.op, operands, diags, step.state, step.constants, options.vendorMeans, reserved};
  auto results = runKernel(call, *step.kernel, options.ignoreFixPoints);
  if (!results)
    return failure();
  for (unsigned i = 0; i < step.results.size(); ++i)
    put(program.slots[step.results[i]], std::move((*results)[i]));
  return success();
}

Status Prepared::executeMade(Step &step) {
  llvm::SmallVector<const float *, 8> in;
  llvm::SmallVector<float *, 4> out;
  for (unsigned s : step.operands) {
    Tensor &t = program.slots[s].tensor;
    if (t.isSplat())
      t = t.expanded();
    in.push_back(data<float>(t));
  }
  for (unsigned s : step.results) {
    Slot &slot = program.slots[s];
    slot.tensor = slot.memory ? Tensor(slot.type, Blob::borrow({slot.memory, slot.bytes()})) : Tensor::zeros(slot.type);
    out.push_back(mutData<float>(slot.tensor));
  }
  if (step.addend && out[0] != in.back())
    std::memcpy(out[0], in.back(), program.slots[step.results[0]].bytes());
  if (!step.floatKernel->run(in, out))
    return diags.error(step.op ? step.op->loc() : Location{},
                       fmt::format("cannot run {}: not enough memory", step.what));
  for (unsigned i = 0; i < step.results.size() && !step.inserted && !options.ignoreFixPoints; ++i)
    if (const Type &type = step.op->result(i)->type(); type.isFix())
      roundToFix(program.slots[step.results[i]].tensor, type.elemType(), roundModeOf(*step.op));
  return success();
}

/// An alias in float has a tensor of its own: the same bytes in another shape.
void Prepared::takeName(const Step &step) {
  Slot &to = program.slots[step.results[0]];
  if (!to.type.isFix())
    to.tensor = program.slots[step.operands[0]].tensor.reshaped(to.type.shape());
}

/// Steps other than float kernels have memory, and loops, for what the graph declares.
Status Prepared::checkOperands(const Step &step) {
  for (unsigned s : step.operands) {
    const Slot &slot = program.slots[s];
    if (!slot.type.isFix() && slot.type.isStatic() && slot.tensor.numElements() != slot.type.numElements())
      return diags.error(step.op ? step.op->loc() : Location{},
                         fmt::format("cannot execute: a float result is {}, the graph declares {}",
                                     slot.tensor.type().str(), slot.type.str()));
  }
  return success();
}

Status Prepared::execute(Step &step) {
  if (step.kind != Step::Kind::Float && step.kind != Step::Kind::Fixed && failed(checkOperands(step)))
    return failure();
  switch (step.kind) {
  case Step::Kind::Fixed:
    step.fixKernel->run(
        {step.in, reinterpret_cast<int8_t *>(program.slots[step.results[0]].memory), step.scratch, team});
    break;
  case Step::Kind::Float:
    if (failed(executeFloat(step)))
      return failure();
    break;
  case Step::Kind::Made:
    if (failed(executeMade(step)))
      return failure();
    break;
  case Step::Kind::ToStored:
    return toStored(step);
  case Step::Kind::ToReal:
    toReal(step);
    break;
  case Step::Kind::Alias:
    takeName(step);
    break;
  }
  return success();
}

Status Prepared::executeTimed(Step &step) {
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  if (failed(execute(step)))
    return failure();
  std::chrono::duration<double> seconds = Clock::now() - start;
  if (step.kind != Step::Kind::Alias && step.op)
    options.profile({*step.op, step.what, seconds.count(), step.macs});
  return success();
}

/// Hands what `step` computed to whoever wants to see it.
void Prepared::show(const Step &step) {
  if (step.inserted)
    return; // the value has been shown in its other form
  for (unsigned i = 0; i < step.results.size(); ++i) {
    const Value &v = *step.op->result(i);
    Slot &slot = program.slots[step.results[i]];
    if (options.observer)
      observe(v, slot);
    if (options.watcher)
      watch(v, slot);
  }
}

void Prepared::observe(const Value &v, Slot &slot) {
  if (!slot.type.isFix())
    return options.observer(v, slot.tensor);
  Tensor real = stored(slot, v).toFloat(); // of a compiled op: to look at only
  options.observer(v, real);
}

void Prepared::watch(const Value &v, const Slot &slot) {
  if (slot.type.isFix())
    return options.watcher(v, stored(slot, v));
  Tensor t = slot.last ? fromChannelsLast(slot.tensor) : slot.tensor;
  if (isStorable(&v) && !options.ignoreFixPoints && t.elemType().kind == ElemKind::F32)
    t = storedForm(t, v.type().elemType());
  options.watcher(v, t);
}

Result<std::vector<Tensor>> Prepared::run(llvm::ArrayRef<Tensor> inputs) {
  if (inputs.size() != program.feeds.size())
    return diags.error(fmt::format("the graph has {} inputs, {} were given", program.feeds.size(), inputs.size()));
  setThreads(options.threads);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (failed(feed(program.feeds[i], inputs[i])))
      return failure();
  for (Step &step : program.steps) {
    if (failed(options.profile ? executeTimed(step) : execute(step)))
      return failure();
    if (options.observer || options.watcher)
      show(step);
    for (unsigned slot : step.lastUses)
      program.slots[slot].tensor = Tensor();
  }
  std::vector<Tensor> outputs;
  for (const Program::Output &o : program.outputs) {
    auto t = output(o);
    if (!t)
      return failure();
    outputs.push_back(std::move(*t));
  }
  for (Slot &slot : program.slots)
    if (!slot.constant)
      slot.tensor = Tensor(); // the outputs own their memory alone, nothing is kept between runs
  return outputs;
}

} // namespace

Result<std::unique_ptr<Executor>> Executor::create(const Graph &g, ExecOptions options, DiagEngine &diags) {
  auto prepared = std::make_unique<Prepared>(std::move(options), diags);
  if (failed(prepared->prepare(g)))
    return failure();
  return std::unique_ptr<Executor>(std::move(prepared));
}
