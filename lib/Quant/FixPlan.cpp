//===- FixPlan.cpp - quant_info entries to graph types and back ---------------===//
//
// Binding is by exact tensor name; what does not fit is collected first, so that the
// user sees all missing, extra and null keys at once and the graph is untouched.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/FixPlan.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// Names in one message before "and N more".
constexpr size_t MaxListed = 8;

std::string listNames(const std::vector<std::string> &names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < MaxListed; ++i)
    text += fmt::format("{}'{}'", i ? ", " : "", names[i]);
  if (names.size() > MaxListed)
    text += fmt::format(" and {} more", names.size() - MaxListed);
  return text;
}

class Binder {
public:
  Binder(const Graph &g, const QuantGroups &groups, const QuantInfo &info, const BindOptions &options,
         llvm::StringRef file, DiagEngine &diags)
      : g(g), groups(groups), info(info), options(options), file(file.str()), diags(diags) {}

  Result<FixPlan> run();

private:
  void bind(Value *v, const QuantTable &first, const QuantTable &second);
  void findExtra(const QuantTable &table, bool canBind);
  Status judge(const std::vector<std::string> &names, bool allowed, const char *rule, const std::string &text,
               const std::string &note);

  const Graph &g;
  const QuantGroups &groups;
  const QuantInfo &info;
  const BindOptions &options;
  std::string file;
  DiagEngine &diags;
  FixPlan plan;
  std::vector<std::string> missing, extra, null;
  std::vector<Value *> more; ///< float values outside every group that have a key
};

void Binder::bind(Value *v, const QuantTable &first, const QuantTable &second) {
  const QuantEntry *entry = first.find(v->name());
  if (!entry)
    entry = second.find(v->name());
  if (!entry || entry->empty())
    missing.push_back(v->name());
  else if (!entry->front())
    null.push_back(v->name());
  else
    plan[v] = *entry->front();
}

/// A key is extra when its value does not exist or is rounded elsewhere.
void Binder::findExtra(const QuantTable &table, bool canBind) {
  for (const auto &[key, entry] : table) {
    Value *v = g.lookup(key);
    Value *holder = v ? groups.holder(v) : nullptr;
    if (holder && (holder == v) && canBind)
      continue;
    bool carried = holder && holder != v && v->def() && isMovement(*v->def());
    bool floating = v && !holder && v->type().elemType().isFloat();
    if (!canBind || !(carried || floating))
      extra.push_back(key);
    else if (!entry.empty() && entry.front())
      more.push_back(v);
  }
}

Status Binder::judge(const std::vector<std::string> &names, bool allowed, const char *rule, const std::string &text,
                     const std::string &note) {
  if (names.empty())
    return success();
  std::string message = fmt::format("{} {}: {}", names.size(), text, listNames(names));
  if (allowed) {
    diags.warning(message).file(file).rule(rule);
    return success();
  }
  return diags.error(message).file(file).rule(rule).note(note);
}

Result<FixPlan> Binder::run() {
  for (Value *v : groups.params)
    bind(v, info.params, info.outputs);
  for (Value *v : groups.activations)
    bind(v, info.outputs, info.params);
  findExtra(info.params, true);
  findExtra(info.outputs, true);
  findExtra(info.inputs, false);
  for (Value *v : more) {
    const QuantEntry *entry = info.outputs.find(v->name());
    plan[v] = *(entry ? entry : info.params.find(v->name()))->front();
  }
  Status missingOk = judge(missing, options.allowMissing, "quant-info.missing-key", "tensors have no key",
                           "keys are ONNX tensor names, exactly; the option allow-missing leaves these tensors float");
  Status nullOk =
      judge(null, options.allowMissing, "quant-info.null-position", "keys have a null position (never calibrated)",
            "calibrate again, or leave these tensors float with the option allow-missing");
  Status extraOk = judge(extra, options.allowExtra, "quant-info.extra-key", "keys name no tensor that has a position",
                         "the file may belong to another model; the option allow-extra ignores these keys");
  if (missingOk.failed() || nullOk.failed() || extraOk.failed())
    return failure();
  return std::move(plan);
}

/// All results of `op` with a q type, as entries.
void collect(const Value *v, QuantTable &table) {
  if (!v->type().isFix())
    return;
  ElemType e = v->type().elemType();
  table.add(v->name(), {FixPos{e.bits, e.fixPoint}});
}

} // namespace

Result<FixPlan> bindQuantInfo(const Graph &g, const QuantGroups &groups, const QuantInfo &info,
                              const BindOptions &options, llvm::StringRef file, DiagEngine &diags) {
  return Binder(g, groups, info, options, file, diags).run();
}

void applyFixPlan(const FixPlan &plan) {
  for (const auto &[value, pos] : plan) {
    const Tensor *constant = constantOf(value);
    if (constant)
      value->def()->setAttr("value", Attr::tensor(quantizeTensor(*constant, pos, Rounding::HalfAway)));
    value->setType(value->type().withElem(pos.elemType()));
  }
}

QuantInfo collectQuantInfo(const Graph &g) {
  QuantInfo info;
  info.version = quantInfoVersion();
  for (const Value *input : g.inputs())
    collect(input, info.outputs);
  for (const Op &op : g.ops())
    for (const Value *result : op.results())
      collect(result, op.isConst() ? info.params : info.outputs);
  return info;
}

std::optional<ElemType> effectiveFix(const Value *v) {
  while (v) {
    if (v->type().isFix())
      return v->type().elemType();
    v = v->def() && isMovement(*v->def()) ? v->def()->operand(0) : nullptr;
  }
  return std::nullopt;
}

} // namespace dpuopt
