//===- LowerToXirMovement.cpp - reshape, concat, slice, pad, softmax ----------===//
//
// Axes are remapped to where the layout has them; Transpose only renames axes.
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include <numeric>

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
/// The layout operand 0 has, or onnx's order if its elements are shuffled.
Layout plainLayout(Lowering &l, const Op &op) {
  Layout layout = l.get(op.operand(0)).layout;
  return layout.shuffled >= 0 ? Layout::identity(op.operand(0)->type().rank()) : layout;
}

/// The numbers of the shape operand: a -1 that the model has is kept, as the vendor's exporter does.
std::vector<int64_t> shapeNumbers(const Op &op, const Layout &layout, const Shape &physical) {
  std::vector<int64_t> numbers(physical.begin(), physical.end());
  const Tensor *given = op.is("onnx.Reshape") ? constantOf(op.operand(1)) : nullptr;
  if (!given || given->numElements() != static_cast<int64_t>(numbers.size()))
    return numbers;
  for (size_t i = 0; i < numbers.size(); ++i)
    if (layout.order[i] >= 0 && given->intAt(layout.order[i]) == -1)
      numbers[i] = -1;
  return numbers;
}

std::string lowerReshape(Lowering &l, const Op &op) {
  Value *x = op.operand(0);
  const Type &type = op.result()->type();
  if (type.numElements() != x->type().numElements())
    return "it changes the number of elements";
  auto may = [&](int axis) { return mayShuffle(op.result(), axis); };
  ReshapePlan plan = planReshape(x->type().shape(), type.shape(), l.get(x).layout, may);
  Value *input = l.in(x, plan.input);
  Shape shape = plan.output.physical(type.shape());
  if (type.rank() == 0)
    return "XIR has no tensors of rank 0";
  if (input->type().shape() == llvm::makeArrayRef(shape)) {
    l.alias(op, {input, plan.output});
    return "";
  }
  Lowering::Spec spec{
      "reshape",
      {input, l.shapeOperand(l.nameOf(op.result()), "shape", shapeNumbers(op, plan.output, shape), op.loc())},
      shape,
      {},
      carrierElem(type)};
  spec.attrs["shape"] = Attr::i32s({0});
  l.emitResult(op, std::move(spec), plan.output);
  return "";
}

std::string lowerTranspose(Lowering &l, const Op &op) {
  size_t rank = op.operand(0)->type().rank();
  std::vector<int64_t> perm = op.getInts("perm");
  for (size_t i = 0; perm.size() < rank && !op.hasAttr("perm"); ++i)
    perm.push_back(rank - 1 - i);
  llvm::SmallVector<bool, 6> seen(rank, false);
  for (int64_t p : perm)
    if (p >= 0 && p < static_cast<int64_t>(rank))
      seen[p] = true;
  if (perm.size() != rank || !llvm::all_of(seen, [](bool b) { return b; }))
    return "its perm is not a permutation";
  Mapped x = l.get(op.operand(0));
  l.alias(op, {x.value, transposedLayout(x.layout, perm)});
  return "";
}

std::string lowerConcat(Lowering &l, const Op &op) {
  const Type &type = op.result()->type();
  int64_t axis = onnx::normalizeAxis(op.getInt("axis", 1), type.rank());
  if (axis < 0)
    return "its axis is out of range";
  if (!isReal(type))
    return "it joins integers";
  if (op.numOperands() == 1)
    return l.alias(op, l.get(op.operand(0))), "";
  Layout layout = l.commonLayout(op.operands(), type.rank());
  if (layout.shuffled >= 0)
    layout = Layout::identity(type.rank());
  Lowering::Spec spec{"concat", {}, layout.physical(type.shape())};
  for (Value *v : op.operands())
    spec.operands.push_back(l.in(v, layout));
  spec.attrs["axis"] = Attr::i32(layout.find(axis));
  l.emitResult(op, std::move(spec), layout);
  return "";
}

//===-- Slices ---------------------------------------------------------------===//

/// begin, end, stride of every logical axis.
struct Range {
  std::vector<int64_t> begin, end, stride;
  explicit Range(const Type &t) : begin(t.rank(), 0), end(t.shape().begin(), t.shape().end()), stride(t.rank(), 1) {}
};

void emitSlice(Lowering &l, const Op &op, const Range &r, const Layout &layout, unsigned index = 0) {
  const Type &type = op.result(index)->type();
  Lowering::Spec spec{
      "strided_slice", {l.in(op.operand(0), layout)}, layout.physical(type.shape()), {}, carrierElem(type)};
  auto physical = [&](const std::vector<int64_t> &v, int64_t extra) {
    std::vector<int64_t> out;
    for (int axis : layout.order)
      out.push_back(axis < 0 ? extra : v[axis]);
    return Attr::i32s(out);
  };
  spec.attrs["begin"] = physical(r.begin, 0);
  spec.attrs["end"] = physical(r.end, 1);
  spec.attrs["strides"] = physical(r.stride, 1);
  l.emitResult(op, std::move(spec), layout, index);
}

