//===- Exporter.h - from a Graph to a ModelProto ------------------------------===//
//
// One instance exports one graph. Dense constants become initializers (Constant
// nodes when they came from one: that is what a location on a constant means),
// splats become ConstantOfShape nodes. Fix points have no place in ONNX: such
// values are written as float.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_EXPORTER_H
#define DPUOPT_LIB_ONNX_EXPORTER_H

#include "Pieces.h"
#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/StringSet.h"
#include <map>

namespace dpuopt::onnx {

class Exporter {
public:
  /// `externalName`: file name for external data; empty: everything inside.
  Exporter(const Graph &g, std::string externalName, DiagEngine &diags);

  Status build();
  const Pieces &model() const { return modelPieces; }
  /// External tensors at their offsets.
  void writeExternal(llvm::raw_ostream &os) const;
  bool hasExternal() const { return !external.empty(); }

private:
  Status addNodes();
  Status addNode(const Op &op);
  Status addConstant(const Op &op);
  void addSplat(const Op &op, const Tensor &t);
  Status addCaptures(const Op &op, unsigned count);
  void addValueInfo(uint32_t field, const Value &v) { addValueInfo(field, v.name(), v.type()); }
  void addValueInfo(uint32_t field, llvm::StringRef name, const Type &type);
  void addInitializer(llvm::StringRef name, const Tensor &t, bool mayBeExternal);
  void addModelFields();
  /// A TensorProto; `name` may be empty.
  Pieces tensor(llvm::StringRef name, const Tensor &t, bool mayBeExternal);
  Result<Pieces> attribute(const Op &op, llvm::StringRef name, const Attr &a);
  std::string freshName(const std::string &hint);
  Status fail(const Op &op, std::string message);

  const Graph &g;
  std::string externalName;
  DiagEngine &diags;
  Pieces graphPieces, modelPieces;
  std::vector<Pieces> initializers;
  llvm::StringSet<> used; ///< tensor names made up here
  struct External {
    uint64_t offset;
    Blob bytes;
    uint64_t repeat;
  };
  std::vector<External> external;
  uint64_t externalSize = 0;
};

} // namespace dpuopt::onnx
#endif
