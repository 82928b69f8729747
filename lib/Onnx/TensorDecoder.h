//===- TensorDecoder.h - TensorProto to Tensor, in place where possible -------===//
//
// raw_data and packed float_data/double_data become slices of the model file;
// external data becomes a slice of its own mapped file. Only integers packed as
// varints are unpacked. (onnx.proto, TensorProto; ONNX ExternalData.md.)
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_TENSORDECODER_H
#define DPUOPT_LIB_ONNX_TENSORDECODER_H

#include "dpuopt/IR/Tensor.h"
#include "dpuopt/Support/Diagnostic.h"
#include <map>

namespace dpuopt::onnx {

/// Maps the files external data lives in, each once. A location must name a
/// regular file inside the model's folder, after `..` and symbolic links are resolved.
class ExternalFiles {
public:
  explicit ExternalFiles(llvm::StringRef modelPath);
  /// `owner` names the tensor in diagnostics.
  Result<Blob> map(llvm::StringRef location, const std::string &owner, DiagEngine &diags);

private:
  std::string modelPath, folder;
  std::map<std::string, Blob> files;
};

class TensorDecoder {
public:
  TensorDecoder(const Blob &model, llvm::StringRef modelPath, DiagEngine &diags)
      : model(model), external(modelPath), diags(diags) {}

  /// `what` names the tensor in diagnostics ("initializer 'w'").
  Result<Tensor> decode(llvm::StringRef message, const std::string &what);
  /// Can its element type be represented? (complex, 8-bit floats and 4-bit types cannot)
  static bool isDecodable(llvm::StringRef message);
  /// A slice of the model when `bytes` lie inside it (no copy), else a copy.
  Blob view(llvm::StringRef bytes) const;

private:
  struct Fields;
  Result<Blob> dataOf(const Fields &f, const Type &type, const std::string &what);
  Result<Blob> externalData(llvm::ArrayRef<std::pair<std::string, std::string>> entries, uint64_t size,
                            const std::string &what);

  Blob model;
  ExternalFiles external;
  DiagEngine &diags;
};

/// String tensors are stored as their elements, each after its length as a varint.
Blob packStrings(llvm::ArrayRef<std::string> strings);
std::vector<llvm::StringRef> unpackStrings(const Blob &b);

} // namespace dpuopt::onnx
#endif
