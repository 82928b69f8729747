//===- LowerToXirWishes.cpp - which layout the users of a value would like ---===//
//
// Looks forward over the onnx graph; creates nothing.
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include "llvm/ADT/StringSet.h"

using namespace dpuopt;
using namespace dpuopt::lower;

bool lower::isUnaryElementwise(const Op &op) {
  static const llvm::StringSet<> names = {
      "Relu",    "LeakyRelu", "Sigmoid", "Tanh",       "Elu",   "Selu",           "Celu",     "Exp",         "Log",
      "Neg",     "Abs",       "Sqrt",    "Erf",        "Floor", "Ceil",           "Round",    "Sign",        "Softplus",
      "Mish",    "Swish",     "Clip",    "Reciprocal", "Gelu",  "HardSwish",      "Softsign", "HardSigmoid", "Identity",
      "Dropout", "Cast",      "Not",     "Sin",        "Cos",   "ThresholdedRelu"};
  return op.isOnnx() && names.count(op.name().drop_front(5)) && op.operand(0);
}

bool lower::isBinaryElementwise(const Op &op) {
  static const llvm::StringSet<> names = {"Add", "Sub",  "Mul",   "Div",     "Pow",  "Max",         "Min",
                                          "Sum", "Mean", "Equal", "Greater", "Less", "LessOrEqual", "GreaterOrEqual",
                                          "And", "Or",   "Where", "Mod"};
  return op.isOnnx() && names.count(op.name().drop_front(5));
}

static bool isReshape(const Op &op) {
  return op.isOneOf("onnx.Reshape", "onnx.Flatten", "onnx.Squeeze", "onnx.Unsqueeze");
}

/// Axis of a reshape's result that is exactly axis `axis` of its input; -1 if there is none.
static int sameAxis(const Op &reshape, int axis) {
  const Type &from = reshape.operand(0)->type(), &to = reshape.result()->type();
  std::vector<int> fromReal, toReal;
  for (size_t i = 0; i < from.rank(); ++i)
    if (from.dim(i) != 1)
      fromReal.push_back(i);
  for (size_t i = 0; i < to.rank(); ++i)
    if (to.dim(i) != 1)
      toReal.push_back(i);
  if (fromReal.size() != toReal.size())
    return -1;
  int found = -1;
  for (size_t i = 0; i < fromReal.size(); ++i) {
    if (from.dim(fromReal[i]) != to.dim(toReal[i]))
      return -1;
    if (fromReal[i] == axis)
      found = toReal[i];
  }
  return found;
}

/// Does this use take axis `axis` of its operand in any order?
static bool takesShuffled(const Use &use, int axis, unsigned depth) {
  const Op &op = *use.user;
  if (op.isReturn() || use.index != 0 || depth > 64)
    return false;
  if (isUnaryElementwise(op))
    return mayShuffle(op.result(), axis, depth + 1);
  int rank = static_cast<int>(op.operand(0)->type().rank());
  if (isBinaryElementwise(op)) {
    for (Value *v : op.operands().drop_front())
      if (!constantOf(v))
        return false;
    return mayShuffle(op.result(), axis + static_cast<int>(op.result()->type().rank()) - rank, depth + 1);
  }
  if (isReshape(op)) {
    int after = sameAxis(op, axis);
    return after >= 0 && mayShuffle(op.result(), after, depth + 1);
  }
  if (op.is("onnx.Gemm"))
    return axis == 1 && !op.getInt("transA") && constantOf(op.operand(1));
  return op.is("onnx.MatMul") && axis == rank - 1 && constantOf(op.operand(1)) && op.operand(1)->type().rank() == 2;
}

bool lower::mayShuffle(const Value *v, int axis, unsigned depth) {
  return !v->unused() && llvm::all_of(v->uses(), [&](const Use &u) { return takesShuffled(u, axis, depth); });
}

static bool needsChannelsLast(const Op &op) {
  return op.isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.MaxPool", "onnx.AveragePool", "onnx.GlobalAveragePool",
                    "onnx.GlobalMaxPool", "onnx.BatchNormalization", "onnx.Resize", "onnx.Upsample") ||
         op.isOneOf("onnx.DepthToSpace", "onnx.SpaceToDepth", "onnx.PRelu");
}

static bool keepsRank(const Op &op) {
  return isUnaryElementwise(op) || isBinaryElementwise(op) ||
         op.isOneOf("onnx.Concat", "onnx.Split", "onnx.Slice", "onnx.Pad", "onnx.Softmax");
}

/// Ops that take any layout but whose result says nothing about it.
static bool isIndifferent(const Op &op) {
  return op.isOneOf("onnx.ReduceMean", "onnx.ReduceSum", "onnx.ReduceMax", "onnx.ReduceProd", "onnx.ArgMax");
}

/// What the uses of `v` ask for; the first that asks decides.
static std::optional<Axes> demand(const Value *v, unsigned &budget) {
  size_t rank = v->type().rank();
  for (const Use &use : v->uses()) {
    const Op &op = *use.user;
    if (op.isReturn() || isIndifferent(op) || budget == 0)
      continue;
    --budget;
    if (needsChannelsLast(op))
      return Layout::channelsLast(rank).order;
    if (op.is("onnx.Transpose")) {
      std::vector<int64_t> perm = op.getInts("perm");
      auto wish = demand(op.result(), budget);
      if (!wish || perm.size() != wish->size())
        continue;
      for (int &axis : *wish)
        axis = static_cast<int>(perm[axis]);
      return wish;
    }
    if (keepsRank(op)) {
      for (Value *r : op.results())
        if (r->type().rank() == rank)
          if (auto wish = demand(r, budget))
            return wish;
      continue;
    }
    if (isReshape(op)) {
      Layout last = Layout::channelsLast(rank);
      auto may = [&](int axis) { return mayShuffle(op.result(), axis); };
      if (planReshape(v->type().shape(), op.result()->type().shape(), last, may).input != last)
        return Layout::identity(rank).order;
      continue;
    }
    return Layout::identity(rank).order;
  }
  return std::nullopt;
}

Layout lower::wantedLayout(const Value *v) {
  const size_t rank = v->type().rank();
  const Layout plain = Layout::identity(rank), last = Layout::channelsLast(rank);
  unsigned budget = 1000;
  auto wish = demand(v, budget);
  if (!wish)
    return rank == 4 ? last : plain;
  // The user fills this tensor: give it no order that is neither ONNX's nor NHWC.
  return *wish == last.order ? last : plain;
}
