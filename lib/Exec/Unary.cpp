//===- Unary.cpp - one operand, one result, element by element --------------===//
//
// ONNX math functions and activations without attributes, and their xir namesakes.
//
//===----------------------------------------------------------------------===//
#include "Broadcast.h"
#include <cmath>
#include <numbers>

using namespace dpuopt;
using namespace dpuopt::exec;

/// y = F(x) on f32.
template <auto F> static Result<Tensors> real(const Call &call) {
  return one(mapElements<float, float>(call.in(), ElemKind::F32, F));
}

/// y = F(x) on the operand's own type.
template <auto F> static Result<Tensors> numeric(const Call &call) {
  const Tensor &x = call.in();
  return one(dispatch(x.elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    return mapElements<T, T>(x, x.elemType(), F);
  }));
}

/// y = F(x) as bool, on f32.
template <auto F> static Result<Tensors> test(const Call &call) {
  return one(mapElements<float, uint8_t>(call.in(), ElemKind::Bool, F));
}

static Result<Tensors> isInf(const Call &call) {
  bool negative = call.op.getInt("detect_negative", 1) != 0, positive = call.op.getInt("detect_positive", 1) != 0;
  return one(mapElements<float, uint8_t>(call.in(), ElemKind::Bool,
                                         [=](float x) { return std::isinf(x) && (x < 0 ? negative : positive); }));
}

static Result<Tensors> identity(const Call &call) { return one(call.in()); }

static float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
static float softplus(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::fabs(x))); }

static Result<Tensors> swish(const Call &call) {
  float alpha = float(call.op.getFloat("alpha", 1));
  return one(mapElements<float, float>(call.in(), ElemKind::F32, [=](float x) { return x * sigmoid(alpha * x); }));
}

static float geluErf(float x) { return 0.5f * x * (1.0f + std::erf(x * float(std::numbers::sqrt2 / 2))); }
static float geluTanh(float x) {
  constexpr float c = 0.7978845608028654f; // sqrt(2 / pi)
  return 0.5f * x * (1.0f + std::tanh(c * (x + 0.044715f * x * x * x)));
}

static Result<Tensors> gelu(const Call &call) {
  bool tanh = call.op.getString("approximate") == "tanh";
  return one(tanh ? mapElements<float, float>(call.in(), ElemKind::F32, geluTanh)
                  : mapElements<float, float>(call.in(), ElemKind::F32, geluErf));
}

/// Two's complement negation and absolute value are defined for every integer.
template <class T> static T negate(T x) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(x));
  else
    return -x;
}

