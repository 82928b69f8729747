//===- Executor.cpp - a graph made ready to run many times ------------------------------===//
#include "ConvShape.h"
#include "Evaluate.h"
#include "Rounding.h"
#include "llvm/ADT/DenseMap.h"
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

/// One op at run time. Values are numbered slots; None is an absent operand.
struct Step {
  static constexpr unsigned None = ~0u;
  const Op *op;
  const KernelEntry *kernel;
  std::vector<unsigned> operands, results;
  uint64_t constants = 0;         ///< operands that never change
  std::vector<unsigned> lastUses; ///< slots to empty afterwards
  std::unique_ptr<KernelState> state;
};

class Prepared final : public Executor {
public:
  Prepared(const Graph &g, ExecOptions options, DiagEngine &diags) : g(g), options(std::move(options)), diags(diags) {}
  Status prepare();
  Result<std::vector<Tensor>> run(llvm::ArrayRef<Tensor> inputs) override;

private:
  unsigned slotOf(const Value *v);
  Status addOp(const Op &op);
  Status execute(Step &step);
  void findLastUses();
  Status feed(const Value &v, const Tensor &given);
  std::vector<const Op *> neededOps() const;

  const Graph &g;
  ExecOptions options;
  DiagEngine &diags;
  llvm::DenseMap<const Value *, unsigned> slots;
  std::vector<Tensor> values;
  std::vector<bool> constant; ///< by slot: the same in every run
  std::vector<Step> steps;
  std::vector<Value *> feeds;
};

unsigned Prepared::slotOf(const Value *v) {
  auto [it, fresh] = slots.try_emplace(v, values.size());
  if (fresh)
    values.emplace_back(), constant.push_back(false);
  return it->second;
}

