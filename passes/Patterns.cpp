//===- Patterns.cpp - small matchers and safe rewrites on onnx.* graphs -----===//
#include "Patterns.h"
#include "TensorMath.h"
#include <cmath>
#include <limits>

namespace dpuopt {

//===-- Constants ----------------------------------------------------------===//

std::optional<double> constantScalar(const Value *v) {
  const Tensor *t = constantOf(v);
  return t ? uniformValue(*t) : std::nullopt;
}

bool isScalar(const Value *v, double x) {
  auto c = constantScalar(v);
  return c && std::fabs(*c - x) <= 1e-6 * std::fabs(x);
}

std::optional<std::vector<double>> perChannel(const Value *v, const Type &x, unsigned axis) {
  const Tensor *t = constantOf(v);
  if (!t || !t->elemType().isFloat() || !x.isStatic() || t->shape().size() > x.rank() || axis >= x.rank())
    return std::nullopt;
  size_t missing = x.rank() - t->shape().size();
  int64_t channels = 1;
  bool onlyChannels = true;
  for (size_t i = 0; i < t->shape().size(); ++i) {
    int64_t d = t->shape()[i];
    if (d != 1 && d != x.dim(i + missing))
      return std::nullopt;
    if (i + missing == axis)
      channels = d;
    else
      onlyChannels &= d == 1;
  }
  if (auto same = uniformValue(*t))
    return std::vector<double>{*same};
  // A dimension of size 0 is no channel.
  return onlyChannels && channels > 0 ? std::optional(toDoubles(*t)) : std::nullopt;
}

std::optional<ScalarOp> matchScalarOp(const Op *op, llvm::StringRef name) {
  if (!op || !op->is(name) || op->numOperands() != 2)
    return std::nullopt;
  for (unsigned i : {1u, 0u}) {
    Value *x = op->operand(1 - i);
    auto number = constantScalar(op->operand(i));
    if (number && x && !constantOf(x) && sameStaticType(x, op->result()))
      return ScalarOp{x, *number, i == 0};
  }
  return std::nullopt;
}

std::optional<ClipBounds> clipBounds(const Op &op) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  ClipBounds b{op.getFloat("min", -inf), op.getFloat("max", inf)};
  for (unsigned i : {1u, 2u}) {
    if (!op.operand(i))
      continue;
    auto bound = constantScalar(op.operand(i));
    if (!bound)
      return std::nullopt;
    (i == 1 ? b.low : b.high) = *bound;
  }
  // Before opset 11 "no bound" was the largest float.
  if (b.low <= std::numeric_limits<float>::lowest())
    b.low = -inf;
  if (b.high >= std::numeric_limits<float>::max())
    b.high = inf;
  return b;
}

std::optional<double> upperBoundOf(const Op &op) {
  auto bounds = op.is("onnx.Clip") && op.operand(0) ? clipBounds(op) : std::nullopt;
  bool fits = bounds && bounds->low == 0 && bounds->high > 0 && std::isfinite(bounds->high);
  return fits ? std::optional(bounds->high) : std::nullopt;
}

bool isRelu6(const Op &op) {
  if (!op.is("onnx.Clip"))
    return false;
  auto b = clipBounds(op);
  return b && b->low == 0 && b->high == 6;
}

//===-- Shape of the graph -------------------------------------------------===//

static bool isNonNegative(const Value *v, unsigned depth) {
  if (const Tensor *t = constantOf(v)) {
    auto same = uniformValue(*t);
    return same && *same >= 0;
  }
  const Op *op = v->def();
  if (!op || depth > 16)
    return false;
  if (op->isOneOf("onnx.Relu", "onnx.Sigmoid", "onnx.HardSigmoid", "onnx.Softmax", "onnx.Abs", "onnx.Sqrt", "onnx.Exp",
                  "onnx.Softplus"))
    return true;
  if (op->is("onnx.Clip")) {
    auto b = clipBounds(*op);
    return b && b->low >= 0;
  }
  if (op->isOneOf("onnx.Concat", "onnx.Add", "onnx.Max"))
    return llvm::all_of(op->operands(), [&](const Value *o) { return o && isNonNegative(o, depth + 1); });
  if (op->isOneOf("onnx.MaxPool", "onnx.AveragePool", "onnx.GlobalAveragePool", "onnx.GlobalMaxPool", "onnx.Identity",
                  "onnx.Transpose", "onnx.Reshape", "onnx.Slice"))
    return v->index() == 0 && op->operand(0) && isNonNegative(op->operand(0), depth + 1);
  return false;
}

