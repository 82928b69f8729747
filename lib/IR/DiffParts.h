//===- DiffParts.h - the parts that Diff.cpp is made of --------------------------===//
#ifndef DPUOPT_LIB_IR_DIFFPARTS_H
#define DPUOPT_LIB_IR_DIFFPARTS_H

#include "DiffPairs.h"

namespace dpuopt::diff {

/// Collects differences; those that options ignore are dropped here.
class Sink {
public:
  Sink(const DiffOptions &options, std::vector<Difference> &out) : options(options), out(out) {}
  void add(DiffKind kind, std::string where, std::string what, std::string a = "", std::string b = "",
           std::optional<ConstantDelta> constant = std::nullopt);
  const DiffOptions &options;

private:
  std::vector<Difference> &out;
};

/// `prefix` + names of the attributes that differ, dictionaries entry by entry.
void diffAttrs(const AttrMap &a, const AttrMap &b, llvm::function_ref<bool(llvm::StringRef)> skip, DiffKind kind,
               const std::string &where, const std::string &prefix, Sink &sink);

/// Nothing if all numbers are the same. `step` is 2^-fixPoint where a fix op reads the
/// numbers, else 0.
std::optional<ConstantDelta> diffConstants(const Tensor &a, const Tensor &b, double step);

/// The trees of graph attribute `subgraphs`, members by partner.
void diffSubgraphs(const Graph &a, const Graph &b, const Pairs &pairs, Sink &sink);

/// Positions (of B, in A's order) outside of the longest run that kept its order.
std::vector<size_t> movedOf(llvm::ArrayRef<size_t> positions);

} // namespace dpuopt::diff
#endif
