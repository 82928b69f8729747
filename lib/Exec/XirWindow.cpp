//===- XirWindow.cpp - xir convolutions and pools ------------------------------------------===//
//
// NHWC. Spatial attributes are [w, h(, d)], pads [left, right, top, bottom(, near,
// far)]. Weights: conv O, h, w, I; depthwise multiplier, h, w, C; transposed ones are
// stored flipped along h and w.
//
//===----------------------------------------------------------------------===//
#include "Conv.h"
#include "PoolShape.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
/// The window attributes in tensor order (d, h, w).
struct XirWindow {
  std::vector<int64_t> kernel, stride, dilation, padBegin, padEnd;
  bool ceil = false;
};
} // namespace

static std::vector<int64_t> reversed(std::vector<int64_t> v) { return {v.rbegin(), v.rend()}; }

/// TensorFlow's SAME: output = ceil(input / stride), the odd pad at the end.
static void samePads(XirWindow &w, llvm::ArrayRef<int64_t> in) {
  for (size_t i = 0; i < in.size(); ++i) {
    int64_t out = (in[i] + w.stride[i] - 1) / w.stride[i];
    int64_t total = std::max<int64_t>((out - 1) * w.stride[i] + (w.kernel[i] - 1) * w.dilation[i] + 1 - in[i], 0);
    w.padBegin[i] = total / 2, w.padEnd[i] = total - total / 2;
  }
}

static Result<XirWindow> readWindow(const Call &call) {
  const Tensor &x = call.in();
  if (x.shape().size() < 3 || x.shape().size() > 5)
    return call.error("needs 1 to 3 spatial axes, has " + x.type().str());
  size_t n = x.shape().size() - 2;
  llvm::ArrayRef<int64_t> in = x.shape().slice(1, n);
  XirWindow w;
  w.kernel = reversed(call.op.getInts("kernel"));
  if (call.op.getBool("global"))
    w.kernel = in.vec();
  w.stride = reversed(call.op.getInts("stride", std::vector<int64_t>(n, 1)));
  w.dilation = reversed(call.op.getInts("dilation", std::vector<int64_t>(n, 1)));
  std::vector<int64_t> pad = call.op.getInts("pad", std::vector<int64_t>(2 * n, 0));
  auto positive = [&](llvm::ArrayRef<int64_t> v) {
    return v.size() == n && llvm::all_of(v, [](int64_t a) { return a > 0 && a < 1 << 28; });
  };
  if (!positive(w.kernel) || !positive(w.stride) || !positive(w.dilation) || pad.size() != 2 * n ||
      llvm::any_of(pad, [](int64_t p) { return p < 0 || p >= 1 << 28; }))
    return call.error("kernel, stride, dilation and pad do not fit " + x.type().str());
  for (size_t i = n; i-- > 0;)
    w.padBegin.push_back(pad[2 * i]), w.padEnd.push_back(pad[2 * i + 1]);
  // xcompiler 1.1 and earlier wrote the number.
  static constexpr const char *modes[] = {"FLOOR", "CEIL", "SAME", "VALID"};
  int64_t number = call.op.getInt("pad_mode", 0);
  std::string mode = call.op.getString("pad_mode", number >= 0 && number < 4 ? modes[number] : "FLOOR");
  w.ceil = mode == "CEIL";
  if (mode == "SAME")
    samePads(w, in);
  if (mode == "VALID")
    w.padBegin.assign(n, 0), w.padEnd.assign(n, 0);
  return w;
}

/// Reverses the elements along every axis from 2 on (the kernel of [o][i][kernel...]).
static Tensor flipKernel(const Tensor &w) {
  Tensor source = w.expanded(), out = Tensor::zeros(source.type());
  int64_t taps = product(w.shape(), 2);
  float *to = mutData<float>(out);
  for (int64_t i = 0; i < w.numElements(); ++i)
    to[i] = data<float>(source)[i / taps * taps + taps - 1 - i % taps];
  return out;
}

/// [a][kernel...][b] with the axes in the order `b` first or last, then the kernel.
static Tensor kernelLast(const Tensor &w, bool channelFirst) {
  unsigned rank = unsigned(w.shape().size());
  llvm::SmallVector<unsigned, 6> order{channelFirst ? rank - 1 : 0, channelFirst ? 0 : rank - 1};
  for (unsigned i = 1; i + 1 < rank; ++i)
    order.push_back(i);
  return w.transposed(order);
}

/// The declared result may be larger than the formula's (output padding).
static std::vector<int64_t> outputPadding(const Op &op, ConvShape s) {
  std::vector<int64_t> extra(s.in.size(), 0);
  const Type &declared = op.result()->type();
  if (!s.transposed || !declared.isStatic() || declared.rank() != s.in.size() + 2 || !outputSizes(s))
    return extra;
  for (size_t i = 0; i < extra.size(); ++i)
    extra[i] = std::clamp<int64_t>(declared.dim(i + 1) - s.out[i], 0, s.strides[i] - 1);
  return extra;
}

static bool isDepthwise(const Op &op) { return op.name().contains("depthwise"); }

