//===- Binary.cpp - arithmetic, comparison and logic with broadcasting --------===//
//
// ONNX's elementwise operators of two or more operands, on every numeric type, and
// xir's variadic ones. Integers wrap around; x / 0 and x % 0 are 0, not a trap.
//
//===----------------------------------------------------------------------===//
#include "Broadcast.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

/// Integers compute in their unsigned twin, where overflow is defined.
template <class T, class F> static T wrap(T a, T b, F f) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::common_type_t<std::make_unsigned_t<T>, unsigned>;
    return static_cast<T>(f(static_cast<U>(a), static_cast<U>(b)));
  } else {
    return f(a, b);
  }
}

constexpr auto add = [](auto a, auto b) { return wrap(a, b, [](auto x, auto y) { return x + y; }); };
constexpr auto sub = [](auto a, auto b) { return wrap(a, b, [](auto x, auto y) { return x - y; }); };
constexpr auto mul = [](auto a, auto b) { return wrap(a, b, [](auto x, auto y) { return x * y; }); };
constexpr auto divide = [](auto a, auto b) -> decltype(a) {
  using T = decltype(a);
  if constexpr (std::is_integral_v<T>) {
    if (b == 0)
      return 0;
    if constexpr (std::is_signed_v<T>)
      if (b == -1) // the one quotient that overflows is -lowest / 1
        return sub(T(0), a);
    return static_cast<T>(a / b);
  } else {
    return a / b;
  }
};
constexpr auto maximum = [](auto a, auto b) { return a != a ? a : b != b ? b : std::max(a, b); };
constexpr auto minimum = [](auto a, auto b) { return a != a ? a : b != b ? b : std::min(a, b); };

/// Remainder with the sign of the divisor (Python); fmod has the sign of the dividend.
constexpr auto modulo = [](auto a, auto b) -> decltype(a) {
  using T = decltype(a);
  if constexpr (std::is_integral_v<T>) {
    if (b == 0 || static_cast<int64_t>(b) == -1)
      return 0;
    T r = static_cast<T>(a % b);
    return r != 0 && ((r < 0) != (b < 0)) ? static_cast<T>(r + b) : r;
  } else {
    T r = std::fmod(a, b);
    return r != 0 && ((r < 0) != (b < 0)) ? r + b : r;
  }
};
constexpr auto remainder_ = [](auto a, auto b) -> decltype(a) {
  using T = decltype(a);
  if constexpr (std::is_integral_v<T>)
    return b == 0 || static_cast<int64_t>(b) == -1 ? T(0) : static_cast<T>(a % b);
  else
    return std::fmod(a, b);
};

/// `b` as a tensor of `a`'s type, or an error.
static bool sameType(const Tensor &a, const Tensor &b) { return a.elemType() == b.elemType(); }

static DiagBuilder typesDiffer(const Call &call, const Tensor &a, const Tensor &b) {
  return call.error("operands have types " + a.type().str() + " and " + b.type().str());
}

/// F over all operands from the left, on their own type.
template <auto F> static Result<Tensors> fold(const Call &call) {
  Tensor y = call.in();
  for (const Tensor *b : call.operands.drop_front()) {
    if (!b)
      continue;
    if (!sameType(y, *b))
      return typesDiffer(call, y, *b);
    auto next = dispatch(y.elemType().kind, [&](auto zero) {
      using T = decltype(zero);
      return broadcastBinary<T, T>(call, y.elemType(), y, *b, F);
    });
    if (!next)
      return failure();
    y = std::move(*next);
  }
  return one(std::move(y));
}

/// Exactly two operands.
template <auto F> static Result<Tensors> arithmetic(const Call &call) {
  if (call.operands.size() != 2)
    return call.error("needs two operands");
  return fold<F>(call);
}

static Result<Tensors> mean(const Call &call) {
  auto sum = fold<add>(call);
  if (!sum)
    return failure();
  float n = float(call.operands.size());
  return one(mapElements<float, float>((*sum)[0], ElemKind::F32, [n](float x) { return x / n; }));
}

