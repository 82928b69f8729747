//===- LowerToXirState.cpp - names, parameters, conversions -----------------===//
//
// The Lowering class: what all op handlers of lower-to-xir share.
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include "dpuopt/Quant/FixPoint.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::lower;

Lowering::Lowering(Graph &g, DoubtfulOps doubtful, DiagEngine &diags)
    : g(g), doubtful(std::move(doubtful)), diags(diags) {
  for (Op &op : g.ops())
    oldOps.push_back(&op);
}

//===-- Names ----------------------------------------------------------------===//

/// XIR's convention: every character outside [0-9A-Za-z] becomes '_'.
static std::string sanitized(llvm::StringRef name) {
  std::string out = name.str();
  for (char &c : out)
    if (!llvm::isAlnum(c))
      c = '_';
  return out.empty() ? "_" : out;
}

std::string Lowering::claim(llvm::StringRef hint) {
  if (taken.try_emplace(hint, 0).second)
    return hint.str();
  for (;;) {
    std::string candidate = fmt::format("{}_{}", hint.str(), ++taken[hint]);
    if (taken.try_emplace(candidate, 0).second)
      return candidate;
  }
}

/// Gives every old value its xir name and moves the old one out of the way.
void Lowering::claimNames() {
  std::vector<Value *> values;
  for (Value *in : g.inputs())
    values.push_back(in);
  for (Op *op : oldOps)
    for (Value *r : op->results())
      values.push_back(r);
  for (Value *v : values)
    primary[v] = claim(sanitized(v->name()));
  // ':' cannot occur in a sanitized name.
  for (size_t i = 0; i < values.size(); ++i)
    values[i]->setName(g.uniqueName(fmt::format("onnx:{}", i)));
  g.setName(sanitized(g.name()));
}

//===-- Parameters -----------------------------------------------------------===//

/// 100 MB of weights go through here: raw pointers, so that it is vectorized.
template <class T> static Tensor widened(const Tensor &t) {
  Tensor out = Tensor::zeros(t.type().withElem(ElemKind::F32));
  const T *__restrict from = t.as<T>().data();
  float *__restrict to = out.mut<float>().data();
  const float scale = std::ldexp(1.0f, -t.elemType().fixPoint); // a power of two: exact
  for (int64_t i = 0, n = t.numElements(); i < n; ++i)
    to[i] = static_cast<float>(from[i]) * scale;
  return out;
}

/// Every floating constant is f32 in an xmodel; integers keep their type.
static Tensor realTensor(const Tensor &t) {
  if (!t.type().isFix() && !t.elemType().isFloat())
    return t;
  bool bytes = t.type().isFix() && t.elemType().isSigned && t.elemType().byteSize() == 1 && !t.isSplat();
  return bytes ? widened<int8_t>(t) : t.toFloat();
}

/// change(t), computed when it is read. What type it has a splat tells at no cost.
static Tensor changedLater(const Tensor &t, const std::function<Tensor(const Tensor &)> &change) {
  if (t.isSplat() || t.type().numBytes() <= 0)
    return change(t);
  Tensor probe = change(Tensor::splat(t.type(), Blob::zeros(t.elemType().byteSize())));
  return Tensor::deferred(probe.type(), t, change);
}

Value *Lowering::newConst(llvm::StringRef name, Tensor value, const Location &loc) {
  return g.createConst(claim(name), std::move(value), firstNode, loc);
}

Value *Lowering::param(Value *v, llvm::StringRef form, const std::function<Tensor(const Tensor &)> &change) {
  Value *&done = made[fmt::format("{} {}", v->name(), form.str())];
  if (done)
    return done;
  const Tensor &old = *constantOf(v);
  // The stored type is the small one (int8 of a fixed weight): move first, widen then.
  Tensor value = changedLater(old, [change](const Tensor &t) { return realTensor(change(t)); });
  Value *&first = made[v->name()];
  std::string name = first ? claim(nameOf(v)) : nameOf(v);
  Value *real = g.createConst(name, std::move(value), firstNode, v->def()->loc());
  first = real;
  done = real;
  if (v->type().isFix()) // `done` may have moved: the map grew
    made[fmt::format("{} {}", v->name(), form.str())] = fixParam(real, v->type().elemType());
  return made[fmt::format("{} {}", v->name(), form.str())];
}

Value *Lowering::fixParam(Value *real, ElemType type) {
  OpSpec fix;
  fix.name = "xir.fix";
  fix.operands = {real};
  fix.results.push_back({claim(real->name() + "_fix"), real->type().withElem(type)});
  fix.attrs["round_mode"] = Attr::string("DPU_ROUND");
  fix.loc = real->def()->loc();
  return g.create(std::move(fix), firstNode)->result();
}

