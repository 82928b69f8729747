//===- Isolate.cpp - a graph cut into layers that can be fed one by one ------------------===//
#include "dpuopt/Compare/Isolate.h"

using namespace dpuopt;

IsolatedGraph dpuopt::isolateLayers(const Graph &g, llvm::ArrayRef<const Value *> cuts) {
  IsolatedGraph out;
  out.graph = g.clone();
  for (Value *v : out.graph->inputs())
    out.inputs.push_back({v, SIZE_MAX});
  std::vector<Value *> results;
  for (size_t i = 0; i < cuts.size(); ++i) {
    Value *v = out.graph->lookup(cuts[i]->name());
    results.push_back(v);
    if (v->unused())
      continue;
    Value *input = out.graph->addInput(out.graph->uniqueName(v->name() + "_given"), v->type());
    v->replaceAllUsesWith(input);
    out.inputs.push_back({input, i});
  }
  for (const Op &op : out.graph->ops())
    if (op.isOneOf("xir.data", "xir.data-fix"))
      out.inputs.push_back({op.result(), SIZE_MAX});
  out.graph->setOutputs(results);
  return out;
}

std::vector<const Op *> dpuopt::segmentOf(const Value &v, const llvm::DenseSet<const Value *> &known) {
  std::vector<const Op *> found;
  llvm::DenseSet<const Op *> seen;
  std::vector<const Op *> next;
  auto visit = [&](const Value *value) {
    if (value && value->def() && seen.insert(value->def()).second)
      next.push_back(value->def());
  };
  visit(&v);
  while (!next.empty()) {
    const Op *op = next.back();
    next.pop_back();
    found.push_back(op);
    for (const Value *operand : op->operands())
      if (operand && !known.count(operand))
        visit(operand);
  }
  std::reverse(found.begin(), found.end());
  return found;
}
