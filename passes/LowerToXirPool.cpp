//===- LowerToXirPool.cpp - pooling and reductions ---------------------------===//
//
// The DPU divides an average by a multiplication with N/2^M. On fixed values the
// factor kh*kw*N/2^M becomes an explicit mul behind the pool, as the vendor's
// exporter writes it, so that a float execution of the xmodel gives the DPU's
// numbers (facts (d) pool-fix).
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include "dpuopt/Quant/DpuAverage.h"

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
/// Emits the op as `<name>_i0` with a mul by `factor` (`<name>_i1`) behind it.
void emitScaled(Lowering &l, const Op &op, Lowering::Spec spec, const Layout &layout, double factor) {
  const std::string &name = l.nameOf(op.result());
  Shape shape = spec.shape;
  Value *plain = l.emitHelper(std::move(spec), name, "_i0", op.loc());
  Value *scale = l.newConst(name + "_i1", Tensor::fromFloats({1}, {static_cast<float>(factor)}), op.loc());
  l.emitResult(op, {"mul", {plain, scale}, shape}, layout);
}

struct Pool {
  Layout layout;
  std::vector<int64_t> kernel, stride, pad; ///< XIR order
  bool ceil = false, global = false, countPad = true, countInvalid = true;
};

AttrMap poolAttrs(const Pool &p, bool average) {
  AttrMap a;
  a["kernel"] = Attr::i32s(p.kernel);
  a["stride"] = Attr::i32s(p.stride);
  a["pad"] = Attr::i32s(p.pad);
  a["pad_mode"] = Attr::string(p.ceil ? "CEIL" : "FLOOR");
  a["global"] = Attr::boolean(p.global);
  if (average) {
    a["count_include_pad"] = Attr::boolean(p.countPad);
    a["count_include_invalid"] = Attr::boolean(p.countInvalid);
  }
  return a;
}

void emitPool(Lowering &l, const Op &op, const Pool &p, bool average) {
  Lowering::Spec spec{average ? "avgpool2d" : "maxpool2d",
                      {l.in(op.operand(0), p.layout)},
                      p.layout.physical(op.result()->type().shape()),
                      poolAttrs(p, average)};
  if (average && isQuantized(op)) // also where the factor is 1, as the vendor's exporter has it since 3.0
    emitScaled(l, op, std::move(spec), p.layout, averageCorrection(p.kernel[1], p.kernel[0]));
  else
    l.emitResult(op, std::move(spec), p.layout);
}

/// Output size of one axis by the usual formulas; ceil mode may start a window in the end padding.
int64_t outputSize(int64_t in, int64_t k, int64_t s, int64_t pads, bool ceil) {
  int64_t span = in + pads - k;
  return span < 0 ? 0 : (ceil ? (span + s - 1) / s : span / s) + 1;
}

std::string lowerPool(Lowering &l, const Op &op) {
  bool average = op.is("onnx.AveragePool");
  onnx::Window w(op);
  if (!w.valid)
    return "its attributes do not fit its shapes";
  if (w.spatial > 2)
    return "three and more spatial axes are not lowered";
  if (llvm::any_of(w.dilations, [](int64_t d) { return d != 1; }))
    return "XIR pools have no dilation";
  if (op.numResults() > 1 && !op.result(1)->unused())
    return "XIR pools do not return indices";
  bool one = w.spatial == 1;
  auto y = [&](const std::vector<int64_t> &v, int64_t unit) { return one ? unit : v[0]; };
  Pool p;
  p.layout = one ? Layout({0, -1, 2, 1}) : Layout::channelsLast(4);
  p.kernel = {w.kernel.back(), y(w.kernel, 1)};
  p.stride = {w.strides.back(), y(w.strides, 1)};
  p.pad = {w.padsBegin.back(), w.padsEnd.back(), y(w.padsBegin, 0), y(w.padsEnd, 0)};
  if (llvm::any_of(p.pad, [](int64_t v) { return v < 0; }))
    return "its pads are negative";
  if (p.kernel == std::vector<int64_t>{1, 1} && p.stride == p.kernel && p.pad == std::vector<int64_t>(4, 0)) {
    l.alias(op, l.get(op.operand(0))); // a pool over one element
    return "";
  }
  Shape in = p.layout.physical(op.operand(0)->type().shape()), out = p.layout.physical(op.result()->type().shape());
  bool fits = true, fitsFloor = true;
  for (int axis : {0, 1}) { // 0: width, 1: height
    int64_t pads = p.pad[2 * axis] + p.pad[2 * axis + 1], size = in[2 - axis], want = out[2 - axis];
    fits &= outputSize(size, p.kernel[axis], p.stride[axis], pads, w.ceilMode) == want;
    fitsFloor &= outputSize(size, p.kernel[axis], p.stride[axis], pads, false) == want;
  }
  if (!fits && !fitsFloor)
    return "its output size is not what XIR computes for these attributes";
  p.ceil = fits && w.ceilMode; // also where both give the same size, as the vendor's exporter writes it
  bool padded = llvm::any_of(p.pad, [](int64_t v) { return v != 0; });
  p.countPad = !padded || op.getInt("count_include_pad");
  p.countInvalid = fitsFloor; // ONNX never counts what lies beyond the pads
  emitPool(l, op, p, average);
  return "";
}

