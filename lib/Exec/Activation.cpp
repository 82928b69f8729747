//===- Activation.cpp - activations with parameters --------------------------===//
//
// Formulas of the ONNX operator documentation; the xir ones carry the same names
// of attributes.
//
//===----------------------------------------------------------------------===//
#include "Broadcast.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

/// Make(op) gives the function of one f32 element.
template <auto Make> static Result<Tensors> activation(const Call &call) {
  return one(mapElements<float, float>(call.in(), ElemKind::F32, Make(call.op)));
}

constexpr auto leakyRelu = [](const Op &op) {
  float alpha = float(op.getFloat("alpha", 0.01));
  return [alpha](float x) { return x < 0 ? alpha * x : x; };
};
constexpr auto elu = [](const Op &op) {
  float alpha = float(op.getFloat("alpha", 1));
  return [alpha](float x) { return x < 0 ? alpha * std::expm1(x) : x; };
};
constexpr auto celu = [](const Op &op) {
  float alpha = float(op.getFloat("alpha", 1));
  return [alpha](float x) { return std::max(x, 0.0f) + std::min(0.0f, alpha * std::expm1(x / alpha)); };
};
constexpr auto selu = [](const Op &op) {
  float alpha = float(op.getFloat("alpha", 1.67326319217681884765625));
  float gamma = float(op.getFloat("gamma", 1.05070102214813232421875));
  return [=](float x) { return gamma * (x > 0 ? x : alpha * std::expm1(x)); };
};
constexpr auto hardSigmoid = [](const Op &op) {
  float alpha = float(op.getFloat("alpha", 0.2)), beta = float(op.getFloat("beta", 0.5));
  return [=](float x) { return std::clamp(alpha * x + beta, 0.0f, 1.0f); };
};
constexpr auto swish = [](const Op &op) {
  float alpha = float(op.getFloat("alpha", 1));
  return [=](float x) { return x / (1 + std::exp(-alpha * x)); };
};
constexpr auto thresholded = [](const Op &op) {
  float alpha = float(op.getFloat("alpha", 1));
  return [=](float x) { return x > alpha ? x : 0.0f; };
};
constexpr auto shrink = [](const Op &op) {
  float bias = float(op.getFloat("bias", 0)), lambda = float(op.getFloat("lambd", 0.5));
  return [=](float x) { return x < -lambda ? x + bias : x > lambda ? x - bias : 0.0f; };
};

/// Clip: limits are attributes (opset 6) or operands (11 and later).
static Result<Tensors> clip(const Call &call) {
  const Tensor &x = call.in();
  for (unsigned i : {1u, 2u})
    if (const Tensor *t = call.operand(i); t && (t->numElements() != 1 || t->elemType() != x.elemType()))
      return call.error("its limits must be scalars of the input's type");
  return one(dispatch(x.elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    T low = std::numeric_limits<T>::lowest(), high = std::numeric_limits<T>::max();
    if constexpr (std::is_same_v<T, float>) {
      low = float(call.op.getFloat("min", double(low)));
      high = float(call.op.getFloat("max", double(high)));
    }
    if (const Tensor *t = call.operand(1))
      low = *data<T>(*t);
    if (const Tensor *t = call.operand(2))
      high = *data<T>(*t);
    // min > max is allowed: the result is then max.
    return mapElements<T, T>(x, x.elemType(), [=](T v) { return std::min(std::max(v, low), high); });
  }));
}

/// PRelu: the slope broadcasts to x; before opset 7 a vector meant channels.
static Result<Tensors> prelu(const Call &call) {
  const Tensor &x = call.in();
  Tensor slope = call.in(1);
  if (slope.shape().size() == 1 && call.op.isOnnx() && call.opset() < 7 && x.shape().size() > 2) {
    Shape channels(x.shape().size() - 1, 1);
    channels[0] = slope.numElements();
    slope = slope.reshaped(channels);
  }
  auto y =
      broadcastBinary<float, float>(call, ElemKind::F32, x, slope, [](float v, float s) { return v < 0 ? s * v : v; });
  if (!y)
    return failure();
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::activationKernels() {
  static const KernelEntry table[] = {
      {"onnx.Celu", activation<celu>, 1, 1},
      {"onnx.Clip", clip},
      {"onnx.Elu", activation<elu>, 1, 1},
      {"onnx.HardSigmoid", activation<hardSigmoid>, 1, 1},
      {"onnx.LeakyRelu", activation<leakyRelu>, 1, 1},
      {"onnx.PRelu", prelu, 2, 2},
      {"onnx.Selu", activation<selu>, 1, 1},
      {"onnx.Shrink", activation<shrink>, 1, 1},
      {"onnx.Swish", activation<swish>, 1, 1},
      {"onnx.ThresholdedRelu", activation<thresholded>, 1, 1},
      {"xir.celu", activation<celu>, 1, 1},
      {"xir.elu", activation<elu>, 1, 1},
      {"xir.leaky-relu", activation<leakyRelu>, 1, 1},
      {"xir.prelu", prelu, 2, 2},
      {"xir.selu", activation<selu>, 1, 1},
  };
  return table;
}