/// A list from operand `i` (newer opsets) or attribute `name`; nullopt if not constant.
std::optional<std::vector<int64_t>> listOf(const Op &op, unsigned i, const char *name) {
  if (!op.operand(i))
    return op.getInts(name);
  const Tensor *t = constantOf(op.operand(i));
  return t ? std::optional(t->toInts()) : std::nullopt;
}

std::vector<int64_t> firstAxes(size_t n) {
  std::vector<int64_t> axes(n);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

std::string lowerSlice(Lowering &l, const Op &op) {
  const Type &in = op.operand(0)->type();
  auto starts = listOf(op, 1, "starts"), ends = listOf(op, 2, "ends"), axes = listOf(op, 3, "axes"),
       steps = listOf(op, 4, "steps");
  if (!starts || !ends || !axes || !steps)
    return "its bounds are not constant";
  if (axes->empty())
    *axes = firstAxes(starts->size());
  steps->resize(steps->empty() ? starts->size() : steps->size(), 1);
  if (ends->size() != starts->size() || axes->size() != starts->size() || steps->size() != starts->size())
    return "its lists have different lengths";
  Range r(in);
  for (size_t i = 0; i < starts->size(); ++i) {
    int64_t axis = onnx::normalizeAxis((*axes)[i], in.rank());
    if (axis < 0)
      return "its axis is out of range";
    if ((*steps)[i] < 1)
      return "XIR slices forward only";
    auto clamp = [&](int64_t v) { return std::clamp<int64_t>(v < 0 ? v + in.dim(axis) : v, 0, in.dim(axis)); };
    r.begin[axis] = clamp((*starts)[i]);
    r.end[axis] = std::max(r.begin[axis], clamp((*ends)[i]));
    r.stride[axis] = std::min((*steps)[i], std::max<int64_t>(in.dim(axis), 1));
  }
  if (op.result()->type().shape() == in.shape())
    return l.alias(op, l.get(op.operand(0))), "";
  emitSlice(l, op, r, plainLayout(l, op));
  return "";
}

std::string lowerSplit(Lowering &l, const Op &op) {
  const Type &in = op.operand(0)->type();
  int64_t axis = onnx::normalizeAxis(op.getInt("axis", 0), in.rank());
  if (axis < 0)
    return "its axis is out of range";
  for (Value *r : op.results()) // the sizes come from the result types
    if (!r->type().isStatic() || r->type().rank() != in.rank())
      return "its part sizes are not known";
  if (op.numResults() == 1)
    return l.alias(op, l.get(op.operand(0))), "";
  Range r(in);
  Layout layout = plainLayout(l, op);
  int64_t at = 0;
  for (unsigned i = 0; i < op.numResults(); ++i) {
    r.begin[axis] = at;
    at += op.result(i)->type().dim(axis);
    r.end[axis] = at;
    if (!op.result(i)->unused())
      emitSlice(l, op, r, layout, i);
  }
  return "";
}

//===-- Pad, Softmax, depth to space --------------------------------------------===//

std::string lowerPad(Lowering &l, const Op &op) {
  const Type &in = op.operand(0)->type();
  auto pads = listOf(op, 1, "pads"), axes = listOf(op, 3, "axes");
  if (!pads || !axes)
    return "its pads are not constant";
  std::string mode = op.getString("mode", "constant");
  if (mode != "constant" && mode != "reflect")
    return "XIR has no pad mode '" + mode + "'";
  if (axes->empty())
    *axes = firstAxes(in.rank());
  if (pads->size() != 2 * axes->size() || llvm::any_of(*pads, [](int64_t p) { return p < 0; }))
    return "its pads are negative or do not fit its rank";
  double value = op.getFloat("value", 0);
  if (Value *v = op.operand(2)) {
    const Tensor *t = constantOf(v);
    if (!t || t->numElements() != 1)
      return "its fill value is not constant";
    value = t->at(0);
  }
  std::vector<int64_t> before(in.rank(), 0), after(in.rank(), 0), paddings;
  for (size_t i = 0; i < axes->size(); ++i) {
    int64_t axis = onnx::normalizeAxis((*axes)[i], in.rank());
    if (axis < 0)
      return "its axis is out of range";
    before[axis] = (*pads)[i];
    after[axis] = (*pads)[axes->size() + i];
  }
  if (op.result()->type().shape() == in.shape())
    return l.alias(op, l.get(op.operand(0))), "";
  Layout layout = plainLayout(l, op);
  for (int axis : layout.order) {
    paddings.push_back(axis < 0 ? 0 : before[axis]);
    paddings.push_back(axis < 0 ? 0 : after[axis]);
  }
  Lowering::Spec spec{"pad",
                      {l.in(op.operand(0), layout)},
                      layout.physical(op.result()->type().shape()),
                      {},
                      carrierElem(op.result()->type())};
  spec.attrs["paddings"] = Attr::i32s(paddings);
  spec.attrs["mode"] = Attr::string(mode == "constant" ? "CONSTANT" : "REFLECT");
  spec.attrs["constant_values"] = Attr::f32s(std::vector<float>(paddings.size(), static_cast<float>(value)));
  l.emitResult(op, std::move(spec), layout);
  return "";
}

/// Before opset 13 Softmax ran over all axes from `axis` on.
std::string lowerSoftmax(Lowering &l, const Op &op) {
  const Type &type = op.operand(0)->type();
  bool old = onnx::opsetOf(l.graph()) < 13;
  int64_t rank = type.rank(), axis = onnx::normalizeAxis(op.getInt("axis", old ? 1 : -1), rank);
  if (axis < 0)
    return "its axis is out of range";
  bool several = false;
  for (int64_t i = axis + 1; old && i < rank; ++i)
    several |= type.dim(i) != 1;
  Layout layout = several ? Layout::identity(rank) : plainLayout(l, op);
  Value *x = l.in(op.operand(0), layout);
  Lowering::Spec spec{"softmax", {x}, toShape(x->type().shape())};
  spec.attrs["axis"] = Attr::i32(layout.find(axis));
  if (!several) {
    l.emitResult(op, std::move(spec), layout);
    return "";
  }
  Shape flat(type.shape().begin(), type.shape().begin() + axis);
  flat.push_back(1);
  for (int64_t i = axis; i < rank; ++i)
    flat.back() *= type.dim(i);
  const std::string &name = l.nameOf(op.result());
  spec.operands = {l.reshapeHelper(x, flat, name, "_i0", op.loc())};
  spec.shape = flat;
  Value *y = l.emitHelper(std::move(spec), name, "_i1", op.loc());
  AttrMap attrs;
  attrs["shape"] = Attr::i32s({0});
  l.emitResult(op,
               {"reshape", {y, l.shapeOperand(name, "shape", type.shape(), op.loc())}, toShape(type.shape()), attrs},
               layout);
  return "";
}

/// CRD order (channel = c*s*s + dy*s + dx) is pixel-shuffle, DCR order ((dy*s + dx)*C + c) is gstiling.
std::string lowerDepthSpace(Lowering &l, const Op &op) {
  bool up = op.is("onnx.DepthToSpace");
  int64_t block = op.getInt("blocksize");
  if (op.operand(0)->type().rank() != 4 || block < 1)
    return "its rank or block size is not usable";
  bool crd = up && op.getString("mode", "DCR") == "CRD";
  Layout layout = Layout::channelsLast(4);
  Lowering::Spec spec{
      crd ? "pixel-shuffle" : "gstiling", {l.in(op.operand(0), layout)}, layout.physical(op.result()->type().shape())};
  if (crd) {
    spec.attrs["scale"] = Attr::i32(block);
    spec.attrs["upscale"] = Attr::boolean(true);
  } else {
    spec.attrs["stride"] = Attr::i32(block);
    spec.attrs["reverse"] = Attr::boolean(up);
  }
  l.emitResult(op, std::move(spec), layout);
  return "";
}

std::string lowerExpand(Lowering &l, const Op &op) {
  if (op.operand(0)->type().shape() != op.result()->type().shape())
    return "XIR has no such op";
  l.alias(op, l.get(op.operand(0)));
  return "";
}
} // namespace

llvm::ArrayRef<HandlerEntry> lower::movementHandlers() {
  static const HandlerEntry table[] = {{"Reshape", lowerReshape},
                                       {"Flatten", lowerReshape},
                                       {"Squeeze", lowerReshape},
                                       {"Unsqueeze", lowerReshape},
                                       {"Transpose", lowerTranspose},
                                       {"Concat", lowerConcat},
                                       {"Slice", lowerSlice},
                                       {"Split", lowerSplit},
                                       {"Pad", lowerPad},
                                       {"Softmax", lowerSoftmax},
                                       {"DepthToSpace", lowerDepthSpace},
                                       {"SpaceToDepth", lowerDepthSpace},
                                       {"Expand", lowerExpand}};
  return table;
}