static Result<Tensors> mod(const Call &call) {
  return call.op.getInt("fmod") ? arithmetic<remainder_>(call) : arithmetic<modulo>(call);
}

/// Pow: the result has the base's type; the exponent may have another one.
static Result<Tensors> pow(const Call &call) {
  const Tensor &x = call.in(), &e = call.in(1);
  if (x.elemType().kind == ElemKind::F32 && e.elemType().kind == ElemKind::F32)
    return arithmetic<[](auto a, auto b) { return static_cast<decltype(a)>(std::pow(a, b)); }>(call);
  auto y = broadcastBinary<float, float>(call, ElemKind::F32, runtimeForm(x.toFloat()), runtimeForm(e.toFloat()),
                                         [](float a, float b) { return float(std::pow(double(a), double(b))); });
  if (!y)
    return failure();
  return one(dispatch(x.elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    return mapElements<float, T>(*y, x.elemType(), [](float v) {
      if constexpr (std::is_integral_v<T>) // out of range is undefined, so saturate
        return v >= float(std::numeric_limits<T>::max())      ? std::numeric_limits<T>::max()
               : v <= float(std::numeric_limits<T>::lowest()) ? std::numeric_limits<T>::lowest()
                                                              : static_cast<T>(v);
      else
        return v;
    });
  }));
}

/// F on integers or bool; f32 operands are an error.
template <auto F> static Result<Tensors> bitwise(const Call &call) {
  const Tensor &a = call.in(), &b = call.in(1);
  if (!sameType(a, b) || a.elemType().isFloat())
    return typesDiffer(call, a, b);
  auto y = dispatch(a.elemType().kind, [&](auto zero) -> Result<Tensor> {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>)
      return broadcastBinary<T, T>(call, a.elemType(), a, b, F);
    else
      return failure();
  });
  if (!y)
    return failure();
  return one(std::move(*y));
}

constexpr auto shiftLeft = [](auto a, auto b) {
  uint64_t n = static_cast<uint64_t>(b);
  return n >= 8 * sizeof a ? 0 : static_cast<uint64_t>(a) << n;
};
constexpr auto shiftRight = [](auto a, auto b) {
  uint64_t n = static_cast<uint64_t>(b);
  return n >= 8 * sizeof a ? 0 : static_cast<uint64_t>(a) >> n;
};
static Result<Tensors> bitShift(const Call &call) {
  return call.op.getString("direction") == "LEFT" ? bitwise<shiftLeft>(call) : bitwise<shiftRight>(call);
}

llvm::ArrayRef<KernelEntry> exec::binaryKernels() {
  static const KernelEntry table[] = {
      {"onnx.Add", arithmetic<add>, 2},
      {"onnx.Sub", arithmetic<sub>, 2},
      {"onnx.Mul", arithmetic<mul>, 2},
      {"onnx.Div", arithmetic<divide>, 2},
      {"onnx.Mod", mod, 2},
      {"onnx.Pow", pow, 2},
      {"onnx.Sum", fold<add>},
      {"onnx.Max", fold<maximum>},
      {"onnx.Min", fold<minimum>},
      {"onnx.Mean", mean, 1, 1},
      {"onnx.And", bitwise<[](auto a, auto b) { return a && b; }>, 2},
      {"onnx.Or", bitwise<[](auto a, auto b) { return a || b; }>, 2},
      {"onnx.Xor", bitwise<[](auto a, auto b) { return (a != 0) != (b != 0); }>, 2},
      {"onnx.BitwiseAnd", bitwise<[](auto a, auto b) { return a & b; }>, 2},
      {"onnx.BitwiseOr", bitwise<[](auto a, auto b) { return a | b; }>, 2},
      {"onnx.BitwiseXor", bitwise<[](auto a, auto b) { return a ^ b; }>, 2},
      {"onnx.BitShift", bitShift, 2},
      {"xir.add", fold<add>},
      {"xir.sub", fold<sub>},
      {"xir.mul", fold<mul>},
      {"xir.div", fold<divide>},
      {"xir.max", fold<maximum>},
      {"xir.min", fold<minimum>},
  };
  return table;
}
