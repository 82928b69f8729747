//===- ApplyQuantInfo.cpp - fix points from a quant_info.json -----------------------===//
//
// Before: an onnx.* graph after clean-up. After: the values the file names have its fix
// points as types (constants rounded half away from zero), repaired where the DPU
// could not shift; the graph has the network's name if the keys tell it. Conditions:
// every value that quantization gives a position has a key (else: allow-missing), every
// key is bound to a value (else: allow-unbound), no position is null. How keys find
// their values: dpuopt/Quant/QuantBinding.h.
//
//===----------------------------------------------------------------------===//
#include "QuantOptions.h"

namespace dpuopt {
namespace {

/// The quantizer's name of the network, which all its keys start with (`ResNet::conv1.weight`); "" if they do not.
llvm::StringRef networkName(const QuantInfo &info) {
  std::optional<llvm::StringRef> common;
  for (const QuantTable *table : {&info.params, &info.outputs})
    for (const auto &[key, entry] : *table) {
      auto [name, rest] = llvm::StringRef(key).split("::");
      if (rest.empty() || (common && *common != name))
        return "";
      common = name;
    }
  return common.value_or("");
}

PassResult run(Graph &g, PassContext &ctx) {
  const std::string &file = ctx.option("file");
  if (file.empty())
    return ctx.diags.error("apply-quant-info needs the option file=FILE").rule("quant-info.file"), PassResult::Failure;
  Result<QuantInfo> info = readQuantInfo(file, ctx.diags);
  if (!info)
    return PassResult::Failure;
  QuantGroups groups = quantGroups(g);
  BindOptions options{ctx.flag("allow-missing"), ctx.flag("allow-unbound")};
  if (const std::string &mapFile = ctx.option("quant-map"); !mapFile.empty()) {
    Result<QuantMap> map = readQuantMap(mapFile, ctx.diags);
    if (!map)
      return PassResult::Failure;
    options.map = std::move(*map);
  }
  Result<FixPlan> plan = bindQuantInfo(g, groups, *info, options, file, ctx.diags);
  if (!plan)
    return PassResult::Failure;
  if (plan->empty())
    return PassResult::Unchanged;
  reportChanges(adjustFixPoints(g, groups, *plan, adjustOptions(ctx)), ctx.diags);
  applyFixPlan(*plan);
  if (llvm::StringRef name = networkName(*info); !name.empty())
    g.setName(name.str());
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
    "with its formula). The graph takes the network's name if all keys start with it (`ResNet::`). Keys are ONNX "
    "tensor names or the vendor quantizer's names of any version "
    "(docs/quant-info.md says how they are bound; `dpuc bind` prints it). **Conditions:** tensors without a key, keys "
    "bound to no tensor, and null positions are errors unless the options below allow them.",
    Preserves::Meaning,
    {{"file", "FILE", "quant_info.json in any of the vendor's layouts"},
     {"allow-missing", nullptr, "Tensors without a key or with a null position stay float"},
     {"allow-unbound", nullptr, "Ignore keys that are bound to no tensor"},
     {"quant-map", "FILE", "JSON object of key: tensor or node name (null: ignore the key)"},
     AlignConcatOption,
     AlignAddOption,
     AlignPoolOption},
    run,
};

} // namespace dpuopt
