//===- FixRules.cpp - the table, and a rule at one op ----------------------------------===//
#include "dpuopt/Quant/FixRules.h"
#include "FixSites.h"
#include <algorithm>
#include <fmt/format.h>

using namespace dpuopt;

static const std::vector<FixRule> &table() {
#define UNWRAP(...) __VA_ARGS__
#define FIX_RULE(Id, Site, Name, Constant, Terms, Low, High, LowNote, Gravity, Pytorch, Onnx, Tensorflow, Ops, Why,    \
                 Tools, Example, Source)                                                                               \
  {Id,                                                                                                                 \
   FixSite::Site,                                                                                                      \
   Name,                                                                                                               \
   Constant,                                                                                                           \
   {UNWRAP Terms},                                                                                                     \
   Low,                                                                                                                \
   High,                                                                                                               \
   LowNote,                                                                                                            \
   FixGravity::Gravity,                                                                                                \
   {UNWRAP Pytorch, UNWRAP Onnx, UNWRAP Tensorflow},                                                                   \
   Ops,                                                                                                                \
   Why,                                                                                                                \
   Tools,                                                                                                              \
   Example,                                                                                                            \
   Source},
  static const std::vector<FixRule> rules = {
#include "FixRules.def"
  };
#undef FIX_RULE
#undef UNWRAP
  return rules;
}

llvm::ArrayRef<FixRule> dpuopt::fixRules() { return table(); }

const FixRule *dpuopt::findFixRule(llvm::StringRef id) {
  auto it = llvm::find_if(table(), [&](const FixRule &r) { return id == r.id; });
  return it == table().end() ? nullptr : &*it;
}

//===-- Words ----------------------------------------------------------------------------===//

const char *dpuopt::fixRoleSymbol(FixRole role) {
  static constexpr const char *symbols[] = {"", "fp_w", "fp_i", "max(fp_i)", "min(fp_i)", "fp_f", "fp_b", "fp_o"};
  return symbols[size_t(role)];
}

const char *dpuopt::fixRoleName(FixRole role) {
  static constexpr const char *names[] = {"",     "weights", "input", "finest input", "coarsest input", "other factor",
                                          "bias", "output"};
  return names[size_t(role)];
}

const char *dpuopt::fixGravityName(FixGravity gravity) {
  static constexpr const char *names[] = {"error", "changed", "advice"};
  return names[size_t(gravity)];
}

const char *dpuopt::fixToolName(FixTool tool) {
  static constexpr const char *names[] = {"vai_q_pytorch", "vai_q_onnx", "vai_q_tensorflow2"};
  return names[size_t(tool)];
}

/// The terms joined by their signs, each as `name` says it.
static std::string joined(int constant, size_t terms, llvm::function_ref<int(size_t)> sign,
                          llvm::function_ref<std::string(size_t)> name) {
  std::string out = constant ? fmt::format("{}", constant) : "";
  for (size_t i = 0; i < terms; ++i)
    out += (out.empty() ? (sign(i) < 0 ? "-" : "") : sign(i) < 0 ? " - " : " + ") + name(i);
  return out;
}

static std::string range(const std::string &low, int lowest, int highest) {
  if (highest >= NoLimit)
    return "at least " + low;
  if (lowest <= -NoLimit)
    return fmt::format("at most {}", highest);
  return lowest == highest ? low : fmt::format("in {}..{}", low, highest);
}

std::string FixRule::sum() const {
  return joined(
      constant, terms.size(), [&](size_t i) { return terms[i].sign; },
      [&](size_t i) { return std::string(fixRoleSymbol(terms[i].role)); });
}

std::string FixRule::formula() const { return *name ? fmt::format("{} = {}", name, sum()) : sum(); }

std::string FixRule::required() const {
  const char *is = low == high ? "is " : "";
  return formula() + " " + is + range(*lowNote ? lowNote : fmt::format("{}", low), low, high);
}

//===-- A rule at an op ------------------------------------------------------------------===//

static int fixPointOf(const FixPlan &plan, const FixTerm &t) { return plan.find(t.value)->second.fixPoint; }

int FixConstraint::amount(const FixPlan &plan) const {
  int sum = rule->constant;
  for (const FixTerm &t : terms)
    sum += t.sign * fixPointOf(plan, t);
  return sum;
}

