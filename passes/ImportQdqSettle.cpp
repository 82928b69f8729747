//===- ImportQdqSettle.cpp - import-qdq: constants, groups, and what the DPU can do ---===//
//
// The plan says where the file rounds. Here it is compared with where the DPU rounds.
//
//===----------------------------------------------------------------------===//
#include "ImportQdq.h"
#include "Patterns.h"
#include "dpuopt/IR/OnnxViews.h"
#include "dpuopt/Quant/FixRules.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::qdq;

//===-- Constants -------------------------------------------------------------------===//

/// The integers of an 8-bit constant around `offset`, as they are.
static std::optional<Tensor> sameIntegers(const Tensor &ints, const QdqMeaning &m) {
  const ElemKind kind = ints.elemType().kind;
  const bool signedFits =
      m.offset == 0 && ((kind == ElemKind::I8 && m.pos.bits == 8) || (kind == ElemKind::I16 && m.pos.bits == 16));
  if (signedFits)
    return ints.bitcast(m.pos.elemType());
  if (kind != ElemKind::U8 || m.pos.bits != 8 || m.offset != 128)
    return std::nullopt;
  Tensor out = ints.isSplat() ? Tensor(ints.type().withShape({1}), Blob::copy(ints.storage().bytes())) : ints;
  for (uint8_t &b : out.mut<uint8_t>())
    b ^= 0x80;
  out = out.bitcast(m.pos.elemType());
  return ints.isSplat() ? Tensor::splat(out.type().withShape(ints.shape()), out.storage()) : out;
}

std::optional<FixedConstant> qdq::fixConstant(const Tensor &x, bool isInteger, const QdqNumbers &numbers) {
  const QdqMeaning m = meaningOf(numbers);
  FixedConstant out;
  if (m.exact && isInteger)
    if (auto same = sameIntegers(x, m))
      return out.tensor = std::move(*same), out;
  std::optional<Tensor> real = isInteger ? dequantized(x, numbers) : requantized(x, numbers);
  if (!real)
    return std::nullopt;
  FixPos pos = m.pos;
  if (!m.exact) {
    pos.bits = pos.bits > 8 && pos.bits <= MaxBits && m.rule != "qdq.bits" ? pos.bits : 8;
    pos.fixPoint = diffsFixPoint(*real, pos.bits, SearchRange, Rounding::HalfAway);
  }
  out.tensor = quantizeTensor(*real, pos, Rounding::HalfAway);
  RoundingCost cost = roundingCost(*real, out.tensor);
  out.lossless = cost.changed == 0;
  if (out.lossless)
    return out;
  // A bias in the accumulator's own 32 bits is what every other runtime wants.
  out.tolerable = m.rule == "qdq.bits";
  out.rule = out.tolerable ? "qdq.wide-bias" : m.rule;
  out.note = fmt::format("{}; as {} {}", m.why.substr(0, m.why.find(": nearest")), pos.elemType().str(), cost.str());
  return out;
}

namespace {

class Settler {
public:
  Settler(Graph &g, FixPlan &plan, const Options &options, DiagEngine &diags)
      : g(g), plan(plan), options(options), diags(diags) {}

  void run() {
    dropCarried();
    mergeRelus();
    roundPads();
    groups = quantGroups(g);
    settleGroups();
    fillConstants();
    nameMissing();
    if (!options.unrepaired)
      adjust();
    for (const auto &[value, pos] : plan)
      value->setType(value->type().withElem(pos.elemType()));
  }

private:
  const FixPos *planned(const Value *v) const;
  const FixPos *carried(const Value *v) const;
  void dropCarried();
  void mergeRelus();
  void roundPads();
  void settleGroups();
  struct Next {
    const Value *value = nullptr;
    const FixPos *pos = nullptr;
    bool onlyRelus = true, concat = false;
  };
  Next nextRounding(const Value *v) const;
  void fillConstants();
  void fill(const Op &op, Value *v);
  void nameMissing();
  void adjust();

