//===- FoldConstants.cpp - compute what does not depend on the input ---------------===//
//
// Before: any graph. After: an op whose operands are all constants is replaced by
// constants with its results' names. Conditions:
// - the executor knows the op, and the op gives the same result every time
//   (RandomNormal and its like, Dropout that trains: not);
// - it is no QuantizeLinear or DequantizeLinear: they say where a fix point is;
// - every operand and result is a number other than f64 (computing is in f32), and a
//   result has the element type the graph says;
// - a result has at most `max-elements` elements, unless all operands have as many
//   together (folding must not make the model larger), or it is a splat;
// - a splat is not turned into more than 1 MB of elements.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Pass/Pass.h"
#include "dpuopt/Quant/Qdq.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// A splat operand may become at most this many bytes of separate elements.
constexpr int64_t MaxExpandedBytes = 1 << 20;

/// Ops whose results are not a function of their operands.
bool isRandom(const Op &op) {
  return op.isOneOf("onnx.RandomNormal", "onnx.RandomNormalLike", "onnx.RandomUniform", "onnx.RandomUniformLike",
                    "onnx.Bernoulli", "onnx.Multinomial", "onnx.Dropout", "xir.random_standard_normal");
}

bool isComputable(const Type &type) { return type.elemType().byteSize() != 0 && type.elemType() != ElemKind::F64; }

int64_t operandElements(const Op &op) {
  int64_t n = 0;
  for (const Value *v : op.operands())
    if (const Tensor *t = constantOf(v))
      n += t->isSplat() ? 1 : t->numElements();
  return n;
}

std::vector<const Tensor *> operandsOf(const Op &op) {
  std::vector<const Tensor *> operands;
  for (const Value *v : op.operands())
    operands.push_back(constantOf(v));
  return operands;
}

/// Everything that can be known before computing.
bool isFoldable(const Op &op, int64_t maxElements) {
  if (op.isConst() || op.isOneOf("xir.data", "xir.data-fix") || isRandom(op) || qdqKind(op) != QdqKind::None ||
      !canExecute(op) || !op.numResults())
    return false;
  for (const Value *v : op.operands())
    if (v && (!constantOf(v) || !isComputable(v->type())))
      return false;
  int64_t limit = std::max(maxElements, operandElements(op));
  for (const Value *r : op.results())
    if (!isComputable(r->type()) && r->type().elemType().kind != ElemKind::None)
      return false;
  std::vector<const Tensor *> operands = operandsOf(op);
  if (evaluatesToSplat(op, operands))
    return true;
  for (const Tensor *t : operands)
    if (t && t->isSplat() && t->type().numBytes() > MaxExpandedBytes)
      return false;
  return llvm::all_of(op.results(), [&](const Value *r) { return r->type().numElements() <= limit; });
}

/// `t` as the graph stores a value of element type `e`; nullopt if that is another kind.
std::optional<Tensor> stored(const Tensor &t, ElemType e) {
  ElemKind have = t.elemType().kind;
  if (e == t.elemType() || e.kind == ElemKind::None)
    return t;
  if (have != ElemKind::F32 || !(e.isFix() || e.kind == ElemKind::F16 || e.kind == ElemKind::BF16))
    return std::nullopt;
  // The kernel has rounded already: what follows only changes the representation.
  Type type = t.type().withElem(e);
  Tensor out = t.isSplat() ? Tensor::zeros(type.withShape({1})) : Tensor::zeros(type);
  double scale = e.isFix() ? std::ldexp(1.0, e.fixPoint) : 1;
  auto fill = [&](auto elements) {
    using E = std::remove_reference_t<decltype(elements[0])>;
    for (size_t i = 0; i < elements.size(); ++i)
      elements[i] = e.kind == ElemKind::F16    ? E(floatToHalf(float(t.at(int64_t(i)))))
                    : e.kind == ElemKind::BF16 ? E(floatToBfloat(float(t.at(int64_t(i)))))
                                               : E(int64_t(t.at(int64_t(i)) * scale));
  };
  if (e.byteSize() == 1)
    fill(out.mut<uint8_t>());
  else if (e.byteSize() == 2)
    fill(out.mut<uint16_t>());
  else
    fill(out.mut<uint32_t>());
  return t.isSplat() ? Tensor::splat(type, out.storage()) : out;
}

/// The constants `op` amounts to; nullopt if it has to stay.
std::optional<std::vector<Tensor>> constantsOf(const Op &op, int64_t maxElements) {
  if (!isFoldable(op, maxElements))
    return std::nullopt;
  std::vector<const Tensor *> operands = operandsOf(op);
  DiagEngine silent; // an op that cannot be computed stays, and is reported when it is run
  auto results = evaluate(op, operands, silent);
  if (!results || results->size() != op.numResults())
    return std::nullopt;
  int64_t limit = std::max(maxElements, operandElements(op));
  for (unsigned i = 0; i < results->size(); ++i) {
    Tensor &t = (*results)[i];
    const Type &declared = op.result(i)->type();
    bool wrongShape = declared.isStatic() && declared.shape() != t.shape();
    bool splatGiven = llvm::any_of(operands, [](const Tensor *o) { return o && o->isSplat(); });
    bool grows = !t.isSplat() && (t.numElements() > limit || (splatGiven && t.type().numBytes() > MaxExpandedBytes));
    auto fitting = wrongShape || grows ? std::nullopt : stored(t, declared.elemType());
    if (!fitting)
      return std::nullopt;
    t = std::move(*fitting);
  }
  return std::move(*results);
}

void replaceByConstants(Graph &g, Op &op, std::vector<Tensor> values) {
  llvm::SmallVector<Value *, 2> constants;
  for (unsigned i = 0; i < values.size(); ++i) {
    Value *c = g.createConst(op.result(i)->name(), std::move(values[i]), &op, op.loc());
    c->takeName(op.result(i));
    constants.push_back(c);
  }
  g.replace(&op, constants);
}

PassResult run(Graph &g, PassContext &ctx) {
  std::optional<int64_t> maxElements = ctx.intOption("max-elements");
  if (!maxElements)
    return PassResult::Failure;
  unsigned folded = 0;
  for (auto it = g.ops().begin(); it != g.ops().end();) {
    Op &op = *it++;
    auto values = constantsOf(op, *maxElements);
    if (!values)
      continue;
    replaceByConstants(g, op, std::move(*values));
    ++folded;
  }
  if (!folded)
    return PassResult::Unchanged;
  ctx.diags.remark(fmt::format("fold-constants: computed {} ops", folded));
  return PassResult::Changed;
}

} // namespace

extern const PassInfo FoldConstantsPass;
const PassInfo FoldConstantsPass = {
    "fold-constants",
    "Compute the ops that depend on constants alone",
    "**Before:** any graph. **After:** an op whose operands are all constants is a constant with the same value name; "
    "constants nobody reads any more are left to `eliminate-dead-code`. **Conditions:** the executor knows the op and "
    "the op gives the same result every time (not RandomNormal and its like, not Dropout) and carries no fix point "
    "(not "
    "QuantizeLinear and DequantizeLinear); no f64; a result has at "
    "most `max-elements` elements or as many as the operands together, or it is a splat (one stored element, such as a "
    "large ConstantOfShape); a splat never becomes more than 1 MB. **Formula:** the operator's, in f32.",
    Preserves::Closely,
    {{"max-elements", "N", "Largest result that may be larger than the operands", "1048576"}},
    run,
};

} // namespace dpuopt
