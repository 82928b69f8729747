//===- LayerSites.cpp - the layers of a quantized network, and their parameters -----===//
#include "LayerSites.h"
#include "llvm/ADT/DenseSet.h"
#include <cmath>

using namespace dpuopt;

/// Channels beyond this many are positions of something else (boxes, tokens).
static constexpr int64_t MaxChannels = 1 << 16;

static bool isLinear(const Op &op) {
  return op.isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm", "onnx.MatMul") && constantOf(op.operand(1));
}

static std::span<const float> spanOf(const Tensor &t) {
  llvm::ArrayRef<float> all = t.as<float>();
  return {all.data(), all.size()};
}

//===-- Parameters --------------------------------------------------------------------===//

/// Weights as a row per output channel; nothing where shapes are unusual.
static std::optional<Tensor> byOutputChannel(const Tensor &weights, const Op &op) {
  llvm::ArrayRef<int64_t> s = weights.shape();
  const int64_t n = weights.numElements();
  if (n == 0 || s.size() < 2)
    return std::nullopt;
  if (op.is("onnx.Conv") || (op.is("onnx.Gemm") && op.getInt("transB")))
    return weights.reshaped({s[0], n / s[0]});
  if (!op.is("onnx.ConvTranspose"))
    return weights.reshaped({n / s.back(), s.back()}).transposed({1, 0});
  const int64_t group = std::max<int64_t>(1, op.getInt("group", 1));
  if (s[0] % group != 0)
    return std::nullopt;
  Tensor split = weights.reshaped({group, s[0] / group, s[1], n / (s[0] * s[1])}).transposed({0, 2, 1, 3});
  return split.reshaped({group * s[1], n / (group * s[1])});
}

/// Ranges of the channels, and what of the rounding noise would stay if each was scaled up as far as the largest is.
static void measureChannels(ParamError &p, const Tensor &floats, const Tensor &rounded, const Op &op) {
  std::optional<Tensor> right = byOutputChannel(floats, op), wrong = byOutputChannel(rounded, op);
  if (!right || right->shape()[0] > MaxChannels)
    return;
  const auto channels = static_cast<size_t>(right->shape()[0]), width = static_cast<size_t>(right->shape()[1]);
  std::vector<double> range(channels, 0), noise(channels, 0);
  for (size_t c = 0; c < channels; ++c) {
    Fidelity f;
    std::span<const float> row = spanOf(*right).subspan(c * width, width);
    f.add(row, spanOf(*wrong).subspan(c * width, width));
    const FloatRange r = rangeOf(row);
    range[c] = std::max(std::fabs(r.min), std::fabs(r.max)), noise[c] = f.noise;
    p.channels.dead += range[c] == 0;
    p.channels.lost += range[c] > 0 && f.power == 0;
    p.channels.largest = std::max(p.channels.largest, range[c]);
    if (range[c] > 0)
      p.channels.smallest = p.channels.smallest > 0 ? std::min(p.channels.smallest, range[c]) : range[c];
  }
  p.channels.channels = static_cast<unsigned>(channels);
  double all = 0, left = 0;
  for (size_t c = 0; c < channels; ++c) {
    all += noise[c];
    left += range[c] > 0 ? noise[c] * std::pow(range[c] / p.channels.largest, 2) : 0;
  }
  p.leftIfEqualized = all > 0 ? left / all : 1;
}

static ParamError measureParam(const Quantization &q, int slot, ParamRole role, const Op &op) {
  const Quantization::Param &param = q.params[static_cast<size_t>(slot)];
  ParamError p{slot, role, {param.pos, Rounding::HalfAway, {}}, {}, {}};
  const Tensor floats = param.floats.toFloat().expanded();
  const Tensor rounded = quantizeTensor(floats, param.pos, Rounding::HalfAway).toFloat();
  p.placed.values.add(spanOf(floats));
  p.fidelity.add(spanOf(floats), spanOf(rounded));
  if (role == ParamRole::Weights)
    measureChannels(p, floats, rounded, op);
  return p;
}

/// Operand `i` of a group's op, a constant.
static ParamRole roleOf(const LayerError &layer, const Op &op, unsigned i) {
  if (isLinear(op))
    return i == 1 ? ParamRole::Weights : ParamRole::Bias;
  const bool isBias = op.is("onnx.Add") && llvm::any_of(layer.ops, [&](const Op *o) { return linearBias(*o) == &op; });
  return isBias ? ParamRole::Bias : ParamRole::Constant;
}

//===-- Layers ------------------------------------------------------------------------===//

static void addOperands(const Quantization &q, LayerError &layer, const Op &op) {
  for (unsigned i = 0; i < op.numOperands(); ++i) {
    const Value *v = op.operand(i);
    if (!v || llvm::is_contained(layer.ops, v->def()))
      continue;
    if (int slot = q.paramSlot(v); slot >= 0)
      layer.params.push_back(measureParam(q, slot, roleOf(layer, op, i), op));
    else if (int in = q.activationSlot(q.groups().holder(v)); in >= 0 && !llvm::is_contained(layer.inputs, in))
      layer.inputs.push_back(in);
  }
}

static void addOp(LayerError &layer, const Op &op) {
  if (!llvm::is_contained(layer.ops, &op))
    layer.ops.push_back(&op);
  if (!layer.linear && isLinear(op))
    layer.linear = &op;
}

std::vector<LayerError> dpuopt::layersOf(const Quantization &q) {
  std::vector<LayerError> layers;
  std::vector<int> bySlot(q.activations.size(), -1);
  for (size_t slot = 0; slot < q.activations.size(); ++slot) {
    const Quantization::Activation &a = q.activations[slot];
    if (!a.pos)
      continue;
    bySlot[slot] = static_cast<int>(layers.size());
    LayerError &layer = layers.emplace_back();
    layer.slot = static_cast<int>(slot), layer.value = a.value;
    layer.placed.pos = *a.pos, layer.placed.rounding = a.rounding();
  }
  // Movement behind a group's end has its position too, but no part in making it.
  llvm::DenseSet<const Value *> ended;
  for (const Op &op : q.graph().ops()) {
    if (op.isConst())
      continue;
    for (const Value *result : op.results()) {
      const Value *holder = q.groups().holder(result);
      const int slot = q.activationSlot(holder);
      if (slot < 0 || bySlot[static_cast<size_t>(slot)] < 0 || ended.contains(holder))
        continue;
      addOp(layers[static_cast<size_t>(bySlot[static_cast<size_t>(slot)])], op);
      if (result == holder)
        ended.insert(holder);
    }
  }
  for (LayerError &layer : layers) {
    for (const Op *op : layer.ops)
      addOperands(q, layer, *op);
    llvm::stable_sort(layer.params, [](const ParamError &a, const ParamError &b) { return a.role < b.role; });
  }
  return layers;
}

ChannelView::ChannelView(const LayerError &layer, llvm::ArrayRef<int64_t> shape) {
  const bool last = layer.linear && layer.linear->isOneOf("onnx.Gemm", "onnx.MatMul");
  const size_t axis = last ? shape.size() - 1 : 1;
  if (shape.size() < 2 || shape[axis] < 1 || shape[axis] > MaxChannels)
    return;
  channels = static_cast<size_t>(shape[axis]);
  for (int64_t d : shape.drop_front(axis + 1))
    inner *= static_cast<size_t>(d);
}
