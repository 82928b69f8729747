//===- AdjustFixPoints.cpp - what the DPU's shifters can do ---------------------===//
//
// vai_q_pytorch repairs positions when it exports them; the same rules in the same
// order, so that its files pass unchanged. One class walks the graph twice.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/FixPlan.h"
#include <algorithm>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// The DPU's shift fields: shift_cut and shift_bias are in 0..16 (a negative shift_bias
/// is possible as far as the accumulator's guard bits reach).
constexpr int MaxShift = 16;
/// hard-sigmoid's result is at most 1: fewer than 7 fractional bits waste the range.
constexpr int HardSigmoidFix = 7;

class Adjuster {
public:
  Adjuster(const Graph &g, const QuantGroups &groups, FixPlan &plan, const AdjustOptions &options)
      : g(g), groups(groups), plan(plan), options(options) {}

  std::vector<FixChange> run() {
    for (const Op &op : llvm::reverse(g.ops()))
      align(op);
    for (const Op &op : g.ops())
      repair(op);
    return std::move(changes);
  }

private:
  Value *holder(const Value *v) const;
  int fp(Value *v) const { return plan.find(v)->second.fixPoint; }
  void set(const Op &op, Value *v, int fixPoint, const char *rule, std::string formula);

  void align(const Op &op);
  void repair(const Op &op);
  void keepPosition(const Op &op);
  void hardSigmoid(const Op &op);
  void hardSwish(const Op &op);
  void shifts(const Op &op);

  const Graph &g;
  const QuantGroups &groups;
  FixPlan &plan;
  const AdjustOptions &options;
  std::vector<FixChange> changes;
};

/// The planned value that `v`'s position is kept in, or null.
Value *Adjuster::holder(const Value *v) const {
  if (!v)
    return nullptr;
  if (auto own = plan.find(const_cast<Value *>(v)); own != plan.end())
    return own->first;
  Value *held = groups.holder(v);
  return held && plan.count(held) ? held : nullptr;
}

void Adjuster::set(const Op &op, Value *v, int fixPoint, const char *rule, std::string formula) {
  FixPos &pos = plan.find(v)->second;
  if (pos.fixPoint == fixPoint)
    return;
  FixPos before = pos;
  pos.fixPoint = fixPoint;
  changes.push_back({v, before, pos, std::move(formula), rule, op.loc()});
}

void Adjuster::align(const Op &op) {
  bool concat = options.alignConcat && op.is("onnx.Concat");
  bool add = options.alignAdd && op.isOneOf("onnx.Add", "onnx.Sum");
  bool pool = options.alignPool && op.isOneOf("onnx.MaxPool", "onnx.AveragePool", "onnx.GlobalAveragePool");
  if (!concat && !add && !pool)
    return;
  const char *rule = concat ? "quant.align-concat" : add ? "quant.align-add" : "quant.align-pool";
  Value *out = holder(op.result());
  for (const Value *operand : op.operands())
    if (Value *in = holder(operand); in && out)
      set(op, in, fp(out), rule, fmt::format("input := output = {}", fp(out)));
}

/// Ops that only move data or fill in zeros cannot shift.
void Adjuster::keepPosition(const Op &op) {
  if (!options.samePosition)
    return;
  Value *in = holder(op.operand(0)), *out = holder(op.result());
  // A position shared through a Concat is the Concat's to choose.
  bool shared = out && out->def() && out->def() != &op && out->def()->is("onnx.Concat");
  if (in && out && !shared)
    set(op, out, fp(in), "quant.same-position", fmt::format("output := input = {}", fp(in)));
}

void Adjuster::hardSigmoid(const Op &op) {
  Value *in = holder(op.operand(0)), *out = holder(op.result());
  if (out && fp(out) < HardSigmoidFix)
    set(op, out, HardSigmoidFix, "quant.hardsigmoid-output", fmt::format("fp_o = {} < {}", fp(out), HardSigmoidFix));
  if (in && fp(in) < 0)
    set(op, in, 0, "quant.hardsigmoid-input", fmt::format("fp_i = {} < 0", fp(in)));
}

