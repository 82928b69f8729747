//===- LowerToXirConv.cpp - convolutions and un-fused batch normalization ----===//
//
// ONNX vectors are (h, w), XIR's are (w, h); pads are left, right, top, bottom.
// Weights OIHW -> OHWI, depthwise [C*m, 1, h, w] -> [m, h, w, C]; transposed ones
// [I, O/g, h, w] -> OHWI, flipped along h and w (facts (a) Layouts).
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include "TensorMath.h"
#include "dpuopt/Quant/QuantGroups.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
using Perm = llvm::SmallVector<unsigned, 6>;

/// Geometry in XIR's order, and the layout of input and output.
struct Geometry {
  Layout layout;
  bool swapped = false; ///< h and w change places: the input is stored N, W, H, C
  std::vector<int64_t> kernel, stride, dilation, pad;
};

/// A 1-D window is a 2-D one of height 1.
Geometry geometryOf(Lowering &l, Value *input, const onnx::Window &w) {
  auto two = [&](const std::vector<int64_t> &v, int64_t unit) {
    return v.size() == 1 ? std::vector<int64_t>{unit, v[0]} : v;
  };
  Geometry g;
  g.layout = w.spatial == 1 ? Layout({0, -1, 2, 1}) : Layout::channelsLast(4);
  if (w.spatial == 2 && l.get(input).layout == Layout({0, 3, 2, 1})) {
    g.layout = Layout({0, 3, 2, 1});
    g.swapped = true;
  }
  auto k = two(w.kernel, 1), s = two(w.strides, 1), d = two(w.dilations, 1), b = two(w.padsBegin, 0),
       e = two(w.padsEnd, 0);
  unsigned y = g.swapped, x = !g.swapped;
  g.kernel = {k[x], k[y]};
  g.stride = {s[x], s[y]};
  g.dilation = {d[x], d[y]};
  g.pad = {b[x], e[x], b[y], e[y]};
  return g;
}

/// Weights of a 1-D convolution get a height of 1; others stay.
Tensor twoDimensional(const Tensor &w) {
  return w.type().rank() == 3 ? w.reshaped({w.shape()[0], w.shape()[1], 1, w.shape()[2]}) : w;
}

Tensor convWeights(const Tensor &w, bool swapped) {
  return twoDimensional(w).transposed(swapped ? Perm{0, 3, 2, 1} : Perm{0, 2, 3, 1});
}

/// [C*m, 1, h, w] -> [m, h, w, C].
Tensor depthwiseWeights(const Tensor &w, int64_t channels, bool swapped) {
  Tensor t = twoDimensional(w);
  t = t.reshaped({channels, t.shape()[0] * t.shape()[1] / channels, t.shape()[2], t.shape()[3]});
  return t.transposed(swapped ? Perm{1, 3, 2, 0} : Perm{1, 2, 3, 0});
}

/// [I, O/g, h, w] -> [O, h, w, I/g].
Tensor transposedWeights(const Tensor &w, int64_t group) {
  Tensor t = flippedPlanes(twoDimensional(w));
  int64_t in = t.shape()[0] / group, out = t.shape()[1], h = t.shape()[2], wd = t.shape()[3];
  return t.reshaped({group, in, out, h, wd}).transposed(Perm{0, 2, 3, 4, 1}).reshaped({group * out, h, wd, in});
}

AttrMap windowAttrs(const Geometry &g) {
  AttrMap a;
  a["kernel"] = Attr::i32s(g.kernel);
  a["stride"] = Attr::i32s(g.stride);
  a["dilation"] = Attr::i32s(g.dilation);
  a["pad"] = Attr::i32s(g.pad);
  a["pad_mode"] = Attr::string("FLOOR");
  return a;
}

std::string refuseConv(const onnx::Conv &c) {
  if (!c.window.valid)
    return "its attributes do not fit its shapes";
  if (c.window.spatial > 2)
    return "three and more spatial axes are not lowered";
  if (!constantOf(c.weight()))
    return "its weights are not constant";
  if (c.bias() && !constantOf(c.bias()))
    return "its bias is not constant";
  if (c.group < 1 || c.inChannels() < 1 || c.outChannels() < 1 || c.inChannels() % c.group || c.outChannels() % c.group)
    return "its channels do not fit its group";
  int64_t weights = c.inChannels() / c.group * c.outChannels(); // the count is the same either way round
  for (int64_t k : c.window.kernel)
    weights *= k;
  if (c.weight()->type().rank() != c.window.spatial + 2 || c.weight()->type().numElements() != weights)
    return "its weights do not fit its channels and kernel";
  if (c.bias() && c.bias()->type().shape() != llvm::makeArrayRef(c.outChannels()))
    return "its bias does not fit its channels";
  return "";
}

std::string negativePads(const Geometry &g) {
  return llvm::any_of(g.pad, [](int64_t p) { return p < 0; }) ? "its pads are negative" : "";
}

void emitConv(Lowering &l, const onnx::Conv &c, const std::string &type, const Geometry &g, Value *weights) {
  Lowering::Spec spec{
      type, {l.in(c.input(), g.layout), weights}, g.layout.physical(c.op.result()->type().shape()), windowAttrs(g)};
  if (c.bias())
    spec.operands.push_back(l.in(c.bias(), Layout::identity(1)));
  spec.attrs["group"] = Attr::i32(c.group);
  spec.attrs["in_dim"] = Attr::i32(c.inChannels());
  spec.attrs["out_dim"] = Attr::i32(c.outChannels());
  spec.attrs["bias_term"] = Attr::boolean(c.bias());
  l.emitResult(c.op, std::move(spec), g.layout);
}

