//===- FixLint.cpp - broken constraints and the ways out -------------------------------===//
#include "dpuopt/Quant/FixLint.h"
#include "llvm/ADT/SetVector.h"
#include <cmath>
#include <limits>

using namespace dpuopt;

namespace {

class Linter {
public:
  Linter(const Graph &g, const QuantGroups &groups, const FixPlan &plan) : g(g), groups(groups), plan(plan) {}
  std::vector<FixFinding> run();

private:
  using Moves = std::vector<FixMove>;
  void addWays(FixFinding &finding);
  std::optional<Moves> movesOf(const FixConstraint &c, FixRole role);
  Moves toSmallest(const FixConstraint &c) const;
  std::optional<Moves> toBestPosition(const FixConstraint &c, const Moves &limit);
  std::optional<Moves> movesBy(FixTool tool, const FixConstraint &c);
  bool mends(const FixConstraint &c, const Moves &moves);
  std::vector<FixConstraint> brokenBy(const Moves &moves);
  void apply(const Moves &moves);
  void undo(const Moves &moves);

  const Graph &g;
  const QuantGroups &groups;
  FixPlan plan;
  llvm::DenseMap<const Value *, llvm::SetVector<const Op *>> opsOf; ///< with a constraint on the value's position
};

bool placeable(int fixPoint) { return fixPoint >= MinFixPoint && fixPoint <= MaxFixPoint; }

void Linter::apply(const Moves &moves) {
  for (const FixMove &m : moves)
    plan[m.value] = m.after;
}

void Linter::undo(const Moves &moves) {
  for (const FixMove &m : moves)
    plan[m.value] = m.before;
}

/// The constraint as it is after other positions have changed: another input may be the finest then.
const FixConstraint *sameOf(const std::vector<FixConstraint> &all, const FixConstraint &c) {
  const FixConstraint *best = nullptr;
  for (const FixConstraint &other : all) {
    if (other.rule != c.rule)
      continue;
    const bool same = llvm::all_of(llvm::zip(other.terms, c.terms),
                                   [](const auto &pair) { return std::get<0>(pair).value == std::get<1>(pair).value; });
    if (same)
      return &other;
    best = best ? best : &other;
  }
  return best;
}

bool Linter::mends(const FixConstraint &c, const Moves &moves) {
  apply(moves);
  auto now = fixConstraints(*c.op, groups, plan);
  const FixConstraint *same = sameOf(now, c);
  const bool good = same && same->holds(plan);
  undo(moves);
  return good;
}

/// Moves the position in that role until the constraint holds; nullopt: there is no such way.
std::optional<Linter::Moves> Linter::movesOf(const FixConstraint &c, FixRole role) {
  Moves moves;
  FixConstraint now = c;
  // Several inputs may be too fine, and the limit of a shift_bias moves with the weights.
  const unsigned most = c.op->numOperands() + 16;
  for (unsigned step = 0; step < most && !now.holds(plan); ++step) {
    const FixTerm &term = *now.term(role);
    FixPos before = plan[term.value], after = before;
    after.fixPoint = now.wanted(term, plan);
    if (!placeable(after.fixPoint) || after == before)
      break;
    auto earlier = llvm::find_if(moves, [&](const FixMove &m) { return m.value == term.value; });
    if (earlier != moves.end())
      earlier->after = after;
    else
      moves.push_back({term.value, before, after});
    plan[term.value] = after;
    auto all = fixConstraints(*c.op, groups, plan);
    if (const FixConstraint *same = sameOf(all, now))
      now = *same;
  }
  undo(moves);
  if (moves.empty() || !mends(c, moves))
    return std::nullopt;
  return moves;
}

/// All positions of the rule at the op become the smallest.
Linter::Moves Linter::toSmallest(const FixConstraint &c) const {
  Moves moves;
  int smallest = INT_MAX;
  llvm::SetVector<Value *> values;
  for (const FixConstraint &other : fixConstraints(*c.op, groups, plan))
    for (const FixTerm &t : other.terms)
      if (other.rule == c.rule)
        values.insert(t.value), smallest = std::min(smallest, plan.find(t.value)->second.fixPoint);
  for (Value *v : values) {
    FixPos before = plan.find(v)->second;
    if (before.fixPoint != smallest)
      moves.push_back({v, before, {before.bits, smallest}});
  }
  return moves;
}

/// A parameter to the position of least squared error, if that mends it and is better than `limit`, the nearest legal
/// position.
std::optional<Linter::Moves> Linter::toBestPosition(const FixConstraint &c, const Moves &limit) {
  const Tensor *numbers = limit.size() == 1 ? numbersOf(limit[0].value) : nullptr;
  const FixPos before = limit[0].before;
  if (!numbers || before.bits < MinBits || before.bits > MaxBits)
    return std::nullopt;
  const int best = diffsFixPoint(numbers->toFloat(), before.bits, SearchRange, Rounding::HalfAway);
  Moves moves = {{limit[0].value, before, {before.bits, best}}};
  if (moves == limit || !placeable(best) || !mends(c, moves))
    return std::nullopt;
  auto cost = paramCost(moves[0]), limitCost = paramCost(limit[0]);
  return cost && limitCost && cost->snrAfter > limitCost->snrAfter ? std::optional(moves) : std::nullopt;
}

/// What the tool does about this constraint alone.
std::optional<Linter::Moves> Linter::movesBy(FixTool tool, const FixConstraint &c) {
  AdjustOptions options;
  options.tool = tool;
  FixPlan repaired = plan;
  Moves moves;
  for (const FixChange &change : repairConstraint(c, groups, repaired, options))
    moves.push_back({change.value, change.before, change.after});
  return moves.empty() ? std::nullopt : std::optional(moves);
}

std::vector<FixConstraint> Linter::brokenBy(const Moves &moves) {
  llvm::SetVector<const Op *> ops;
  for (const FixMove &m : moves)
    for (const Op *op : opsOf[m.value])
      ops.insert(op);
  std::vector<std::vector<FixConstraint>> before;
  std::vector<FixConstraint> broken;
  std::vector<bool> held;
  for (const Op *op : ops)
    for (const FixConstraint &c : fixConstraints(*op, groups, plan))
      held.push_back(c.holds(plan));
  apply(moves);
  size_t i = 0;
  for (const Op *op : ops)
    for (FixConstraint &c : fixConstraints(*op, groups, plan)) // as many, in the same order
      if (held[i++] && c.rule->gravity != FixGravity::Advice && !c.holds(plan))
        broken.push_back(std::move(c));
  undo(moves);
  return broken;
}

void Linter::addWays(FixFinding &finding) {
  const FixConstraint &c = finding.constraint;
  std::vector<FixWay> &ways = finding.ways;
  auto add = [&](Moves moves) -> FixWay & {
    auto known = llvm::find_if(ways, [&](const FixWay &w) { return w.moves == moves; });
    if (known != ways.end())
      return *known;
    ways.push_back({std::move(moves), {}, {}});
    ways.back().breaks = brokenBy(ways.back().moves);
    return ways.back();
  };
  for (const FixTerm &t : c.terms)
    if (auto moves = movesOf(c, t.role)) {
      if (auto best = toBestPosition(c, *moves))
        add(std::move(*best));
      add(std::move(*moves));
    }
  if (llvm::any_of(c.rule->repairs, [](const FixRepair &r) { return r.how == FixRepair::ToSmallest; }))
    add(toSmallest(c));
  for (size_t tool = 0; tool < NumFixTools; ++tool)
    if (auto moves = movesBy(FixTool(tool), c))
      add(std::move(*moves)).tools.push_back(FixTool(tool));
}

std::vector<FixFinding> Linter::run() {
  std::vector<FixFinding> findings;
  for (const Op &op : g.ops())
    for (FixConstraint &c : fixConstraints(op, groups, plan)) {
      for (const FixTerm &t : c.terms)
        opsOf[t.value].insert(&op);
      findings.push_back({std::move(c), {}});
    }
  for (FixFinding &f : findings)
    if (!f.constraint.holds(plan))
      addWays(f);
  return findings;
}

} // namespace

