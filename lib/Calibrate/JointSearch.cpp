//===- JointSearch.cpp - positions judged by the network's outputs ----------------------===//
//
// A move shifts one position, or some together, by one. Those that cost least where they
// are made come first; what that is, is measured on each tensor alone. After all have been
// tried, those are tried again, until none helps or the number of evaluations is used up.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Calibrate/JointSearch.h"
#include "Judge.h"
#include "dpuopt/Calibrate/PositionCost.h"
#include "dpuopt/Quant/FixRules.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

namespace {

struct Move {
  std::vector<size_t> params, activations; ///< slots
  int by;
  double cost = 0; ///< how much more noise, relative to the signal, in the tensors moved
};

class Search {
public:
  Search(Quantization &q, const JointSearchOptions &options, const AdjustOptions &adjust, const StepContext &context)
      : q(q), options(options), adjust(adjust), context(context) {}
  Status run();

private:
  void addSingles();
  void addJoints();
  Status rank();
  double paramCost(size_t slot, int by) const;
  bool make(const Move &move);
  Result<bool> attempt(const Move &move);
  bool mayGo(FixPos pos, int by) const;

  Quantization &q;
  const JointSearchOptions &options;
  const AdjustOptions &adjust;
  const StepContext &context;
  std::vector<size_t> which;
  Judge judge;
  std::vector<Move> moves;
  size_t broken = 0; ///< rules, before anything moves
  size_t evaluations = 0;
};

} // namespace

bool Search::mayGo(FixPos pos, int by) const {
  return pos.fixPoint + by >= MinFixPoint && pos.fixPoint + by <= maxFixPoint(pos.bits);
}

//===-- Moves ---------------------------------------------------------------------------===//

void Search::addSingles() {
  for (int by : {-1, 1}) {
    for (size_t slot = 0; slot < q.activations.size(); ++slot)
      if (q.activations[slot].pos)
        moves.push_back({{}, {slot}, by});
    for (size_t slot = 0; slot < q.params.size(); ++slot)
      moves.push_back({{slot}, {}, by});
  }
}

/// An Add shifts its inputs to one position: they may be worth more together.
void Search::addJoints() {
  for (const Op &op : q.graph().ops()) {
    if (!op.isOneOf("onnx.Add", "onnx.Sub", "onnx.Sum", "onnx.Concat") || op.numOperands() < 2)
      continue;
    std::vector<size_t> inputs;
    for (const Value *operand : op.operands()) {
      const int slot = operand ? q.activationSlot(q.groups().holder(operand)) : -1;
      if (slot >= 0 && q.activations[static_cast<size_t>(slot)].pos && !llvm::is_contained(inputs, size_t(slot)))
        inputs.push_back(static_cast<size_t>(slot));
    }
    const int out = q.activationSlot(q.groups().holder(op.result()));
    std::vector<size_t> all = inputs;
    if (out >= 0 && q.activations[static_cast<size_t>(out)].pos && !llvm::is_contained(all, size_t(out)))
      all.push_back(static_cast<size_t>(out));
    for (int by : {-1, 1}) {
      if (inputs.size() > 1)
        moves.push_back({{}, inputs, by});
      if (all.size() > inputs.size() && all.size() > 1)
        moves.push_back({{}, all, by});
    }
  }
}

static double relativeNoise(const Tensor &floats, FixPos pos) {
  const Tensor dense = floats.expanded();
  llvm::ArrayRef<float> exact = dense.as<float>();
  std::vector<float> rounded(exact.begin(), exact.end());
  fakeQuantize(rounded, pos, Rounding::HalfAway);
  double noise = 0, signal = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    const double d = static_cast<double>(rounded[i]) - exact[i];
    noise += d * d, signal += static_cast<double>(exact[i]) * exact[i];
  }
  return signal > 0 ? noise / signal : 0;
}

double Search::paramCost(size_t slot, int by) const {
  const Quantization::Param &p = q.params[slot];
  return relativeNoise(p.floats, {p.pos.bits, p.pos.fixPoint + by}) - relativeNoise(p.floats, p.pos);
}

