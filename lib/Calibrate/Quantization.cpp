//===- Quantization.cpp - a float graph on its way to fix points ----------------------===//
#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Quant/DpuAverage.h"
#include "dpuopt/Quant/LeakySlope.h"

using namespace dpuopt;

int FlowGraph::prepare(const Value &v, Tensor &t) const {
  auto found = sites.find(&v);
  if (found == sites.end() || !t.elemType().isFloat())
    return -1;
  if (t.elemType().kind != ElemKind::F32)
    t = t.toFloat();
  if (found->second.factor != 1)
    for (float &x : t.mut<float>())
      x *= found->second.factor;
  return found->second.slot;
}

Quantization::Quantization(const Graph &g, int bits, bool averageApproximation)
    : exact(g.clone()), base(g.clone()), width(bits), averageApproximation(averageApproximation) {
  useDpuSlopes(*base);
  quantGroups = dpuopt::quantGroups(*base);
  for (Value *v : quantGroups.params) {
    paramSlots[v] = static_cast<int>(params.size());
    params.push_back({v, constantOf(v)->toFloat(), {bits, 0}});
  }
  for (Value *v : quantGroups.activations) {
    activationSlots[v] = static_cast<int>(activations.size());
    activations.push_back({v, std::nullopt});
  }
}

FixPlan Quantization::plan() const {
  FixPlan plan;
  for (const Param &p : params)
    plan[p.value] = p.pos;
  for (const Activation &a : activations)
    if (a.pos)
      plan[a.value] = *a.pos;
  return plan;
}

void Quantization::take(const FixPlan &plan) {
  for (const auto &[value, pos] : plan)
    if (int p = paramSlot(value); p >= 0)
      params[static_cast<size_t>(p)].pos = pos;
    else if (int a = activationSlot(value); a >= 0)
      activations[static_cast<size_t>(a)].pos = pos;
}

std::vector<FixChange> Quantization::adjust(const AdjustOptions &options) {
  FixPlan repaired = plan();
  auto changes = adjustFixPoints(*base, quantGroups, repaired, options);
  take(repaired);
  return changes;
}

FlowGraph Quantization::flow(bool roundParams) const {
  FlowGraph flow;
  flow.graph = base->clone();
  for (const Param &p : params) {
    Value *v = flow.graph->lookup(p.value->name());
    v->def()->setAttr(
        "value", Attr::tensor(roundParams ? quantizeTensor(p.floats, p.pos, Rounding::HalfAway).toFloat() : p.floats));
    v->setType(v->type().withElem(ElemKind::F32));
  }
  for (const Activation &a : activations)
    flow.sites[flow.graph->lookup(a.value->name())].slot = activationSlot(a.value);
  if (averageApproximation)
    for (const Op &op : flow.graph->ops())
      if (float factor = dpuFactor(op); factor != 1)
        flow.sites[op.result()].factor = factor;
  return flow;
}

void Quantization::applyTo(Graph &g) const {
  useDpuSlopes(g);
  FixPlan moved;
  for (const Param &p : params) {
    Value *v = g.lookup(p.value->name());
    v->def()->setAttr("value", Attr::tensor(p.floats));
    v->setType(v->type().withElem(ElemKind::F32));
  }
  for (const auto &[value, pos] : plan())
    moved[g.lookup(value->name())] = pos;
  applyFixPlan(moved);
}
