//===- ImportQdqMacros.cpp - import-qdq: the DPU's constants that vai_q_pytorch spells out ---===//
//
// The quantizer's own export says in ONNX what the DPU computes:
//   hard-sigmoid  -> Clip(Relu(x + 3), 0, 6) * 2731/16384
//   average pool  -> AveragePool(x) * kh*kw*N/2^M
// Both become the plain operator again, for lower-to-xir writes these factors itself
// wherever values are fixed. Conditions: the product is rounded, or goes into a Concat that
// is (which rounds it the same); nothing inside is rounded.
//
//===----------------------------------------------------------------------===//
#include "ImportQdq.h"
#include "Patterns.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Quant/DpuAverage.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::qdq;

namespace {

constexpr double HardSigmoidFactor = 2731.0 / 16384;

bool isClose(double a, double b) { return std::fabs(a - b) <= 1e-6 * std::fabs(b); }

/// A constant with a fix point of its own is no constant of the DPU's (and must outlive the op).
bool readsPlanned(const Op &op, const FixPlan &plan) {
  return llvm::any_of(op.operands(), [&](Value *v) { return v && constantOf(v) && plan.count(v); });
}

/// The x of Clip(Relu(x + 3), 0, 6), the Relu optional; null if it is not that or something inside is rounded.
Value *shiftedRelu6(Value *v, const FixPlan &plan) {
  auto inner = [&](Value *u, const char *name) {
    Op *op = plan.count(u) ? nullptr : soleProducer(u, name);
    return op && !readsPlanned(*op, plan) ? op : nullptr;
  };
  Op *clip = inner(v, "onnx.Clip");
  if (!clip || !isRelu6(*clip))
    return nullptr;
  Value *sum = clip->operand(0);
  if (Op *relu = sum ? inner(sum, "onnx.Relu") : nullptr)
    sum = relu->operand(0);
  auto add = sum && !plan.count(sum) ? matchScalarOp(soleProducer(sum, "onnx.Add"), "onnx.Add") : std::nullopt;
  return add && add->number == 3 && !readsPlanned(*sum->def(), plan) ? add->x : nullptr;
}

/// Is `v` rounded, itself or by the Concat that alone reads it?
bool isRounded(Value *v, const FixPlan &plan) {
  const Op *user = plan.count(v) ? nullptr : v->soleUser();
  return plan.count(v) || (user && user->is("onnx.Concat") && user->numResults() == 1 && plan.count(user->result()));
}

class Macros {
public:
  Macros(Graph &g, FixPlan &plan) : g(g), plan(plan) {}
  void run() {
    for (Op &op : llvm::make_early_inc_range(g.ops()))
      foldScalarCast(op);
    for (Op &op : llvm::make_early_inc_range(g.ops()))
      if (auto mul = matchScalarOp(&op, "onnx.Mul"); mul && isRounded(op.result(), plan) && !readsPlanned(op, plan))
        hardSigmoid(op, *mul) || average(op, *mul);
  }

private:
  /// `value` takes the place of `op`'s result, its fix point, if any, included.
  void takePlace(Op &op, Value *value) {
    auto planned = plan.find(op.result());
    auto pos = planned == plan.end() ? std::nullopt : std::optional(planned->second);
    plan.erase(op.result());
    takeOver(value, op.result());
    if (pos)
      plan[value] = *pos;
  }

  /// torch.onnx gives Clip its bounds through a Cast of an integer constant.
  void foldScalarCast(Op &op) {
    bool plain = op.is("onnx.Cast") && !plan.count(op.result()) && !readsPlanned(op, plan);
    const Tensor *t = plain ? constantOf(op.operand(0)) : nullptr;
    DiagEngine silent; // what cannot be computed stays
    auto value = t && t->numElements() == 1 ? evaluate(op, {t}, silent) : failure();
    if (value)
      takeOver(g.createConst(op.result()->name(), std::move(value->front()), &op, op.loc()), op.result());
  }

  bool hardSigmoid(Op &op, const ScalarOp &mul) {
    // The DPU's factor over the exact operator is our own export's form of the same.
    Op *exact = isClose(mul.number, 6 * HardSigmoidFactor) && !plan.count(mul.x)
                    ? soleProducer(mul.x, "onnx.HardSigmoid")
                    : nullptr;
    if (exact && isClose(exact->getFloat("alpha", 0.2), 1.0 / 6) && exact->getFloat("beta", 0.5) == 0.5)
      return takePlace(op, mul.x), true;
    Value *x = isClose(mul.number, HardSigmoidFactor) ? shiftedRelu6(mul.x, plan) : nullptr;
    if (!x)
      return false;
    AttrMap attrs{{"alpha", Attr::f32(1.0f / 6)}, {"beta", Attr::f32(0.5f)}};
    OpSpec spec{"onnx.HardSigmoid", {x}, {{"hard_sigmoid", op.result()->type()}}, std::move(attrs), op.loc()};
    takePlace(op, g.create(std::move(spec), &op)->result());
    return true;
  }

  bool average(Op &op, const ScalarOp &mul) {
    Op *pool = plan.count(mul.x) ? nullptr
                                 : soleProducer(mul.x, "onnx.AveragePool", "onnx.GlobalAveragePool", "onnx.ReduceMean");
    auto factor = pool ? averageCorrection(*pool) : std::nullopt;
    if (!factor || !isClose(mul.number, *factor))
      return false;
    takePlace(op, mul.x);
    return true;
  }

  Graph &g;
  FixPlan &plan;
};

} // namespace

void qdq::foldMacros(Graph &g, FixPlan &plan) { Macros(g, plan).run(); }
