//===- LinearLayer.cpp - convolutions and matrix products as rows times weights ---------===//
#include "LinearLayer.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cmath>

using namespace dpuopt;

static bool isKnown(const Value *v) { return v && v->type().hasRank() && v->type().numElements() > 0; }

static size_t product(llvm::ArrayRef<int64_t> extents) {
  size_t n = 1;
  for (int64_t extent : extents)
    n *= static_cast<size_t>(extent);
  return n;
}

//===-- What an op is -----------------------------------------------------------------===//

bool LinearLayer::setConv(const Op &op) {
  const onnx::Conv conv(op);
  const onnx::Window &w = conv.window;
  auto x = input->type().shape(), y = output->type().shape(), weightShape = op.operand(1)->type().shape();
  if (!w.valid || x.size() != w.spatial + 2 || y.size() != x.size() || weightShape.size() != x.size() ||
      conv.group < 1 || x[1] % conv.group || y[1] % conv.group || x[0] != y[0])
    return false;
  transposed = conv.transposed;
  weights = transposed ? Weights::InFirst : Weights::OutFirst;
  groups = static_cast<size_t>(conv.group);
  kernel = w.kernel, strides = w.strides, dilations = w.dilations, pads = w.padsBegin;
  inputExtents = x.drop_front(2).vec(), outputExtents = y.drop_front(2).vec();
  volume = product(kernel), inputSpots = product(inputExtents), outputSpots = product(outputExtents);
  inputs = static_cast<size_t>(x[1]) / groups * volume, outputs = static_cast<size_t>(y[1]) / groups;
  positions = static_cast<size_t>(y[0]) * outputSpots;
  return true;
}

bool LinearLayer::setMatrix(const Op &op) {
  bool inFirst = true;
  if (op.is("onnx.Gemm")) {
    const onnx::Gemm gemm(op);
    if (gemm.alpha != 1 || gemm.beta != 1 || gemm.transA)
      return false;
    inFirst = !gemm.transB;
  }
  auto x = input->type().shape(), m = op.operand(1)->type().shape();
  if (x.empty() || m.size() != 2 || x.back() != m[inFirst ? 0 : 1])
    return false;
  weights = inFirst ? Weights::Columns : Weights::OutFirst;
  inputs = static_cast<size_t>(x.back()), outputs = static_cast<size_t>(m[inFirst ? 1 : 0]);
  positions = static_cast<size_t>(input->type().numElements()) / inputs;
  return static_cast<size_t>(output->type().numElements()) == positions * outputs;
}

/// Parameters that other ops read too are not this layer's to change.
static int ownParam(const Quantization &q, const Value *v) { return v && v->hasOneUse() ? q.paramSlot(v) : -1; }

bool LinearLayer::setParams(const Quantization &q, const Value *biases) {
  const int slot = ownParam(q, op->operand(1));
  if (slot < 0 || static_cast<size_t>(op->operand(1)->type().numElements()) != groups * outputs * inputs)
    return false;
  weight = static_cast<size_t>(slot);
  if (biases && biases->type().hasRank() && static_cast<size_t>(biases->type().numElements()) == groups * outputs &&
      biases->type().shape().size() > 0 && static_cast<size_t>(biases->type().shape().back()) == groups * outputs)
    bias = ownParam(q, biases);
  return true;
}

std::optional<LinearLayer> LinearLayer::of(const Op &op, const Quantization &q) {
  const bool conv = onnx::Conv::matches(op);
  if ((!conv && !op.isOneOf("onnx.Gemm", "onnx.MatMul")) || op.numOperands() < 2 || !isKnown(op.operand(0)) ||
      !isKnown(op.operand(1)) || !isKnown(op.result()) || constantOf(op.operand(0)))
    return std::nullopt;
  LinearLayer layer;
  layer.op = &op, layer.input = op.operand(0), layer.output = op.result();
  const Value *biases = op.operand(2);
  if (const Op *add = linearBias(op))
    layer.output = add->result(), biases = add->operand(add->operand(0) == op.result());
  if (!(conv ? layer.setConv(op) : layer.setMatrix(op)) || !layer.setParams(q, biases))
    return std::nullopt;
  return layer;
}

std::vector<LinearLayer> dpuopt::linearLayers(const Quantization &q) {
  std::vector<LinearLayer> layers;
  for (const Op &op : q.graph().ops())
    if (auto layer = LinearLayer::of(op, q))
      layers.push_back(std::move(*layer));
  return layers;
}

