//===- ShapeContext.h - what a shape function sees of an op ------------------===//
//
// Operand types and small integer constants in, result types out. Dimensions
// that are not known are -1 and stay -1 through the arithmetic helpers here,
// which cannot overflow. Knows no operator.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_SHAPECONTEXT_H
#define DPUOPT_LIB_ONNX_SHAPECONTEXT_H

#include "dpuopt/IR/OnnxViews.h"

namespace dpuopt::onnx {

class ShapeContext {
public:
  ShapeContext(const Op &op, DiagEngine &diags);

  const Op &op;
  const int64_t opset;

  bool has(unsigned i) const { return op.operand(i) != nullptr; }
  bool ranked(unsigned i) const { return has(i) && op.operand(i)->type().hasRank(); }
  /// Shape of operand `i`; ask ranked() first.
  llvm::ArrayRef<int64_t> shape(unsigned i) const { return op.operand(i)->type().shape(); }
  int64_t rank(unsigned i) const { return static_cast<int64_t>(shape(i).size()); }
  /// Element type of operand `i`; a Fix operand is a real number, f32. None if absent.
  ElemType elem(unsigned i) const;
  /// Values of a constant integer operand of at most 64K elements; nullopt otherwise.
  std::optional<std::vector<int64_t>> ints(unsigned i) const;
  /// Values of a constant operand as floats, same limit.
  std::optional<std::vector<float>> floats(unsigned i) const;
  std::optional<int64_t> scalarInt(unsigned i) const;

  void set(unsigned result, ElemType elem, llvm::ArrayRef<int64_t> shape);
  void set(unsigned result, ElemType elem, const Shape &shape) { set(result, elem, llvm::ArrayRef<int64_t>(shape)); }
  void setUnranked(unsigned result, ElemType elem);
  /// The result has the type of operand `i` (shape as far as known).
  void copy(unsigned result, unsigned i) { copy(result, i, elem(i)); }
  void copy(unsigned result, unsigned i, ElemType elem);

  /// Diagnoses "<op>: <message>" at the op.
  Status fail(std::string message) const;
  /// Attribute `name` (default `dflt`) as an axis of operand `i`, counted from the
  /// front; diagnoses one that is out of range. `extra`: how many axes beyond the
  /// operand's own are allowed (1 for an end position).
  Result<int64_t> axisAttr(llvm::StringRef name, int64_t dflt, int64_t rank) const;
  /// Counts axes from the front; diagnoses one out of range or given twice.
  Result<std::vector<int64_t>> axes(llvm::ArrayRef<int64_t> given, int64_t rank) const;

  /// Result types; nullopt: not computed.
  llvm::SmallVector<std::optional<Type>, 2> results;

private:
  const Tensor *smallConstant(unsigned i) const;
  DiagEngine &diags;
};

/// Numpy broadcasting of two shapes; nullopt if they do not fit.
std::optional<Shape> broadcastShapes(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);
/// a * b; -1 if either is unknown; beyond MaxElements: MaxElements + 1, which no result may have.
int64_t mulDims(int64_t a, int64_t b);
/// Product of dimensions under the same rules; 1 for none.
int64_t productOf(llvm::ArrayRef<int64_t> dims);
/// "f32<1x3> and f32<1x4>".
std::string typesOf(llvm::ArrayRef<Value *> values);
/// Element type of an ONNX TensorProto.DataType number; None for those without equivalent.
ElemType elemTypeFromOnnx(int64_t dataType);
/// The reverse; 0 (undefined) for None; Fix is written as float.
int elemTypeToOnnx(ElemType e);

} // namespace dpuopt::onnx
#endif
