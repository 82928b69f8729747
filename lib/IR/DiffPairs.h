//===- DiffPairs.h - which op of one graph is which op of another ---------------===//
#ifndef DPUOPT_LIB_IR_DIFFPAIRS_H
#define DPUOPT_LIB_IR_DIFFPAIRS_H

#include "dpuopt/IR/Diff.h"
#include "llvm/ADT/DenseMap.h"

namespace dpuopt::diff {

/// One-to-one partners among the ops, and among the inputs, of two graphs.
struct Pairs {
  llvm::DenseMap<const Op *, const Op *> ops;          ///< A -> B
  llvm::DenseMap<const Op *, const Op *> back;         ///< B -> A
  llvm::DenseMap<const Value *, const Value *> inputs; ///< A -> B, of the graph's own inputs
  size_t byName = 0, byStructure = 0;

  const Op *partner(const Op *a) const { return ops.lookup(a); }
  /// The value of B that is in the place of `a`; null if its op has no partner.
  const Value *partner(const Value *a) const;
};

Pairs pairOps(const Graph &a, const Graph &b, const DiffOptions &options);

/// How an op is called in files: attribute `op_name`, else its first result.
std::string diffName(const Op &op);
/// Is the attribute to be compared like any other? (`value` and names are compared apart)
bool isPlainAttr(const Op &op, llvm::StringRef name, const DiffOptions &options);

} // namespace dpuopt::diff
#endif
