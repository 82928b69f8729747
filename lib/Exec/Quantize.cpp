//===- Quantize.cpp - Cast and ONNX's quantization ops ---------------------------------===//
#include "Broadcast.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

/// ONNX's TensorProto data types we compute with; None for the others.
static ElemKind kindOfOnnxType(int64_t t) {
  static constexpr std::pair<int, ElemKind> table[] = {
      {1, ElemKind::F32},  {2, ElemKind::U8},   {3, ElemKind::I8},   {4, ElemKind::U16},  {5, ElemKind::I16},
      {6, ElemKind::I32},  {7, ElemKind::I64},  {9, ElemKind::Bool}, {10, ElemKind::F16}, {11, ElemKind::F64},
      {12, ElemKind::U32}, {13, ElemKind::U64}, {16, ElemKind::BF16}};
  for (auto [number, kind] : table)
    if (number == t)
      return kind;
  return ElemKind::None;
}

/// float -> integer saturates (and NaN is 0); integers wrap, as C++ says.
template <class To, class From> static To convert(From x) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    double d = double(x);
    if (std::isnan(d))
      return 0;
    if (d >= double(std::numeric_limits<To>::max()))
      return std::numeric_limits<To>::max();
    if (d <= double(std::numeric_limits<To>::lowest()))
      return std::numeric_limits<To>::lowest();
  }
  return static_cast<To>(x);
}

Tensor exec::castTo(const Tensor &x, ElemKind kind) {
  if (kind == ElemKind::F16 || kind == ElemKind::BF16) {
    Tensor f = castTo(x, ElemKind::F32); // stays f32, with the precision of the narrow type
    return kind == ElemKind::F16
               ? mapElements<float, float>(f, ElemKind::F32, [](float v) { return halfToFloat(floatToHalf(v)); })
               : mapElements<float, float>(f, ElemKind::F32, [](float v) { return bfloatToFloat(floatToBfloat(v)); });
  }
  ElemKind result = kind == ElemKind::F64 ? ElemKind::F32 : kind;
  return dispatch(x.elemType().kind, [&](auto from) {
    using From = decltype(from);
    if (result == ElemKind::Bool)
      return mapElements<From, uint8_t>(x, result, [](From v) { return v != 0; });
    return dispatch(result, [&](auto to) {
      using To = decltype(to);
      return mapElements<From, To>(x, result, [](From v) { return convert<To>(v); });
    });
  });
}

static Result<Tensors> cast(const Call &call) {
  ElemKind kind = kindOfOnnxType(call.op.getInt("to", 1));
  if (kind == ElemKind::None)
    return call.error(fmt::format("casts to type {}, which is not a number", call.op.getInt("to", 1)));
  return one(castTo(call.in(), kind));
}

static Result<Tensors> castLike(const Call &call) {
  ElemType like = call.op.operand(1)->type().elemType();
  return one(castTo(call.in(), like.isFix() || like.kind == ElemKind::None ? call.in(1).elemType().kind : like.kind));
}

/// A scale or zero point as broadcast to x: a scalar, or one element per entry of `axis`.
static Result<Tensor> alongAxis(const Call &call, unsigned i) {
  const Tensor &x = call.in(), &p = call.in(i);
  if (p.numElements() == 1)
    return p.reshaped({});
  auto axis = call.axis(1, x.shape().size());
  if (!axis)
    return failure();
  if (p.shape().size() != 1 || p.numElements() != x.shape()[*axis])
    return call.error(
        fmt::format("operand {} ({}) does not match axis {} of {}", i, p.type().str(), *axis, x.type().str()));
  Shape shape(x.shape().size(), 1);
  shape[*axis] = p.numElements();
  return p.reshaped(shape);
}

static Result<Tensors> quantizeLinear(const Call &call) {
  ElemKind kind = call.operand(2) ? call.in(2).elemType().kind : ElemKind::U8;
  if (kind != ElemKind::U8 && kind != ElemKind::I8 && kind != ElemKind::I16 && kind != ElemKind::U16)
    return call.error("quantizes to 8 or 16 bit integers only");
  auto scale = alongAxis(call, 1);
  if (!scale)
    return failure();
  auto y = broadcastBinary<float, float>(call, ElemKind::F32, castTo(call.in(), ElemKind::F32), *scale,
                                         [](float x, float s) { return std::nearbyint(x / s); });
  if (y && call.operand(2)) {
    auto zero = alongAxis(call, 2);
    y = zero ? broadcastBinary<float, float>(call, ElemKind::F32, *y, castTo(*zero, ElemKind::F32),
                                             [](float a, float b) { return a + b; })
             : failure();
  }
  if (!y)
    return failure();
  return one(castTo(*y, kind));
}

static Result<Tensors> dequantizeLinear(const Call &call) {
  auto scale = alongAxis(call, 1);
  if (!scale)
    return failure();
  Result<Tensor> y = castTo(call.in(), ElemKind::F32);
  if (call.operand(2)) {
    auto zero = alongAxis(call, 2);
    y = zero ? broadcastBinary<float, float>(call, ElemKind::F32, *y, castTo(*zero, ElemKind::F32),
                                             [](float a, float b) { return a - b; })
             : failure();
  }
  if (y)
    y = broadcastBinary<float, float>(call, ElemKind::F32, *y, *scale, [](float a, float b) { return a * b; });
  if (!y)
    return failure();
  return one(std::move(*y));
}

/// uint8 over the range of x, which includes 0.
static Result<Tensors> dynamicQuantize(const Call &call) {
  const Tensor x = call.in().expanded();
  float low = 0, high = 0;
  for (int64_t i = 0; i < x.numElements(); ++i)
    low = std::min(low, data<float>(x)[i]), high = std::max(high, data<float>(x)[i]);
  float scale = (high - low) / 255;
  float zero = scale == 0 ? 0 : std::clamp(std::nearbyint(-low / scale), 0.0f, 255.0f);
  Tensors results = one(mapElements<float, uint8_t>(x, ElemKind::U8, [=](float v) {
    return scale == 0 ? 0.0f : std::clamp(std::nearbyint(v / scale) + zero, 0.0f, 255.0f);
  }));
  results.push_back(Tensor::fromFloats({}, {scale}));
  results.push_back(Tensor(Type(ElemKind::U8, {}), Blob::adopt(std::vector<uint8_t>{uint8_t(zero)})));
  return results;
}

llvm::ArrayRef<KernelEntry> exec::quantizeKernels() {
  static const KernelEntry table[] = {
      {"onnx.Cast", cast},
      {"onnx.CastLike", castLike, 2},
      {"onnx.QuantizeLinear", quantizeLinear, 2},
      {"onnx.DequantizeLinear", dequantizeLinear, 2},
      {"onnx.DynamicQuantizeLinear", dynamicQuantize, 1, 1},
  };
  return table;
}
