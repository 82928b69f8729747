//===- RaiseToOnnxMath.cpp - raise-to-onnx: activations, elementwise ops, products ---===//
#include "RaiseToOnnx.h"
#include "dpuopt/IR/OnnxViews.h"

using namespace dpuopt;
using namespace dpuopt::raise;

namespace {

using Perm = llvm::SmallVector<unsigned, 6>;

//===-- One operand -------------------------------------------------------------------===//

std::string unary(Raiser &r, const Op &op, llvm::StringRef type, AttrMap attrs = {}) {
  Raised x = r.get(op.operand(0));
  r.emit(op, type, {x.value}, std::move(attrs), x.order);
  return "";
}

std::string simple(Raiser &r, const Op &op) {
  static const llvm::StringMap<const char *> types = {
      {"relu", "Relu"}, {"sigmoid", "Sigmoid"},  {"tanh", "Tanh"},
      {"exp", "Exp"},   {"neg", "Neg"},          {"hard-swish", "HardSwish"},
      {"selu", "Selu"}, {"sqrt", "Sqrt"},        {"gelu", "Gelu"},
      {"mish", "Mish"}, {"identity", "Identity"}};
  return unary(r, op, types.lookup(op.name().drop_front(4)));
}

std::string withAlpha(Raiser &r, const Op &op) {
  bool leaky = op.is("xir.leaky-relu");
  AttrMap attrs{{"alpha", Attr::f32(static_cast<float>(op.getFloat("alpha", leaky ? 0.01 : 1)))}};
  return unary(r, op, leaky ? "LeakyRelu" : op.is("xir.elu") ? "Elu" : "Celu", std::move(attrs));
}

std::string hardSigmoid(Raiser &r, const Op &op) {
  return unary(r, op, "HardSigmoid", {{"alpha", Attr::f32(1.0f / 6)}, {"beta", Attr::f32(0.5f)}});
}

std::string clip(Raiser &r, const Op &op) {
  Raised x = r.get(op.operand(0));
  bool six = op.is("xir.relu6");
  Value *low = r.newConst("clip_low", Tensor::fromFloats({}, {six ? 0.0f : -1.0f}));
  Value *high = r.newConst("clip_high", Tensor::fromFloats({}, {six ? 6.0f : 1.0f}));
  r.emit(op, "Clip", {x.value, low, high}, {}, x.order);
  return "";
}

std::string swish(Raiser &r, const Op &op) {
  Raised x = r.get(op.operand(0));
  Value *s = r.helper(op, "Sigmoid", {x.value}, reordered(op.result()->type().shape(), x.order), {}, "_sigmoid");
  r.emit(op, "Mul", {x.value, s}, {}, x.order);
  return "";
}

std::string prelu(Raiser &r, const Op &op) {
  Value *slope = op.operand(1);
  const Type &type = op.result()->type();
  if (!Raiser::constant(slope) || type.rank() < 2 || slope->type().numElements() != type.shape().back())
    return "its slope is not one per channel";
  Order order = channelsFirst(type.rank());
  const bool last = order.back() + 1 == order.size(); // channels stay last
  Value *w = r.param(slope, last ? "slope last" : "slope", [&](const Tensor &t) {
    Shape shape{t.numElements()};
    shape.append(last ? 0 : type.rank() - 2, 1);
    return t.reshaped(shape);
  });
  r.emit(op, "PRelu", {r.in(op.operand(0), order), w}, {}, order);
  return "";
}

//===-- Several operands ---------------------------------------------------------------===//

/// The order of the largest computed operand of the result's rank.
Order commonOrder(Raiser &r, const Op &op) {
  const size_t rank = op.result()->type().rank();
  Order best = plainOrder(rank);
  int64_t most = -1;
  for (Value *v : op.operands())
    if (v && !Raiser::constant(v) && v->type().rank() == rank && v->type().numElements() > most)
      most = v->type().numElements(), best = r.get(v).order;
  return best;
}

/// `v` as broadcast in `order`: missing leading axes are of size 1.
Value *broadcastOperand(Raiser &r, Value *v, const Order &order) {
  const size_t rank = v->type().rank();
  if (rank == order.size())
    return r.in(v, order);
  auto all = Raiser::constant(v);
  if (!all || rank > order.size())
    return nullptr;
  if (v->type().numElements() == 1)
    return r.param(v, "scalar", [](const Tensor &t) { return t.reshaped({}); });
  Shape shape(order.size() - rank, 1);
  shape.append(v->type().shape().begin(), v->type().shape().end());
  std::string form = "broadcast";
  for (unsigned axis : order)
    form += " " + std::to_string(axis);
  return r.param(v, form, [&](const Tensor &t) { return t.reshaped(shape).transposed(llvm::makeArrayRef(order)); });
}

std::string binary(Raiser &r, const Op &op) {
  static const llvm::StringMap<const char *> types = {{"add", "Add"}, {"sub", "Sub"}, {"mul", "Mul"},
                                                      {"div", "Div"}, {"max", "Max"}, {"min", "Min"}};
  const Order order = commonOrder(r, op);
  for (Value *v : op.operands())
    if (!v || v->type().rank() > order.size() || (v->type().rank() != order.size() && !Raiser::constant(v)))
      return "its operands have different ranks";
  std::vector<Value *> operands;
  for (Value *v : op.operands())
    operands.push_back(broadcastOperand(r, v, order));
  llvm::StringRef type = types.lookup(op.name().drop_front(4));
  const Shape shape = reordered(op.result()->type().shape(), order);
  while (operands.size() > 2) { // of two, from the left, as XIR computes them
    Value *two = r.helper(op, type, {operands[0], operands[1]}, shape, {}, "_part");
    operands.erase(operands.begin());
    operands[0] = two;
  }
  r.emit(op, operands.size() == 1 ? "Identity" : type, std::move(operands), {}, order);
  return "";
}

/// x * scale (+ bias), one of each per channel.
std::string scale(Raiser &r, const Op &op) {
  const Type &type = op.result()->type();
  const size_t rank = type.rank();
  const int64_t axis = onnx::normalizeAxis(op.getInt("axis", -1), static_cast<int64_t>(rank));
  for (unsigned i : {1u, 2u})
    if (Value *p = op.operand(i))
      if (!Raiser::constant(p) || axis < 0 || p->type().numElements() != type.dim(axis))
        return "its parameters are not one per channel";
  Raised x = r.get(op.operand(0));
  auto spread = [&](const Tensor &t) {
    Shape shape(rank, 1);
    shape[llvm::find(x.order, static_cast<unsigned>(axis)) - x.order.begin()] = t.numElements();
    return t.reshaped(shape);
  };
  Value *factor = r.param(op.operand(1), "scale " + std::to_string(rank), spread);
  if (!op.operand(2))
    return r.emit(op, "Mul", {x.value, factor}, {}, x.order), "";
  Value *product = r.helper(op, "Mul", {x.value, factor}, reordered(type.shape(), x.order), {}, "_scaled");
  r.emit(op, "Add", {product, r.param(op.operand(2), "shift " + std::to_string(rank), spread)}, {}, x.order);
  return "";
}

//===-- Matrix products -----------------------------------------------------------------===//

/// `v` in xir's order, its last two axes exchanged if `turn`.
Value *matrix(Raiser &r, Value *v, bool turn) {
  Order order = plainOrder(v->type().rank());
  if (turn)
    std::swap(order.end()[-1], order.end()[-2]);
  return r.in(v, order);
}

std::string matmul(Raiser &r, const Op &op) {
  std::vector<std::string> args = xirArgNames(op);
  std::vector<Value *> inputs;
  for (size_t i = 0; i < args.size() && i < op.numOperands(); ++i)
    if (args[i] == "input" && op.operand(i))
      inputs.push_back(op.operand(i));
  Value *bias = xirArg(op, "bias");
  if (inputs.size() != 2 || inputs[0]->type().rank() < 2 || inputs[1]->type().rank() < 2)
    return "it is not a product of two matrices";
  const bool ta = op.getBool("transpose_a"), tb = op.getBool("transpose_b");
  const Type &type = op.result()->type();
  const Order order = plainOrder(type.rank());
  const bool gemm = inputs[0]->type().rank() == 2 && inputs[1]->type().rank() == 2;
  auto row = [&] { return r.param(bias, "row", [](const Tensor &t) { return t.reshaped({t.numElements()}); }); };
  if (bias && (!Raiser::constant(bias) || bias->type().numElements() != type.shape().back()))
    return "its bias is not one number per column";
  if (gemm) {
    std::vector<Value *> operands{r.in(inputs[0], plainOrder(2)), r.in(inputs[1], plainOrder(2))};
    if (bias)
      operands.push_back(row());
    r.emit(op, "Gemm", std::move(operands), {{"transA", Attr::i64(ta)}, {"transB", Attr::i64(tb)}}, order);
    return "";
  }
  std::vector<Value *> operands{matrix(r, inputs[0], ta), matrix(r, inputs[1], tb)};
  if (!bias)
    return r.emit(op, "MatMul", std::move(operands), {}, order), "";
  Value *product = r.helper(op, "MatMul", std::move(operands), reordered(type.shape(), order), {}, "_product");
  r.emit(op, "Add", {product, row()}, {}, order);
  return "";
}

} // namespace

llvm::ArrayRef<HandlerEntry> raise::mathHandlers() {
  static const HandlerEntry table[] = {{"relu", simple},
                                       {"sigmoid", simple},
                                       {"tanh", simple},
                                       {"exp", simple},
                                       {"neg", simple},
                                       {"hard-swish", simple},
                                       {"selu", simple},
                                       {"sqrt", simple},
                                       {"gelu", simple},
                                       {"mish", simple},
                                       {"identity", simple},
                                       {"leaky-relu", withAlpha},
                                       {"elu", withAlpha},
                                       {"celu", withAlpha},
                                       {"relu6", clip},
                                       {"hard-tanh", clip},
                                       {"swish", swish},
                                       {"prelu", prelu},
                                       {"add", binary},
                                       {"sub", binary},
                                       {"mul", binary},
                                       {"div", binary},
                                       {"max", binary},
                                       {"min", binary},
                                       {"hard-sigmoid", hardSigmoid},
                                       {"scale", scale},
                                       {"matmul", matmul}};
  return table;
}