bool FixConstraint::holds(const FixPlan &plan) const { return margin(plan) >= 0; }

int FixConstraint::margin(const FixPlan &plan) const {
  const int a = amount(plan);
  return std::min(a - low, high - a);
}

std::string FixConstraint::str(const FixPlan &plan) const {
  auto number = [&](size_t i) {
    const int fp = fixPointOf(plan, terms[i]);
    return fp < 0 ? fmt::format("({})", fp) : fmt::format("{}", fp);
  };
  std::string numbers = joined(
      rule->constant, terms.size(), [&](size_t i) { return terms[i].sign; }, number);
  const int result = amount(plan);
  if (terms.size() == 1 && !rule->constant)
    numbers = fmt::format("{}", result);
  else
    numbers += fmt::format(" = {}", result);
  return fmt::format("{} = {}, must be {}", rule->formula(), numbers, range(fmt::format("{}", low), low, high));
}

int FixConstraint::wanted(const FixTerm &term, const FixPlan &plan) const {
  const int a = amount(plan), legal = std::clamp(a, low, high);
  return fixPointOf(plan, term) + term.sign * (legal - a);
}

const FixTerm *FixConstraint::term(FixRole role) const {
  auto it = llvm::find_if(terms, [&](const FixTerm &t) { return t.role == role; });
  return it == terms.end() ? nullptr : &*it;
}

/// Whose position it is; the first of several that are the same.
static Value *valueOf(const FoundSite &site, FixRole role, const FixPlan &plan) {
  auto fp = [&](Value *v) { return plan.find(v)->second.fixPoint; };
  auto less = [&](Value *a, Value *b) { return fp(a) < fp(b); };
  auto more = [&](Value *a, Value *b) { return fp(a) > fp(b); };
  switch (role) {
  case FixRole::Weight:
    return site.weight;
  case FixRole::Bias:
    return site.bias;
  case FixRole::Factor:
    return site.factor;
  case FixRole::Output:
    return site.out;
  case FixRole::Input:
    return site.inputs.empty() ? nullptr : site.inputs.front();
  case FixRole::InputMax:
    return site.inputs.empty() ? nullptr : *std::min_element(site.inputs.begin(), site.inputs.end(), more);
  case FixRole::InputMin:
    return site.inputs.empty() ? nullptr : *std::min_element(site.inputs.begin(), site.inputs.end(), less);
  case FixRole::None:
    break;
  }
  return nullptr;
}

/// The accumulator has 24 bits: a bias may be finer than the sum as long as both fit.
static int leastBiasShift(const FoundSite &site, const FixPlan &plan) {
  auto fp = [&](Value *v) { return plan.find(v)->second.fixPoint; };
  const int cut = site.out ? fp(site.weight) + fp(site.inputs.front()) - fp(site.out) : 0;
  return std::min(0, cut - findFixRule("quant.shift-cut")->high);
}

std::vector<FixConstraint> dpuopt::fixConstraints(const Op &op, const QuantGroups &groups, const FixPlan &plan) {
  std::vector<FixConstraint> found;
  for (const FoundSite &site : op.isXir() ? xirSites(op, plan) : onnxSites(op, groups, plan))
    for (const FixRule &rule : fixRules()) {
      if (rule.site != site.site)
        continue;
      FixConstraint c{&rule, &op, {}, rule.low, rule.high};
      for (const FixTermSpec &t : rule.terms)
        c.terms.push_back({t.sign, t.role, valueOf(site, t.role, plan)});
      if (llvm::any_of(c.terms, [](const FixTerm &t) { return !t.value; }))
        continue;
      if (*rule.lowNote)
        c.low = leastBiasShift(site, plan);
      if (site.average)
        c.low = -NoLimit;
      found.push_back(std::move(c));
    }
  llvm::stable_sort(found, [](const FixConstraint &a, const FixConstraint &b) { return a.rule < b.rule; });
  return found;
}

FixPlan dpuopt::planOf(const Graph &g) {
  FixPlan plan;
  auto add = [&](Value *v) {
    if (ElemType e = v->type().elemType(); e.isFix())
      plan[v] = {e.bits, e.fixPoint};
  };
  for (Value *input : g.inputs())
    add(input);
  for (const Op &op : g.ops())
    for (Value *result : op.results())
      add(result);
  return plan;
}
