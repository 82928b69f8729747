//===- BudgetFlags.h - --budget and --update-budget ---------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_BUDGETFLAGS_H
#define DPUOPT_TOOLS_DPUC_BUDGETFLAGS_H

#include "Command.h"

namespace dpuopt {

class BudgetFlags {
public:
  explicit BudgetFlags(cl::SubCommand &sub);
  /// --update-budget needs a file.
  Status check(DiagEngine &diags) const;
  /// Compares the report with the file, or writes the report's figures into it; without --budget nothing.
  Status settle(ModelReport &report, DiagEngine &diags) const;

private:
  cl::opt<std::string> file;
  cl::opt<bool> update;
};

} // namespace dpuopt
#endif
