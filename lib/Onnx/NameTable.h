//===- NameTable.h - who defines which tensor name, and in what order ---------===//
//
// ONNX graphs are wired by name alone. This checks that every name is defined
// once and that every use is defined, and puts the nodes in def-before-use order.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_NAMETABLE_H
#define DPUOPT_LIB_ONNX_NAMETABLE_H

#include "OnnxProto.h"
#include "dpuopt/Support/Diagnostic.h"
#include "llvm/ADT/StringMap.h"

namespace dpuopt::onnx {

/// Where a tensor name comes from; `index` counts within the kind.
struct Definition {
  enum Kind : uint8_t { Input, Initializer, Node } kind;
  unsigned index;
};

/// The node's name, or the name of what it makes.
Location locationOf(const NodeProto &n);

class NameTable {
public:
  /// Diagnoses names defined twice. An initializer with the name of an input is a
  /// default value, which we take as the value: the name is then an initializer.
  static Result<NameTable> build(const GraphProto &g, DiagEngine &diags);

  const Definition *find(llvm::StringRef name) const;

  /// Node numbers in def-before-use order (the file's own if it is one already).
  /// `captures[i]`: names that subgraphs of node i take from this graph. Diagnoses
  /// undefined names and cycles.
  Result<std::vector<unsigned>> order(const GraphProto &g, llvm::ArrayRef<std::vector<std::string>> captures,
                                      DiagEngine &diags) const;

private:
  Status define(llvm::StringRef name, Definition d, const GraphProto &g, DiagEngine &diags);
  llvm::StringMap<Definition> defs;
};

} // namespace dpuopt::onnx
#endif
