//===- OnnxViews.cpp - named access to the attributes of common onnx ops ---===//
#include "dpuopt/IR/OnnxViews.h"

using namespace dpuopt;
using namespace dpuopt::onnx;

/// Larger kernels, strides, dilations or pads than this are nonsense, and
/// refusing them keeps the arithmetic on them far from overflow.
static constexpr int64_t MaxGeometry = int64_t(1) << 28;

//===-- Window ---------------------------------------------------------------===//

/// Attribute `name`, or `n` times `dflt` when absent.
static std::vector<int64_t> intsOr(const Op &op, llvm::StringRef name, size_t n, int64_t dflt) {
  std::vector<int64_t> v = op.getInts(name);
  return v.empty() ? std::vector<int64_t>(n, dflt) : v;
}

static bool allWithin(llvm::ArrayRef<int64_t> v, size_t n, int64_t low) {
  return v.size() == n && llvm::all_of(v, [&](int64_t x) { return x >= low && x <= MaxGeometry; });
}

/// Kernel from the attribute, else from the weight's spatial dimensions.
static std::vector<int64_t> kernelOf(const Op &op) {
  std::vector<int64_t> kernel = op.getInts("kernel_shape");
  Value *weight = op.operand(1);
  if (kernel.empty() && weight && weight->type().hasRank() && weight->type().rank() > 2)
    kernel = weight->type().shape().drop_front(2).vec();
  return kernel;
}

/// Splits `total` over both ends, the odd one at the end for SAME_UPPER.
static void splitPads(Window &w, unsigned i, int64_t total, bool upper) {
  int64_t half = total / 2;
  w.padsBegin[i] = upper ? half : total - half;
  w.padsEnd[i] = total - w.padsBegin[i];
}

/// Padding that makes the output ceil(input / stride) (Conv, pools: SAME_*).
static bool resolveSame(Window &w, const Op &op, bool upper) {
  const Type &x = op.operand(0)->type();
  if (!x.hasRank() || x.rank() != w.spatial + 2)
    return false;
  for (unsigned i = 0; i < w.spatial; ++i) {
    int64_t in = x.dim(i + 2);
    if (in < 0 || in > MaxElements)
      return false;
    int64_t out = (in + w.strides[i] - 1) / w.strides[i];
    int64_t needed = (out - 1) * w.strides[i] + (w.kernel[i] - 1) * w.dilations[i] + 1 - in;
    splitPads(w, i, std::max<int64_t>(needed, 0), upper);
  }
  return true;
}

/// Padding of ConvTranspose from `output_shape`, or from SAME_* (output = input *
/// stride). Padding that would be negative is left to output_padding: see Conv.
static bool resolveTransposed(Window &w, const Op &op, bool upper) {
  const Type &x = op.operand(0)->type();
  std::vector<int64_t> wanted = op.getInts("output_shape");
  if (wanted.size() == w.spatial + 2)
    wanted.erase(wanted.begin(), wanted.begin() + 2); // some exporters include N and C
  std::vector<int64_t> extra = intsOr(op, "output_padding", w.spatial, 0);
  if (!x.hasRank() || x.rank() != w.spatial + 2 || extra.size() != w.spatial ||
      (!wanted.empty() && !allWithin(wanted, w.spatial, 0)))
    return false;
  for (unsigned i = 0; i < w.spatial; ++i) {
    int64_t in = x.dim(i + 2);
    if (in < 0 || in > MaxElements)
      return false;
    int64_t full = (in - 1) * w.strides[i] + extra[i] + (w.kernel[i] - 1) * w.dilations[i] + 1;
    int64_t total = full - (wanted.empty() ? in * w.strides[i] : wanted[i]);
    splitPads(w, i, std::max<int64_t>(total, 0), upper);
  }
  return true;
}

