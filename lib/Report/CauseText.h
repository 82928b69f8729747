//===- CauseText.h - root causes as text (internal to lib/Report) ---------------------===//
#ifndef DPUOPT_LIB_REPORT_CAUSETEXT_H
#define DPUOPT_LIB_REPORT_CAUSETEXT_H

#include "dpuopt/Report/Report.h"

namespace dpuopt {

/// The table of causes and the line that says what to change first.
void printCauses(const ModelReport &r, llvm::raw_ostream &os);
/// "1 and 2: 1 DPU subgraph (no smaller set does)".
std::string planText(const ModelReport &r);

} // namespace dpuopt
#endif
