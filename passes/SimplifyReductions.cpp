//===- SimplifyReductions.cpp - means and pools over the whole image ------------------===//
//
// Before: ReduceMean (ReduceMax) over exactly the spatial axes; AveragePool (MaxPool)
//   whose kernel is the whole image.
// After: GlobalAveragePool (GlobalMaxPool), and Flatten to [N, C] where a reduction drops
//   the axes (keepdims = 0).
// Conditions: rank 3 to 5; a reduction's axes are constant and are 2, 3, ...; a pool has
//   no padding and no dilation, and MaxPool's indices are unused; x is floating.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"

namespace dpuopt {
namespace {

bool isImage(const Value *x) {
  return x && x->type().hasRank() && x->type().rank() >= 3 && x->type().rank() <= 5 &&
         (x->type().elemType().isFloat() || x->type().isFix());
}

/// Are the axes, in any order, all but the first two?
bool overSpatialAxes(const Op &op) {
  auto axes = onnx::axesOf(op);
  int64_t rank = op.operand(0)->type().rank();
  if (!axes || static_cast<int64_t>(axes->size()) != rank - 2)
    return false;
  std::vector<bool> seen(rank, false);
  for (int64_t a : *axes) {
    a = onnx::normalizeAxis(a, rank);
    if (a < 2 || seen[a])
      return false;
    seen[a] = true;
  }
  return true;
}

/// Does one window cover the whole image and nothing else?
bool overWholeImage(const Op &op) {
  const Type &x = op.operand(0)->type();
  onnx::Window w(op);
  if (!w.valid || !x.isStatic() || !onlyFirstResultUsed(op))
    return false;
  for (unsigned i = 0; i < w.spatial; ++i)
    if (w.kernel[i] != x.dim(i + 2) || w.padsBegin[i] || w.padsEnd[i] || w.dilations[i] != 1)
      return false;
  return true;
}

void dropAxes(Op &op, llvm::StringRef global) {
  const Type &x = op.operand(0)->type();
  Shape pooled{x.dim(0), x.dim(1)};
  pooled.resize(x.rank(), 1);
  // The reduction's fix point, if any, is the pool's; dropping axes moves nothing.
  Type type(op.result()->type().elemType(), pooled);
  OpSpec spec{global.str(), {op.operand(0)}, {{op.result()->name() + "_pool", type}}, {}, op.loc()};
  Op *pool = op.graph().create(std::move(spec), &op);
  replaceOp(op, "onnx.Flatten", {pool->result()}, {{"axis", Attr::i64(1)}});
}

bool simplify(Op &op) {
  bool mean = op.isOneOf("onnx.ReduceMean", "onnx.AveragePool");
  const char *global = mean ? "onnx.GlobalAveragePool" : "onnx.GlobalMaxPool";
  if (!isImage(op.operand(0)))
    return false;
  bool reduction = op.isOneOf("onnx.ReduceMean", "onnx.ReduceMax");
  if (reduction ? !overSpatialAxes(op) : !overWholeImage(op))
    return false;
  if (reduction && !op.getInt("keepdims", 1))
    dropAxes(op, global);
  else
    replaceOp(op, global, {op.operand(0)});
  return true;
}

bool isCandidate(const Op &op) {
  return op.isOneOf("onnx.ReduceMean", "onnx.ReduceMax", "onnx.AveragePool", "onnx.MaxPool");
}

PassResult run(Graph &g, PassContext &) {
  return rewriteOps(g, [](Op &op) { return isCandidate(op) && simplify(op); });
}

} // namespace

extern const PassInfo SimplifyReductionsPass;
const PassInfo SimplifyReductionsPass = {
    "simplify-reductions",
    "Turn means, maxima and pools over the whole image into global pools",
    "**Before:** ReduceMean or ReduceMax over exactly the spatial axes, AveragePool or MaxPool whose kernel is the "
    "whole "
    "image. **After:** GlobalAveragePool or GlobalMaxPool, and Flatten where the axes are dropped. **Conditions:** "
    "rank "
    "3 to 5, floating; a reduction's axes are constant; a pool has no padding and no dilation, and its indices are "
    "unused.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
