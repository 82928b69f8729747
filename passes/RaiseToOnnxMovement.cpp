//===- RaiseToOnnxMovement.cpp - raise-to-onnx: reshape, concat, slice, reduce, resize ---===//
#include "RaiseToOnnx.h"
#include "dpuopt/IR/OnnxViews.h"

using namespace dpuopt;
using namespace dpuopt::raise;

namespace {

/// Where xir axis `axis` is.
int64_t place(const Order &order, int64_t axis) {
  return llvm::find(order, static_cast<unsigned>(axis)) - order.begin();
}

int64_t axisOf(const Op &op, int64_t axis) {
  return onnx::normalizeAxis(axis, static_cast<int64_t>(op.operand(0)->type().rank()));
}

std::string reshape(Raiser &r, const Op &op) {
  const Type &to = op.result()->type();
  if (to.numElements() != op.operand(0)->type().numElements())
    return "it changes the number of elements";
  Value *x = r.inBytes(op.operand(0));
  Value *shape = r.ints("shape", to.shape());
  r.emit(op, "Reshape", {x, shape}, {}, plainOrder(to.rank()));
  return "";
}

/// Only the axes' names change.
std::string transpose(Raiser &r, const Op &op) {
  Raised x = r.get(op.operand(0));
  std::vector<int64_t> order = op.getInts("order");
  Order result;
  for (unsigned xirAxis : x.order) {
    auto at = llvm::find(order, static_cast<int64_t>(xirAxis));
    if (order.size() != x.order.size() || at == order.end())
      return "its order is no permutation";
    result.push_back(static_cast<unsigned>(at - order.begin()));
  }
  r.record(op.result(), {x.value, result});
  return "";
}

std::string concat(Raiser &r, const Op &op) {
  const size_t rank = op.result()->type().rank();
  const int64_t axis = axisOf(op, op.getInt("axis"));
  if (axis < 0)
    return "its axis is out of range";
  Order order = plainOrder(rank);
  for (Value *v : op.operands())
    if (v && !Raiser::constant(v)) {
      order = r.get(v).order;
      break;
    }
  std::vector<Value *> operands;
  for (Value *v : op.operands())
    operands.push_back(r.in(v, order));
  r.emit(op, "Concat", std::move(operands), {{"axis", Attr::i64(place(order, axis))}}, order);
  return "";
}

std::string slice(Raiser &r, const Op &op) {
  const Type &in = op.operand(0)->type();
  std::vector<int64_t> begin = op.getInts("begin"), end = op.getInts("end"), strides = op.getInts("strides");
  if (begin.size() != end.size() || begin.size() != strides.size() || begin.size() > in.rank())
    return "begin, end and strides do not fit its input";
  const int64_t beginMask = op.getInt("begin_mask"), endMask = op.getInt("end_mask");
  constexpr int64_t far = std::numeric_limits<int32_t>::max();
  Raised x = r.get(op.operand(0));
  std::vector<int64_t> starts, ends, axes, steps;
  for (size_t i = 0; i < begin.size(); ++i) {
    const bool down = strides[i] < 0;
    starts.push_back(beginMask >> i & 1 ? (down ? far : 0) : begin[i]);
    ends.push_back(endMask >> i & 1 ? (down ? -far : far) : end[i]);
    axes.push_back(place(x.order, static_cast<int64_t>(i)));
    steps.push_back(strides[i]);
  }
  r.emit(op, "Slice",
         {x.value, r.ints("starts", starts), r.ints("ends", ends), r.ints("axes", axes), r.ints("steps", steps)}, {},
         x.order);
  return "";
}

std::string pad(Raiser &r, const Op &op) {
  const size_t rank = op.operand(0)->type().rank();
  std::vector<int64_t> paddings = op.getInts("paddings");
  std::vector<float> values = op.getFloats("constant_values");
  const std::string mode = op.getString("mode", "CONSTANT");
  if (paddings.size() != 2 * rank)
    return "its paddings do not fit its input";
  if (mode != "CONSTANT" && mode != "REFLECT")
    return "ONNX has no pad mode " + mode;
  if (llvm::any_of(values, [&](float v) { return v != values[0]; }))
    return "it pads with different values";
  Raised x = r.get(op.operand(0));
  std::vector<int64_t> pads;
  for (unsigned side : {0u, 1u})
    for (unsigned axis : x.order)
      pads.push_back(paddings[2 * axis + side]);
  std::vector<Value *> operands{x.value, r.ints("pads", pads)};
  if (mode == "CONSTANT" && !values.empty() && values[0] != 0)
    operands.push_back(r.newConst("pad_value", Tensor::fromFloats({}, {values[0]})));
  r.emit(op, "Pad", std::move(operands), {{"mode", Attr::string(mode == "CONSTANT" ? "constant" : "reflect")}},
         x.order);
  return "";
}

std::string softmax(Raiser &r, const Op &op) {
  const int64_t axis = axisOf(op, op.getInt("axis", -1));
  if (axis < 0)
    return "its axis is out of range";
  Raised x = r.get(op.operand(0));
  r.emit(op, "Softmax", {x.value}, {{"axis", Attr::i64(place(x.order, axis))}}, x.order);
  return "";
}

/// The order of what is left when xir axes `gone` are dropped.
Order without(const Order &order, llvm::ArrayRef<int64_t> gone) {
  Order out;
  for (unsigned axis : order)
    if (!llvm::is_contained(gone, static_cast<int64_t>(axis)))
      out.push_back(axis - llvm::count_if(gone, [&](int64_t g) { return g < int64_t(axis); }));
  return out;
}

std::string reduce(Raiser &r, const Op &op) {
  static const llvm::StringMap<const char *> types = {{"reduction_mean", "ReduceMean"},
                                                      {"reduction_sum", "ReduceSum"},
                                                      {"reduction_max", "ReduceMax"},
                                                      {"reduction_product", "ReduceProd"}};
  std::vector<int64_t> gone, axes;
  Raised x = r.get(op.operand(0));
  for (int64_t a : op.getInts("axis")) {
    gone.push_back(axisOf(op, a));
    if (gone.back() < 0)
      return "its axis is out of range";
    axes.push_back(place(x.order, gone.back()));
  }
  llvm::sort(axes);
  const bool keep = op.getBool("keep_dims");
  const Order order = keep ? x.order : without(x.order, gone);
  if (order.size() != op.result()->type().rank())
    return "its result has another rank";
  AttrMap attrs{{"keepdims", Attr::i64(keep)}};
  std::vector<Value *> operands{x.value};
  if (op.is("xir.reduction_sum") || r.opsetVersion() >= 18)
    operands.push_back(r.ints("axes", axes));
  else
    attrs["axes"] = Attr::i64s(axes);
  r.emit(op, types.lookup(op.name().drop_front(4)), std::move(operands), std::move(attrs), order);
  return "";
}

std::string argmax(Raiser &r, const Op &op) {
  const int64_t axis = axisOf(op, op.getInt("axis", -1));
  const bool keep = op.result()->type().rank() == op.operand(0)->type().rank();
  if (axis < 0 || op.result()->type().elemType() != ElemKind::I64)
    return "its axis or element type has no ONNX form";
  Raised x = r.get(op.operand(0));
  r.emit(op, "ArgMax", {x.value}, {{"axis", Attr::i64(place(x.order, axis))}, {"keepdims", Attr::i64(keep)}},
         keep ? x.order : without(x.order, {axis}));
  return "";
}

std::string resize(Raiser &r, const Op &op) {
  const Type &in = op.operand(0)->type(), &out = op.result()->type();
  const std::string mode = op.getString("mode", "NEAREST");
  const bool corners = op.getBool("align_corners"), half = op.getBool("half_pixel_centers");
  if (in.rank() != 4 || (mode != "NEAREST" && mode != "BILINEAR"))
    return "ONNX has no resize mode " + mode;
  const bool nearest = mode == "NEAREST";
  AttrMap attrs;
  attrs["mode"] = Attr::string(nearest ? "nearest" : "linear");
  attrs["coordinate_transformation_mode"] = Attr::string(corners ? "align_corners"
                                                         : half  ? "half_pixel"
                                                                 : "asymmetric");
  if (nearest)
    attrs["nearest_mode"] = Attr::string(corners || half ? "round_prefer_ceil" : "floor");
  std::vector<Value *> operands{r.in(op.operand(0), channelsFirst(4)), nullptr, nullptr};
  std::vector<float> scale = op.getFloats("scale");
  if (!op.operand(1) && scale.size() == 2)
    operands[2] = r.newConst("scales", Tensor::fromFloats({4}, {1, 1, scale[1], scale[0]}));
  else
    operands.push_back(r.ints("sizes", {out.dim(0), out.dim(3), out.dim(1), out.dim(2)}));
  r.emit(op, "Resize", std::move(operands), std::move(attrs), channelsFirst(4));
  return "";
}

/// Blocks of s x s pixels to channels and back. Grouped: channel = c * s * s + position (CRD), else position * C + c
/// (DCR).
std::string blocks(Raiser &r, const Op &op) {
  const bool pixels = op.is("xir.pixel-shuffle");
  const int64_t s = op.getInt(op.is("xir.gstiling") ? "stride" : "scale");
  const bool up = pixels ? op.getBool("upscale") : op.getBool("reverse");
  if (op.operand(0)->type().rank() != 4 || s < 1)
    return "its rank or block size is not usable";
  if (pixels && !up)
    return "ONNX cannot group channels this way";
  AttrMap attrs{{"blocksize", Attr::i64(s)}};
  if (up)
    attrs["mode"] = Attr::string(pixels ? "CRD" : "DCR");
  r.emit(op, up ? "DepthToSpace" : "SpaceToDepth", {r.in(op.operand(0), channelsFirst(4))}, std::move(attrs),
         channelsFirst(4));
  return "";
}

} // namespace

llvm::ArrayRef<HandlerEntry> raise::movementHandlers() {
  static const HandlerEntry table[] = {{"reshape", reshape},
                                       {"flatten", reshape},
                                       {"squeeze", reshape},
                                       {"transpose", transpose},
                                       {"concat", concat},
                                       {"strided_slice", slice},
                                       {"pad", pad},
                                       {"softmax", softmax},
                                       {"reduction_mean", reduce},
                                       {"reduction_sum", reduce},
                                       {"reduction_max", reduce},
                                       {"reduction_product", reduce},
                                       {"argmax", argmax},
                                       {"resize", resize},
                                       {"pixel-shuffle", blocks},
                                       {"gstiling", blocks},
                                       {"reorg", blocks}};
  return table;
}
