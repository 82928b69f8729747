//===- RaiseToOnnx.cpp - xir.* (NHWC) to onnx.* (NCHW) -----------------------------===//
//
// Before: a quantized graph of xir.* and const ops (an imported `_int.xmodel`, or after
//   lower-to-xir), static shapes. After: onnx.* ops; each xir.fix is the type of the
//   value it rounded; weights are OIHW again, shape operands are gone.
// Conditions: no compiled (`*-fix`) op. Nothing else fails: an op without an ONNX form
//   is kept as one of domain dpuopt.xir, and named in a remark.
// Formula: each op computes the same numbers. The DPU's factors (average pools, hard
//   sigmoid) stay the explicit products they are.
//
//===----------------------------------------------------------------------===//
#include "RaiseToOnnx.h"
#include "dpuopt/Quant/FixPoint.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::raise;

//===-- Axes ------------------------------------------------------------------------===//

Order raise::plainOrder(size_t rank) {
  Order order(rank);
  for (unsigned i = 0; i < rank; ++i)
    order[i] = i;
  return order;
}

Order raise::channelsFirst(size_t rank) {
  if (rank == 3)
    return {0, 2, 1};
  return rank == 4 ? Order{0, 3, 1, 2} : plainOrder(rank);
}

Shape raise::reordered(llvm::ArrayRef<int64_t> xirShape, const Order &order) {
  Shape out;
  for (unsigned axis : order)
    out.push_back(xirShape[axis]);
  return out;
}

Handler raise::findHandler(const Op &op) {
  static const llvm::StringMap<Handler> table = [] {
    llvm::StringMap<Handler> t;
    for (auto list : {windowHandlers(), mathHandlers(), movementHandlers()})
      for (const HandlerEntry &e : list)
        t[e.type] = e.raise;
    return t;
  }();
  return op.isXir() ? table.lookup(op.name().drop_front(4)) : nullptr;
}

//===-- Values -------------------------------------------------------------------------===//

std::optional<Tensor> Raiser::constant(const Value *v) {
  if (const Tensor *t = constantOf(v))
    return *t;
  const Op *fix = v ? v->def() : nullptr;
  const Tensor *t = fix && fix->is("xir.fix") ? constantOf(fix->operand(0)) : nullptr;
  if (!t)
    return std::nullopt;
  const ElemType e = v->type().elemType();
  if (!e.isFix() || !e.isSigned || e.bits > MaxBits)
    return t->toFloat();
  bool up = fix->getString("round_mode", "DPU_ROUND") == "DPU_ROUND";
  return quantizeTensor(*t, {e.bits, e.fixPoint}, up ? Rounding::HalfUp : Rounding::HalfAway);
}

/// The name a constant had before it was rounded.
static const Value *sourceOf(const Value *v) { return v->def() && v->def()->is("xir.fix") ? v->def()->operand(0) : v; }

Value *Raiser::newConst(llvm::StringRef name, Tensor t) { return g.createConst(name, std::move(t)); }

Value *Raiser::ints(llvm::StringRef name, llvm::ArrayRef<int64_t> values) {
  return newConst(name, Tensor::fromInts({static_cast<int64_t>(values.size())}, values.vec()));
}

Value *Raiser::param(Value *v, llvm::StringRef form, llvm::function_ref<Tensor(const Tensor &)> change) {
  Value *&done = made[fmt::format("{} {}", names.lookup(v), form.str())];
  if (!done)
    done = newConst(names.lookup(sourceOf(v)), change(*constant(v)));
  return done;
}

Raised Raiser::get(Value *v) {
  auto it = raised.find(v);
  if (it != raised.end())
    return it->second;
  if (!constant(v)) { // a shape operand of an op that is kept as it is
    raiseOp(*v->def());
    return raised.find(v)->second;
  }
  Order order = plainOrder(v->type().rank());
  return {param(v, "plain", [](const Tensor &t) { return t; }), order};
}

