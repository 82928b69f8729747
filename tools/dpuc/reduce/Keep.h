//===- Keep.h - what a reduced model has to show still ------------------------------===//
//
// Conditions on what check finds: figures, rules that are broken, root causes. Knows no
// flag and prints nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_KEEP_H
#define DPUOPT_TOOLS_DPUC_KEEP_H

#include "Job.h"
#include <set>

namespace dpuopt {

/// `dpu-subgraphs>1`, `rule:activation.silu`, `!cause:op.unsupported`.
struct Condition {
  enum Kind : uint8_t { Figure, Rule, Cause } kind = Figure;
  std::string text;     ///< as given
  std::string name;     ///< of the figure, or the id
  std::string relation; ///< of a figure: ">", ">=", "<", "<=", "==", "!="
  int64_t number = 0;
  bool negated = false; ///< of a rule or cause
};

/// Parses conditions joined by `&&`. An unknown figure or form is an error that lists these.
Status parseConditions(llvm::StringRef text, std::vector<Condition> &conditions, DiagEngine &diags);

/// What check finds.
struct Facts {
  std::string failure;                    ///< why the model cannot be lowered; figures are absent then
  std::map<std::string, int64_t> figures; ///< "dpu-subgraphs" -> 2
  std::map<std::string, unsigned> rules;  ///< ids of broken rules and of diagnostics, and how often
  std::map<std::string, unsigned> causes; ///< ids of root causes, and how many ops
};

/// Places a copy of `g` on the target; root causes only where they are asked for.
Facts collectFacts(const Graph &g, const std::shared_ptr<const Target> &target, bool withCauses);

bool holds(const Condition &c, const Facts &facts);
/// What there is instead of it: "dpu-subgraphs is 1", "these rules are broken: conv2d.group (1)".
std::string foundFor(const Condition &c, const Facts &facts);

} // namespace dpuopt
#endif
