//===- Reader.h - an .xmodel's messages, decoded but not yet believed -------------===//
//
// The first half of the import: bytes to plain structures, with views and slices of
// the mapped file instead of copies. Says what a file is that is no xmodel. Whether
// the ops fit together is Import.cpp's business.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_XIR_READER_H
#define DPUOPT_LIB_XIR_READER_H

#include "dpuopt/IR/Attr.h"
#include <optional>

namespace dpuopt::xmodel {

struct RawTensor {
  llvm::StringRef name;
  std::vector<uint64_t> dims;
  int32_t dataType = 0, bitWidth = 0;
  AttrMap attrs;
};

struct RawArg {
  llvm::StringRef name;
  std::vector<llvm::StringRef> producers; ///< op names
};

struct RawOp {
  llvm::StringRef name, type;
  AttrMap attrs;
  std::vector<RawArg> args;
  RawTensor tensor;
};

struct RawSubgraph {
  llvm::StringRef name;
  std::vector<llvm::StringRef> ops; ///< of a leaf; its parents repeat them or list none
  AttrMap attrs;
  std::vector<RawSubgraph> children;
};

struct RawGraph {
  llvm::StringRef name;
  std::vector<RawOp> ops;
  std::optional<RawSubgraph> root;
  AttrMap attrs;
  std::vector<std::pair<llvm::StringRef, Blob>> opDefs; ///< type, undecoded message
};

/// Decodes `file`. An error names `path` and what is wrong: another kind of file, the
/// older v1 schema, no ops, truncated, or damaged and where.
std::optional<RawGraph> readXmodel(const Blob &file, llvm::StringRef path, DiagEngine &diags);

} // namespace dpuopt::xmodel
#endif