Window::Window(const Op &op) : kernel(kernelOf(op)) {
  spatial = static_cast<unsigned>(kernel.size());
  strides = intsOr(op, "strides", spatial, 1);
  dilations = intsOr(op, "dilations", spatial, 1);
  padsBegin.assign(spatial, 0), padsEnd.assign(spatial, 0);
  ceilMode = op.getInt("ceil_mode") != 0;
  const Value *x = op.operand(0);
  bool rankFits = x && (!x->type().hasRank() || x->type().rank() == spatial + 2);
  if (!spatial || !rankFits || !allWithin(kernel, spatial, 1) || !allWithin(strides, spatial, 1) ||
      !allWithin(dilations, spatial, 1))
    return;

  std::string autoPad = op.getString("auto_pad", "NOTSET");
  bool same = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  bool upper = autoPad == "SAME_UPPER";
  if (op.is("onnx.ConvTranspose") && (same || op.hasAttr("output_shape"))) {
    valid = resolveTransposed(*this, op, upper);
  } else if (same) {
    valid = resolveSame(*this, op, upper);
  } else if (autoPad == "VALID") {
    valid = true;
  } else if (autoPad == "NOTSET" || autoPad.empty()) {
    std::vector<int64_t> pads = intsOr(op, "pads", 2 * spatial, 0);
    if (!allWithin(pads, 2 * spatial, 0))
      return;
    padsBegin.assign(pads.begin(), pads.begin() + spatial);
    padsEnd.assign(pads.begin() + spatial, pads.end());
    valid = true;
  }
}

bool Window::isUnit() const {
  auto are = [](llvm::ArrayRef<int64_t> v, int64_t x) { return llvm::all_of(v, [=](int64_t e) { return e == x; }); };
  return valid && are(kernel, 1) && are(strides, 1) && are(dilations, 1) && are(padsBegin, 0) && are(padsEnd, 0);
}

//===-- Conv -----------------------------------------------------------------===//

static int64_t dimOf(const Value *v, size_t i) {
  return v && v->type().hasRank() && i < v->type().rank() ? v->type().dim(i) : -1;
}

/// `output_padding`, and what `output_shape` asks for beyond the full output.
static std::vector<int64_t> outputPaddingOf(const Op &op, const Window &w) {
  std::vector<int64_t> extra = intsOr(op, "output_padding", w.spatial, 0);
  std::vector<int64_t> wanted = op.getInts("output_shape");
  if (wanted.size() == w.spatial + 2)
    wanted.erase(wanted.begin(), wanted.begin() + 2);
  if (!w.valid || wanted.size() != w.spatial || extra.size() != w.spatial)
    return extra;
  for (unsigned i = 0; i < w.spatial; ++i) {
    int64_t full = (dimOf(op.operand(0), i + 2) - 1) * w.strides[i] + extra[i] + (w.kernel[i] - 1) * w.dilations[i] + 1;
    extra[i] += std::max<int64_t>(wanted[i] - full, 0);
  }
  return extra;
}

Conv::Conv(const Op &op) : op(op), transposed(op.is("onnx.ConvTranspose")), group(op.getInt("group", 1)), window(op) {
  if (transposed)
    outputPadding = outputPaddingOf(op, window);
}

/// -1 when `weightDim` is unknown or the product does not fit.
static int64_t timesGroup(int64_t weightDim, int64_t group) {
  int64_t product;
  return weightDim < 0 || __builtin_mul_overflow(weightDim, group, &product) ? -1 : product;
}

int64_t Conv::inChannels() const {
  int64_t fromInput = dimOf(input(), 1);
  if (fromInput >= 0)
    return fromInput;
  int64_t w = dimOf(weight(), transposed ? 0 : 1);
  return transposed ? w : timesGroup(w, group);
}

int64_t Conv::outChannels() const {
  int64_t w = dimOf(weight(), transposed ? 1 : 0);
  return transposed ? timesGroup(w, group) : w;
}

bool Conv::isDepthwise() const { return group > 1 && group == inChannels(); }

//===-- Small things -----------------------------------------------------------===//

int64_t onnx::normalizeAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return -1;
  return axis < 0 ? axis + rank : axis;
}

std::optional<std::vector<int64_t>> onnx::axesOf(const Op &op, unsigned index) {
  if (op.hasAttr("axes"))
    return op.getInts("axes");
  Value *operand = op.operand(index);
  if (!operand)
    return std::vector<int64_t>();
  const Tensor *constant = constantOf(operand);
  // No tensor has more axes than this; a longer list is not read at all.
  if (!constant || constant->numElements() > 64 || !constant->elemType().isInteger())
    return std::nullopt;
  return constant->toInts();
}

int64_t onnx::opsetOf(const Graph &g) {
  const Attr *a = g.attr("opset");
  return a && a->isInt() ? a->asInt() : 13;
}
