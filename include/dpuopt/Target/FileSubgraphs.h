//===- FileSubgraphs.h - the children of an xmodel's root, as libxir sees them --===//
//
// Which op is in which subgraph, what goes in and out, and in which order libxir hands
// them to the vendor's tools.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_FILESUBGRAPHS_H
#define DPUOPT_TARGET_FILESUBGRAPHS_H

#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/DenseMap.h"

namespace dpuopt {

/// Member of a Map or Dict; null: none, or no such thing.
const Attr *memberOf(const Attr *dict, llvm::StringRef key);

struct FileSubgraph {
  std::string name, device;    ///< device in capitals; empty: none
  const Attr *attrs = nullptr; ///< may be null
  std::vector<const Op *> ops = {};
  const Attr *attr(llvm::StringRef key) const { return memberOf(attrs, key); }
};

/// The graph must outlive this.
class FileSubgraphs {
public:
  explicit FileSubgraphs(const Graph &g);
  /// In libxir's topological order: a depth-first search that starts from names in byte order.
  std::vector<const FileSubgraph *> sorted() const;
  /// Null: the op is in none.
  const FileSubgraph *of(const Op *op) const;
  /// Tensors from elsewhere that `s` reads, by name, each once.
  std::vector<const Value *> inputs(const FileSubgraph &s) const;
  /// Tensors of `s` that others read, or nobody, by name.
  std::vector<const Value *> outputs(const FileSubgraph &s) const;

private:
  std::vector<std::vector<unsigned>> successors(llvm::ArrayRef<unsigned> byName) const;
  std::vector<FileSubgraph> list;
  llvm::DenseMap<const Op *, unsigned> indexOf;
};

} // namespace dpuopt
#endif
