//===- Importer.h - from a decoded ModelProto to a Graph ----------------------===//
//
// One instance imports one model. Constants are made where they are first used
// (so unused ones never are), right before their user.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_IMPORTER_H
#define DPUOPT_LIB_ONNX_IMPORTER_H

#include "AttrDecoder.h"
#include "NameTable.h"
#include "dpuopt/Onnx/Onnx.h"

namespace dpuopt::onnx {

class Importer {
public:
  Importer(const Blob &bytes, llvm::StringRef path, const OnnxImportOptions &options, DiagEngine &diags)
      : options(options), diags(diags), tensors(bytes, path, diags) {}

  /// `model` must outlive the call; it refers into the bytes given above.
  Result<std::unique_ptr<Graph>> run(const ModelProto &model);

private:
  // The phases of run(), in order.
  Status setGraphAttrs();
  Status decodeAttributes();
  Status addInputs();
  void keepOtherTypes();
  Status addNode(unsigned index);
  Status setOutputs();
  void reportOpaque();

  // Inputs.
  Status checkInputShapes();
  Result<Type> inputType(const ValueInfoProto &input);
  std::string listInputs() const;

  // Constants.
  struct Pending {
    Tensor tensor;
    Location loc;
  };
  /// The constant called `name`, decoded; nullptr if the name is no constant.
  Result<const Pending *> constant(llvm::StringRef name);
  /// Turns a Constant node (or a ConstantOfShape of a constant) into a pending
  /// constant; false if it has to stay an op.
  Result<bool> takeConstant(const NodeProto &n, const AttrMap &attrs);
  Result<bool> takeConstantOfShape(const NodeProto &n, const AttrMap &attrs);

  /// The value called `name`, made from a constant if need be.
  Result<Value *> value(llvm::StringRef name);
  Status checkNode(const NodeProto &n, const AttrMap &attrs);
  Type declaredType(llvm::StringRef name) const { return declared.lookup(name); }
  void noteIfOpaque(const Op &op);

  const OnnxImportOptions &options;
  DiagEngine &diags;
  TensorDecoder tensors;
  const ModelProto *model = nullptr;
  std::unique_ptr<Graph> graph;
  NameTable names;
  std::vector<AttrMap> attrs;                     ///< per node
  std::vector<std::vector<std::string>> captures; ///< per node
  std::map<std::string, Shape> inputShapes;       ///< as given by the user, by input name
  llvm::StringMap<Type> declared;                 ///< from value_info and outputs
  llvm::StringMap<Value *> values;
  llvm::StringMap<Pending> constants;
  struct Opaque {
    unsigned count = 0;
    std::string first, reason;
  };
  std::map<std::string, Opaque> opaque; ///< by op name
};

} // namespace dpuopt::onnx
#endif
