//===- FixSites.h - which values hold the positions at an op (internal to lib/Quant) --===//
#ifndef DPUOPT_LIB_QUANT_FIXSITES_H
#define DPUOPT_LIB_QUANT_FIXSITES_H

#include "dpuopt/Quant/FixRules.h"

namespace dpuopt {

/// What rules may be about at one op, and whose positions; null: float, or not there.
struct FoundSite {
  FixSite site;
  llvm::SmallVector<Value *, 2> inputs;
  Value *out = nullptr, *weight = nullptr, *bias = nullptr, *factor = nullptr;
  bool average = false; ///< of a Pool: its result may be finer
};
using FoundSites = llvm::SmallVector<FoundSite, 2>;

FoundSites onnxSites(const Op &op, const QuantGroups &groups, const FixPlan &plan);
FoundSites xirSites(const Op &op, const FixPlan &plan);

} // namespace dpuopt
#endif