/// Where each axis of `to` is in `from`; empty if the bytes are the same (only axes of size 1 move).
static std::vector<int64_t> permutation(const Order &from, const Order &to, llvm::ArrayRef<int64_t> xirShape,
                                        bool &sameBytes) {
  std::vector<int64_t> perm;
  Order realFrom, realTo;
  for (unsigned axis : to)
    perm.push_back(llvm::find(from, axis) - from.begin());
  llvm::copy_if(from, std::back_inserter(realFrom), [&](unsigned a) { return xirShape[a] != 1; });
  llvm::copy_if(to, std::back_inserter(realTo), [&](unsigned a) { return xirShape[a] != 1; });
  sameBytes = realFrom == realTo;
  return perm;
}

Value *Raiser::in(Value *v, const Order &order) {
  if (constant(v) && !raised.count(v))
    return param(v, fmt::format("order {}", fmt::join(order, ",")),
                 [&](const Tensor &t) { return t.transposed(llvm::makeArrayRef(order)); });
  Raised r = get(v);
  if (r.order == order)
    return r.value;
  Value *&done = made[fmt::format("{} order {}", names.lookup(v), fmt::join(order, ","))];
  if (done)
    return done;
  bool sameBytes = false;
  std::vector<int64_t> perm = permutation(r.order, order, v->type().shape(), sameBytes);
  Type type = Type(ElemKind::F32, reordered(v->type().shape(), order));
  if (!v->type().isFix())
    type = type.withElem(v->type().elemType());
  const Op &def = *v->def();
  const std::string &name = names.lookup(v);
  if (sameBytes)
    return done = create(def, "Reshape", {r.value, ints(name + "_shape", type.shape())}, type, {}, name + "_reshape");
  return done = create(def, "Transpose", {r.value}, type, {{"perm", Attr::i64s(perm)}}, name + "_transpose");
}

Value *Raiser::inBytes(Value *v) {
  Raised r = get(v);
  bool sameBytes = false;
  (void)permutation(r.order, plainOrder(r.order.size()), v->type().shape(), sameBytes);
  return sameBytes ? r.value : in(v, plainOrder(r.order.size()));
}

//===-- Ops ----------------------------------------------------------------------------===//

Value *Raiser::create(const Op &op, llvm::StringRef type, std::vector<Value *> operands, Type t, AttrMap attrs,
                      llvm::StringRef name) {
  std::string full = type.contains('.') ? type.str() : "onnx." + type.str();
  OpSpec spec{std::move(full), std::move(operands), {{name.str(), std::move(t)}}, std::move(attrs), op.loc()};
  std::string &node = spec.loc.node; // several xir ops may come from one node
  if (!node.empty() && !nodeNames.insert(node).second && !nodeNames.insert(node += "_" + type.str()).second)
    node.clear();
  return g.create(std::move(spec))->result();
}

static ElemType realElem(const Type &t) { return t.isFix() ? ElemType(ElemKind::F32) : t.elemType(); }

void Raiser::emit(const Op &op, llvm::StringRef type, std::vector<Value *> operands, AttrMap attrs,
                  const Order &order) {
  const Value *v = op.result();
  Type t(realElem(v->type()), reordered(v->type().shape(), order));
  Value *made = create(op, type, std::move(operands), t, std::move(attrs), names.lookup(v));
  owner[made] = v;
  record(v, {made, order});
}

Value *Raiser::helper(const Op &op, llvm::StringRef type, std::vector<Value *> operands, Shape shape, AttrMap attrs,
                      llvm::StringRef suffix) {
  return create(op, type, std::move(operands), Type(ElemKind::F32, shape), std::move(attrs),
                names.lookup(op.result()) + suffix.str());
}

