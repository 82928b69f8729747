//===- LintReport.h - fix points and what they break, as data, text, JSON, SARIF ----===//
//
// What `dpuc lint-quant` found. The command fills it; nothing here knows a graph.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REPORT_LINTREPORT_H
#define DPUOPT_REPORT_LINTREPORT_H

#include "llvm/Support/raw_ostream.h"
#include <optional>
#include <string>
#include <vector>

namespace dpuopt {

/// One position that a way out changes.
struct LintMove {
  std::string tensor, role; ///< role: "weights", "output", ...
  int before = 0, after = 0;
  int bits = 8;
  int bitsLost = 0; ///< of the fraction; negative: gained, and as many of the range lost
  /// Parameters: dB, and steps of the position before.
  struct Param {
    double snrBefore, snrAfter, maxErrorBefore, maxErrorAfter;
  };
  std::optional<Param> param;
  bool rangeFits = false; ///< no value can be beyond the new range
  /// Activations on calibration data: dB of this tensor alone, and the share of values outside the range.
  struct Data {
    double snrBefore, snrAfter, saturatedBefore, saturatedAfter;
  };
  std::optional<Data> data;
};

struct LintWay {
  std::vector<LintMove> moves;
  std::vector<std::string> tools;  ///< who makes these moves when it exports
  std::vector<std::string> breaks; ///< "quant.shift-cut at /conv2"
  double cost = 0;                 ///< what ways are ranked by (see lintCost())
  /// On calibration data, the network's outputs against the float network's, dB: with this way alone taken.
  std::optional<double> outputSnr;
  std::optional<unsigned> top1Changed; ///< of classifiers: answers that are not the float network's
  bool cheapest = false;
};

/// A constraint at one op.
struct LintFinding {
  std::string rule, node, op, tensor;
  std::string numbers; ///< "shift_cut = fp_w + fp_i - fp_o = 7 + 6 - 14 = -1, must be in 0..16"
  int amount = 0, low = 0, high = 0, margin = 0;
  bool broken = false;
  std::vector<LintWay> ways; ///< cheapest first
};

struct LintRule {
  std::string id, gravity; ///< "error", "changed", "advice"
  std::string required, why, tools, source;
  unsigned checked = 0, broken = 0;
  std::optional<int> tightest; ///< the smallest margin; negative: broken by so much
};

/// All that one of the vendor's tools would change when it exports, one change leading to the next.
struct LintTool {
  std::string name;
  struct Change {
    std::string tensor, rule, node, numbers;
    int before = 0, after = 0;
  };
  std::vector<Change> changes;
  std::optional<double> outputSnr; ///< with all of them
  std::optional<unsigned> top1Changed;
};

struct LintReport {
  std::string model, positions; ///< file, and where the fix points come from
  unsigned placed = 0;          ///< tensors that have one
  std::vector<LintRule> rules;  ///< those that apply somewhere
  std::vector<LintFinding> findings;
  std::vector<LintTool> tools;
  std::string data; ///< what was measured on; empty: nothing was
  unsigned samples = 0;
  std::optional<double> outputSnr; ///< with the positions as they are
  std::optional<unsigned> top1Changed;

  unsigned broken(llvm::StringRef gravity) const; ///< constraints
  bool clean() const { return !broken("error") && !broken("changed"); }
};

/// What a way is ranked by: the noise it adds, as a share of the signal. Of the outputs, if that was measured.
/// Otherwise of the tensors that move, together: of parameters exactly, of activations on the data or, without any, by
/// a guess from the bits they lose (what is beyond a range is lost altogether, so those of the range count more). A way
/// that breaks something else comes last.
double lintCost(const LintWay &way, std::optional<double> outputSnr);
/// Sets the costs, sorts the ways and marks the cheapest.
void rankWays(LintReport &r);

/// At most 100 columns. `all`: every constraint with its numbers, every finding.
void printLint(const LintReport &r, bool all, llvm::raw_ostream &os);
/// The same facts, all of them, as JSON; keys in a fixed order, two spaces of indent.
std::string lintJson(const LintReport &r);
/// SARIF 2.1.0: a result per broken constraint.
std::string lintSarif(const LintReport &r);

} // namespace dpuopt
#endif