std::vector<FixFinding> dpuopt::lintFixPoints(const Graph &g, const QuantGroups &groups, const FixPlan &plan) {
  return Linter(g, groups, plan).run();
}

//===-- What a move costs ----------------------------------------------------------------===//

const Tensor *dpuopt::numbersOf(const Value *v) {
  if (v && v->def() && v->def()->is("xir.fix"))
    v = v->def()->operand(0);
  return constantOf(v);
}

namespace {
struct Loss {
  double snr = std::numeric_limits<double>::infinity(), maxError = 0;
};
} // namespace

static Loss lossAt(std::span<const float> numbers, FixPos pos) {
  std::vector<float> rounded(numbers.begin(), numbers.end());
  fakeQuantize(rounded, pos, Rounding::HalfAway);
  Loss loss;
  double signal = 0, noise = 0;
  for (size_t i = 0; i < rounded.size(); ++i) {
    const double x = numbers[i], error = std::fabs(x - rounded[i]);
    signal += x * x, noise += error * error, loss.maxError = std::max(loss.maxError, error);
  }
  if (noise > 0)
    loss.snr = 10 * std::log10(signal / noise);
  return loss;
}

std::optional<ParamCost> dpuopt::paramCost(const FixMove &move) {
  const Tensor *numbers = numbersOf(move.value);
  auto legal = [](FixPos p) { return p.bits >= MinBits && p.bits <= MaxBits && placeable(p.fixPoint); };
  if (!numbers || !legal(move.before) || !legal(move.after))
    return std::nullopt;
  const Tensor real = numbers->toFloat();
  const float *first = reinterpret_cast<const float *>(real.elements());
  const std::span<const float> span(first, real.isSplat() ? 1 : static_cast<size_t>(real.numElements()));
  if (!rangeOf(span).finite)
    return std::nullopt;
  const Loss before = lossAt(span, move.before), after = lossAt(span, move.after);
  auto steps = [&](double error) { return std::ldexp(error, move.before.fixPoint); };
  return ParamCost{before.snr, after.snr, steps(before.maxError), steps(after.maxError)};
}

std::optional<double> dpuopt::knownBound(const Value *v) {
  const Op *op = v ? v->def() : nullptr;
  if (!op)
    return std::nullopt;
  if (op->isOneOf("onnx.HardSigmoid", "onnx.Sigmoid", "onnx.Softmax"))
    return 1.0;
  if (!op->is("onnx.Clip"))
    return std::nullopt;
  auto number = [&](unsigned i, const char *attr) -> std::optional<double> {
    if (const Tensor *t = constantOf(op->operand(i)); t && t->numElements() == 1)
      return t->at(0);
    return op->hasAttr(attr) ? std::optional(op->getFloat(attr)) : std::nullopt;
  };
  auto low = number(1, "min"), high = number(2, "max");
  if (!low || !high)
    return std::nullopt;
  return std::max(std::fabs(*low), std::fabs(*high));
}

bool dpuopt::rangeFits(const Value *v, FixPos pos) {
  auto bound = knownBound(v);
  const double top = std::ldexp(1.0, pos.bits - 1) - 1; // half a step above it rounds to it; one above is the bound 1.0
  return bound && std::ldexp(*bound, pos.fixPoint) <= top + 1;
}
