//===- Subgraphs.h - the subgraph tree as a graph attribute ------------------------===//
//
// Graph attribute `subgraphs`: the root's children, each a dictionary {attrs, children,
// name, ops}, where `ops` are all members, the children's included. In a file only
// leaves list ops, and libxir wants every op in exactly one leaf.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_XIR_SUBGRAPHS_H
#define DPUOPT_LIB_XIR_SUBGRAPHS_H

#include "Reader.h"
#include "Rope.h"

namespace dpuopt::xmodel {

/// The attribute for these children of the root. `ops`: all op names in graph order;
/// `bad` says why the tree cannot be (it names an op that does not exist).
Attr subgraphsToAttr(std::vector<RawSubgraph> children, llvm::ArrayRef<llvm::StringRef> ops, std::string &bad);

/// Empty, or why libxir would not take the tree: wrong form, an op in two leaves, in
/// none, or unknown, a subgraph without ops.
std::string checkSubgraphs(const Attr &subgraphs, llvm::ArrayRef<std::string> ops);

/// The Subgraph message of the root, with the tree (null: a leaf of all ops) below it.
Rope encodeRoot(llvm::ArrayRef<std::string> ops, const Attr *rootAttrs, const Attr *subgraphs);

} // namespace dpuopt::xmodel
#endif
