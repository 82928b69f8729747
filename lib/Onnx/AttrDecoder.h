//===- AttrDecoder.h - AttributeProto to Attr ---------------------------------===//
//
// ints are i64, floats f32. What has no equivalent (graphs, sparse tensors, type
// protos, tensors of 4-bit types...) becomes Bytes that hold the whole
// AttributeProto, which is what the exporter writes back.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_ATTRDECODER_H
#define DPUOPT_LIB_ONNX_ATTRDECODER_H

#include "TensorDecoder.h"
#include "dpuopt/IR/Attr.h"

namespace dpuopt::onnx {

struct DecodedAttr {
  std::string name;
  Attr value;
  std::vector<llvm::StringRef> graphs; ///< GraphProto messages inside (Bytes attributes)
  bool isReference = false;            ///< refers to an attribute of an enclosing function
};

/// `owner` names the node in diagnostics.
Result<DecodedAttr> decodeAttr(llvm::StringRef message, TensorDecoder &tensors, const std::string &owner,
                               DiagEngine &diags);

} // namespace dpuopt::onnx
#endif
