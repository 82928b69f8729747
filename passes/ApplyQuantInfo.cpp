//===- ApplyQuantInfo.cpp - fix points from a quant_info.json -----------------------===//
//
// Before: an onnx.* graph after clean-up. After: the values the file names have its fix
// points as types (constants rounded half away from zero), repaired where the DPU
// could not shift. Conditions: every value that quantization gives a position has a
// key (else: allow-missing), every key has such a value (else: allow-extra), no
// position is null. Keys are ONNX tensor names.
//
//===----------------------------------------------------------------------===//
#include "QuantOptions.h"

namespace dpuopt {
namespace {

PassResult run(Graph &g, PassContext &ctx) {
  const std::string &file = ctx.option("file");
  if (file.empty())
    return ctx.diags.error("apply-quant-info needs the option file=FILE").rule("quant-info.file"), PassResult::Failure;
  Result<QuantInfo> info = readQuantInfo(file, ctx.diags);
  if (!info)
    return PassResult::Failure;
  QuantGroups groups = quantGroups(g);
  BindOptions options{ctx.flag("allow-missing"), ctx.flag("allow-extra")};
  Result<FixPlan> plan = bindQuantInfo(g, groups, *info, options, file, ctx.diags);
  if (!plan)
    return PassResult::Failure;
  if (plan->empty())
    return PassResult::Unchanged;
  reportChanges(adjustFixPoints(g, groups, *plan, adjustOptions(ctx)), ctx.diags);
  applyFixPlan(*plan);
  return PassResult::Changed;
}

} // namespace

extern const PassInfo ApplyQuantInfoPass;
const PassInfo ApplyQuantInfoPass = {
    "apply-quant-info",
    "Take fix points from a quant_info.json",
    "**Before:** an `onnx.*` graph after clean-up. **After:** graph inputs, the ends of quantization groups, weights, "
    "biases and constant operands have the file's fix points in their types, and constants hold integers. Fix points "
    "the DPU's shifters cannot combine are repaired as vai_q_pytorch does when it exports (each repair is a remark "
    "with its formula). **Conditions:** keys are ONNX tensor names, exactly; missing keys, keys without a tensor, and "
    "null positions are errors unless the options below allow them.",
    Preserves::Meaning,
    {{"file", "FILE", "quant_info.json in any of the vendor's layouts"},
     {"allow-missing", nullptr, "Tensors without a key or with a null position stay float"},
     {"allow-extra", nullptr, "Ignore keys that name no tensor with a position"},
     AlignConcatOption,
     AlignAddOption,
     AlignPoolOption},
    run,
};

} // namespace dpuopt
