//===- LintMeasure.h - the ways out of dpuc lint-quant, measured on data ------------------===//
#ifndef DPUOPT_TOOLS_DPUC_LINTMEASURE_H
#define DPUOPT_TOOLS_DPUC_LINTMEASURE_H

#include "dpuopt/Quant/FixLint.h"
#include "dpuopt/Report/LintReport.h"

namespace dpuopt {

struct LintMeasureOptions {
  std::string data; ///< samples (DataSource.h)
  unsigned threads = 1;
  size_t mostWays = 64; ///< ways whose effect on the outputs is measured, one run of the network over the samples each
};

/// Adds to `report`, whose broken findings are those of `findings` in order, what the data says: of every activation
/// that would move, and of the network's outputs with the positions as they are, with each way alone, and with all
/// that a tool would change. `g`: the float graph of `plan`.
Status measureLint(const Graph &g, const FixPlan &plan, llvm::ArrayRef<FixFinding> findings,
                   const LintMeasureOptions &options, LintReport &report, DiagEngine &diags);

} // namespace dpuopt
#endif
