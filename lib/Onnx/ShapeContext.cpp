//===- ShapeContext.cpp - what a shape function sees of an op ----------------===//
#include "ShapeContext.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

/// Shape operands are short; a longer constant is data, not a shape.
static constexpr int64_t MaxShapeElements = 64 * 1024;

ShapeContext::ShapeContext(const Op &op, DiagEngine &diags)
    : op(op), opset(opsetOf(op.graph())), results(op.numResults()), diags(diags) {}

ElemType ShapeContext::elem(unsigned i) const {
  if (!has(i))
    return ElemKind::None;
  ElemType e = op.operand(i)->type().elemType();
  return e.isFix() ? ElemType(ElemKind::F32) : e;
}

const Tensor *ShapeContext::smallConstant(unsigned i) const {
  const Tensor *t = constantOf(op.operand(i));
  return t && t->elemType().byteSize() && t->numElements() <= MaxShapeElements ? t : nullptr;
}

std::optional<std::vector<int64_t>> ShapeContext::ints(unsigned i) const {
  const Tensor *t = smallConstant(i);
  if (!t || !t->elemType().isInteger())
    return std::nullopt;
  return t->toInts();
}

std::optional<std::vector<float>> ShapeContext::floats(unsigned i) const {
  const Tensor *t = smallConstant(i);
  if (!t)
    return std::nullopt;
  std::vector<float> out(t->numElements());
  for (size_t k = 0; k < out.size(); ++k)
    out[k] = static_cast<float>(t->at(k));
  return out;
}

std::optional<int64_t> ShapeContext::scalarInt(unsigned i) const {
  auto v = ints(i);
  return v && v->size() == 1 ? std::optional<int64_t>(v->front()) : std::nullopt;
}

void ShapeContext::set(unsigned result, ElemType elem, llvm::ArrayRef<int64_t> shape) {
  if (result < results.size())
    results[result] = Type(elem, shape);
}

void ShapeContext::setUnranked(unsigned result, ElemType elem) {
  if (result < results.size() && elem.kind != ElemKind::None)
    results[result] = Type::unranked(elem);
}

void ShapeContext::copy(unsigned result, unsigned i, ElemType elem) {
  if (ranked(i))
    set(result, elem, shape(i));
  else
    setUnranked(result, elem);
}

Status ShapeContext::fail(std::string message) const {
  Location loc = op.loc();
  if (loc.node.empty() && op.numResults())
    loc.node = op.result()->name();
  return diags.error(std::move(loc), op.name().str() + ": " + std::move(message)).rule("onnx.shape");
}

Result<int64_t> ShapeContext::axisAttr(llvm::StringRef name, int64_t dflt, int64_t rank) const {
  int64_t given = op.getInt(name, dflt), axis = normalizeAxis(given, rank);
  if (axis < 0)
    return fail(fmt::format("{} must be within [{}, {}], is {}", name.str(), -rank, rank - 1, given));
  return axis;
}

Result<std::vector<int64_t>> ShapeContext::axes(llvm::ArrayRef<int64_t> given, int64_t rank) const {
  std::vector<int64_t> out;
  for (int64_t a : given) {
    int64_t axis = normalizeAxis(a, rank);
    if (axis < 0)
      return fail(fmt::format("axes must be within [{}, {}], found {}", -rank, rank - 1, a));
    if (llvm::is_contained(out, axis))
      return fail(fmt::format("axis {} is given twice", axis));
    out.push_back(axis);
  }
  return out;
}

//===-- Dimensions -------------------------------------------------------------===//

std::optional<Shape> onnx::broadcastShapes(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Shape out(a.begin(), a.end());
  size_t offset = a.size() - b.size();
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t &x = out[i + offset], y = b[i];
    if (x == 1 || (x < 0 && y > 1))
      x = y; // an unknown dimension can only be 1 or the known one
    else if (x != y && y != 1 && x >= 0 && y >= 0)
      return std::nullopt;
  }
  return out;
}

int64_t onnx::mulDims(int64_t a, int64_t b) {
  if (a == 0 || b == 0)
    return 0;
  if (a < 0 || b < 0)
    return -1;
  int64_t product;
  return __builtin_mul_overflow(a, b, &product) || product > MaxElements ? MaxElements + 1 : product;
}

int64_t onnx::productOf(llvm::ArrayRef<int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims)
    n = mulDims(n, d);
  return n;
}

std::string onnx::typesOf(llvm::ArrayRef<Value *> values) {
  std::string out;
  for (Value *v : values)
    out += (out.empty() ? "" : ", ") + (v ? v->type().str() : std::string("_"));
  return out;
}

//===-- Element types ------------------------------------------------------------===//

/// Indexed by TensorProto.DataType.
static constexpr ElemKind onnxKinds[] = {ElemKind::None, ElemKind::F32, ElemKind::U8,  ElemKind::I8,     ElemKind::U16,
                                         ElemKind::I16,  ElemKind::I32, ElemKind::I64, ElemKind::String, ElemKind::Bool,
                                         ElemKind::F16,  ElemKind::F64, ElemKind::U32, ElemKind::U64,    ElemKind::None,
                                         ElemKind::None, ElemKind::BF16};

ElemType onnx::elemTypeFromOnnx(int64_t dataType) {
  return dataType >= 0 && dataType < int64_t(std::size(onnxKinds)) ? onnxKinds[dataType] : ElemKind::None;
}

int onnx::elemTypeToOnnx(ElemType e) {
  if (e.isFix())
    return 1;
  for (size_t i = 1; i < std::size(onnxKinds); ++i)
    if (onnxKinds[i] == e.kind && e.kind != ElemKind::None)
      return static_cast<int>(i);
  return 0;
}
