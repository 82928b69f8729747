//===- LowerToXirEltwise.cpp - element-by-element ops of several operands -----===//
//
// They compute in the layout their operands have. Constants are broadcast to the
// full shape of the result, as the vendor's exporter does (splats stay splats).
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include <cmath>
#include <cstring>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
/// A constant larger than this is left for XIR to broadcast.
constexpr int64_t MaxBroadcast = int64_t(1) << 24;

/// Numpy broadcasting of `t` (already of the result's rank) to `shape`.
Tensor broadcast(const Tensor &t, llvm::ArrayRef<int64_t> shape) {
  Type type = t.type().withShape(shape);
  if (t.numElements() == 1) {
    Blob one = Blob::copy(t.storage().bytes());
    return Tensor::splat(type, std::move(one));
  }
  if (t.isSplat())
    return Tensor::splat(type, t.storage());
  if (t.shape() == shape)
    return t;
  size_t bytes = type.elemType().byteSize(), rank = shape.size();
  Blob out = Blob::zeros(type.numBytes());
  auto dst = out.mutableBytes();
  auto src = t.storage().bytes();
  llvm::SmallVector<int64_t, 6> stride(rank, 0), index(rank, 0);
  int64_t running = 1;
  for (size_t i = rank; i-- > 0;) {
    stride[i] = t.shape()[i] == 1 ? 0 : running;
    running *= t.shape()[i];
  }
  int64_t from = 0;
  for (int64_t i = 0, n = type.numElements(); i < n; ++i) {
    std::memcpy(&dst[i * bytes], &src[from * bytes], bytes);
    for (size_t axis = rank; axis-- > 0;) {
      from += stride[axis];
      if (++index[axis] < shape[axis])
        break;
      from -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return Tensor(type, std::move(out));
}

/// Operand `v` of an elementwise op with result `shape` in `layout`.
Value *eltwiseOperand(Lowering &l, Value *v, llvm::ArrayRef<int64_t> shape, const Layout &layout) {
  if (!constantOf(v))
    return l.in(v, layout, shape.size());
  Shape own(shape.size() - v->type().rank(), 1);
  own.append(v->type().shape().begin(), v->type().shape().end());
  int64_t size = 1;
  for (int64_t d : shape)
    size *= d;
  bool full = size <= MaxBroadcast || constantOf(v)->isSplat() || layout.shuffled >= 0;
  std::string form = fmt::format("eltwise {} {} {} {} {}", full, fmt::join(shape, "x"), fmt::join(layout.order, ","),
                                 layout.shuffled, fmt::join(layout.factorOrder, ","));
  return l.param(v, form, [own, full, layout, shape = Shape(shape.begin(), shape.end())](const Tensor &t) {
    Tensor ranked = t.reshaped(own);
    return layout.apply(full ? broadcast(ranked, shape) : ranked);
  });
}

Layout eltwiseLayout(Lowering &l, const Op &op) { return l.commonLayout(op.operands(), op.result()->type().rank()); }

/// Can every operand be broadcast to the result?
bool fitsTogether(const Op &op) {
  const Type &out = op.result()->type();
  for (Value *v : op.operands()) {
    if (!v || v->type().rank() > out.rank())
      return false;
    size_t extra = out.rank() - v->type().rank();
    for (size_t i = 0; i < v->type().rank(); ++i)
      if (v->type().dim(i) != 1 && v->type().dim(i) != out.dim(extra + i))
        return false;
  }
  return true;
}

} // namespace

std::string lower::keepElementwise(Lowering &l, const Op &op, const std::string &reason) {
  const Type &type = op.result()->type();
  Layout layout = eltwiseLayout(l, op);
  if (op.numResults() != 1 || layout.shuffled >= 0 || !fitsTogether(op))
    return reason;
  std::vector<Value *> operands;
  for (Value *v : op.operands())
    operands.push_back(eltwiseOperand(l, v, type.shape(), layout));
  Lowering::Spec spec = customSpec(op, operands, layout.physical(type.shape()), carrierElem(type));
  sayCustom(l, op, reason, spec.attrs);
  l.emitResult(op, std::move(spec), layout);
  return "";
}

namespace {
std::string lowerBinary(Lowering &l, const Op &op) {
  static const llvm::StringMap<const char *> types = {{"Add", "add"}, {"Sub", "sub"}, {"Mul", "mul"}, {"Div", "div"},
                                                      {"Max", "max"}, {"Min", "min"}, {"Sum", "add"}};
  const Type &type = op.result()->type();
  if (!isReal(type))
    return keepElementwise(l, op, "it computes with integers");
  if (!fitsTogether(op))
    return "its operands do not fit together";
  if (op.numOperands() == 1)
    return l.alias(op, l.get(op.operand(0))), "";
  Layout layout = eltwiseLayout(l, op);
  std::vector<Value *> operands;
  for (Value *v : op.operands())
    operands.push_back(eltwiseOperand(l, v, type.shape(), layout));
  l.emitResult(op, {types.lookup(op.name().drop_front(5)), std::move(operands), layout.physical(type.shape())}, layout);
  return "";
}

/// Squares (decoders of detection heads, layer norms) are products.
std::string lowerPow(Lowering &l, const Op &op) {
  const Tensor *exponent = constantOf(op.operand(1));
  bool square = exponent && exponent->numElements() == 1 && exponent->at(0) == 2;
  if (!square || !isReal(op.result()->type()) || !fitsTogether(op))
    return keepElementwise(l, op, "XIR has no such op");
  Mapped x = l.get(op.operand(0));
  if (op.operand(0)->type().shape() != op.result()->type().shape())
    return "its exponent has more axes than its base";
  l.emitResult(op, {"mul", {x.value, x.value}, toShape(x.value->type().shape())}, x.layout);
  return "";
}

/// The vendor's tools write the type of this one in lower case.
std::string lowerSqrt(Lowering &l, const Op &op) {
  Mapped x = l.get(op.operand(0));
  Lowering::Spec spec = customSpec(op, {x.value}, toShape(x.value->type().shape()), carrierElem(op.result()->type()));
  spec.type = "sqrt";
  sayCustom(l, op, "libxir has no such op", spec.attrs);
  l.emitResult(op, std::move(spec), x.layout);
  return "";
}

std::string lowerOther(Lowering &l, const Op &op) { return keepElementwise(l, op, "XIR has no such op"); }

} // namespace

llvm::ArrayRef<HandlerEntry> lower::eltwiseHandlers() {
  static const HandlerEntry table[] = {{"Add", lowerBinary},
                                       {"Sub", lowerBinary},
                                       {"Mul", lowerBinary},
                                       {"Div", lowerBinary},
                                       {"Max", lowerBinary},
                                       {"Min", lowerBinary},
                                       {"Sum", lowerBinary},
                                       {"Pow", lowerPow},
                                       {"Sqrt", lowerSqrt},
                                       {"Erf", lowerOther},
                                       {"Abs", lowerOther},
                                       {"Log", lowerOther},
                                       {"Reciprocal", lowerOther},
                                       {"Floor", lowerOther},
                                       {"Ceil", lowerOther},
                                       {"Round", lowerOther},
                                       {"Sign", lowerOther},
                                       {"Softplus", lowerOther},
                                       {"Softsign", lowerOther},
                                       {"Not", lowerOther},
                                       {"Equal", lowerOther},
                                       {"Greater", lowerOther},
                                       {"Less", lowerOther},
                                       {"LessOrEqual", lowerOther},
                                       {"GreaterOrEqual", lowerOther},
                                       {"And", lowerOther},
                                       {"Or", lowerOther},
                                       {"Where", lowerOther},
                                       {"Sin", lowerOther},
                                       {"Cos", lowerOther},
                                       {"Mod", lowerOther},
                                       {"ThresholdedRelu", lowerOther}};
  return table;
}