Status Search::rank() {
  std::vector<PositionQuery> queries;
  for (size_t slot = 0; slot < q.activations.size(); ++slot)
    for (int by : {-1, 0, 1}) {
      FixPos pos = q.activations[slot].pos.value_or(FixPos{q.bits(), 0});
      pos.fixPoint += by;
      queries.push_back({static_cast<int>(slot), pos});
    }
  constexpr size_t Looked = 16;
  auto costs = positionCosts(q, queries, context.samples, llvm::makeArrayRef(which).take_front(Looked), context.threads,
                             context.diags);
  if (!costs)
    return failure();
  auto noise = [&](size_t slot, int by) {
    const PositionCost &c = (*costs)[3 * slot + static_cast<size_t>(1 + by)];
    return c.signal > 0 ? c.noise / c.signal : 0;
  };
  for (Move &move : moves) {
    for (size_t slot : move.activations)
      move.cost += noise(slot, move.by) - noise(slot, 0);
    for (size_t slot : move.params)
      move.cost += paramCost(slot, move.by);
  }
  llvm::stable_sort(moves, [](const Move &a, const Move &b) { return a.cost < b.cost; });
  return success();
}

//===-- Attempts ------------------------------------------------------------------------===//

/// What the DPU cannot do and no repair has mended.
static size_t brokenRules(const Quantization &q) {
  const FixPlan plan = q.plan();
  size_t broken = 0;
  for (const Op &op : q.graph().ops())
    for (const FixConstraint &c : fixConstraints(op, q.groups(), plan))
      broken += c.rule->gravity == FixGravity::Broken && !c.holds(plan);
  return broken;
}

/// False: it cannot be made, the repairs undo it, or they cannot mend it.
bool Search::make(const Move &move) {
  for (size_t slot : move.params)
    if (!mayGo(q.params[slot].pos, move.by))
      return false;
  for (size_t slot : move.activations)
    if (!mayGo(*q.activations[slot].pos, move.by))
      return false;
  const FixPlan before = q.plan();
  for (size_t slot : move.params)
    q.params[slot].pos.fixPoint += move.by;
  for (size_t slot : move.activations)
    q.activations[slot].pos->fixPoint += move.by;
  q.adjust(adjust);
  const FixPlan after = q.plan();
  return !std::equal(before.begin(), before.end(), after.begin(), after.end()) && brokenRules(q) <= broken;
}

/// True: it helps, and has been kept.
Result<bool> Search::attempt(const Move &move) {
  const FixPlan before = q.plan();
  if (!make(move))
    return q.take(before), false;
  ++evaluations;
  const double ratio = judge.ratio();
  auto found = judge.of(q);
  if (!found)
    return failure();
  // Less than this is no gain, only a different network.
  constexpr double Worthwhile = 0.999;
  if (!(*found < ratio * Worthwhile))
    return q.take(before), false;
  std::string moved;
  for (const auto &[value, pos] : q.plan())
    if (const int was = before.find(value)->second.fixPoint; was != pos.fixPoint)
      moved += fmt::format("{}'{}' {} -> {}", moved.empty() ? "" : ", ", value->name(), was, pos.fixPoint);
  context.diags
      .remark(fmt::format("position search: {}: noise-to-signal ratio at the outputs {:.4g} -> {:.4g}", moved, ratio,
                          *found))
      .rule("calibrate.step");
  q.outcomes.push_back({"position search", std::move(moved), ratio, *found, true});
  judge.keep(*found);
  return true;
}

Status Search::run() {
  which = firstSamples(std::min(context.samples.size(), std::max<size_t>(1, options.images)));
  if (failed(judge.begin(q, context, which)))
    return failure();
  broken = brokenRules(q);
  addSingles();
  addJoints();
  if (failed(rank()))
    return failure();
  for (bool helped = true; helped && judge.ratio() > 0;) {
    helped = false;
    for (const Move &move : moves) {
      if (evaluations >= options.evaluations)
        return success();
      auto better = attempt(move);
      if (!better)
        return failure();
      helped |= *better;
      if (context.progress)
        context.progress("position search", evaluations, options.evaluations);
    }
  }
  return success();
}

Status dpuopt::searchJointly(Quantization &q, const JointSearchOptions &options, const AdjustOptions &adjust,
                             const StepContext &context) {
  return Search(q, options, adjust, context).run();
}
