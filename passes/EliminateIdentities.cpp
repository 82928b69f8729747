//===- EliminateIdentities.cpp - remove ops that return their operand ------------===//
//
// Before: an onnx.* graph, shapes inferred as far as possible. After: an op whose
// result equals its first operand is gone, its users read the operand.
// Which ops, and when: the table below. Conditions for all of them:
// - the result has the type of the operand (a fix point on the result rounds);
// - results other than the first are unused;
// - a graph output keeps its name: the operand is renamed; if it is a graph input or
//   another graph output, the op stays.
// Identity on a constant leaves a constant of its own name that shares the bytes.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"

namespace dpuopt {
namespace {

/// Each returns the operand that `op` returns unchanged, or null. For rows marked so,
/// the caller has checked that operand 0 and the result have the same static type.
using Check = Value *(*)(const Op &op);

Value *always(const Op &op) { return op.operand(0); }

/// A constant list of integers in attribute `name` or operand `i`; nullopt if not constant.
std::optional<std::vector<int64_t>> intsOf(const Op &op, llvm::StringRef name, unsigned i) {
  if (op.hasAttr(name))
    return op.getInts(name);
  const Tensor *t = constantOf(op.operand(i));
  if (!t || !t->elemType().isInteger() || t->numElements() > 64)
    return std::nullopt;
  return t->toInts();
}

bool all(llvm::ArrayRef<int64_t> v, int64_t x) {
  return llvm::all_of(v, [x](int64_t e) { return e == x; });
}

/// Opset 12 and later can train: operand 2. Before, Dropout always meant inference.
Value *dropout(const Op &op) {
  const Value *training = op.operand(2);
  return !training || isScalar(training, 0) ? op.operand(0) : nullptr;
}

Value *transpose(const Op &op) {
  std::vector<int64_t> perm = op.getInts("perm");
  if (perm.empty())
    return op.operand(0)->type().rank() <= 1 ? op.operand(0) : nullptr;
  for (size_t i = 0; i < perm.size(); ++i)
    if (perm[i] != static_cast<int64_t>(i))
      return nullptr;
  return op.operand(0);
}

/// The same type is not enough: pads of 1 and -1 shift.
Value *pad(const Op &op) {
  auto pads = intsOf(op, "pads", 1);
  return pads && all(*pads, 0) ? op.operand(0) : nullptr;
}

/// The same type and steps of 1 leave only the whole range.
Value *slice(const Op &op) {
  if (!op.operand(4))
    return op.operand(0);
  auto steps = intsOf(op, "steps", 4);
  return steps && all(*steps, 1) ? op.operand(0) : nullptr;
}

/// Scales must be 1: 1.01 may give the same size and move pixels. Sizes that are the same mean a scale of 1.
Value *resize(const Op &op) {
  std::string mode = op.getString("coordinate_transformation_mode", "half_pixel");
  if (mode == "tf_crop_and_resize" || mode == "tf_half_pixel_for_nn")
    return nullptr;
  bool scalesFirst = op.is("onnx.Upsample") || op.numOperands() == 2; // Upsample, and Resize of opset 10
  const Value *scales = op.operand(scalesFirst ? 1 : 2);
  if (op.is("onnx.Upsample") && op.hasAttr("scales"))
    return llvm::all_of(op.getFloats("scales"), [](float s) { return s == 1; }) ? op.operand(0) : nullptr;
  bool noScales = !scales || (scales->type().isStatic() && scales->type().numElements() == 0);
  if (noScales)
    return !scalesFirst && op.operand(3) ? op.operand(0) : nullptr;
  return constantScalar(scales) == 1.0 ? op.operand(0) : nullptr;
}

Value *onlyOperand(const Op &op) { return op.numOperands() == 1 ? op.operand(0) : nullptr; }

Value *pool(const Op &op) { return onnx::Window(op).isUnit() ? op.operand(0) : nullptr; }

/// x + 0, x - 0: the constant is operand 1, or either one if the op commutes.
Value *neutral(const Op &op, double element, bool commutes) {
  for (unsigned i = 0; i < (commutes ? 2 : 1); ++i) {
    Value *x = op.operand(i), *c = op.operand(1 - i);
    if (x && constantScalar(c) == element && sameStaticType(x, op.result()))
      return x;
  }
  return nullptr;
}
Value *addZero(const Op &op) { return neutral(op, 0, true); }
Value *subZero(const Op &op) { return neutral(op, 0, false); }
Value *mulOne(const Op &op) { return neutral(op, 1, true); }
Value *divOne(const Op &op) { return neutral(op, 1, false); }

Value *clip(const Op &op) {
  bool bounded = op.operand(1) || op.operand(2) || op.hasAttr("min") || op.hasAttr("max");
  return bounded ? nullptr : op.operand(0);
}

struct Row {
  const char *op; ///< without "onnx."
  enum { AnyShape, SameType, OwnCheck } types;
  Check check;
};
constexpr Row table[] = {
    {"Identity", Row::AnyShape, always},
    {"Dropout", Row::AnyShape, dropout},
    {"Cast", Row::AnyShape, always}, // to the element type it has
    {"Clip", Row::AnyShape, clip},
    {"Concat", Row::AnyShape, onlyOperand},
    {"Sum", Row::AnyShape, onlyOperand},
    {"Mean", Row::AnyShape, onlyOperand},
    {"Max", Row::AnyShape, onlyOperand},
    {"Min", Row::AnyShape, onlyOperand},
    {"AveragePool", Row::AnyShape, pool},
    {"MaxPool", Row::AnyShape, pool},
    {"Reshape", Row::SameType, always},
    {"Flatten", Row::SameType, always},
    {"Squeeze", Row::SameType, always},
    {"Unsqueeze", Row::SameType, always},
    {"Expand", Row::SameType, always},
    {"Tile", Row::SameType, always},
    {"Split", Row::SameType, always},
    {"DepthToSpace", Row::SameType, always},
    {"SpaceToDepth", Row::SameType, always},
    {"GlobalAveragePool", Row::SameType, always},
    {"GlobalMaxPool", Row::SameType, always},
    {"Transpose", Row::SameType, transpose},
    {"Pad", Row::SameType, pad},
    {"Slice", Row::SameType, slice},
    {"Resize", Row::SameType, resize},
    {"Upsample", Row::SameType, resize},
    {"Add", Row::OwnCheck, addZero},
    {"Sub", Row::OwnCheck, subZero},
    {"Mul", Row::OwnCheck, mulOne},
    {"Div", Row::OwnCheck, divOne},
    {"Pow", Row::OwnCheck, divOne},
};

/// The same element type, or the result's is not known yet.
bool keepsElem(const Op &op) {
  ElemType to = op.result()->type().elemType();
  bool unknown = to.kind == ElemKind::None && !op.is("onnx.Cast");
  return unknown || to == op.operand(0)->type().elemType();
}

bool typesAgree(const Row &row, const Op &op) {
  if (row.types == Row::OwnCheck)
    return op.operand(1) != nullptr;
  return row.types == Row::AnyShape ? keepsElem(op) : sameStaticType(op.operand(0), op.result());
}

Value *sameAs(const Op &op) {
  if (!op.isOnnx() || !op.numResults() || !op.operand(0) || !onlyFirstResultUsed(op))
    return nullptr;
  llvm::StringRef name = op.name().drop_front(5);
  const Row *row = llvm::find_if(table, [&](const Row &r) { return name == r.op; });
  return row != std::end(table) && typesAgree(*row, op) ? row->check(op) : nullptr;
}

bool eliminate(Op &op) {
  Value *x = sameAs(op);
  return x && replaceBySame(op.result(), x);
}

PassResult run(Graph &g, PassContext &) { return rewriteOps(g, eliminate); }

} // namespace

extern const PassInfo EliminateIdentitiesPass;
const PassInfo EliminateIdentitiesPass = {
    "eliminate-identities",
    "Remove ops that return their operand unchanged",
    "**Before:** Identity (also on constants), Dropout in inference form, Cast to the same type, Reshape, Flatten, "
    "Squeeze, Unsqueeze, Expand, Tile, Split and global pools that keep the shape, Transpose that keeps the order, Pad "
    "by 0, Slice of everything, Resize by 1, Concat, Sum, Mean, Max or Min of one value, pools with kernel 1 and "
    "stride "
    "1, Clip without bounds, x + 0, x - 0, x * 1, x / 1, x ^ 1. **After:** users read the operand. An Identity on a "
    "constant becomes a constant of its own name that shares the bytes. **Conditions:** the result has the operand's "
    "type (a fix point rounds), other results are unused; a graph output keeps its name, so the op stays where its "
    "operand is a graph input or another graph output.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
