//===- Sizes.cpp - the same graph with smaller tensors ----------------------------===//
#include "Sizes.h"
#include "Selection.h"
#include "Weights.h"

using namespace dpuopt;
using namespace dpuopt::reduce;

static int64_t halved(int64_t d) { return d >= 8 && d % 2 == 0 ? d / 2 : d; }

/// Types the results anew. Failure also if a shape that was known is not known any more.
static Status retype(Op &op, RefineTypes refine) {
  if (op.isConst())
    return success();
  if (op.isOneOf("onnx.If", "onnx.Loop", "onnx.Scan")) // their bodies have sizes of their own
    return failure();
  std::vector<bool> wasStatic;
  for (Value *r : op.results()) {
    wasStatic.push_back(r->type().isStatic());
    r->setType(Type::unranked(r->type().elemType()));
  }
  if (failed(refine(op)))
    return failure();
  for (Value *r : op.results())
    if (wasStatic[r->index()] && !r->type().isStatic())
      return failure();
  return success();
}

/// Halves the dimensions that `choose` names, of the inputs of four; false if none is.
static bool shrinkInputs(Graph &g, llvm::function_ref<llvm::SmallVector<unsigned, 2>(llvm::ArrayRef<int64_t>)> choose) {
  bool any = false;
  for (Value *in : g.inputs()) {
    if (in->type().rank() != 4)
      continue;
    Shape shape(in->type().shape().begin(), in->type().shape().end());
    for (unsigned d : choose(in->type().shape()))
      any |= halved(shape[d]) != shape[d], shape[d] = halved(shape[d]);
    in->setType(Type(in->type().elemType(), shape));
  }
  return any;
}

std::unique_ptr<Graph> reduce::halveInputs(const Graph &g, Layout layout, RefineTypes refine) {
  std::unique_ptr<Graph> copy = g.clone();
  auto heightAndWidth = [&](llvm::ArrayRef<int64_t> shape) -> llvm::SmallVector<unsigned, 2> {
    bool last =
        layout == Layout::ChannelsLast || (layout == Layout::Square && shape[2] != shape[3] && shape[1] == shape[2]);
    return last ? llvm::SmallVector<unsigned, 2>{1, 2} : llvm::SmallVector<unsigned, 2>{2, 3};
  };
  if (!shrinkInputs(*copy, heightAndWidth))
    return nullptr;
  for (Op &op : copy->ops())
    if (failed(retype(op, refine)))
      return nullptr;
  return copy;
}

namespace {

/// Crops the constants of one op after the other to the channels that its operands have by now.
class ChannelHalving {
public:
  ChannelHalving(std::unique_ptr<Graph> copy, RefineTypes refine) : g(std::move(copy)), refine(refine) {}

  std::unique_ptr<Graph> run() {
    bool any = shrinkInputs(*g, [](llvm::ArrayRef<int64_t>) { return llvm::SmallVector<unsigned, 2>{1}; });
    for (Op &op : llvm::make_early_inc_range(g->ops()))
      if (!fit(op, any) || failed(retype(op, refine)))
        return nullptr;
    if (!any)
      return nullptr;
    dropUnread(*g);
    return std::move(g);
  }

private:
  bool fit(Op &op, bool &any) {
    if (op.is("onnx.Conv"))
      return fitConv(op, any);
    if (op.is("onnx.ConvTranspose"))
      return fitTransposed(op, any);
    if (op.isOneOf("onnx.Gemm", "onnx.MatMul"))
      return fitMatrix(op);
    if (op.is("onnx.BatchNormalization")) {
      for (unsigned i = 1; i < op.numOperands(); ++i)
        if (!crop(op, i, {channels(op)}))
          return false;
      return true;
    }
    return fitElementwise(op);
  }

  static int64_t channels(const Op &op) {
    return op.operand(0) && op.operand(0)->type().rank() >= 2 ? op.operand(0)->type().dim(1) : -1;
  }

  bool fitConv(Op &op, bool &any) {
    const Tensor *w = constantOf(op.operand(1));
    int64_t in = channels(op), group = op.getInt("group", 1);
    if (!w || w->type().rank() < 3 || in < 1 || group < 1)
      return false;
    Shape shape(w->shape().begin(), w->shape().end());
    const bool depthwise = group > 1 && shape[1] == 1;
    if (depthwise) {
      shape[0] = shape[0] / group * in;
      op.setAttr("group", Attr::i64(in));
    } else {
      any |= halved(shape[0]) != shape[0];
      shape[0] = halved(shape[0]);
      shape[1] = in / group;
      if (in % group || shape[0] % group)
        return false;
    }
    return crop(op, 1, shape) && crop(op, 2, {shape[0]});
  }

  bool fitTransposed(Op &op, bool &any) {
    const Tensor *w = constantOf(op.operand(1));
    if (!w || w->type().rank() < 3 || op.getInt("group", 1) != 1)
      return false;
    Shape shape(w->shape().begin(), w->shape().end());
    any |= halved(shape[1]) != shape[1];
    shape[0] = channels(op), shape[1] = halved(shape[1]);
    return crop(op, 1, shape) && crop(op, 2, {shape[1]});
  }

  bool fitMatrix(Op &op) {
    const Tensor *w = constantOf(op.operand(1));
    if (!w || w->type().rank() != 2 || op.operand(0)->type().rank() < 2)
      return true;
    Shape shape(w->shape().begin(), w->shape().end());
    shape[op.getInt("transB") ? 1 : 0] = op.operand(0)->type().shape().back();
    return crop(op, 1, shape);
  }

  /// A constant per channel goes with the operand that has channels.
  bool fitElementwise(Op &op) {
    if (op.numOperands() != 2)
      return true;
    for (unsigned i : {0u, 1u}) {
      const Tensor *c = constantOf(op.operand(i));
      const Value *other = op.operand(1 - i);
      if (!c || !other || c->type().rank() > other->type().rank())
        continue;
      Shape shape(c->shape().begin(), c->shape().end());
      size_t skipped = other->type().rank() - shape.size();
      for (size_t d = 0; d < shape.size(); ++d)
        if (shape[d] > 1)
          shape[d] = std::min(shape[d], other->type().dim(d + skipped));
      if (c->elemType().isFloat() && !crop(op, i, shape))
        return false;
    }
    return true;
  }

  /// Makes constant operand `i` that small; others must have the shape already. An absent operand is right.
  bool crop(Op &op, unsigned i, llvm::ArrayRef<int64_t> shape) {
    Value *v = op.operand(i);
    if (!v || v->type().shape() == shape)
      return true;
    const Tensor *t = constantOf(v);
    if (!t || t->type().rank() != shape.size())
      return false;
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] < 1 || shape[d] > t->shape()[d])
        return false;
    Value *smaller = g->createConst(v->name(), cropped(*t, shape), v->def(), v->def()->loc());
    op.setOperand(i, smaller);
    if (v->unused())
      smaller->takeName(v);
    return true;
  }

  std::unique_ptr<Graph> g;
  RefineTypes refine;
};

} // namespace

std::unique_ptr<Graph> reduce::halveChannels(const Graph &g, RefineTypes refine) {
  return ChannelHalving(g.clone(), refine).run();
}
