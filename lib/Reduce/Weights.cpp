//===- Weights.cpp - which constants are weights, and random ones instead ----------===//
#include "Weights.h"
#include "dpuopt/Reduce/Reduce.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::reduce;

/// splitmix64: number `i` of the sequence `seed`.
static uint64_t randomBits(uint64_t seed, uint64_t i) {
  uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

namespace {
struct Range {
  double low = INFINITY, high = -INFINITY;
  bool isOnePoint() const { return !(low < high); }
};
} // namespace

/// Of the finite elements.
static Range rangeOf(const Tensor &t) {
  Range r;
  for (int64_t i = 0, n = t.isSplat() ? std::min<int64_t>(t.numElements(), 1) : t.numElements(); i < n; ++i)
    if (double x = t.at(i); std::isfinite(x))
      r.low = std::min(r.low, x), r.high = std::max(r.high, x);
  return r;
}

template <class T, class Round> static void fill(Tensor &t, Range r, uint64_t seed, Round round) {
  auto elements = t.mut<T>();
  bool whole = t.elemType().isInteger();
  for (size_t i = 0; i < elements.size(); ++i) {
    double unit = double(randomBits(seed, i) >> 11) / double(uint64_t(1) << 53);
    double x = whole ? std::floor(r.low + unit * (r.high - r.low + 1)) : r.low + unit * (r.high - r.low);
    elements[i] = round(std::min(x, r.high));
  }
  size_t first = randomBits(seed, elements.size()) % elements.size();
  size_t step = 1 + randomBits(seed, elements.size() + 1) % (elements.size() - 1);
  elements[first] = round(r.low);
  elements[(first + step) % elements.size()] = round(r.high);
}

Tensor dpuopt::randomLike(const Tensor &t, uint64_t seed) {
  Range range = t.numElements() > 1 ? rangeOf(t) : Range();
  if (range.isOnePoint())
    return t;
  Tensor out = Tensor::zeros(t.type());
  switch (t.elemType().kind) {
  case ElemKind::F32:
    return fill<float>(out, range, seed, [](double x) { return float(x); }), out;
  case ElemKind::F64:
    return fill<double>(out, range, seed, [](double x) { return x; }), out;
  case ElemKind::F16:
    return fill<uint16_t>(out, range, seed, [](double x) { return floatToHalf(float(x)); }), out;
  case ElemKind::BF16:
    return fill<uint16_t>(out, range, seed, [](double x) { return floatToBfloat(float(x)); }), out;
  case ElemKind::I8:
    return fill<int8_t>(out, range, seed, [](double x) { return int8_t(x); }), out;
  case ElemKind::U8:
    return fill<uint8_t>(out, range, seed, [](double x) { return uint8_t(x); }), out;
  case ElemKind::I32:
    return fill<int32_t>(out, range, seed, [](double x) { return int32_t(x); }), out;
  default:
    return t;
  }
}

/// Operands that say what their op does: sizes, scales and limits.
static bool isParameter(const Use &u) {
  if (u.user->isOneOf("onnx.Resize", "onnx.Upsample", "onnx.Pad", "onnx.Clip", "onnx.Pow", "onnx.NonMaxSuppression",
                      "onnx.ConstantOfShape"))
    return true;
  return u.user->isOneOf("onnx.QuantizeLinear", "onnx.DequantizeLinear") && u.index > 0;
}

static bool isWeight(const Op &op) {
  const Tensor *t = op.isConst() ? constantOf(op.result()) : nullptr;
  if (!t || t->isSplat() || t->numElements() < 2 || t->type().isFix())
    return false;
  if (llvm::any_of(op.result()->uses(), isParameter))
    return false;
  // Other integers are indices and shapes.
  auto dequantized = [](const Use &u) { return u.user->is("onnx.DequantizeLinear"); };
  return t->elemType().isFloat() || llvm::all_of(op.result()->uses(), dequantized);
}

std::vector<Op *> reduce::weightsOf(Graph &g) {
  std::vector<Op *> weights;
  for (Op &op : g.ops())
    if (isWeight(op))
      weights.push_back(&op);
  return weights;
}

std::unique_ptr<Graph> reduce::withRandom(const Graph &g, llvm::ArrayRef<std::string> names, uint64_t seed) {
  std::unique_ptr<Graph> copy = g.clone();
  for (const std::string &name : names)
    if (Value *v = copy->lookup(name))
      if (const Tensor *t = constantOf(v))
        v->def()->setAttr("value", Attr::tensor(randomLike(*t, seed ^ llvm::xxHash64(name))));
  return copy;
}

Tensor reduce::cropped(const Tensor &t, llvm::ArrayRef<int64_t> shape) {
  Type type(t.elemType(), shape);
  if (t.isSplat())
    return Tensor::splat(type, t.storage());
  const size_t size = t.elemType().byteSize();
  const uint8_t *elements = t.elements();
  std::vector<uint8_t> bytes;
  Shape at(shape.size(), 0);
  for (int64_t left = type.numElements(); left > 0; --left) {
    int64_t offset = 0;
    for (size_t d = 0; d < at.size(); ++d)
      offset = offset * t.shape()[d] + at[d];
    bytes.insert(bytes.end(), elements + offset * size, elements + (offset + 1) * size);
    for (size_t d = at.size(); d-- > 0 && ++at[d] == shape[d];)
      at[d] = 0;
  }
  return Tensor(type, Blob::adopt(std::move(bytes)));
}
