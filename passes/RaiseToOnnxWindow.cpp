//===- RaiseToOnnxWindow.cpp - raise-to-onnx: convolutions and pools ---------------===//
//
// XIR vectors are (w, h), ONNX's (h, w); pads are left, right, top, bottom there and
// begins, ends here. The weights' rearrangements are those of lower-to-xir, backwards.
//
//===----------------------------------------------------------------------===//
#include "RaiseToOnnx.h"
#include "TensorMath.h"

using namespace dpuopt;
using namespace dpuopt::raise;

namespace {

using Perm = llvm::SmallVector<unsigned, 6>;

/// (h, w) throughout.
struct Window {
  std::vector<int64_t> kernel, stride, dilation, begin, end;
};

bool positive(llvm::ArrayRef<int64_t> v) {
  return v.size() == 2 && llvm::all_of(v, [](int64_t x) { return x > 0; });
}

/// TensorFlow's SAME: output = ceil(input / stride), the odd pad at the end.
void padSame(Window &w, llvm::ArrayRef<int64_t> in) {
  for (unsigned i : {0u, 1u}) {
    int64_t out = (in[i] + w.stride[i] - 1) / w.stride[i];
    int64_t total = std::max<int64_t>((out - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1 - in[i], 0);
    w.begin[i] = total / 2, w.end[i] = total - total / 2;
  }
}

/// nullopt: the attributes do not describe two spatial axes.
std::optional<Window> windowOf(const Op &op) {
  const Type &in = op.operand(0)->type();
  if (in.rank() != 4 || op.result()->type().rank() != 4)
    return std::nullopt;
  auto two = [&](const char *name, std::vector<int64_t> dflt) {
    std::vector<int64_t> v = op.getInts(name, std::move(dflt));
    return std::vector<int64_t>(v.rbegin(), v.rend());
  };
  Window w{two("kernel", {}), two("stride", {1, 1}), two("dilation", {1, 1}), {0, 0}, {0, 0}};
  if (op.getBool("global"))
    w.kernel = {in.dim(1), in.dim(2)};
  std::vector<int64_t> pad = op.getInts("pad", {0, 0, 0, 0});
  if (!positive(w.kernel) || !positive(w.stride) || !positive(w.dilation) || pad.size() != 4)
    return std::nullopt;
  const std::string mode = op.getString("pad_mode", "FLOOR");
  if (mode == "SAME")
    padSame(w, in.shape().slice(1, 2));
  else if (mode != "VALID")
    w.begin = {pad[2], pad[0]}, w.end = {pad[3], pad[1]};
  return w;
}

AttrMap attrsOf(const Window &w) {
  AttrMap a;
  a["kernel_shape"] = Attr::i64s(w.kernel);
  a["strides"] = Attr::i64s(w.stride);
  a["pads"] = Attr::i64s({w.begin[0], w.begin[1], w.end[0], w.end[1]});
  return a;
}

//===-- Convolutions -----------------------------------------------------------------===//

/// [m, h, w, C] -> [C, m, h, w].
Tensor channelsOut(const Tensor &t) { return t.transposed(Perm{3, 0, 1, 2}); }

/// [O, h, w, I/g] -> [I, O/g, h, w], turned by 180 degrees.
Tensor transposedWeights(const Tensor &t, int64_t group) {
  const int64_t o = t.shape()[0], h = t.shape()[1], w = t.shape()[2], i = t.shape()[3];
  return flippedPlanes(
      t.reshaped({group, o / group, h, w, i}).transposed(Perm{0, 4, 1, 2, 3}).reshaped({group * i, o / group, h, w}));
}

std::string raiseConv(Raiser &r, const Op &op, bool depthwise, bool transposed) {
  auto w = windowOf(op);
  Value *weights = op.operand(1), *bias = op.operand(2);
  if (!w)
    return "its attributes do not describe two spatial axes";
  if (!Raiser::constant(weights) || (bias && !Raiser::constant(bias)))
    return "its weights are not constant";
  const Type &wt = weights->type(), &in = op.operand(0)->type(), &out = op.result()->type();
  const int64_t channels = in.dim(3);
  int64_t group = depthwise ? channels : op.getInt("group", 1);
  if (wt.rank() == 4 && !depthwise && wt.dim(3) == channels)
    group = 1; // only a remark there: these are the weights of a full convolution
  const bool fits = wt.rank() == 4 && group > 0 && wt.dim(1) == w->kernel[0] && wt.dim(2) == w->kernel[1] &&
                    (depthwise ? wt.dim(3) == channels : wt.dim(3) * group == channels && wt.dim(0) % group == 0) &&
                    (!bias || bias->type().numElements() == out.dim(3));
  if (!fits)
    return "its weights do not fit its input";
  AttrMap attrs = attrsOf(*w);
  attrs["dilations"] = Attr::i64s(w->dilation);
  attrs["group"] = Attr::i64(group);
  if (transposed) {
    std::vector<int64_t> extra;
    for (unsigned i : {0u, 1u})
      extra.push_back(out.dim(i + 1) - ((in.dim(i + 1) - 1) * w->stride[i] + (w->kernel[i] - 1) * w->dilation[i] + 1 -
                                        w->begin[i] - w->end[i]));
    if (op.getString("pad_mode") == "SAME" || llvm::any_of(extra, [](int64_t e) { return e < 0; }))
      return "its output size is not what ONNX computes for these attributes";
    if (extra[0] || extra[1])
      attrs["output_padding"] = Attr::i64s(extra);
  }
  auto change = [&](const Tensor &t) {
    if (transposed)
      return depthwise ? flippedPlanes(channelsOut(t)) : transposedWeights(t, group);
    if (!depthwise)
      return t.transposed(Perm{0, 3, 1, 2});
    Tensor c = channelsOut(t);
    return c.reshaped({c.shape()[0] * c.shape()[1], 1, c.shape()[2], c.shape()[3]});
  };
  std::string form = std::string(transposed ? "transposed " : "") + (depthwise ? "depthwise" : std::to_string(group));
  std::vector<Value *> operands{r.in(op.operand(0), channelsFirst(4)), r.param(weights, form, change)};
  if (bias)
    operands.push_back(r.param(bias, "bias", [](const Tensor &t) { return t.reshaped({t.numElements()}); }));
  r.emit(op, transposed ? "ConvTranspose" : "Conv", std::move(operands), std::move(attrs), channelsFirst(4));
  return "";
}

template <bool Depthwise, bool Transposed> std::string conv(Raiser &r, const Op &op) {
  return raiseConv(r, op, Depthwise, Transposed);
}

//===-- Pools ------------------------------------------------------------------------===//

/// End pads with which rounding down gives the declared size. ONNX's ceil_mode leaves out a
/// window that would begin in the padding, XIR's does not.
void coverOutput(Window &w, const Op &op) {
  const Type &in = op.operand(0)->type(), &out = op.result()->type();
  for (unsigned i : {0u, 1u}) {
    int64_t needed = (out.dim(i + 1) - 1) * w.stride[i] + w.kernel[i] - in.dim(i + 1) - w.begin[i];
    w.end[i] = std::max(w.end[i], needed);
  }
}

template <bool Average> std::string pool(Raiser &r, const Op &op) {
  auto w = windowOf(op);
  if (!w || llvm::any_of(w->dilation, [](int64_t d) { return d != 1; }))
    return "its attributes do not describe two spatial axes";
  const Window declared = *w;
  coverOutput(*w, op);
  const bool grown = w->end != declared.end;
  const bool countPad = op.getBool("count_include_pad", true), countBeyond = op.getBool("count_include_invalid", true);
  if (Average && grown && countPad && !countBeyond)
    return "it counts padding but not what lies beyond";
  for (unsigned i : {0u, 1u})
    if (w->begin[i] >= w->kernel[i] || w->end[i] >= w->kernel[i] || w->begin[i] < 0 || w->end[i] < 0)
      return "its padding is as wide as its window";
  AttrMap attrs = attrsOf(*w);
  if (Average)
    attrs["count_include_pad"] = Attr::i64(countPad);
  r.emit(op, Average ? "AveragePool" : "MaxPool", {r.in(op.operand(0), channelsFirst(4))}, std::move(attrs),
         channelsFirst(4));
  return "";
}

} // namespace

llvm::ArrayRef<HandlerEntry> raise::windowHandlers() {
  static const HandlerEntry table[] = {{"conv2d", conv<false, false>},
                                       {"depthwise-conv2d", conv<true, false>},
                                       {"transposed-conv2d", conv<false, true>},
                                       {"transposed-depthwise-conv2d", conv<true, true>},
                                       {"maxpool2d", pool<false>},
                                       {"avgpool2d", pool<true>}};
  return table;
}
