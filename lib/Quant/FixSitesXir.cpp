//===- FixSitesXir.cpp - sites of xir.* graphs, quantized or compiled -------------------===//
//
// Quantized: positions are at the `fix` ops behind what they round. Compiled: an op and its
// activation are one `*-fix` op with the position in its result. The hard activations inside
// a compiled convolution are left out: their shifts are attributes, made by the compiler.
//
//===----------------------------------------------------------------------===//
#include "FixSites.h"
#include "dpuopt/IR/XirOps.h"

using namespace dpuopt;

namespace {

bool moves(const Op &op) {
  return op.isOneOf("xir.reshape", "xir.flatten", "xir.squeeze", "xir.transpose", "xir.upload", "xir.download",
                    "xir.identity", "xir.pixel-shuffle", "xir.reorg", "xir.gstiling", "xir.tile");
}

bool isConstant(const Value *v) {
  if (v && v->def() && v->def()->is("xir.fix"))
    v = v->def()->operand(0);
  return constantOf(v);
}

/// The value that has the position of the data in `v`.
Value *placeOf(Value *v, const FixPlan &plan) {
  while (v && !plan.count(v))
    v = v->def() && moves(*v->def()) ? v->def()->operand(0) : nullptr;
  return v;
}

/// Where the result of `op` is rounded, and by which activations it gets there.
struct End {
  Value *value = nullptr;
  bool leaky = false, relu6 = false;
};
End endOf(const Op &op, const FixPlan &plan) {
  End end;
  Value *v = op.result();
  const std::string nonlinear = op.getString("nonlinear");
  end.leaky = nonlinear == "LEAKYRELU", end.relu6 = nonlinear == "RELU6";
  while (!plan.count(v)) {
    Op *user = v->soleUser();
    if (!user || !user->isXir() || user->numResults() != 1)
      return end;
    end.leaky |= user->is("xir.leaky-relu");
    end.relu6 |= user->is("xir.relu6");
    const bool factor =
        user->is("xir.mul") && user->numOperands() == 2 && isConstant(user->operand(user->operand(0) == v));
    if (!factor && !moves(*user) &&
        !user->isOneOf("xir.fix", "xir.relu", "xir.leaky-relu", "xir.relu6", "xir.prelu", "xir.concat"))
      return end;
    v = user->result();
  }
  end.value = v;
  return end;
}

FoundSites convSites(const Op &op, const FixPlan &plan) {
  FoundSite found{FixSite::Conv, {}};
  Value *in = placeOf(xirArg(op, "input"), plan);
  if (op.is("xir.matmul")) // both factors are inputs
    found.weight = placeOf(op.operand(1), plan);
  else if (op.isOneOf("xir.scale", "xir.scale-fix"))
    found.weight = placeOf(xirArg(op, "scale"), plan);
  else
    found.weight = placeOf(xirArg(op, "weights"), plan);
  found.bias = placeOf(xirArg(op, "bias"), plan);
  End end = endOf(op, plan);
  found.out = end.value;
  if (!in || !found.weight || !isConstant(found.weight) || llvm::StringRef(op.getString("nonlinear")).startswith("HS"))
    return {};
  found.inputs.push_back(in);
  FoundSites sites{found};
  if (end.leaky)
    sites.push_back(found), sites.back().site = FixSite::LeakyConv;
  if (end.relu6 && end.value)
    sites.push_back({FixSite::Relu6, {}, end.value});
  return sites;
}

/// All operands have positions, or none of it is a site.
FoundSites allInputs(FixSite site, const Op &op, const FixPlan &plan) {
  End end = endOf(op, plan);
  FoundSite found{site, {}, end.value};
  for (Value *v : op.operands())
    if (Value *in = placeOf(v, plan))
      found.inputs.push_back(in);
  if (found.inputs.size() != op.numOperands() || found.inputs.empty())
    return {};
  FoundSites sites{found};
  if (end.relu6 && end.value)
    sites.push_back({FixSite::Relu6, {}, end.value});
  return sites;
}

/// A swish is x * hard-sigmoid(x): the sigmoid has its factor and its `fix` on the way.
FoundSites productSites(const Op &op, const FixPlan &plan) {
  if (op.numOperands() != 2)
    return {};
  Value *x = placeOf(op.operand(0), plan), *factor = placeOf(op.operand(1), plan);
  auto gates = [&](Value *g, Value *x) {
    for (int steps = 0; g && g->def() && steps < 4; ++steps, g = g->def()->operand(0))
      if (g->def()->isOneOf("xir.hard-sigmoid", "xir.hard-sigmoid-fix"))
        return placeOf(g->def()->operand(0), plan) == x;
    return false;
  };
  if (!x || !factor)
    return {};
  if (gates(x, factor))
    std::swap(x, factor);
  FoundSite found{gates(factor, x) ? FixSite::Swish : FixSite::Product, {x}, endOf(op, plan).value};
  found.factor = factor;
  return {found};
}

FoundSites concatSites(const Op &op, const FixPlan &plan) {
  FoundSites sites;
  Value *out = endOf(op, plan).value;
  llvm::SmallVector<Value *, 8> seen;
  for (Value *v : op.operands())
    if (Value *in = placeOf(v, plan); in && in != out && !llvm::is_contained(seen, in)) {
      sites.push_back({FixSite::Concat, {in}, out});
      seen.push_back(in);
    }
  return sites;
}

FoundSites unary(FixSite site, const Op &op, const FixPlan &plan) {
  Value *in = placeOf(op.operand(0), plan);
  if (!in)
    return {};
  return {{site, {in}, endOf(op, plan).value}};
}

} // namespace

FoundSites dpuopt::xirSites(const Op &op, const FixPlan &plan) {
  if (op.numResults() != 1 || op.numOperands() == 0)
    return {};
  llvm::StringRef type = op.name().drop_front(4);
  const bool compiled = type.consume_back("-fix");
  const std::string kind = op.getString("type");
  if (type.contains("conv") || type == "inner-product" || type == "scale" || type == "matmul")
    return convSites(op, plan);
  if (type == "add" || type == "sub" || type == "max" || type == "min" ||
      (type == "eltwise" && (kind == "ADD" || kind == "SUB" || kind == "MAX" || kind == "MIN")))
    return allInputs(FixSite::Add, op, plan);
  if (type == "mul" || ((type == "eltwise" || type == "depthwise") && kind == "MUL"))
    return productSites(op, plan);
  if (type == "hard-sigmoid")
    return unary(FixSite::HardSigmoid, op, plan);
  if (type == "hard-swish")
    return unary(FixSite::HardSwish, op, plan);
  if (type == "concat")
    return concatSites(op, plan);
  if (type == "maxpool2d" || type == "avgpool2d" || (compiled && type == "pool")) {
    FoundSites pool = unary(FixSite::Pool, op, plan);
    for (FoundSite &site : pool)
      site.average = type == "avgpool2d" || kind == "AVG";
    return pool;
  }
  if (type == "pad" || type == "strided_slice" ||
      ((type == "resize" || type == "upsample") && op.getString("mode") == "NEAREST"))
    return unary(FixSite::Move, op, plan);
  return {};
}
