//===- Selection.h - a part of a graph as a graph ---------------------------------===//
#ifndef DPUOPT_LIB_REDUCE_SELECTION_H
#define DPUOPT_LIB_REDUCE_SELECTION_H

#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/BitVector.h"

namespace dpuopt::reduce {

/// What takes the place of a result whose op goes.
enum class Gap {
  Input,  ///< a new graph input
  Bypass, ///< an operand of the op that has the same type, if there is one; else a new input
};

/// The ops a reduction may remove, in graph order: all but constants and ops that read nothing but constants. Those
/// go with their last reader.
std::vector<Op *> unitsOf(Graph &g);

/// The graph of those units of `g` that `keep` names. Null if there is nothing left, or if an input would be of
/// unknown type.
std::unique_ptr<Graph> select(const Graph &g, const llvm::BitVector &keep, Gap gap);

/// The units of each connected part of `g`, largest first. Ops are connected by results alone: two readers of one
/// input or constant are not.
std::vector<llvm::BitVector> partsOf(Graph &g);

/// The graph with only those of its outputs that `keep` names, and what they need. Null if there is none.
std::unique_ptr<Graph> selectOutputs(const Graph &g, const llvm::BitVector &keep);

/// Erases constants and inputs that nobody reads.
void dropUnread(Graph &g);

} // namespace dpuopt::reduce
#endif