llvm::ArrayRef<KernelEntry> exec::unaryKernels() {
  static const KernelEntry table[] = {
      {"onnx.Abs", numeric<[](auto x) { return x < 0 ? negate(x) : x + decltype(x)(0); }>},
      {"onnx.Neg", numeric<[](auto x) { return negate(x); }>},
      {"onnx.Sign", numeric<[](auto x) { return x != x ? x : decltype(x)((x > 0) - (x < 0)); }>},
      {"onnx.Relu", numeric<[](auto x) { return x < 0 ? decltype(x)(0) : x; }>},
      {"onnx.Not", numeric<[](auto x) { return x == 0; }>},
      {"onnx.BitwiseNot", numeric<[](auto x) {
         if constexpr (std::is_integral_v<decltype(x)>)
           return decltype(x)(~x);
         else
           return x;
       }>},
      {"onnx.Acos", real<[](float x) { return std::acos(x); }>, 1, 1},
      {"onnx.Acosh", real<[](float x) { return std::acosh(x); }>, 1, 1},
      {"onnx.Asin", real<[](float x) { return std::asin(x); }>, 1, 1},
      {"onnx.Asinh", real<[](float x) { return std::asinh(x); }>, 1, 1},
      {"onnx.Atan", real<[](float x) { return std::atan(x); }>, 1, 1},
      {"onnx.Atanh", real<[](float x) { return std::atanh(x); }>, 1, 1},
      {"onnx.Ceil", real<[](float x) { return std::ceil(x); }>, 1, 1},
      {"onnx.Cos", real<[](float x) { return std::cos(x); }>, 1, 1},
      {"onnx.Cosh", real<[](float x) { return std::cosh(x); }>, 1, 1},
      {"onnx.Erf", real<[](float x) { return std::erf(x); }>, 1, 1},
      {"onnx.Exp", real<[](float x) { return std::exp(x); }>, 1, 1},
      {"onnx.Floor", real<[](float x) { return std::floor(x); }>, 1, 1},
      {"onnx.Gelu", gelu, 1, 1},
      {"onnx.HardSwish", real<[](float x) { return x * std::clamp(x / 6 + 0.5f, 0.0f, 1.0f); }>, 1, 1},
      {"onnx.IsInf", isInf, 1, 1},
      {"onnx.IsNaN", test<[](float x) { return std::isnan(x); }>, 1, 1},
      {"onnx.Log", real<[](float x) { return std::log(x); }>, 1, 1},
      {"onnx.Mish", real<[](float x) { return x * std::tanh(softplus(x)); }>, 1, 1},
      {"onnx.Reciprocal", real<[](float x) { return 1 / x; }>, 1, 1},
      {"onnx.Round", real<[](float x) { return std::nearbyint(x); }>, 1, 1},
      {"onnx.Sigmoid", real<sigmoid>, 1, 1},
      {"onnx.Sin", real<[](float x) { return std::sin(x); }>, 1, 1},
      {"onnx.Sinh", real<[](float x) { return std::sinh(x); }>, 1, 1},
      {"onnx.Softplus", real<softplus>, 1, 1},
      {"onnx.Softsign", real<[](float x) { return x / (1 + std::fabs(x)); }>, 1, 1},
      {"onnx.Sqrt", real<[](float x) { return std::sqrt(x); }>, 1, 1},
      {"onnx.Swish", swish, 1, 1},
      {"onnx.Tan", real<[](float x) { return std::tan(x); }>, 1, 1},
      {"onnx.Tanh", real<[](float x) { return std::tanh(x); }>, 1, 1},
      {"onnx.Identity", identity},
      {"xir.identity", identity},
      {"xir.fix", identity}, // the rounding is that of the result type
      {"xir.fix2float", identity},
      {"xir.float2fix", identity},
      {"xir.upload", identity},
      {"xir.download", identity},
      {"xir.placeholder", identity},
      {"xir.exp", real<[](float x) { return std::exp(x); }>, 1, 1},
      {"xir.neg", real<[](float x) { return -x; }>, 1, 1},
      {"xir.sqrt", real<[](float x) { return std::sqrt(x); }>, 1, 1},
      {"xir.gelu", gelu, 1, 1},
      {"xir.mish", real<[](float x) { return x * std::tanh(softplus(x)); }>, 1, 1},
      {"xir.hard-sigmoid", real<[](float x) { return std::clamp(x + 3, 0.0f, 6.0f) / 6; }>, 1, 1},
      {"xir.hard-swish", real<[](float x) { return x * std::clamp(x + 3, 0.0f, 6.0f) / 6; }>, 1, 1},
      {"xir.hard-tanh", real<[](float x) { return std::clamp(x, -1.0f, 1.0f); }>, 1, 1},
      {"xir.relu", real<[](float x) { return std::max(x, 0.0f); }>, 1, 1},
      {"xir.relu6", real<[](float x) { return std::clamp(x, 0.0f, 6.0f); }>, 1, 1},
      {"xir.sigmoid", real<sigmoid>, 1, 1},
      {"xir.swish", real<[](float x) { return x * sigmoid(x); }>, 1, 1},
      {"xir.tanh", real<[](float x) { return std::tanh(x); }>, 1, 1},
  };
  return table;
}
