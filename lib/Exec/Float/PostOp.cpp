//===- PostOp.cpp - what is done to a result before it is stored ----------------------------===//
#include "PostOp.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

using namespace dpuopt;
using namespace dpuopt::exec;
using Kind = PostOp::Kind;

static float sigmoid(float x) { return 1 / (1 + std::exp(-x)); }
static float softPlus(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::fabs(x))); }

static float apply(const PostOp &op, float x, float before) {
  switch (op.kind) {
  case Kind::Sum:
    return x + before;
  case Kind::Leaky:
    return x < 0 ? op.alpha * x : x;
  case Kind::Clip:
    return std::min(std::max(x, op.alpha), op.beta);
  case Kind::Linear:
    return op.alpha * x + op.beta;
  case Kind::Sigmoid:
    return sigmoid(x);
  case Kind::Swish:
    return x * sigmoid(op.alpha * x);
  case Kind::HardSwish:
    return x * std::clamp(x + 3, 0.0f, 6.0f) / 6;
  case Kind::Tanh:
    return std::tanh(x);
  case Kind::Elu:
    return x < 0 ? op.alpha * std::expm1(x) : x;
  case Kind::GeluErf:
    return 0.5f * x * (1 + std::erf(x * float(std::numbers::sqrt2 / 2)));
  case Kind::GeluTanh:
    return 0.5f * x * (1 + std::tanh(0.7978845608028654f * (x + 0.044715f * x * x * x))); // sqrt(2 / pi)
  case Kind::SoftPlus:
    return softPlus(x);
  case Kind::Mish:
    return x * std::tanh(softPlus(x));
  case Kind::Exp:
    return std::exp(x);
  case Kind::Log:
    return std::log(x);
  case Kind::Sqrt:
    return std::sqrt(x);
  case Kind::Abs:
    return std::fabs(x);
  case Kind::Square:
    return x * x;
  }
  return x;
}

float exec::apply(llvm::ArrayRef<PostOp> ops, float x, float before) {
  for (const PostOp &op : ops)
    x = ::apply(op, x, before);
  return x;
}

/// Ops without parameters.
static std::optional<Kind> simple(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Kind>>(name)
      .Cases("onnx.Sigmoid", "xir.sigmoid", Kind::Sigmoid)
      .Cases("onnx.HardSwish", "xir.hard-swish", Kind::HardSwish)
      .Cases("onnx.Tanh", "xir.tanh", Kind::Tanh)
      .Case("onnx.Softplus", Kind::SoftPlus)
      .Cases("onnx.Mish", "xir.mish", Kind::Mish)
      .Cases("onnx.Exp", "xir.exp", Kind::Exp)
      .Case("onnx.Log", Kind::Log)
      .Cases("onnx.Sqrt", "xir.sqrt", Kind::Sqrt)
      .Case("onnx.Abs", Kind::Abs)
      .Default(std::nullopt);
}

using Scalar = llvm::function_ref<std::optional<float>(const Value *)>;

/// Limits are attributes (opset 6) or operands (11 and later).
static PostOps clip(const Op &op, Scalar scalar) {
  float low = std::numeric_limits<float>::lowest(), high = std::numeric_limits<float>::max();
  PostOp post{Kind::Clip, float(op.getFloat("min", double(low))), float(op.getFloat("max", double(high)))};
  for (unsigned i : {1u, 2u})
    if (const Value *v = op.operand(i)) {
      auto limit = scalar(v);
      if (!limit)
        return {};
      (i == 1 ? post.alpha : post.beta) = *limit;
    }
  if (!(post.alpha <= post.beta))
    return {};
  return {post};
}

/// x + c, x * c and so on.
static PostOps withScalar(const Op &op, Scalar scalar) {
  if (op.numOperands() != 2)
    return {};
  auto c = scalar(op.operand(1));
  if (!c || op.operand(1)->type().rank() > op.operand(0)->type().rank())
    return {};
  if (op.is("onnx.Add"))
    return {{Kind::Linear, 1, *c}};
  if (op.is("onnx.Sub"))
    return {{Kind::Linear, 1, -*c}};
  if (op.is("onnx.Mul"))
    return {{Kind::Linear, *c, 0}};
  if (op.is("onnx.Div") && *c != 0)
    return {{Kind::Linear, 1 / *c, 0}};
  if (op.is("onnx.Pow") && *c == 2)
    return {{Kind::Square}};
  return {};
}

PostOps exec::postOpsOf(const Op &op, Scalar scalar) {
  if (auto kind = simple(op.name()); kind && op.numOperands() == 1)
    return {{*kind}};
  if (op.isOneOf("onnx.Relu", "xir.relu"))
    return {{Kind::Leaky}};
  if (op.is("xir.relu6"))
    return {{Kind::Clip, 0, 6}};
  if (op.isOneOf("onnx.LeakyRelu", "xir.leaky-relu"))
    return {{Kind::Leaky, float(op.getFloat("alpha", 0.01))}};
  if (op.isOneOf("onnx.Elu", "xir.elu"))
    return {{Kind::Elu, float(op.getFloat("alpha", 1))}};
  if (op.isOneOf("onnx.Swish", "xir.swish"))
    return {{Kind::Swish, float(op.is("onnx.Swish") ? op.getFloat("alpha", 1) : 1)}};
  if (op.is("onnx.HardSigmoid"))
    return {{Kind::Linear, float(op.getFloat("alpha", 0.2)), float(op.getFloat("beta", 0.5))}, {Kind::Clip, 0, 1}};
  if (op.is("xir.hard-sigmoid"))
    return {{Kind::Linear, 1.0f / 6, 0.5f}, {Kind::Clip, 0, 1}};
  if (op.isOneOf("onnx.Gelu", "xir.gelu"))
    return {{op.getString("approximate") == "tanh" ? Kind::GeluTanh : Kind::GeluErf}};
  if (op.is("onnx.Clip"))
    return clip(op, scalar);
  return withScalar(op, scalar);
}
