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
#include "dpuopt/Quant/FixRules.h"
#include "dpuopt/Quant/QuantBinding.h"

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

/// The quantizer's name of the tensor that `row` binds, where the key tells it: parameters, inputs, and activations
/// with a module path. "" for `Net::nndct_relu_2`.
std::string quantizerName(const QuantBinding &row) {
  auto [network, rest] = llvm::StringRef(row.key).split("::");
  if (rest.empty())
    return "";
  if (row.section == QuantBinding::Param || rest.contains('/') || rest.startswith("input_"))
    return row.key;
  return rest.consume_front("nndct_") && rest.startswith("input_") ? network.str() + "::" + rest.str() : "";
}

/// lower-to-xir then calls the ops as the quantizer's file does.
void takeQuantizerNames(Graph &g, const QuantBindings &bindings) {
  for (const QuantBinding &row : bindings.rows)
    if (std::string name = row.value ? quantizerName(row) : ""; !name.empty() && !g.lookup(name))
      row.value->setName(name);
}

/// A remark per key that is not simply the tensor's name.
void reportBindings(const QuantBindings &bindings, const std::string &file, DiagEngine &diags) {
  for (const QuantBinding &row : bindings.rows)
    if (row.value && row.rule != "name")
      diags.remark("'" + row.key + "' is '" + row.value->name() + "' by " + row.rule)
          .file(file)
          .rule("quant-info.bound");
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
  auto bindings = bindKeys(g, groups, *info, options.map, file, ctx.diags);
  Result<FixPlan> plan = bindings ? planFixPoints(*bindings, options, file, ctx.diags) : Result<FixPlan>(failure());
  if (!plan)
    return PassResult::Failure;
  if (plan->empty())
    return PassResult::Unchanged;
  reportBindings(*bindings, file, ctx.diags);
  reportChanges(adjustFixPoints(g, groups, *plan, adjustOptions(ctx)), ctx.diags);
  reportBroken(g, groups, *plan, ctx.diags);
  applyFixPlan(*plan);
  if (ctx.flag("quantizer-names"))
    takeQuantizerNames(g, *bindings);
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
    "with its formula; what they leave is a warning). The graph takes the network's name if all keys start with it "
    "(`ResNet::`). Keys are ONNX "
    "tensor names or the vendor quantizer's names of any version "
    "(docs/quant-info.md says how they are bound; `dpuc bind` prints it). **Conditions:** tensors without a key, keys "
    "bound to no tensor, and null positions are errors unless the options below allow them.",
    Preserves::Meaning,
    {{"file", "FILE", "quant_info.json in any of the vendor's layouts"},
     {"allow-missing", nullptr, "Tensors without a key or with a null position stay float"},
     {"allow-unbound", nullptr, "Ignore keys that are bound to no tensor"},
     {"quantizer-names", nullptr, "Rename tensors to what the quantizer calls them, where the keys tell"},
     {"quant-map", "FILE", "JSON object of key: tensor or node name (null: ignore the key)"},
     AlignConcatOption,
     AlignAddOption,
     AlignPoolOption},
    run,
};

} // namespace dpuopt
