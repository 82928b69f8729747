//===- FixPlan.cpp - quant_info entries to graph types and back ---------------===//
//
// What does not fit is collected first, so that the user sees all missing, unbound and
// null keys at once and the graph is untouched.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/FixPlan.h"
#include "dpuopt/Support/Version.h"
#include "llvm/ADT/DenseSet.h"
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

/// Turns bindings into positions, and collects what is wrong with them.
class Planner {
public:
  Planner(const QuantBindings &bindings, const BindOptions &options, llvm::StringRef file, DiagEngine &diags)
      : bindings(bindings), options(options), file(file.str()), diags(diags) {}

  Result<FixPlan> run();

private:
  void add(const QuantBinding &b);
  void set(const QuantBinding &b, Value *v, const std::optional<FixPos> &pos);
  bool judge(const std::vector<std::string> &names, bool allowed, const char *rule, const std::string &text,
             const std::vector<std::string> &notes);
  std::vector<std::string> unboundNotes() const;

  const QuantBindings &bindings;
  const BindOptions &options;
  std::string file;
  DiagEngine &diags;
  FixPlan plan;
  llvm::DenseMap<const Value *, const QuantBinding *> from;
  llvm::DenseSet<const Value *> nullValues;
  std::vector<std::string> missing, unbound, null, conflicts;
};

void Planner::set(const QuantBinding &b, Value *v, const std::optional<FixPos> &pos) {
  if (!pos) {
    nullValues.insert(v);
    null.push_back(b.key);
    return;
  }
  auto [known, fresh] = plan.insert({v, *pos});
  if (fresh)
    from[v] = &b;
  else if (known->second != *pos)
    conflicts.push_back(fmt::format("'{}' has fix point {} by '{}' and {} by '{}'", v->name(), known->second.fixPoint,
                                    from[v]->key, pos->fixPoint, b.key));
}

/// Several positions are those of the op's results, in order.
void Planner::add(const QuantBinding &b) {
  if (!b.value) {
    if (!b.problem.empty())
      unbound.push_back(b.key);
    return;
  }
  if (b.entry->empty())
    return set(b, b.value, std::nullopt);
  set(b, b.value, b.entry->front().position());
  const Op *op = b.value->def();
  for (size_t i = 1; i < b.entry->size(); ++i) {
    if (op && b.value->index() == 0 && i < op->numResults())
      set(b, op->result(i), (*b.entry)[i].position());
    else if ((*b.entry)[i].position() != b.entry->front().position())
      conflicts.push_back(
          fmt::format("'{}' has {} positions, '{}' is one tensor", b.key, b.entry->size(), b.value->name()));
  }
}

bool Planner::judge(const std::vector<std::string> &names, bool allowed, const char *rule, const std::string &text,
                    const std::vector<std::string> &notes) {
  if (names.empty())
    return true;
  std::string message = fmt::format("{} {}: {}", names.size(), text, listNames(names));
  if (allowed)
    return diags.warning(message).file(file).rule(rule), true;
  DiagBuilder error = diags.error(message);
  error.file(file).rule(rule);
  for (const std::string &note : notes)
    error.note(note);
  return false;
}

/// Per key why, and what is near.
std::vector<std::string> Planner::unboundNotes() const {
  std::vector<std::string> notes;
  for (const QuantBinding &b : bindings.rows) {
    if (b.value || b.problem.empty() || notes.size() == MaxListed)
      continue;
    std::string near;
    for (const std::string &name : b.candidates)
      near += fmt::format("{}'{}'", near.empty() ? "" : ", ", name);
    notes.push_back(
        fmt::format("'{}': {}{}", b.key, b.problem, near.empty() ? "" : "; nearest without a key: " + near));
  }
  notes.push_back("name their tensors in a map (quant-map), or ignore these keys with allow-unbound; the file may also "
                  "belong to another model");
  return notes;
}

Result<FixPlan> Planner::run() {
  for (const QuantBinding &b : bindings.rows)
    add(b);
  for (const Value *v : bindings.withoutKey)
    if (!plan.count(const_cast<Value *>(v)) && !nullValues.count(v))
      missing.push_back(v->name());
  bool good = judge(missing, options.allowMissing, "quant-info.missing-key", "tensors have no key",
                    {"allow-missing leaves these tensors float"});
  good &= judge(null, options.allowMissing, "quant-info.null-position", "keys have a null position (never calibrated)",
                {"calibrate again, or leave these tensors float with allow-missing"});
  good &= judge(unbound, options.allowUnbound, "quant-info.unbound-key", "keys are bound to no tensor", unboundNotes());
  for (const std::string &conflict : conflicts)
    good =
        (diags.error(conflict).file(file).rule("quant-info.conflict").note("map one of the keys to null to ignore it"),
         false);
  if (!good)
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
  auto bindings = bindKeys(g, groups, info, options.map, file, diags);
  if (!bindings)
    return failure();
  return planFixPoints(*bindings, options, file, diags);
}

Result<FixPlan> planFixPoints(const QuantBindings &bindings, const BindOptions &options, llvm::StringRef file,
                              DiagEngine &diags) {
  return Planner(bindings, options, file, diags).run();
}

/// Splats stay splats, dense ones wait until they are read.
static Tensor fixedConstant(const Tensor &t, FixPos pos) {
  auto round = [pos](const Tensor &real) { return quantizeTensor(real, pos, Rounding::HalfAway); };
  return t.isSplat() ? round(t) : Tensor::deferred(t.type().withElem(pos.elemType()), t, round);
}

void applyFixPlan(const FixPlan &plan) {
  for (const auto &[value, pos] : plan) {
    const Tensor *constant = constantOf(value);
    if (constant)
      value->def()->setAttr("value", Attr::tensor(fixedConstant(*constant, pos)));
    value->setType(value->type().withElem(pos.elemType()));
  }
}

QuantInfo collectQuantInfo(const Graph &g) {
  QuantInfo info;
  info.version = productVersion();
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