Value *Lowering::newFixedConst(llvm::StringRef name, const Tensor &value, unsigned bits, const Location &loc) {
  const int width = static_cast<int>(bits);
  FixPos pos{width, diffsFixPoint(value, width, SearchRange, Rounding::HalfAway)};
  Tensor fixed = quantizeTensor(value, pos, Rounding::HalfAway);
  return fixParam(newConst(name, fixed.toFloat(), loc), pos.elemType());
}

Value *Lowering::shapeOperand(llvm::StringRef opName, llvm::StringRef what, llvm::ArrayRef<int64_t> values,
                              const Location &loc) {
  OpSpec stack;
  for (size_t i = 0; i < values.size(); ++i)
    stack.operands.push_back(newConst(fmt::format("{}_{}_attr_{}_", opName.str(), what.str(), i),
                                      Tensor::fromFloats({1}, {static_cast<float>(values[i])}), loc));
  stack.name = "xir.stack";
  stack.results.push_back({claim(fmt::format("{}_{}_i0", opName.str(), what.str())),
                           Type(ElemKind::F32, {static_cast<int64_t>(values.size()), 1})});
  stack.attrs["axis"] = Attr::i32(0);
  AttrMap info;
  info["shape_info"] = Attr::i32s(values);
  stack.attrs["tensor_attrs"] = Attr::dict(std::move(info));
  stack.loc = loc;
  return g.create(std::move(stack), firstNode)->result();
}

//===-- Operands -------------------------------------------------------------===//

Mapped Lowering::get(Value *v) {
  if (auto it = mapped.find(v); it != mapped.end())
    return it->second;
  assert(constantOf(v) && "operands are lowered before their users");
  Layout onnxOrder = Layout::identity(v->type().rank());
  return {in(v, onnxOrder), onnxOrder};
}

static std::string keyOf(const Layout &l) {
  std::string key = fmt::format("order {}", fmt::join(l.order, ","));
  if (l.shuffled >= 0)
    key += fmt::format(" axis {} of {} as {}", l.shuffled, fmt::join(l.factors, ","), fmt::join(l.factorOrder, ","));
  return key;
}

Value *Lowering::in(Value *v, const Layout &want) {
  if (constantOf(v) && !mapped.count(v))
    return param(v, keyOf(want), [want](const Tensor &t) { return want.apply(t); });
  Mapped m = get(v);
  if (m.layout == want)
    return m.value;
  Value *&done = made[fmt::format("{} as {}", v->name(), keyOf(want))];
  if (!done)
    done = convert(m, v->type().shape(), want, nameOf(v), v->def() ? v->def()->loc() : Location{});
  return done;
}

Value *Lowering::in(Value *v, const Layout &want, size_t rank) {
  size_t own = v->type().rank();
  if (own == rank)
    return in(v, want);
  int added = static_cast<int>(rank - own);
  Layout inner;
  for (int axis : want.order)
    if (axis >= added)
      inner.order.push_back(axis - added);
  Shape shape(added, 1);
  shape.append(v->type().shape().begin(), v->type().shape().end());
  if (constantOf(v) && !mapped.count(v))
    return param(v, fmt::format("rank {} {}", rank, keyOf(want)),
                 [want, shape](const Tensor &t) { return want.apply(t.reshaped(shape)); });
  Value *x = in(v, inner);
  Shape physical = want.physical(shape);
  if (x->type().shape() == llvm::makeArrayRef(physical))
    return x;
  Value *&done = made[fmt::format("{} rank {} as {}", v->name(), rank, keyOf(want))];
  if (!done)
    done = reshapeHelper(x, physical, nameOf(v), "_reshape", v->def() ? v->def()->loc() : Location{});
  return done;
}

Layout Lowering::commonLayout(llvm::ArrayRef<Value *> operands, size_t rank) {
  // Converting the large operands costs most, so elements vote.
  std::vector<std::pair<Layout, int64_t>> votes;
  for (Value *v : operands) {
    if (!v || v->type().rank() != rank || (constantOf(v) && !mapped.count(v)))
      continue;
    const Layout &l = get(v).layout;
    auto it = llvm::find_if(votes, [&](auto &vote) { return vote.first == l; });
    if (it == votes.end())
      votes.push_back({l, v->type().numElements()});
    else
      it->second += v->type().numElements();
  }
  auto best = std::max_element(votes.begin(), votes.end(), [](auto &a, auto &b) { return a.second < b.second; });
  return best == votes.end() ? Layout::identity(rank) : best->first;
}

//===-- Conversions ----------------------------------------------------------===//

