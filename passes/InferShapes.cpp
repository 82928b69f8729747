//===- InferShapes.cpp - types of all values, and shape arithmetic folded ---------===//
//
// Before: an onnx.* graph. After: every result has the type its operands imply, in
// one walk; Shape and Size of a known type, and cheap ops whose operands are all
// constants (the Shape/Gather/Mul/Slice chains exporters write), are constants.
// Conditions: folded results have at most 64K elements (ConstantOfShape: any
// number, as a splat); nothing with a fix point is folded. Results whose shape
// stays unknown are reported, the op that starts it first. Contradicting operands
// are an error.
//
//===----------------------------------------------------------------------===//
#include "InferShapes.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/Pass.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

constexpr int64_t MaxFoldedElements = 64 * 1024;

/// Ops of shape arithmetic: cheap, and the executor computes them exactly.
bool isCheap(llvm::StringRef opType) {
  static const llvm::StringSet<> cheap = {"Abs",
                                          "Add",
                                          "And",
                                          "Cast",
                                          "Ceil",
                                          "Concat",
                                          "Div",
                                          "Equal",
                                          "Expand",
                                          "Floor",
                                          "Gather",
                                          "Greater",
                                          "GreaterOrEqual",
                                          "Identity",
                                          "Less",
                                          "LessOrEqual",
                                          "Max",
                                          "Min",
                                          "Mod",
                                          "Mul",
                                          "Neg",
                                          "Not",
                                          "Or",
                                          "Pow",
                                          "Range",
                                          "ReduceMax",
                                          "ReduceMin",
                                          "ReduceProd",
                                          "ReduceSum",
                                          "Reshape",
                                          "Round",
                                          "Slice",
                                          "Split",
                                          "Sqrt",
                                          "Squeeze",
                                          "Sub",
                                          "Tile",
                                          "Transpose",
                                          "Unsqueeze",
                                          "Where",
                                          "ScatterND",
                                          "NonZero",
                                          "GatherND",
                                          "CumSum",
                                          "Sign"};
  return cheap.contains(opType);
}

class ShapeInference {
public:
  ShapeInference(Graph &g, llvm::function_ref<bool(const Op &)> keeps, DiagEngine &diags)
      : g(g), keeps(keeps), diags(diags) {}

  Status run() {
    for (Op &op : llvm::make_early_inc_range(g.ops())) {
      if (op.isConst() || op.isXir())
        continue;
      auto refined = refineTypes(op, diags);
      if (!refined)
        return failure();
      typed += *refined;
      folded += !keeps(op) && fold(op);
    }
    return success();
  }
  void report();
  bool changed() const { return typed || folded; }

private:
  bool fold(Op &op);
  std::optional<std::vector<Tensor>> constantResults(const Op &op);
  void replaceByConstants(Op &op, std::vector<Tensor> values);

  Graph &g;
  llvm::function_ref<bool(const Op &)> keeps;
  DiagEngine &diags;
  unsigned typed = 0, folded = 0;
};

//===-- Folding ------------------------------------------------------------------===//

/// Shape (with its slice of opset 15) or Size of operand 0, whose type is known.
std::optional<std::vector<Tensor>> shapeResult(const Op &op) {
  const Value *x = op.operand(0);
  if (!x || !x->type().isStatic())
    return std::nullopt;
  if (op.is("onnx.Size"))
    return std::vector<Tensor>{Tensor::fromInts({}, {x->type().numElements()})};
  int64_t rank = static_cast<int64_t>(x->type().rank());
  auto clamped = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + rank : i, 0, rank); };
  int64_t start = clamped(op.getInt("start", 0)), end = std::max(clamped(op.getInt("end", rank)), start);
  std::vector<int64_t> dims = x->type().shape().slice(start, end - start).vec();
  return std::vector<Tensor>{Tensor::fromInts({end - start}, dims)};
}

/// The shape operand is constant: one element stands for all.
std::optional<std::vector<Tensor>> splatResult(const Op &op) {
  const Type &type = op.result()->type();
  const Tensor *value = op.getTensor("value");
  if (!constantOf(op.operand(0)) || !type.isStatic() || type.isFix())
    return std::nullopt;
  Blob element = value ? value->storage() : Blob::adopt(std::vector<float>{0});
  if (element.size() != type.elemType().byteSize())
    return std::nullopt;
  return std::vector<Tensor>{Tensor::splat(type, element)};
}

bool isFoldable(const Op &op) {
  if (!op.isOnnx() || !isCheap(op.name().drop_front(5)) || !op.numOperands() || !isKnownOnnxOp(op) || !canExecute(op))
    return false;
  for (Value *v : op.operands())
    if (v && (!constantOf(v) || v->type().isFix() || v->type().elemType().byteSize() == 0))
      return false;
  for (Value *r : op.results()) {
    int64_t n = r->type().numElements();
    // NonZero's length is known only once it is computed; it cannot exceed its operand's.
    bool small = n >= 0 ? n <= MaxFoldedElements : op.operand(0)->type().numElements() <= MaxFoldedElements / 8;
    if (!small || r->type().isFix() || (n < 0 && !op.is("onnx.NonZero")))
      return false;
  }
  return true;
}

