//===- InferTypes.cpp - result types of one op, and how they are merged -------===//
#include "OpTable.h"
#include "ShapeContext.h"
#include "dpuopt/Onnx/Onnx.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

/// No dimension, and no product of them, may be beyond what we accept.
static Status checkResult(const ShapeContext &c, unsigned i, const Type &type) {
  for (int64_t d : type.shape())
    if (d < -1 || d > MaxElements)
      return c.fail(fmt::format("result {} would have an impossible dimension: {}", i, type.str()));
  if (type.isStatic() && (type.numElements() < 0 || type.numElements() > MaxElements))
    return c.fail(fmt::format("result {} would have more than {} elements: {}", i, MaxElements, type.str()));
  return success();
}

/// A q type on an onnx op says "rounded to that fix point": it stays as long as
/// the shape is the one it was given for.
static Type keepFix(const Type &inferred, const Type &current) {
  if (!current.isFix())
    return inferred;
  // It may have been given before all dimensions were known.
  bool same = !current.hasRank() || !inferred.hasRank() || current.rank() == inferred.rank();
  for (size_t i = 0; same && current.hasRank() && inferred.hasRank() && i < current.rank(); ++i)
    same = current.dim(i) == inferred.dim(i) || current.dim(i) < 0 || inferred.dim(i) < 0;
  return same ? inferred.withElem(current.elemType()) : inferred;
}

Result<std::optional<std::vector<Type>>> dpuopt::inferTypes(const Op &op, DiagEngine &diags) {
  using Types = std::optional<std::vector<Type>>;
  const OpInfo *info = op.isOnnx() ? findOp(op.name().drop_front(5)) : nullptr;
  if (!info || !info->infer || !isKnownOnnxOp(op))
    return Types();
  for (unsigned i = 0; i < info->minInputs; ++i)
    if (!op.operand(i))
      return ShapeContext(op, diags).fail(fmt::format("operand {} is required", i));
  ShapeContext c(op, diags);
  if (failed(info->infer(c)))
    return failure();
  std::vector<Type> types;
  bool any = false;
  for (unsigned i = 0; i < c.results.size(); ++i) {
    types.push_back(c.results[i].value_or(Type()));
    any |= c.results[i].has_value();
    if (failed(checkResult(c, i, types.back())))
      return failure();
    types.back() = keepFix(types.back(), op.result(i)->type());
  }
  return any ? Types(std::move(types)) : Types();
}

//===-- Merging with what is known already ------------------------------------------===//

/// Takes from `declared` what `inferred` does not know; `contradicts` tells
/// whether the two disagree somewhere.
static Type merge(const Type &inferred, const Type &declared, bool &contradicts) {
  ElemType elem = inferred.elemType(), other = declared.elemType();
  if (elem.kind == ElemKind::None)
    elem = other;
  else if (other.kind != ElemKind::None && elem != other && !other.isFix())
    contradicts = true;
  if (!inferred.hasRank())
    return declared.withElem(elem);
  if (!declared.hasRank())
    return inferred.withElem(elem);
  if (inferred.rank() != declared.rank()) {
    contradicts = true;
    return inferred.withElem(elem);
  }
  Shape dims(inferred.shape().begin(), inferred.shape().end());
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < 0)
      dims[i] = declared.dim(i);
    else if (declared.dim(i) >= 0 && declared.dim(i) != dims[i])
      contradicts = true;
  }
  return Type(elem, std::move(dims));
}

Result<bool> dpuopt::refineTypes(Op &op, DiagEngine &diags) {
  auto types = inferTypes(op, diags);
  if (!types)
    return failure();
  if (!*types)
    return false;
  bool changed = false;
  for (unsigned i = 0; i < op.numResults(); ++i) {
    Value *v = op.result(i);
    bool contradicts = false;
    Type merged = merge((**types)[i], v->type(), contradicts);
    if (contradicts)
      diags.warning(op.loc(), fmt::format("'{}' is declared as {}, but {} of its operands makes {}; using the latter",
                                          v->name(), v->type().str(), op.name().str(), merged.str()));
    if (merged == v->type())
      continue;
    v->setType(std::move(merged));
    changed = true;
  }
  return changed;
}