Value *Lowering::reshapeHelper(Value *x, const Shape &shape, llvm::StringRef base, llvm::StringRef suffix,
                               const Location &loc) {
  if (x->type().shape() == llvm::makeArrayRef(shape))
    return x;
  std::string name = claim((base + suffix).str());
  AttrMap attrs;
  attrs["shape"] = Attr::i32s({0});
  return emit({"reshape", {x, shapeOperand(name, "shape", shape, loc)}, shape, attrs}, name, loc);
}

Value *Lowering::transposeHelper(Value *x, const Axes &order, llvm::StringRef base, const Location &loc) {
  Shape shape;
  std::vector<int64_t> axes;
  for (int axis : order) {
    shape.push_back(x->type().dim(axis));
    axes.push_back(axis);
  }
  // The vendor's words: towards channels-last a transpose "swims", away from it it "sinks".
  bool swim = order.size() == 4 && order == Axes{0, 2, 3, 1};
  AttrMap attrs;
  attrs["order"] = Attr::i32s(axes);
  return emit({"transpose", {x}, shape, attrs},
              claim((base + (swim ? "_swim_transpose_0" : "_sink_transpose_0")).str()), loc);
}

static Axes withoutExtra(const Axes &order) {
  Axes real;
  for (int axis : order)
    if (axis >= 0)
      real.push_back(axis);
  return real;
}

Value *Lowering::convert(const Mapped &m, llvm::ArrayRef<int64_t> shape, const Layout &want, llvm::StringRef name,
                         const Location &loc) {
  Value *x = m.value;
  Layout have = m.layout;
  if (have.shuffled >= 0 && have.shuffled != want.shuffled) {
    // Undo the shuffle: split the axis into its stored factors, sort them, merge.
    Shape split, whole = have.physical(shape);
    Axes sort;
    for (size_t i = 0; i < have.order.size(); ++i) {
      int first = split.size();
      if (have.order[i] != have.shuffled) {
        split.push_back(whole[i]);
        sort.push_back(first);
        continue;
      }
      for (unsigned f : have.factorOrder)
        split.push_back(have.factors[f]);
      for (unsigned f = 0; f < have.factors.size(); ++f)
        sort.push_back(first + (llvm::find(have.factorOrder, f) - have.factorOrder.begin()));
    }
    x = reshapeHelper(x, split, name, "_split", loc);
    x = transposeHelper(x, sort, name, loc);
    x = reshapeHelper(x, whole, name, "_merge", loc);
    have.shuffled = -1, have.factors.clear(), have.factorOrder.clear();
  }
  if (sameBytes(have, want, shape))
    return reshapeHelper(x, want.physical(shape), name, "_reshape", loc);
  Axes from = withoutExtra(have.order), to = withoutExtra(want.order), order;
  for (int axis : to)
    order.push_back(llvm::find(from, axis) - from.begin());
  x = reshapeHelper(x, Layout(from).physical(shape), name, "_reshape", loc);
  x = transposeHelper(x, order, name, loc);
  return reshapeHelper(x, want.physical(shape), name, "_reshape", loc);
}

//===-- Results --------------------------------------------------------------===//

Value *Lowering::emit(Spec spec, const std::string &name, const Location &loc) {
  OpSpec op;
  op.name = "xir." + spec.type;
  op.operands = std::move(spec.operands);
  op.results.push_back({name, Type(spec.elem, spec.shape)});
  op.attrs = std::move(spec.attrs);
  op.loc = loc;
  Op *created = g.create(std::move(op));
  if (!firstNode)
    firstNode = created;
  return created->result();
}

Value *Lowering::emitHelper(Spec spec, llvm::StringRef base, llvm::StringRef suffix, const Location &loc) {
  return emit(std::move(spec), claim((base + suffix).str()), loc);
}

Value *Lowering::addFix(const Value *v, Value *real, const Location &loc) {
  if (!v->type().isFix())
    return real;
  Spec fix{"fix", {real}, toShape(real->type().shape()), {}, v->type().elemType()};
  fix.attrs["round_mode"] = Attr::string("DPU_ROUND");
  return emitHelper(std::move(fix), nameOf(v), "_fix", loc);
}

void Lowering::emitResult(const Op &op, Spec spec, const Layout &layout, unsigned index) {
  const Value *v = op.result(index);
  Value *real = emit(std::move(spec), nameOf(v), op.loc());
  record(v, {addFix(v, real, op.loc()), layout});
}

void Lowering::alias(const Op &op, const Mapped &m) {
  const Value *v = op.result();
  bool same = !v->type().isFix() || m.value->type().elemType() == v->type().elemType();
  record(v, {same ? m.value : addFix(v, m.value, op.loc()), m.layout});
}