Result<ConvShape> exec::xirConvShape(const Call &call) {
  bool depthwise = isDepthwise(call.op);
  const Tensor &x = call.in(0), &w = call.in(1);
  auto window = readWindow(call);
  if (!window)
    return failure();
  size_t n = window->kernel.size();
  if (w.shape().size() != n + 2 || w.shape().slice(1, n) != llvm::makeArrayRef(window->kernel))
    return call.error(fmt::format("weights {} do not have the kernel {}", w.type().str(), shapeStr(window->kernel)));
  ConvShape s;
  s.channelsLast = true, s.transposed = call.op.name().contains("transposed"), s.bias = call.operand(2) != nullptr;
  s.batch = x.shape()[0], s.inChannels = x.shape().back();
  s.group = depthwise ? s.inChannels : call.op.getInt("group", 1);
  s.outChannels = depthwise ? w.shape()[0] * s.inChannels : w.shape()[0];
  s.in = x.shape().slice(1, n).vec();
  s.kernel = window->kernel, s.strides = window->stride, s.dilations = window->dilation;
  s.padsBegin = window->padBegin, s.padsEnd = window->padEnd;
  if (s.group > 1 && !depthwise && w.shape().back() == s.inChannels)
    s.group = 1; // group is only a remark there: the weights are those of a full convolution
  int64_t weightIn = depthwise ? w.shape().back() : w.shape().back() * s.group;
  if (s.batch < 1 || s.inChannels < 1 || s.outChannels < 1 || s.group < 1 || weightIn != s.inChannels ||
      s.outChannels % s.group || (s.bias && call.in(2).numElements() != s.outChannels))
    return call.error(fmt::format("input {}, weights {} and bias do not fit together", x.type().str(), w.type().str()));
  if (!outputSizes(s, outputPadding(call.op, s)))
    return call.error(fmt::format("input {} gives an empty result", x.type().str()));
  return s;
}

Tensor exec::xirConvWeights(const ConvShape &shape, const Op &op, const Tensor &weights) {
  Tensor moved = kernelLast(weights, isDepthwise(op)); // depthwise: [C][multiplier], one input channel per group
  return shape.transposed ? flipKernel(moved) : moved;
}

static Result<Tensors> conv(const Call &call) {
  auto s = xirConvShape(call);
  if (!s)
    return failure();
  return runConv(call, *s, [&] { return xirConvWeights(*s, call.op, call.in(1)); });
}

/// Geometry of a pool; the result's shape in `shape`.
static Result<PoolShape> poolGeometry(const Call &call, Shape &shape) {
  auto window = readWindow(call);
  if (!window)
    return failure();
  const Tensor &x = call.in();
  size_t n = window->kernel.size();
  PoolShape s;
  s.planes = x.shape()[0], s.inner = x.shape().back();
  PoolShape::assign(s.in, x.shape().slice(1, n));
  PoolShape::assign(s.kernel, window->kernel), PoolShape::assign(s.stride, window->stride);
  PoolShape::assign(s.padBegin, window->padBegin), PoolShape::assign(s.padEnd, window->padEnd);
  if (!s.outputSizes(window->ceil))
    return call.error(fmt::format("its window is larger than the padded input {}", x.type().str()));
  shape.push_back(x.shape()[0]);
  shape.append(s.out.end() - n, s.out.end());
  shape.push_back(x.shape().back());
  return s;
}

static Result<Tensors> maxPool(const Call &call) {
  Shape shape;
  auto s = poolGeometry(call, shape);
  auto y = s ? call.allocate(ElemKind::F32, shape) : failure();
  if (!y)
    return failure();
  Tensor x = call.in().expanded();
  maxWindows<float>(*s, data<float>(x), mutData<float>(*y), nullptr, false);
  return one(std::move(*y));
}

static Result<Tensors> averagePool(const Call &call) {
  Shape shape;
  auto s = poolGeometry(call, shape);
  auto y = s ? call.allocate(ElemKind::F32, shape) : failure();
  if (!y)
    return failure();
  Divisor divisor = !call.op.getBool("count_include_pad", true)       ? Divisor::Inside
                    : !call.op.getBool("count_include_invalid", true) ? Divisor::Padded
                                                                      : Divisor::Kernel;
  Tensor x = call.in().expanded();
  averageWindows(*s, data<float>(x), mutData<float>(*y), divisor);
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::xirWindowKernels() {
  static const KernelEntry table[] = {
      {"xir.conv1d", conv, 2, 3},
      {"xir.conv2d", conv, 2, 3},
      {"xir.conv3d", conv, 2, 3},
      {"xir.depthwise-conv1d", conv, 2, 3},
      {"xir.depthwise-conv2d", conv, 2, 3},
      {"xir.depthwise-conv3d", conv, 2, 3},
      {"xir.transposed-conv2d", conv, 2, 3},
      {"xir.transposed-conv3d", conv, 2, 3},
      {"xir.transposed-depthwise-conv2d", conv, 2, 3},
      {"xir.transposed-depthwise-conv3d", conv, 2, 3},
      {"xir.maxpool1d", maxPool, 1, 1},
      {"xir.maxpool2d", maxPool, 1, 1},
      {"xir.avgpool2d", averagePool, 1, 1},
      {"xir.avgpool", averagePool, 1, 1}, // its name in xcompiler 1.1
  };
  return table;
}