bool isNonNegative(const Value *v) { return v && isNonNegative(v, 0); }

bool sameStaticType(const Value *a, const Value *b) { return a && b && a->type() == b->type() && a->type().isStatic(); }

bool onlyFirstResultUsed(const Op &op) {
  for (unsigned i = 1; i < op.numResults(); ++i)
    if (!op.result(i)->unused())
      return false;
  return true;
}

//===-- Rewrites -----------------------------------------------------------===//

PassResult rewriteOps(Graph &g, llvm::function_ref<bool(Op &)> rewrite) {
  bool changed = false;
  for (Op &op : llvm::make_early_inc_range(g.ops()))
    if (op.isOnnx() && op.numResults())
      changed |= rewrite(op);
  return changed ? PassResult::Changed : PassResult::Unchanged;
}

void eraseIfUnused(Op *op, const Op *keep) {
  llvm::SmallVector<Op *, 8> work{op};
  while (!work.empty()) {
    Op *dead = work.pop_back_val();
    if (dead == keep || llvm::is_contained(work, dead) || !dead->unused())
      continue; // listed twice: the later entry deletes it
    for (Value *v : dead->operands())
      if (v && v->def())
        work.push_back(v->def());
    dead->graph().erase(dead);
  }
}

void takeOver(Value *result, Value *last) {
  Op *old = last->def();
  last->replaceAllUsesWith(result);
  result->takeName(last);
  if (last->type().elemType().kind != ElemKind::None && last->type().hasRank())
    result->setType(last->type());
  eraseIfUnused(old, result->def()); // nobody may have read `last`; the caller still has `result`
}

bool replaceBySame(Value *last, Value *x) {
  if (const Tensor *t = constantOf(x)) {
    // Exporters alias equal weights; each keeps its own name, and shares the bytes.
    takeOver(last->def()->graph().createConst(last->name(), *t, last->def(), x->def()->loc()), last);
    return true;
  }
  bool isOutput = last->isGraphOutput();
  if (isOutput && (!x->def() || x->isGraphOutput()))
    return false;
  Op *old = last->def();
  last->replaceAllUsesWith(x);
  if (isOutput)
    x->takeName(last);
  eraseIfUnused(old);
  return true;
}

void setConstOperand(Op &op, unsigned i, Tensor t, llvm::StringRef nameIfNew) {
  Value *old = op.operand(i);
  Location loc = old && old->def() ? old->def()->loc() : op.loc();
  Value *fresh = op.graph().createConst(old ? old->name() : nameIfNew.str(), std::move(t), &op, loc);
  op.setOperand(i, fresh);
  if (old && old->unused() && old->def()) {
    fresh->takeName(old);
    eraseIfUnused(old->def());
  }
}

Op *replaceOp(Op &last, llvm::StringRef name, llvm::ArrayRef<Value *> operands, AttrMap attrs) {
  Value *result = last.result();
  OpSpec spec{name.str(), operands.vec(), {{result->name(), result->type()}}, std::move(attrs), last.loc()};
  Op *op = last.graph().create(std::move(spec), &last);
  takeOver(op->result(), result);
  return op;
}

std::string biasName(const Value *weight) {
  llvm::StringRef name = weight->name();
  bool isWeight = name.endswith(".weight") || name.endswith("_weight");
  return isWeight ? name.drop_back(6).str() + "bias" : name.str() + "_bias";
}

} // namespace dpuopt
