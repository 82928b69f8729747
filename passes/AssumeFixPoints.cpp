//===- AssumeFixPoints.cpp - placeholder fix points, so that rules can be asked ---===//
//
// Before: an onnx.* graph without fix points. After: every value and constant that
// quantization would give a position has one: 8 bits, fix point 7, adjusted as the
// DPU needs it. Conditions: none; values that stay float stay float.
// The numbers mean nothing; the types are those of the quantized model. Constants are
// rounded when somebody reads them; splats stay splats.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Pass/Pass.h"
#include "dpuopt/Quant/FixPlan.h"

namespace dpuopt {
namespace {

/// What the vendor's inspector assumes too.
constexpr FixPos Placeholder{8, 7};

PassResult run(Graph &g, PassContext &ctx) {
  QuantGroups groups = quantGroups(g);
  FixPlan plan;
  for (Value *v : groups.activations)
    plan[v] = Placeholder;
  for (Value *v : groups.params)
    plan[v] = Placeholder;
  if (plan.empty())
    return PassResult::Unchanged;
  reportChanges(adjustFixPoints(g, groups, plan), ctx.diags);
  applyFixPlan(plan);
  return PassResult::Changed;
}

} // namespace

extern const PassInfo AssumeFixPointsPass;
const PassInfo AssumeFixPointsPass = {
    "assume-fix-points",
    "Give every value that would be quantized a placeholder fix point",
    "**Before:** an `onnx.*` graph. **After:** graph inputs, op results at the end of quantization groups, weights, "
    "biases and constant operands have `q8.7` types (adjusted where the DPU needs another fix point), so that support "
    "rules and partitioning can be asked without calibration. **Conditions:** none. The numbers in the constants are "
    "rounded at that placeholder and are good for nothing else; splats stay splats.",
    Preserves::Meaning,
    {},
    run,
};

} // namespace dpuopt
