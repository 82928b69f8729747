//===- FixRules.h - what fix points the DPU can combine, and who repairs what ----===//
//
// One table (lib/Quant/FixRules.def): a rule is a sum of positions with a range. Readers:
// the repairs (adjustFixPoints), `dpuc lint-quant`, `dpuc explain`, the documents. A
// constraint is a rule at one op, its terms bound to the values that hold the positions.
// Changes nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_FIXRULES_H
#define DPUOPT_QUANT_FIXRULES_H

#include "dpuopt/Quant/FixPlan.h"

namespace dpuopt {

/// Whose position a term is. InputMax and InputMin: of the inputs, the one with the largest
/// and the one with the smallest. Factor: the second one of a product, the sigmoid in a swish.
enum class FixRole : uint8_t { None, Weight, Input, InputMax, InputMin, Factor, Bias, Output };
const char *fixRoleSymbol(FixRole role); ///< "fp_w", "max(fp_i)"
const char *fixRoleName(FixRole role);   ///< "weights"

/// What a rule is about. A LeakyConv is a Conv as well, a Swish is no Product.
enum class FixSite : uint8_t {
  Conv,
  LeakyConv,
  Add,
  Product,
  Swish,
  HardSigmoid,
  HardSwish,
  Concat,
  Pool,
  Move,
  Relu6
};

/// What comes of a broken rule.
enum class FixGravity : uint8_t {
  Broken,  ///< the DPU cannot do it: wrong numbers, or a compiler that stops
  Changed, ///< it could, but the vendor's quantizer moves a position without a word
  Advice   ///< legal; precision is lost on the way
};
const char *fixGravityName(FixGravity gravity); ///< "error", "changed", "advice"

/// Whose position a tool moves to the limit when a rule is broken; None: it leaves it as it is.
struct FixRepair {
  FixRole below = FixRole::None, above = FixRole::None;
  enum How : uint8_t {
    ToLimit,   ///< to where the sum is legal
    ToNumber,  ///< to the number that the limit is, whatever the sum is then
    ToSmallest ///< every position of the rule takes the smallest one
  } how = ToLimit;
  bool any() const { return how == ToSmallest || below != FixRole::None || above != FixRole::None; }
};

struct FixTermSpec {
  int sign;
  FixRole role;
};

struct FixRule {
  const char *id; ///< "quant.shift-cut"
  FixSite site;
  const char *name; ///< "shift_cut"; "" where the sum has no name
  int constant;
  std::vector<FixTermSpec> terms;
  int low, high;       ///< legal values of the sum; shift_bias has a lower limit of its own at each op (lowNote)
  const char *lowNote; ///< the lower limit where it is no number; "" otherwise
  FixGravity gravity;
  FixRepair repairs[NumFixTools];
  const char *ops;     ///< where it applies
  const char *why;     ///< what happens otherwise
  const char *tools;   ///< what the vendor's tools do, in words
  const char *example; ///< the smallest one
  const char *source;

  std::string sum() const;      ///< "fp_w + fp_i - fp_o"
  std::string formula() const;  ///< "shift_cut = fp_w + fp_i - fp_o"
  std::string required() const; ///< "shift_cut = fp_w + fp_i - fp_o in 0..16"
  const FixRepair &repairBy(FixTool tool) const { return repairs[size_t(tool)]; }
};

/// No limit on this side.
constexpr int NoLimit = 1 << 20;

/// All of them, in the order in which the tools of the TensorFlow family go through them.
llvm::ArrayRef<FixRule> fixRules();
const FixRule *findFixRule(llvm::StringRef id);

struct FixTerm {
  int sign;
  FixRole role;
  Value *value;
};

/// A rule at one op.
struct FixConstraint {
  const FixRule *rule;
  const Op *op;
  llvm::SmallVector<FixTerm, 3> terms;
  int low, high;

  int amount(const FixPlan &plan) const; ///< the sum
  bool holds(const FixPlan &plan) const;
  /// How far it is from the nearer limit; negative: broken by so much.
  int margin(const FixPlan &plan) const;
  /// "shift_cut = fp_w + fp_i - fp_o = 7 + 6 - 14 = -1, must be in 0..16".
  std::string str(const FixPlan &plan) const;
  /// The position that `term` needs, the others as they are, to bring the sum to its nearer limit.
  int wanted(const FixTerm &term, const FixPlan &plan) const;
  const FixTerm *term(FixRole role) const; ///< null: the rule has none
};

/// Every constraint at `op` whose positions the plan has, in table order. `g` is an onnx.* graph with its groups, or a
/// xir.* graph with fix points, quantized or compiled (then `groups` is not looked at and the plan is planOf()).
std::vector<FixConstraint> fixConstraints(const Op &op, const QuantGroups &groups, const FixPlan &plan);

/// Repairs `plan` as `options.tool` does, for this constraint alone (and those of its rule at the same op, where the
/// tool gives all of them one position).
std::vector<FixChange> repairConstraint(const FixConstraint &c, const QuantGroups &groups, FixPlan &plan,
                                        const AdjustOptions &options);

/// A warning for each constraint that the DPU needs (FixGravity::Broken) and `plan` breaks: what no repair has mended.
void reportBroken(const Graph &g, const QuantGroups &groups, const FixPlan &plan, DiagEngine &diags);

/// The positions a graph has in its types.
FixPlan planOf(const Graph &g);

} // namespace dpuopt
#endif