std::string lowerConv(Lowering &l, const Op &op) {
  onnx::Conv c(op);
  if (std::string why = refuseConv(c); !why.empty())
    return why;
  Geometry g = geometryOf(l, c.input(), c.window);
  if (std::string why = negativePads(g); !why.empty())
    return why;
  bool depthwise = c.isDepthwise();
  std::string form = g.swapped ? "swapped " : "";
  auto changed = [depthwise, swapped = g.swapped, channels = c.inChannels()](const Tensor &t) {
    return depthwise ? depthwiseWeights(t, channels, swapped) : convWeights(t, swapped);
  };
  Value *w = l.param(c.weight(), form + (depthwise ? "depthwise" : "conv"), changed);
  emitConv(l, c, depthwise ? "depthwise-conv2d" : "conv2d", g, w);
  return "";
}

std::string lowerConvTranspose(Lowering &l, const Op &op) {
  onnx::Conv c(op);
  if (std::string why = refuseConv(c); !why.empty())
    return why;
  Geometry g = geometryOf(l, c.input(), c.window);
  if (g.swapped)
    g.layout = Layout::channelsLast(4);
  // output_padding adds rows behind the last: the same as cutting off fewer of them.
  std::vector<int64_t> extra = c.outputPadding;
  extra.insert(extra.begin(), 2 - std::min<size_t>(2, extra.size()), 0);
  const onnx::Window &w = c.window;
  bool one = w.spatial == 1;
  g.kernel = {w.kernel.back(), one ? 1 : w.kernel[0]};
  g.stride = {w.strides.back(), one ? 1 : w.strides[0]};
  g.dilation = {w.dilations.back(), one ? 1 : w.dilations[0]};
  g.pad = {w.padsBegin.back(), w.padsEnd.back() - extra[1], one ? 0 : w.padsBegin[0],
           one ? 0 : w.padsEnd[0] - extra[0]};
  if (!negativePads(g).empty())
    return "its output_padding is larger than the pads it could be taken from";
  bool depthwise = c.isDepthwise();
  auto changed = [depthwise, group = c.group, channels = c.inChannels()](const Tensor &t) {
    return depthwise ? depthwiseWeights(flippedPlanes(twoDimensional(t)), channels, false)
                     : transposedWeights(t, group);
  };
  std::string form = "transposed " + (depthwise ? "depthwise" : std::to_string(c.group));
  Value *weights = l.param(c.weight(), form, changed);
  emitConv(l, c, depthwise ? "transposed-depthwise-conv2d" : "transposed-conv2d", g, weights);
  return "";
}

/// s and b of y = x * s + b, with s = gamma / sqrt(var + eps), b = beta - mean * s. On fixed values they get fix points
/// here, unless they have them: the quantizer sees normalized ones only.
std::pair<Value *, Value *> scaleAndBias(Lowering &l, const Op &op) {
  const Type &type = op.result()->type();
  unsigned bits = (type.isFix() ? type : op.operand(0)->type()).elemType().bits; // 0: not fixed
  if (isNormalizedBatchNorm(op) && (!bits || op.operand(1)->type().isFix())) {
    Layout row = Layout::identity(1);
    return {l.in(op.operand(1), row), l.in(op.operand(2), row)};
  }
  onnx::BatchNorm bn(op);
  const int64_t channels = bn.scale()->numElements();
  std::vector<float> scale(channels), bias(channels);
  for (int64_t i = 0; i < channels; ++i) {
    double s = bn.scale()->at(i) / std::sqrt(bn.variance()->at(i) + bn.epsilon);
    scale[i] = static_cast<float>(s);
    bias[i] = static_cast<float>(bn.shift()->at(i) - bn.mean()->at(i) * s);
  }
  auto constant = [&](const char *suffix, std::vector<float> values) {
    Tensor t = Tensor::fromFloats({channels}, std::move(values));
    std::string name = l.nameOf(op.result()) + suffix;
    return bits ? l.newFixedConst(name, t, bits, op.loc()) : l.newConst(name, t, op.loc());
  };
  Value *first = constant("_scale", std::move(scale));
  return {first, constant("_bias", std::move(bias))};
}

std::string lowerBatchNorm(Lowering &l, const Op &op) {
  onnx::BatchNorm bn(op);
  if (!bn.scale() || !bn.shift() || !bn.mean() || !bn.variance())
    return "its parameters are not constant";
  const Type &type = op.result()->type();
  int64_t channels = bn.scale()->numElements();
  bool fits = type.rank() >= 2 && type.dim(1) == channels;
  for (const Tensor *t : {bn.scale(), bn.shift(), bn.mean(), bn.variance()})
    fits = fits && t->shape().size() == 1 && t->numElements() == channels;
  if (!fits)
    return "its parameters do not fit the channels";
  for (unsigned i = 1; i < op.numResults(); ++i)
    if (!op.result(i)->unused())
      return "it is in training form";
  Layout layout = l.get(op.operand(0)).layout;
  if (layout.order.back() != 1 || layout.shuffled >= 0)
    layout = Layout::channelsLast(type.rank());
  auto [scale, bias] = scaleAndBias(l, op);
  Lowering::Spec spec{"scale", {l.in(op.operand(0), layout), scale, bias}, layout.physical(type.shape())};
  spec.attrs["axis"] = Attr::i32(-1);
  l.emitResult(op, std::move(spec), layout);
  return "";
}
} // namespace

llvm::ArrayRef<HandlerEntry> lower::convHandlers() {
  static const HandlerEntry table[] = {
      {"Conv", lowerConv}, {"ConvTranspose", lowerConvTranspose}, {"BatchNormalization", lowerBatchNorm}};
  return table;
}