void Raiser::keepAsCustom(const Op &op, const std::string &reason) {
  usesCustom = true;
  std::string type = op.name().drop_front(4).str();
  diags.remark(op.loc(), fmt::format("xir.{} is kept as an operator of domain dpuopt.xir: {}", type, reason))
      .rule("raise.custom-op");
  std::vector<Value *> operands;
  for (Value *v : op.operands())
    operands.push_back(v ? in(v, plainOrder(v->type().rank())) : nullptr);
  while (!operands.empty() && !operands.back())
    operands.pop_back();
  AttrMap attrs;
  for (const auto &[name, a] : op.attrs())
    if (a.isInt() || a.is(AttrKind::Bool))
      attrs[name] = Attr::i64(a.asInt());
    else if (a.isFloat() || a.is(AttrKind::String) || a.isIntList() || a.isFloatList() || a.isStringList())
      attrs[name] = a;
  emit(op, "dpuopt.xir." + type, std::move(operands), std::move(attrs), plainOrder(op.result()->type().rank()));
}

void Raiser::raiseData(const Op &op) {
  const Value *v = op.result();
  const size_t rank = v->type().rank();
  Order order = rank == 4 ? channelsFirst(rank) : plainOrder(rank);
  Value *input = g.addInput(names.lookup(v), Type(realElem(v->type()), reordered(v->type().shape(), order)));
  owner[input] = v;
  record(v, {input, order});
}

/// The fix point becomes the type of what is rounded, or of an Identity if others read it unrounded.
void Raiser::raiseFix(const Op &op) {
  Value *x = op.operand(0);
  if (constant(op.result()))
    return;
  Raised r = get(x);
  const ElemType e = op.result()->type().elemType();
  if (owner.lookup(r.value) != x || !x->hasOneUse() || r.value->type().isFix())
    r.value = create(op, "Identity", {r.value}, r.value->type(), {}, names.lookup(op.result()));
  r.value->setType(r.value->type().withElem(e));
  record(op.result(), r);
}

/// Do the operands have as many axes as the result, where handlers rely on it? A foreign file may say anything.
static bool ranksFit(const Op &op) {
  static const llvm::StringSet<> others = {"xir.reshape",       "xir.flatten",       "xir.squeeze",
                                           "xir.matmul",        "xir.argmax",        "xir.reduction_mean",
                                           "xir.reduction_sum", "xir.reduction_max", "xir.reduction_product"};
  const size_t rank = op.result()->type().rank();
  if (!op.operand(0))
    return false;
  if (op.is("xir.concat"))
    return llvm::all_of(op.operands(), [&](const Value *v) { return v && v->type().rank() == rank; });
  const bool binary = op.isOneOf("xir.add", "xir.sub", "xir.mul", "xir.div", "xir.max", "xir.min");
  return binary || others.count(op.name()) || op.operand(0)->type().rank() == rank;
}

void Raiser::raiseOp(const Op &op) {
  if (op.isConst())
    return;
  if (op.is("xir.data"))
    return raiseData(op);
  if (op.is("xir.fix"))
    return raiseFix(op);
  Handler handler = findHandler(op);
  std::string why = !handler        ? "ONNX has no such operator"
                    : !ranksFit(op) ? "its operands do not have as many axes as its result"
                                    : handler(*this, op);
  if (!why.empty())
    keepAsCustom(op, why);
}

void Raiser::raiseOutputs() {
  std::vector<Value *> outputs;
  for (Value *v : g.outputs()) {
    Raised r = get(v);
    bool taken = !r.value->def() || llvm::is_contained(outputs, r.value);
    if (taken) // an ONNX output is the result of a node, once
      r.value = create(*v->def(), "Identity", {r.value}, r.value->type(), {}, names.lookup(v));
    outputs.push_back(r.value);
  }
  g.setOutputs(outputs);
}

/// Is it the `stack` of constants that only gives a shape?
static bool isShapeOnly(const Op &op) {
  return op.is("xir.stack") && llvm::all_of(op.result()->uses(), [](const Use &u) {
           return u.user->isOneOf("xir.reshape", "xir.resize") && u.index == 1;
         });
}

