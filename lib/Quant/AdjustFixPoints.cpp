//===- AdjustFixPoints.cpp - what the DPU's shifters can do ---------------------===//
//
// The vendor's tools repair positions when they export them; here the same repairs in the
// same order, so that their files pass unchanged. What is legal and who moves what is in
// the table (FixRules.h); here is only the order.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/FixRules.h"
#include <algorithm>
#include <fmt/format.h>

namespace dpuopt {
namespace {

class Adjuster {
public:
  Adjuster(const QuantGroups &groups, FixPlan &plan, const AdjustOptions &options)
      : groups(groups), plan(plan), options(options) {}

  std::vector<FixChange> run(const Graph &g) {
    options.tool == FixTool::VaiQPytorch ? opByOp(g) : ruleByRule(g);
    return std::move(changes);
  }
  std::vector<FixChange> runOn(const FixConstraint &c) {
    c.rule->repairBy(options.tool).how == FixRepair::ToSmallest ? takeSmallest(*c.rule, *c.op) : repair(c);
    return std::move(changes);
  }

private:
  void opByOp(const Graph &g);
  void ruleByRule(const Graph &g);
  void alignInputs(const Op &op);
  void repair(const FixConstraint &c);
  std::vector<FixConstraint> constraints(const FixRule &rule, const Op &op) const;
  void takeSmallest(const FixRule &rule, const Op &op);
  bool handles(const FixConstraint &c) const;
  int fp(Value *v) const { return plan.find(v)->second.fixPoint; }
  void set(const FixConstraint &c, Value *v, int fixPoint);

  const QuantGroups &groups;
  FixPlan &plan;
  const AdjustOptions &options;
  std::vector<FixChange> changes;
};

void Adjuster::set(const FixConstraint &c, Value *v, int fixPoint) {
  FixPos before = plan.find(v)->second;
  if (before.fixPoint == fixPoint)
    return;
  std::string formula = c.str(plan);
  plan[v].fixPoint = fixPoint;
  changes.push_back({v, before, plan[v], std::move(formula), c.rule->id, c.op->loc()});
}

/// vai_q_pytorch's first pass, for ops whose option is on: inputs take the output's position.
void Adjuster::alignInputs(const Op &op) {
  bool concat = options.alignConcat && op.is("onnx.Concat");
  bool add = options.alignAdd && op.isOneOf("onnx.Add", "onnx.Sum");
  bool pool = options.alignPool && op.isOneOf("onnx.MaxPool", "onnx.AveragePool", "onnx.GlobalAveragePool");
  if (!concat && !add && !pool)
    return;
  const char *rule = concat ? "quant.align-concat" : add ? "quant.align-add" : "quant.align-pool";
  auto placed = [&](const Value *v) {
    Value *own = const_cast<Value *>(v), *held = plan.count(own) ? own : v ? groups.holder(v) : nullptr;
    return held && plan.count(held) ? held : nullptr;
  };
  Value *out = placed(op.result());
  for (const Value *operand : op.operands()) {
    Value *in = placed(operand);
    if (!in || !out || fp(in) == fp(out))
      continue;
    FixPos before = plan[in];
    plan[in].fixPoint = fp(out);
    changes.push_back({in, before, plan[in], fmt::format("input := output = {}", fp(out)), rule, op.loc()});
  }
}

/// Ops and tools that do not go together although the rule is the tool's.
bool Adjuster::handles(const FixConstraint &c) const {
  if (options.tool == FixTool::VaiQOnnx && c.rule->site == FixSite::Conv)
    return c.op->is("onnx.Conv");
  if (options.tool == FixTool::VaiQTensorflow2 && c.rule->site == FixSite::Pool)
    return !c.op->is("onnx.GlobalAveragePool");
  return options.samePosition || c.rule->site != FixSite::Move;
}

void Adjuster::repair(const FixConstraint &c) {
  if (c.holds(plan) || !handles(c))
    return;
  const FixRepair &repair = c.rule->repairBy(options.tool);
  const bool below = c.amount(plan) < c.low;
  const FixTerm *term = c.term(below ? repair.below : repair.above);
  if (term)
    set(c, term->value, repair.how == FixRepair::ToNumber ? (below ? c.low : c.high) : c.wanted(*term, plan));
}

std::vector<FixConstraint> Adjuster::constraints(const FixRule &rule, const Op &op) const {
  std::vector<FixConstraint> found = fixConstraints(op, groups, plan);
  llvm::erase_if(found, [&](const FixConstraint &c) { return c.rule != &rule; });
  return found;
}

/// All positions of a rule at one op become the smallest of them.
void Adjuster::takeSmallest(const FixRule &rule, const Op &op) {
  int smallest = INT_MAX;
  const std::vector<FixConstraint> all = constraints(rule, op);
  for (const FixConstraint &c : all)
    for (const FixTerm &t : c.terms)
      smallest = std::min(smallest, fp(t.value));
  for (const FixConstraint &c : all)
    for (const FixTerm &t : c.terms)
      if (handles(c))
        set(c, t.value, smallest);
}

void Adjuster::opByOp(const Graph &g) {
  for (const Op &op : llvm::reverse(g.ops()))
    alignInputs(op);
  // The constraints of an op are made before its first repair: a shift_bias keeps the limit that the shift_cut gave it.
  for (const Op &op : g.ops())
    for (const FixConstraint &c : fixConstraints(op, groups, plan))
      repair(c);
}

void Adjuster::ruleByRule(const Graph &g) {
  for (const FixRule &rule : fixRules()) {
    if (!rule.repairBy(options.tool).any())
      continue;
    for (const Op &op : g.ops()) {
      if (rule.repairBy(options.tool).how == FixRepair::ToSmallest)
        takeSmallest(rule, op);
      else
        for (const FixConstraint &c : constraints(rule, op))
          repair(c);
    }
  }
}

} // namespace

std::string FixChange::message() const {
  return fmt::format("fix point of '{}' changed from {} to {}: {}", value->name(), before.fixPoint, after.fixPoint,
                     formula);
}

std::vector<FixChange> adjustFixPoints(const Graph &g, const QuantGroups &groups, FixPlan &plan,
                                       const AdjustOptions &options) {
  return Adjuster(groups, plan, options).run(g);
}

std::vector<FixChange> repairConstraint(const FixConstraint &c, const QuantGroups &groups, FixPlan &plan,
                                        const AdjustOptions &options) {
  return Adjuster(groups, plan, options).runOn(c);
}

void reportChanges(llvm::ArrayRef<FixChange> changes, DiagEngine &diags) {
  for (const FixChange &change : changes)
    diags.remark(change.loc, change.message()).rule(change.rule);
}

void reportBroken(const Graph &g, const QuantGroups &groups, const FixPlan &plan, DiagEngine &diags) {
  for (const Op &op : g.ops())
    for (const FixConstraint &c : fixConstraints(op, groups, plan))
      if (c.rule->gravity == FixGravity::Broken && !c.holds(plan))
        diags.warning(op.loc(), fmt::format("'{}': {}", op.result()->name(), c.str(plan)))
            .rule(c.rule->id)
            .note("the DPU cannot do this; dpuc lint-quant lists the ways out");
}

} // namespace dpuopt