  Graph &g;
  FixPlan &plan;
  const Options &options;
  DiagEngine &diags;
  QuantGroups groups;
};

const FixPos *Settler::planned(const Value *v) const {
  auto it = plan.find(const_cast<Value *>(v));
  return it == plan.end() ? nullptr : &it->second;
}

/// The fix point of the data that `v` is or moves.
const FixPos *Settler::carried(const Value *v) const {
  while (v) {
    if (const FixPos *pos = planned(v))
      return pos;
    v = v->def() && isMovement(*v->def()) ? v->def()->operand(0) : nullptr;
  }
  return nullptr;
}

/// What a movement op returns is rounded already when its input was rounded to the same.
void Settler::dropCarried() {
  for (Op &op : g.ops())
    if (isMovement(op))
      for (Value *r : op.results()) {
        const FixPos *own = planned(r), *source = carried(op.operand(0));
        if (own && source && *own == *source)
          plan.erase(r);
      }
}

/// Relu of what only it reads of a Relu, with one rounding at most: one Relu (unsigned integers have brought the
/// other).
void Settler::mergeRelus() {
  for (Op &op : llvm::make_early_inc_range(g.ops())) {
    Value *x = op.is("onnx.Relu") && op.numResults() == 1 ? op.operand(0) : nullptr;
    if (!x || !x->def() || !x->def()->is("onnx.Relu") || !x->soleUser())
      continue;
    const FixPos *first = planned(x), *second = planned(op.result());
    if (first && second && !(*first == *second))
      continue;
    const auto pos = first ? std::optional(*first) : second ? std::optional(*second) : std::nullopt;
    plan.erase(op.result());
    takeOver(x, op.result());
    if (pos)
      plan[x] = *pos;
  }
}

/// Does `op` pad with numbers of the fix point `pos` (all but the mode constant: with its input's)?
static bool padsWithin(const Op &op, const FixPos &pos) {
  if (op.getString("mode", "constant") != "constant")
    return true;
  const auto value = op.operand(2) ? constantScalar(op.operand(2)) : op.getFloat("value", 0);
  const double steps = std::ldexp(value.value_or(NAN), pos.fixPoint);
  const double half = std::ldexp(1.0, pos.bits - 1);
  return steps == std::floor(steps) && steps >= -half && steps < half;
}

/// What a Pad returns is rounded as its input is: rounding it again, as the DPU does, changes nothing.
void Settler::roundPads() {
  for (Op &op : g.ops()) {
    const FixPos *source =
        op.is("onnx.Pad") && op.numResults() == 1 && !planned(op.result()) ? carried(op.operand(0)) : nullptr;
    if (!source || !padsWithin(op, *source))
      continue;
    const FixPos pos = *source; // a copy: making room moves what the map holds
    plan[op.result()] = pos;
  }
}

/// What rounds the data of `v` next, as far as `v` goes nowhere else.
Settler::Next Settler::nextRounding(const Value *v) const {
  Next next;
  for (unsigned depth = 0; depth < 64; ++depth) {
    Op *user = v->soleUser();
    if (!user || user->numResults() != 1)
      return {};
    next.concat = user->is("onnx.Concat");
    next.onlyRelus &= next.concat || user->is("onnx.Relu") || isMovement(*user);
    v = user->result();
    if ((next.pos = planned(v)))
      return next.value = v, next;
    if (next.concat || groups.holder(v) == v)
      return {};
  }
  return {};
}

/// Fix points inside a layer (Conv, Q, DQ, Relu, Q, DQ): the DPU rounds behind the activation only.
void Settler::settleGroups() {
  std::vector<Value *> drop;
  for (const auto &[v, pos] : plan) {
    if (constantOf(v) || !v->def() || isMovement(*v->def()) || groups.holder(v) == v)
      continue;
    const Next next = nextRounding(v);
    if (!next.value)
      continue;
    // Rounding twice to one fix point is rounding once; Relu keeps the grid and so may come between.
    const bool repeats = *next.pos == pos && next.onlyRelus;
    if (repeats || (!next.concat && options.groupEnds))
      drop.push_back(v);
    if (repeats || next.concat)
      continue;
    std::string what = fmt::format("'{}' ({}) is rounded inside a layer that ends in '{}' ({})", v->name(),
                                   pos.elemType().str(), next.value->name(), next.pos->elemType().str());
    if (options.groupEnds)
      diags.remark(v->def()->loc(), what + ": no longer, for the DPU rounds once").rule("qdq.inside-group");
    else
      diags.warning(v->def()->loc(), what + ": the DPU would round once, so the two are not fused")
          .rule("qdq.inside-group")
          .note("the option group-ends keeps the last rounding only");
  }
  for (Value *v : drop)
    plan.erase(v);
}

void Settler::fill(const Op &op, Value *v) {
  Tensor real = constantOf(v)->toFloat();
  FixPos pos{8, diffsFixPoint(real, 8, SearchRange, Rounding::HalfAway)};
  Tensor fixed = quantizeTensor(real, pos, Rounding::HalfAway);
  diags
      .warning(op.loc(), fmt::format("constant '{}' of a quantized layer has no fix point in the file: as {} {}",
                                     v->name(), pos.elemType().str(), roundingCost(real, fixed).str()))
      .rule("qdq.float-constant");
  v->def()->setAttr("value", Attr::tensor(std::move(fixed)));
  v->setType(v->type().withElem(pos.elemType()));
  plan[v] = pos;
}

/// Constants that only a quantized layer's file could have left float: their fix point needs no data.
void Settler::fillConstants() {
  for (const Op &op : g.ops()) {
    if (!isQuantizable(op))
      continue;
    for (unsigned i = 0; i < op.numOperands(); ++i) {
      Value *v = op.operand(i), *data = op.operand(i == 0 ? 1 : 0);
      if (!v || !constantOf(v) || groups.holder(v) != v || planned(v) || !v->type().elemType().isFloat())
        continue;
      const Value *end = groups.holder(op.result());
      if (carried(data) && end && planned(end))
        fill(op, v);
    }
  }
}

void Settler::nameMissing() {
  std::vector<std::string> names;
  for (const Value *v : groups.activations)
    if (!planned(v) && !carried(v) && !v->unused())
      names.push_back("'" + v->name() + "'");
  if (names.empty())
    return;
  const size_t total = names.size();
  constexpr size_t listed = 8;
  names.resize(std::min(total, listed));
  diags
      .warning(fmt::format("{} values that the DPU would round have no fix point in the file and stay float: {}{}",
                           total, fmt::join(names, ", "), total > listed ? ", ..." : ""))
      .rule("qdq.missing")
      .note("what reads or makes them runs on the CPU; quantize the whole model");
}

/// What the shifters cannot do is changed; a movement op that also requantizes is only mentioned.
void Settler::adjust() {
  FixPlan copy = plan;
  for (const FixChange &c : adjustFixPoints(g, groups, copy))
    if (c.rule == "quant.same-position")
      diags
          .remark(c.loc, fmt::format("'{}' has fix point {}, its input {}: kept", c.value->name(), c.before.fixPoint,
                                     c.after.fixPoint))
          .rule(c.rule);
  AdjustOptions keep;
  keep.samePosition = false;
  std::vector<FixChange> changes = adjustFixPoints(g, groups, plan, keep);
  FixPlan changed;
  for (const FixChange &c : changes) {
    diags.warning(c.loc, c.message()).rule(c.rule);
    changed[c.value] = plan.find(c.value)->second;
  }
  applyFixPlan(changed);
  reportBroken(g, groups, plan, diags);
}

} // namespace

void qdq::settle(Graph &g, FixPlan &plan, const Options &options, DiagEngine &diags) {
  Settler(g, plan, options, diags).run();
}