void Raiser::run() {
  std::vector<Op *> old;
  for (Op &op : g.ops())
    old.push_back(&op);
  for (Op *op : old)
    for (Value *r : op->results()) {
      names[r] = r->name();
      r->setName(g.uniqueName("xir:" + r->name()));
    }
  for (Op *op : old)
    if (!isShapeOnly(*op))
      raiseOp(*op);
  raiseOutputs();
  for (Op *op : llvm::reverse(old))
    g.erase(op);
  AttrMap attrs;
  attrs["opset"] = Attr::i64(opset);
  attrs["ir_version"] = Attr::i64(8);
  attrs["producer"] = Attr::string("dpuopt");
  if (usesCustom)
    attrs["domains"] = Attr::dict({{"dpuopt.xir", Attr::i64(1)}});
  g.attrs() = std::move(attrs);
}

//===-- The pass -------------------------------------------------------------------------===//

namespace dpuopt {
namespace {

/// Names what cannot be raised; true if there was anything.
bool refuse(const Graph &g, DiagEngine &diags) {
  for (const Op &op : g.ops()) {
    const bool compiled =
        op.name().endswith("-fix") || op.isOneOf("xir.upload", "xir.download", "xir.fix2float", "xir.float2fix");
    if (op.isXir() && compiled)
      return diags
                 .error(op.loc(),
                        fmt::format("'{}' is an op of a compiled xmodel ({})", op.result()->name(), op.name().str()))
                 .rule("raise.compiled")
                 .note("only quantized models can be raised: give the _int.xmodel that the compiler was given"),
             true;
    if (!op.isXir() && !op.isConst())
      return diags
                 .error(op.loc(), fmt::format("'{}' is no xir op ({})", op.numResults() ? op.result()->name() : "",
                                              op.name().str()))
                 .rule("raise.mixed"),
             true;
    if (op.is("xir.fix") && op.operand(0)->type().shape() != op.result()->type().shape())
      return diags
                 .error(op.loc(), fmt::format("'{}' rounds {} to {}", op.result()->name(), op.operand(0)->type().str(),
                                              op.result()->type().str()))
                 .rule("raise.shape"),
             true;
    for (const Value *r : op.results())
      if (!r->type().isStatic())
        return diags
                   .error(op.loc(), fmt::format("raising needs the shape of every tensor, '{}' is {}", r->name(),
                                                r->type().str()))
                   .rule("raise.static-shape"),
               true;
  }
  return false;
}

/// The first opset with all operators used.
int64_t opsetFor(const Graph &g) {
  auto has = [&](const char *name) { return llvm::any_of(g.ops(), [&](const Op &op) { return op.is(name); }); };
  return has("xir.gelu") ? 20 : has("xir.mish") ? 18 : 17;
}

PassResult run(Graph &g, PassContext &ctx) {
  if (llvm::none_of(g.ops(), [](const Op &op) { return op.isXir(); }))
    return PassResult::Unchanged;
  if (refuse(g, ctx.diags))
    return PassResult::Failure;
  Raiser(g, opsetFor(g), ctx.diags).run();
  return PassResult::Changed;
}

} // namespace

extern const PassInfo RaiseToOnnxPass;
const PassInfo RaiseToOnnxPass = {
    "raise-to-onnx",
    "Turn a quantized xir graph back into ONNX operators",
    "**Before:** a quantized graph of `xir.*` ops: an imported `_int.xmodel`, or after `lower-to-xir`. **After:** "
    "`onnx.*` ops on NCHW tensors; each `xir.fix` is the type of the value it rounded; weights are OIHW again, "
    "transposed convolutions un-flipped, shape operands constants. Four-dimensional inputs and outputs are NCHW. "
    "**Conditions:** static shapes, no op of a compiled xmodel. An op without an ONNX form becomes an operator of "
    "domain `dpuopt.xir` (a remark says why). The DPU's factors behind average pools and hard-sigmoid stay explicit "
    "products. Opset 17; 18 or 20 where Mish or Gelu need it.",
    Preserves::Closely,
    {},
    run,
};

} // namespace dpuopt