std::optional<std::vector<Tensor>> ShapeInference::constantResults(const Op &op) {
  if (op.isOneOf("onnx.Shape", "onnx.Size"))
    return shapeResult(op);
  if (op.is("onnx.ConstantOfShape"))
    return splatResult(op);
  if (!isFoldable(op))
    return std::nullopt;
  std::vector<const Tensor *> operands;
  for (Value *v : op.operands())
    operands.push_back(constantOf(v));
  DiagEngine silent; // an op that cannot be computed just stays
  auto values = evaluate(op, operands, silent);
  if (!values || values->size() != op.numResults())
    return std::nullopt;
  for (unsigned i = 0; i < values->size(); ++i)
    if ((*values)[i].elemType() != op.result(i)->type().elemType())
      return std::nullopt;
  return std::move(*values);
}

void ShapeInference::replaceByConstants(Op &op, std::vector<Tensor> values) {
  llvm::SmallVector<Value *, 2> constants;
  for (unsigned i = 0; i < values.size(); ++i) {
    Value *c = g.createConst(op.result(i)->name(), std::move(values[i]), &op, op.loc());
    c->takeName(op.result(i));
    constants.push_back(c);
  }
  llvm::SmallVector<Value *, 4> operands(op.operands().begin(), op.operands().end());
  g.replace(&op, constants);
  for (size_t i = 0; i < operands.size(); ++i) { // constants nobody else reads go too
    bool seen = std::find(operands.begin(), operands.begin() + i, operands[i]) != operands.begin() + i;
    if (operands[i] && !seen && constantOf(operands[i]) && operands[i]->unused())
      g.erase(operands[i]->def());
  }
}

bool ShapeInference::fold(Op &op) {
  auto values = constantResults(op);
  if (values)
    replaceByConstants(op, std::move(*values));
  return values.has_value();
}

//===-- Report ---------------------------------------------------------------------===//

bool isUnknown(const Value *v) { return v && !v->type().isStatic(); }

void ShapeInference::report() {
  if (typed || folded)
    diags.remark(fmt::format("infer-shapes: typed the results of {} ops, folded {} ops", typed, folded));
  unsigned dependent = 0, reported = 0;
  constexpr unsigned shown = 5;
  for (const Op &op : g.ops()) {
    auto results = op.results();
    auto it = llvm::find_if(results, isUnknown);
    if (it == results.end())
      continue;
    bool inherits = llvm::any_of(op.operands(), isUnknown);
    if (inherits)
      ++dependent;
    else if (++reported <= shown)
      diags.warning(op.loc(), fmt::format("the shape of '{}' is not known: {} makes {}", (*it)->name(), op.name().str(),
                                          (*it)->type().str()));
  }
  for (Value *in : g.inputs())
    if (isUnknown(in))
      diags.warning(fmt::format("the shape of input '{}' is not known: {}", in->name(), in->type().str()))
          .note("give it with --input-shape when the model is read");
  if (reported > shown)
    diags.warning(fmt::format("{} more ops make results of unknown shape", reported - shown));
  if (dependent)
    diags.warning(
        fmt::format("{} ops have results of unknown shape because their operands' shapes are unknown", dependent));
}

PassResult run(Graph &g, PassContext &ctx) {
  ShapeInference inference(
      g, [](const Op &) { return false; }, ctx.diags);
  if (failed(inference.run()))
    return PassResult::Failure;
  inference.report();
  return inference.changed() ? PassResult::Changed : PassResult::Unchanged;
}

} // namespace

Status inferShapes(Graph &g, llvm::function_ref<bool(const Op &)> keeps, DiagEngine &diags) {
  return ShapeInference(g, keeps, diags).run();
}

extern const PassInfo InferShapesPass;
const PassInfo InferShapesPass = {
    "infer-shapes",
    "Infer the types of all values and fold shape arithmetic",
    "**Before:** an `onnx.*` graph. **After:** every result has the type its operands imply (what they do not tell "
    "stays as declared); `Shape`, `Size`, `ConstantOfShape` of known shapes and cheap ops on constants "
    "(`Gather`, `Concat`, `Slice`, `Mul`...) are constants under the same name. **Conditions:** folded results have at "
    "most 65536 elements, except splats; nothing with a fix point is folded. Shapes that stay unknown are warnings, "
    "beginning with the ops they start at; operands that contradict the operator are errors.",
    Preserves::Exactly,
    {},
    run,
};

} // namespace dpuopt
