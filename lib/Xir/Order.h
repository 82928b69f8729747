//===- Order.h - an order in which every producer comes first ----------------------===//
#ifndef DPUOPT_LIB_XIR_ORDER_H
#define DPUOPT_LIB_XIR_ORDER_H

#include "Reader.h"
#include "llvm/ADT/StringMap.h"

namespace dpuopt::xmodel {

struct OpOrder {
  llvm::StringMap<unsigned> byName;
  std::vector<unsigned> sequence; ///< op numbers, producers first: the file's own order if that is one
  std::string bad;                ///< why there is none: an unknown argument, a name twice, a cycle
  llvm::StringRef culprit;        ///< the op that `bad` is about
};

OpOrder orderOps(const std::vector<RawOp> &ops);

} // namespace dpuopt::xmodel
#endif
