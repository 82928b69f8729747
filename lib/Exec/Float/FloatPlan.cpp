//===- FloatPlan.cpp - which ops have float kernels -------------------------------------------===//
#include "FloatPlan.h"
#include "../Kernel.h"

using namespace dpuopt;
using namespace dpuopt::exec;

/// Is anything rounded to a grid, where the last bit of what comes before may decide?
static bool rounds(const Graph &g) {
  auto isFix = [](const Value *v) { return v->type().isFix(); };
  for (const Op &op : g.ops())
    if (op.name().endswith("QuantizeLinear") || llvm::any_of(op.results(), isFix))
      return true;
  return llvm::any_of(g.inputs(), isFix);
}

FloatPlan::FloatPlan(const Graph &g, const ExecOptions &options, Constants &constants)
    : options(options), constants(constants), enabled(!options.observer || options.observerTakesAnyOrder),
      fusing(!options.observer && !options.watcher), exactOnly(!options.ignoreFixPoints && rounds(g)) {}

FloatUnit *FloatPlan::unitOf(const Op &op) {
  auto it = units.find(&op);
  return it == units.end() ? nullptr : it->second.get();
}

/// f32 at run time, of a size known now.
bool FloatPlan::isReal(const Value *v) const {
  ElemType e = v->type().elemType();
  return v->type().isStatic() && v->type().numElements() > 0 && v->type().numElements() <= MaxResultElements &&
         (e.kind == ElemKind::F32 || e.isFix());
}

bool FloatPlan::suits(const Op &op) const {
  if (op.getBool("off_table") || !op.numResults() || !op.operand(0))
    return false;
  for (const Value *v : op.operands())
    if (v && !constants.contains(v) && !isReal(v))
      return false;
  return llvm::all_of(op.results(), [&](const Value *v) { return isReal(v); });
}

bool FloatPlan::choose(const Op &op, Taken taken) {
  if (!enabled)
    return false;
  if (!free(op))
    return true;
  if (!suits(op))
    return false;
  if (chooseAlias(op))
    return true;
  const FloatEntry *entry = findFloatEntry(op.name());
  return entry && (entry->exact || !exactOnly) && chooseKernel(op, *entry, taken);
}

//===- The same bytes -------------------------------------------------------------------===//

/// A transposition that only says what the layout is already.
static bool isPermutation(const Op &op, llvm::ArrayRef<int64_t> perm) {
  return op.is("onnx.Transpose") && llvm::makeArrayRef(op.getInts("perm")) == perm;
}

bool FloatPlan::chooseAlias(const Op &op) {
  const Value *x = op.operand(0), *y = op.result();
  bool reshapes = op.isOneOf("onnx.Reshape", "onnx.Flatten", "onnx.Squeeze", "onnx.Unsqueeze", "onnx.Identity");
  bool toPlain = isPermutation(op, {0, 2, 3, 1}) && last.count(x), toLast = isPermutation(op, {0, 3, 1, 2});
  if (constants.contains(x) || op.numResults() != 1 || x->type().numElements() != y->type().numElements() ||
      (!reshapes && !toPlain && !toLast) || (y->type().isFix() && !(x->type() == y->type())))
    return false;
  auto unit = std::make_unique<FloatUnit>();
  unit->anchor = &op, unit->inputs = {x};
  unit->inLast = toPlain || (op.is("onnx.Identity") && last.count(x));
  unit->outLast = toLast || (op.is("onnx.Identity") && last.count(x));
  if (unit->outLast)
    last.insert(y);
  units[&op] = std::move(unit);
  return true;
}

//===- Kernels --------------------------------------------------------------------------===//

bool FloatPlan::follows(const Op &op) const {
  return llvm::any_of(op.operands(), [&](const Value *v) { return v && last.count(v); });
}

/// Kernels made once look at the required operands without asking.
static bool isComplete(const Op &op) {
  const KernelEntry *general = findKernel(op.name());
  for (unsigned i = 0; i < (general ? general->required : 1); ++i)
    if (!op.operand(i))
      return false;
  return true;
}

bool FloatPlan::chooseKernel(const Op &op, const FloatEntry &entry, Taken taken) {
  if (!isComplete(op))
    return false;
  bool image = op.isOnnx() && hasLayout(*op.operand(0));
  bool channelsLast = image && (entry.place == Place::Last || (entry.place == Place::Follows && follows(op)));
  FloatChain none{&op, {}, {}, {}, {}};
  if (fusing && entry.fuses) {
    FloatChain chain = grow(op, taken, true);
    if (chain.last != &op && make(op, entry, chain, channelsLast))
      return true;
    FloatChain shorter = chain.addend ? grow(op, taken, false) : none;
    if (shorter.last != &op && make(op, entry, shorter, channelsLast))
      return true;
  }
  return make(op, entry, none, channelsLast) ||
         (channelsLast && entry.place == Place::Follows && make(op, entry, none, false));
}

std::vector<const Tensor *> FloatPlan::constantsOf(const Op &op, std::vector<Tensor> &held) const {
  held.resize(op.numOperands());
  std::vector<const Tensor *> pointers(op.numOperands(), nullptr);
  for (unsigned i = 0; i < op.numOperands(); ++i)
    if (op.operand(i) && constants.contains(op.operand(i)))
      if (auto t = constants.raw(*op.operand(i)))
        held[i] = std::move(*t), pointers[i] = &held[i];
  return pointers;
}

bool FloatPlan::make(const Op &op, const FloatEntry &entry, const FloatChain &chain, bool channelsLast) {
  std::vector<Tensor> held;
  FloatRequest request{
      op, channelsLast, constantsOf(op, held), chain.post, chain.affine ? &*chain.affine : nullptr, exactOnly};
  for (unsigned i = 0; i < op.numOperands(); ++i) // computed ones may not be what their types say
    if (request.isConstant(i) && request.constants[i]->shape() != op.operand(i)->type().shape())
      return false;
  auto unit = std::make_unique<FloatUnit>();
  unit->kernel = entry.make(request);
  if (!unit->kernel)
    return false;
  unit->anchor = &op, unit->inLast = unit->outLast = channelsLast;
  for (unsigned i : unit->kernel->reads)
    unit->inputs.push_back(op.operand(i));
  if (chain.addend)
    unit->addend = true, unit->inputs.push_back(chain.addend);
  const Op *previous = &op;
  for (const Op *next : chain.ops) {
    swallowed.insert(previous);
    previous = next;
  }
  for (const Value *v : chain.last->results())
    if (channelsLast && hasLayout(*v))
      last.insert(v);
  units[chain.last] = std::move(unit);
  return true;
}
