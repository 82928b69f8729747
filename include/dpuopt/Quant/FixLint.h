//===- FixLint.h - which constraints fix points break, and the ways out --------------===//
//
// Every constraint of a graph with its numbers; for a broken one each change of positions
// that would mend it, who makes that change, what else it would break, and what it costs
// the parameters. Changes nothing. What a change costs on data is for others to measure
// (dpuc lint-quant --calib).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_FIXLINT_H
#define DPUOPT_QUANT_FIXLINT_H

#include "dpuopt/Quant/FixRules.h"

namespace dpuopt {

struct FixMove {
  Value *value;
  FixPos before, after;
  /// Bits of the fraction that are lost; negative: gained, and as many of the range lost.
  int bitsLost() const { return before.fixPoint - after.fixPoint; }
  friend bool operator==(const FixMove &a, const FixMove &b) { return a.value == b.value && a.after == b.after; }
};

/// What a move does to a parameter.
struct ParamCost {
  double snrBefore = 0, snrAfter = 0;           ///< dB, against the numbers it is rounded from; infinite: exact
  double maxErrorBefore = 0, maxErrorAfter = 0; ///< in steps of the position before
};

struct FixWay {
  std::vector<FixMove> moves;
  llvm::SmallVector<FixTool, 3> tools; ///< who makes exactly these moves when it exports, for this constraint
  std::vector<FixConstraint> breaks;   ///< constraints (no advice) that hold before and not after
};

struct FixFinding {
  FixConstraint constraint;
  std::vector<FixWay> ways; ///< empty where it holds, and where no position can mend it
};

/// All constraints, in graph order. `numbers` are what parameters are rounded from.
std::vector<FixFinding> lintFixPoints(const Graph &g, const QuantGroups &groups, const FixPlan &plan);

/// nullopt: not a parameter. A parameter that holds integers is measured against what they stand for.
std::optional<ParamCost> paramCost(const FixMove &move);
/// The constant that `v` is, also behind the xir.fix that rounds it; null: it is computed.
const Tensor *numbersOf(const Value *v);

/// No value of `v` is larger in magnitude, whatever the data: the bound of its activation.
std::optional<double> knownBound(const Value *v);
/// Is the whole range of `v` inside that of `pos`, as far as is known? Rounding at the upper end is no loss.
bool rangeFits(const Value *v, FixPos pos);

} // namespace dpuopt
#endif