void Adjuster::hardSwish(const Op &op) {
  Value *in = holder(op.operand(0)), *out = holder(op.result());
  if (in && fp(in) < 0)
    set(op, in, 0, "quant.hardswish-input", fmt::format("fp_i = {} < 0", fp(in)));
  if (in && out && fp(out) > fp(in) + HardSigmoidFix)
    set(op, out, fp(in) + HardSigmoidFix, "quant.hardswish-output",
        fmt::format("fp_o = {} > fp_i + {} = {} + {}", fp(out), HardSigmoidFix, fp(in), HardSigmoidFix));
}

void Adjuster::shifts(const Op &op) {
  Value *in = holder(op.operand(0)), *weight = holder(op.operand(1)), *bias = holder(op.operand(2));
  if (const Op *add = linearBias(op))
    bias = holder(add->operand(add->operand(0) == op.result()));
  Value *out = holder(op.result());
  if (!in || !weight || !constantOf(op.operand(1)))
    return;
  const int cut = out ? fp(weight) + fp(in) - fp(out) : 0;
  if (cut < 0)
    set(op, out, fp(weight) + fp(in), "quant.shift-cut",
        fmt::format("shift_cut = fp_w + fp_i - fp_o = {} + {} - {} = {} < 0", fp(weight), fp(in), fp(out), cut));
  if (cut > MaxShift)
    set(op, weight, fp(weight) - (cut - MaxShift), "quant.shift-cut",
        fmt::format("shift_cut = fp_w + fp_i - fp_o = {} + {} - {} = {} > {}", fp(weight), fp(in), fp(out), cut,
                    MaxShift));
  if (!bias)
    return;
  // The quantizer goes on with the shift_cut it found, and so must we.
  const int least = std::min(0, cut - MaxShift), shift = fp(weight) + fp(in) - fp(bias);
  std::string formula =
      fmt::format("shift_bias = fp_w + fp_i - fp_b = {} + {} - {} = {}", fp(weight), fp(in), fp(bias), shift);
  if (shift < least)
    set(op, bias, fp(bias) + shift - least, "quant.shift-bias", fmt::format("{} < {}", formula, least));
  else if (shift > MaxShift)
    set(op, weight, fp(weight) - (shift - MaxShift), "quant.shift-bias", fmt::format("{} > {}", formula, MaxShift));
}

void Adjuster::repair(const Op &op) {
  if (op.isOneOf("onnx.Slice", "onnx.Pad"))
    return keepPosition(op);
  if (op.isOneOf("onnx.Resize", "onnx.Upsample") && op.getString("mode", "nearest") == "nearest") {
    bool feedsConcat = llvm::any_of(op.result()->uses(), [](const Use &use) { return use.user->is("onnx.Concat"); });
    return feedsConcat ? void() : keepPosition(op);
  }
  if (op.is("onnx.HardSigmoid"))
    return hardSigmoid(op);
  if (op.is("onnx.HardSwish"))
    return hardSwish(op);
  if (op.isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm", "onnx.MatMul"))
    return shifts(op);
}

} // namespace

std::string FixChange::message() const {
  return fmt::format("fix point of '{}' changed from {} to {}: {}", value->name(), before.fixPoint, after.fixPoint,
                     formula);
}

std::vector<FixChange> adjustFixPoints(const Graph &g, const QuantGroups &groups, FixPlan &plan,
                                       const AdjustOptions &options) {
  return Adjuster(g, groups, plan, options).run();
}

void reportChanges(llvm::ArrayRef<FixChange> changes, DiagEngine &diags) {
  for (const FixChange &change : changes)
    diags.remark(change.loc, change.message()).rule(change.rule);
}

} // namespace dpuopt