/// Ops in order; only those an output depends on, unless somebody watches them all.
std::vector<const Op *> Prepared::neededOps() const {
  llvm::DenseMap<const Op *, bool> needed;
  std::vector<const Op *> work, order;
  auto require = [&](const Value *v) {
    if (v && v->def() && needed.try_emplace(v->def(), true).second)
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
    if (options.observer || needed.count(&op))
      order.push_back(&op);
  return order;
}

Status Prepared::prepare() {
  feeds = graphFeeds(g);
  for (const Value *v : feeds)
    slotOf(v);
  for (const Op *op : neededOps())
    if (failed(addOp(*op)))
      return failure();
  findLastUses();
  return success();
}

Status Prepared::addOp(const Op &op) {
  if (op.isConst()) {
    const Tensor *value = op.getTensor("value");
    if (!value)
      return diags.error(op.loc(), fmt::format("constant '{}' has no value", op.result()->name()));
    unsigned slot = slotOf(op.result());
    values[slot] = value->elemType().byteSize() ? runtimeForm(*value) : *value;
    constant[slot] = true;
    return success();
  }
  if (op.isOneOf("xir.data", "xir.data-fix"))
    return success();
  const KernelEntry *kernel = op.getBool("off_table") ? nullptr : findKernel(op.name());
  if (!kernel)
    return diags.error(op.loc(),
                       fmt::format("cannot execute {}: the executor does not know this operator", op.name().str()));
  Step step{&op, kernel, {}, {}, 0, {}, nullptr};
  bool allConstant = true;
  for (unsigned i = 0; i < op.numOperands(); ++i) {
    const Value *v = op.operand(i);
    step.operands.push_back(v ? slotOf(v) : Step::None);
    if (v && constant[step.operands[i]] && i < 64)
      step.constants |= uint64_t(1) << i;
    allConstant = allConstant && (!v || constant[step.operands[i]]);
  }
  for (const Value *v : op.results())
    step.results.push_back(slotOf(v));
  // What depends on constants alone is computed once, here; an observer wants to see it in every run.
  if (!allConstant || options.observer) {
    steps.push_back(std::move(step));
    return success();
  }
  for (unsigned r : step.results)
    constant[r] = true;
  return execute(step);
}

void Prepared::findLastUses() {
  std::vector<bool> used(values.size(), false);
  for (const Value *v : g.outputs())
    if (v)
      used[slotOf(v)] = true;
  for (Step &step : llvm::reverse(steps)) {
    auto last = [&](unsigned slot) {
      if (slot == Step::None || used[slot])
        return;
      used[slot] = true;
      if (!constant[slot])
        step.lastUses.push_back(slot);
    };
    for (unsigned slot : step.results)
      last(slot);
    for (unsigned slot : step.operands)
      last(slot);
  }
  for (unsigned slot = 0; slot < values.size(); ++slot)
    if (!used[slot])
      values[slot] = Tensor();
}

Status Prepared::execute(Step &step) {
  llvm::SmallVector<const Tensor *, 8> operands;
  for (unsigned slot : step.operands)
    operands.push_back(slot == Step::None ? nullptr : &values[slot]);
  Call call{*step.op, operands, diags, step.state, step.constants, options.vendorMeans};
  auto results = runKernel(call, *step.kernel, options.ignoreFixPoints);
  if (!results)
    return failure();
  for (unsigned i = 0; i < step.results.size(); ++i)
    values[step.results[i]] = std::move((*results)[i]);
  return success();
}

/// Converts one input to what its value is at run time.
Status Prepared::feed(const Value &v, const Tensor &given) {
  const Type &type = v.type();
  bool fits = given.elemType().byteSize() != 0 && (!type.hasRank() || type.rank() == given.shape().size());
  for (size_t i = 0; fits && type.hasRank() && i < type.rank(); ++i)
    fits = type.dim(i) < 0 || type.dim(i) == given.shape()[i];
  if (!fits)
    return diags.error(fmt::format("input '{}' must be {}, is {}", v.name(), type.str(), given.type().str()));
  ElemType e = type.elemType();
  Tensor t = runtimeForm(given);
  if (e.isInteger() && e.kind != t.elemType().kind)
    t = castTo(t, e.kind);
  else if ((e.isFloat() || e.isFix()) && t.elemType().kind != ElemKind::F32)
    t = castTo(t, ElemKind::F32);
  if (e.isFix() && !options.ignoreFixPoints)
    roundToFix(t, e, RoundMode::HalfUp);
  values[slots.lookup(&v)] = std::move(t);
  return success();
}

Result<std::vector<Tensor>> Prepared::run(llvm::ArrayRef<Tensor> inputs) {
  if (inputs.size() != feeds.size())
    return diags.error(fmt::format("the graph has {} inputs, {} were given", feeds.size(), inputs.size()));
  setThreads(options.threads);
  for (size_t i = 0; i < feeds.size(); ++i)
    if (failed(feed(*feeds[i], inputs[i])))
      return failure();
  for (Step &step : steps) {
    if (failed(execute(step)))
      return failure();
    if (options.observer)
      for (unsigned i = 0; i < step.results.size(); ++i)
        options.observer(*step.op->result(i), values[step.results[i]]);
    for (unsigned slot : step.lastUses)
      values[slot] = Tensor();
  }
  std::vector<Tensor> outputs;
  for (const Value *v : g.outputs()) {
    Tensor &t = values[slots.lookup(v)];
    if (t.elemType().byteSize() == 0)
      return diags.error(fmt::format("output '{}' is not a number", v->name()));
    outputs.push_back(t.expanded());
  }
  for (unsigned slot = 0; slot < values.size(); ++slot)
    if (!constant[slot])
      values[slot] = Tensor(); // the outputs own their memory alone, nothing is kept between runs
  return outputs;
}

} // namespace

Result<std::unique_ptr<Executor>> Executor::create(const Graph &g, ExecOptions options, DiagEngine &diags) {
  auto prepared = std::make_unique<Prepared>(g, std::move(options), diags);
  if (failed(prepared->prepare()))
    return failure();
  return std::unique_ptr<Executor>(std::move(prepared));
}