std::string lowerGlobalPool(Lowering &l, const Op &op) {
  const Type &in = op.operand(0)->type();
  if (in.rank() != 3 && in.rank() != 4)
    return "only one or two spatial axes are lowered";
  Pool p;
  p.layout = in.rank() == 3 ? Layout({0, -1, 2, 1}) : Layout::channelsLast(4);
  p.kernel = {in.shape().back(), in.rank() == 3 ? 1 : in.dim(2)};
  p.stride = p.kernel;
  p.pad = {0, 0, 0, 0};
  p.global = true;
  emitPool(l, op, p, op.is("onnx.GlobalAveragePool"));
  return "";
}

/// Logical axes of a reduction, sorted; nullopt when they are not constant or wrong.
std::optional<std::vector<int64_t>> reducedAxes(const Op &op) {
  auto axes = onnx::axesOf(op);
  int64_t rank = op.operand(0)->type().rank();
  if (!axes)
    return std::nullopt;
  if (axes->empty() && op.getInt("noop_with_empty_axes"))
    return std::nullopt;
  std::vector<int64_t> out;
  for (int64_t a : *axes) {
    out.push_back(onnx::normalizeAxis(a, rank));
    if (out.back() < 0)
      return std::nullopt;
  }
  for (int64_t a = 0; axes->empty() && a < rank; ++a)
    out.push_back(a);
  llvm::sort(out);
  return out;
}

/// What is left of `in` when `gone` axes are dropped.
Layout withoutAxes(const Layout &in, llvm::ArrayRef<int64_t> gone) {
  Layout out;
  for (int axis : in.order) {
    if (axis >= 0 && llvm::is_contained(gone, axis))
      continue;
    int before = axis < 0 ? 0 : llvm::count_if(gone, [&](int64_t a) { return a < axis; });
    out.order.push_back(axis < 0 ? -1 : axis - before);
  }
  if (out.order.empty())
    out.order.push_back(-1); // xmodels have no rank 0
  return out;
}

std::string lowerReduce(Lowering &l, const Op &op) {
  if (!op.operand(0)->type().isFix() && !op.operand(0)->type().elemType().isFloat())
    return "it reduces integers";
  auto axes = reducedAxes(op);
  if (!axes)
    return "its axes are not constant";
  Layout layout = l.get(op.operand(0)).layout;
  if (layout.shuffled >= 0)
    layout = Layout::identity(op.operand(0)->type().rank());
  bool keep = op.getInt("keepdims", 1);
  std::vector<int64_t> physical;
  int64_t count = 1;
  for (int64_t a : *axes) {
    physical.push_back(layout.find(a));
    count *= op.operand(0)->type().dim(a);
  }
  llvm::sort(physical);
  Layout out = keep ? layout : withoutAxes(layout, *axes);
  bool mean = op.is("onnx.ReduceMean");
  const char *type = mean                      ? "reduction_mean"
                     : op.is("onnx.ReduceSum") ? "reduction_sum"
                     : op.is("onnx.ReduceMax") ? "reduction_max"
                                               : "reduction_product";
  Lowering::Spec spec{type, {l.in(op.operand(0), layout)}, out.physical(op.result()->type().shape())};
  spec.attrs["axis"] = Attr::i32s(physical);
  spec.attrs["keep_dims"] = Attr::boolean(keep);
  bool exact = count < 1 || (count & (count - 1)) == 0;
  if (mean && isQuantized(op) && !exact)
    emitScaled(l, op, std::move(spec), out, averageCorrection(count, 1));
  else
    l.emitResult(op, std::move(spec), out);
  return "";
}

std::string lowerArgMax(Lowering &l, const Op &op) {
  int64_t axis = onnx::normalizeAxis(op.getInt("axis"), op.operand(0)->type().rank());
  if (axis < 0 || op.getInt("select_last_index"))
    return "its axis or tie rule has no XIR form";
  Layout layout = l.get(op.operand(0)).layout;
  if (layout.shuffled >= 0)
    layout = Layout::identity(op.operand(0)->type().rank());
  bool keep = op.getInt("keepdims", 1);
  Layout out = keep ? layout : withoutAxes(layout, {axis});
  ElemType elem = carrierElem(op.result()->type());
  Lowering::Spec spec{"argmax", {l.in(op.operand(0), layout)}, out.physical(op.result()->type().shape()), {}, elem};
  spec.attrs["axis"] = Attr::i32(layout.find(axis));
  spec.attrs["keep_dims"] = Attr::boolean(keep);
  l.emitResult(op, std::move(spec), out);
  return "";
}
} // namespace

llvm::ArrayRef<HandlerEntry> lower::poolHandlers() {
  static const HandlerEntry table[] = {{"MaxPool", lowerPool},
                                       {"AveragePool", lowerPool},
                                       {"GlobalAveragePool", lowerGlobalPool},
                                       {"GlobalMaxPool", lowerGlobalPool},
                                       {"ReduceMean", lowerReduce},
                                       {"ReduceSum", lowerReduce},
                                       {"ReduceMax", lowerReduce},
                                       {"ReduceProd", lowerReduce},
                                       {"ArgMax", lowerArgMax}};
  return table;
}
