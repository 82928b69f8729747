//===- FixSites.cpp - sites of onnx.* graphs ------------------------------------------===//
#include "FixSites.h"

using namespace dpuopt;

namespace {

class Finder {
public:
  Finder(const QuantGroups &groups, const FixPlan &plan) : groups(groups), plan(plan) {}
  FoundSites sites(const Op &op);

private:
  Value *holder(const Value *v) const;
  FoundSites unary(FixSite site, const Op &op) const;
  FoundSites conv(const Op &op) const;
  FoundSites add(const Op &op) const;
  FoundSites product(const Op &op) const;
  FoundSites concat(const Op &op) const;
  FoundSites move(const Op &op) const;
  FoundSites clip(const Op &op) const;

  const QuantGroups &groups;
  const FixPlan &plan;
};

/// The planned value that `v`'s position is kept in, or null.
Value *Finder::holder(const Value *v) const {
  if (!v)
    return nullptr;
  if (auto own = plan.find(const_cast<Value *>(v)); own != plan.end())
    return own->first;
  Value *held = groups.holder(v);
  return held && plan.count(held) ? held : nullptr;
}

FoundSites Finder::unary(FixSite site, const Op &op) const {
  FoundSite found{site, {}};
  if (Value *in = holder(op.operand(0)))
    found.inputs.push_back(in);
  found.out = holder(op.result());
  return {found};
}

FoundSites Finder::conv(const Op &op) const {
  FoundSite found{FixSite::Conv, {}};
  Value *in = holder(op.operand(0));
  found.weight = holder(op.operand(1)), found.bias = holder(op.operand(2)), found.out = holder(op.result());
  if (const Op *add = linearBias(op))
    found.bias = holder(add->operand(add->operand(0) == op.result()));
  if (!in || !found.weight || !constantOf(op.operand(1)))
    return {};
  found.inputs.push_back(in);
  const Op *activation = op.result()->soleUser();
  if (!activation || !activation->is("onnx.LeakyRelu"))
    return {found};
  FoundSite leaky = found;
  leaky.site = FixSite::LeakyConv;
  return {found, leaky};
}

FoundSites Finder::add(const Op &op) const {
  const Value *first = op.operand(0), *second = op.operand(1);
  for (const Value *v : {first, second})
    if (v && v->def() && linearBias(*v->def()) == &op)
      return {};
  FoundSite found{FixSite::Add, {}};
  for (const Value *v : op.operands())
    if (Value *in = holder(v))
      found.inputs.push_back(in);
  found.out = holder(op.result());
  if (found.inputs.size() != op.numOperands() || op.numOperands() < 2)
    return {};
  return {found};
}

FoundSites Finder::product(const Op &op) const {
  const Value *x = op.operand(0), *factor = op.operand(1);
  auto gates = [](const Value *g, const Value *x) {
    return g && g->def() && g->def()->isOneOf("onnx.HardSigmoid", "onnx.Sigmoid") && g->def()->operand(0) == x;
  };
  if (gates(x, factor))
    std::swap(x, factor);
  if (op.numOperands() != 2 || !holder(x))
    return {};
  FoundSite found{gates(factor, x) ? FixSite::Swish : FixSite::Product, {holder(x)}};
  found.factor = holder(factor), found.out = holder(op.result());
  return {found};
}

FoundSites Finder::concat(const Op &op) const {
  FoundSites sites;
  Value *out = holder(op.result());
  llvm::SmallVector<Value *, 8> seen;
  for (const Value *v : op.operands())
    if (Value *in = holder(v); in && in != out && !llvm::is_contained(seen, in)) {
      sites.push_back({FixSite::Concat, {in}, out});
      seen.push_back(in);
    }
  return sites;
}

/// A position shared through a Concat is the Concat's to choose.
FoundSites Finder::move(const Op &op) const {
  Value *out = holder(op.result());
  const bool shared = out && out->def() && out->def() != &op && out->def()->is("onnx.Concat");
  return shared ? FoundSites() : unary(FixSite::Move, op);
}

/// Clip from 0 to 6 behind an op that the DPU can clip: its operand has no position of its own.
FoundSites Finder::clip(const Op &op) const {
  const Tensor *low = constantOf(op.operand(1)), *high = constantOf(op.operand(2));
  const double from = low && low->numElements() == 1 ? low->at(0) : op.getFloat("min", -1);
  const double to = high && high->numElements() == 1 ? high->at(0) : op.getFloat("max", -1);
  Value *out = holder(op.result());
  if (from != 0 || to != 6 || !op.operand(0) || !op.operand(0)->def() || holder(op.operand(0)) != out)
    return {};
  return {{FixSite::Relu6, {}, out}};
}

FoundSites Finder::sites(const Op &op) {
  if (op.numResults() == 0)
    return {};
  if (op.isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm", "onnx.MatMul"))
    return conv(op);
  if (op.isOneOf("onnx.Add", "onnx.Sub", "onnx.Sum", "onnx.Max", "onnx.Min"))
    return add(op);
  if (op.is("onnx.Mul"))
    return product(op);
  if (op.is("onnx.HardSigmoid"))
    return unary(FixSite::HardSigmoid, op);
  if (op.is("onnx.HardSwish"))
    return unary(FixSite::HardSwish, op);
  if (op.is("onnx.Concat"))
    return concat(op);
  if (op.isOneOf("onnx.MaxPool", "onnx.AveragePool", "onnx.GlobalAveragePool")) {
    FoundSites pool = unary(FixSite::Pool, op);
    pool.front().average = !op.is("onnx.MaxPool");
    return pool;
  }
  if (op.isOneOf("onnx.Slice", "onnx.Pad"))
    return move(op);
  if (op.isOneOf("onnx.Resize", "onnx.Upsample") && op.getString("mode", "nearest") == "nearest") {
    bool feedsConcat = llvm::any_of(op.result()->uses(), [](const Use &use) { return use.user->is("onnx.Concat"); });
    return feedsConcat ? FoundSites() : move(op);
  }
  return op.is("onnx.Clip") ? clip(op) : FoundSites();
}

} // namespace

FoundSites dpuopt::onnxSites(const Op &op, const QuantGroups &groups, const FixPlan &plan) {
  return Finder(groups, plan).sites(op);
}
