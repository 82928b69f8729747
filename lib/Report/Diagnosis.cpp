//===- Diagnosis.cpp - causes, plan and crossings, as reported ------------------------===//
#include "dpuopt/Report/Report.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace dpuopt;

static std::vector<ReportedRule> describe(llvm::ArrayRef<BrokenRule> broken) {
  std::vector<ReportedRule> rules;
  for (const BrokenRule &b : broken)
    rules.push_back({b.rule->id, b.required, b.found, b.remedy, b.rule->source});
  return rules;
}

static std::string nodeOf(const Op &op) { return op.loc().node.empty() ? xirName(op) : op.loc().node; }

/// The layer behind its fixes and reshapes: what an author would make an output.
static const Value *layerOf(const Value *v) {
  while (v->def() && (v->def()->is("xir.fix") || isReshapeLike(*v->def())) && v->def()->operand(0))
    v = v->def()->operand(0);
  return v;
}

static std::string remedyOf(const Cause &c) {
  if (c.isHead)
    return "make these tensors the outputs and compute the rest in the application (dpuc fix --fix head)";
  std::string remedy = c.rules.empty() ? "" : c.rules.front().remedy;
  if (c.atEnd && !remedy.empty() && remedy.find("application") == std::string::npos)
    remedy += "; or leave it to the application: nothing but this comes behind the last layers";
  return remedy;
}

static ReportedCause describe(const Cause &c) {
  ReportedCause r;
  r.id = c.id;
  r.title = c.title;
  r.isHead = c.isHead;
  r.atEnd = c.atEnd;
  r.followers = c.followers.size();
  r.dpuIfFixed = c.dpuIfFixed;
  r.rules = describe(c.rules);
  r.remedy = remedyOf(c);
  llvm::StringSet<> seen;
  for (const Op *op : c.ops)
    r.nodes.push_back(nodeOf(*op));
  for (const Value *v : c.cut)
    if (const Value *layer = layerOf(v); seen.insert(layer->name()).second)
      r.cut.push_back({layer->def() ? nodeOf(*layer->def()) : layer->name(), false, layer->type()});
  return r;
}

static int64_t bytesOf(const Type &t) {
  return t.isStatic() ? t.numElements() * (t.isFix() ? (t.elemType().bits + 7) / 8 : 4) : 0;
}

/// Tensors that leave or enter a DPU subgraph, in the order of the subgraphs that make them.
static std::vector<ReportedCrossing> crossingsOf(const Partition &p) {
  std::vector<ReportedCrossing> list;
  for (const Subgraph &from : p.subgraphs)
    for (const Value *v : from.outputs) {
      std::vector<std::string> devices;
      bool touchesDpu = from.device == Device::Dpu;
      for (const Subgraph &to : p.subgraphs)
        if (&to != &from && llvm::is_contained(to.inputs, v)) {
          touchesDpu |= to.device == Device::Dpu;
          if (!llvm::is_contained(devices, deviceName(to.device)))
            devices.push_back(deviceName(to.device));
        }
      if (!touchesDpu || devices.empty())
        continue;
      ReportedCrossing c{v->name(), deviceName(from.device), "", {}, v->type().elemType().str(), bytesOf(v->type())};
      if (v->type().isFix())
        c.type = "int" + std::to_string(v->type().elemType().bits);
      c.shape.assign(v->type().shape().begin(), v->type().shape().end());
      for (const std::string &d : devices)
        c.to += (c.to.empty() ? "" : ", ") + d;
      list.push_back(std::move(c));
    }
  return list;
}

void dpuopt::addDiagnosis(ModelReport &r, const Graph &g, const Partition &p, const Diagnosis &d) {
  llvm::StringMap<ReportedOp *> byName;
  for (ReportedOp &op : r.ops)
    byName[op.name] = &op;
  for (const Op &op : g.ops()) {
    auto it = byName.find(xirName(op));
    if (it == byName.end())
      continue;
    it->second->rules = describe(p.of(op).broken);
    it->second->subgraph = p.of(op).subgraph;
  }
  for (const Cause &c : d.causes) {
    for (const auto *list : {&c.ops, &c.followers})
      for (const Op *op : *list)
        if (auto it = byName.find(xirName(*op)); it != byName.end())
          it->second->cause = static_cast<int>(r.causes.size());
    r.causes.push_back(describe(c));
  }
  r.plan = ReportedPlan{d.dpu, d.expected, d.dpuIfAllFixed, d.reachable, d.exact, d.first};
  r.harmless = d.harmless;
  r.crossings = crossingsOf(p);
}