//===-- Where numbers are ---------------------------------------------------------------===//

/// The spot of the input that an output spot sees through a spot of the kernel; -1: padding.
int64_t LinearLayer::tap(size_t outputSpot, size_t kernelSpot) const {
  int64_t spot = 0, scale = 1;
  for (size_t d = kernel.size(); d-- > 0;) {
    const auto o = static_cast<int64_t>(outputSpot) % outputExtents[d];
    const auto k = static_cast<int64_t>(kernelSpot) % kernel[d];
    outputSpot /= static_cast<size_t>(outputExtents[d]), kernelSpot /= static_cast<size_t>(kernel[d]);
    int64_t i = transposed ? o + pads[d] - k * dilations[d] : o * strides[d] - pads[d] + k * dilations[d];
    if (transposed) {
      if (i < 0 || i % strides[d])
        return -1;
      i /= strides[d];
    }
    if (i < 0 || i >= inputExtents[d])
      return -1;
    spot += i * scale, scale *= inputExtents[d];
  }
  return spot;
}

void LinearLayer::gather(llvm::ArrayRef<float> x, size_t position, size_t group, float *row) const {
  const size_t channels = inputs / volume, image = position / outputSpots;
  const float *from = x.data() + (image * groups + group) * channels * inputSpots;
  if (kernel.empty()) {
    std::copy_n(x.data() + position * inputs, inputs, row);
    return;
  }
  for (size_t k = 0; k < volume; ++k) {
    const int64_t spot = tap(position % outputSpots, k);
    for (size_t c = 0; c < channels; ++c)
      row[c * volume + k] = spot < 0 ? 0 : from[c * inputSpots + static_cast<size_t>(spot)];
  }
}

size_t LinearLayer::outputAt(size_t position, size_t group, size_t o) const {
  if (kernel.empty())
    return position * outputs + o;
  const size_t image = position / outputSpots;
  return ((image * groups + group) * outputs + o) * outputSpots + position % outputSpots;
}

size_t LinearLayer::weightAt(size_t group, size_t o, size_t k) const {
  switch (weights) {
  case Weights::OutFirst:
    return (group * outputs + o) * inputs + k;
  case Weights::InFirst:
    return ((group * (inputs / volume) + k / volume) * outputs + o) * volume + k % volume;
  case Weights::Columns:
    return k * outputs + o;
  }
  return 0;
}

//===-- What comes behind it --------------------------------------------------------------===//

static std::optional<float> numberOf(const Op &op, unsigned operand, const char *attr) {
  if (const Tensor *t = constantOf(op.operand(operand)))
    return t->numElements() == 1 ? std::optional<float>(static_cast<float>(t->at(0))) : std::nullopt;
  return op.hasAttr(attr) ? std::optional<float>(static_cast<float>(op.getFloat(attr))) : std::nullopt;
}

FreeRange dpuopt::freeRange(const LinearLayer &layer, const Quantization &q) {
  FreeRange range{-INFINITY, INFINITY};
  const Value *v = layer.output, *holder = q.groups().holder(v);
  while (v != holder) {
    const Op *next = v->soleUser();
    if (!next || next->numResults() != 1 || q.groups().holder(next->result()) != holder)
      break;
    if (next->is("onnx.Relu")) {
      range.low = std::max(range.low, 0.0f);
    } else if (next->is("onnx.Clip")) {
      range.low = std::max(range.low, numberOf(*next, 1, "min").value_or(-INFINITY));
      range.high = std::min(range.high, numberOf(*next, 2, "max").value_or(INFINITY));
    } else if (next->is("onnx.Concat")) {
      v = holder; // shares its position
      break;
    } else if (!isMovement(*next)) {
      return range;
    }
    v = next->result();
  }
  const int slot = v == holder ? q.activationSlot(holder) : -1;
  if (slot < 0 || !q.activations[static_cast<size_t>(slot)].pos)
    return range;
  const FixPos pos = *q.activations[static_cast<size_t>(slot)].pos;
  const float most = std::ldexp(1.0f, pos.bits - 1);
  range.low = std::max(range.low, std::ldexp(-most, -pos.fixPoint));
  range.high = std::min(range.high, std::ldexp(most - 1, -pos.fixPoint));
  return range;
}
