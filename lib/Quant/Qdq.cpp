//===- Qdq.cpp - reading QuantizeLinear and its relatives ---------------------------===//
//
// Every flavour has the same numbers in other places: vai::QuantizeLinear puts the
// integers' range before the scale, vai::fix_neuron gives the scale's inverse, FixNeuron
// the width as an attribute. All of that is decided here.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/Qdq.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;

/// "com.microsoft.QuantizeLinear" -> {"com.microsoft", "QuantizeLinear"}.
static std::pair<llvm::StringRef, llvm::StringRef> splitName(const Op &op) { return op.name().rsplit('.'); }

const Value *dpuopt::constantBehind(const Value *v) {
  for (unsigned depth = 0; v && depth < 64; ++depth) {
    if (constantOf(v))
      return v;
    const Op *op = v->def();
    v = op && op->isOneOf("onnx.Identity", "onnx.Cast") ? op->operand(0) : nullptr;
  }
  return nullptr;
}

namespace {

/// Where each flavour keeps its numbers; -1: it has none there.
struct Slots {
  int scale = 1, zero = 2, low = -1, high = -1, axis = -1;
  bool inverse = false; ///< `scale` holds 1 / scale
};

Slots slotsOf(const Op &op) {
  auto [domain, type] = splitName(op);
  bool vai = domain == "vai";
  if (vai && type == "QuantizeLinear")
    return {3, 4, 1, 2, 6, false};
  if (vai && type == "DequantizeLinear")
    return {1, 2, -1, -1, 3, false};
  if (type == "fix_neuron") // valmin and the zero point are left out by most releases
    return op.numOperands() >= 8 ? Slots{3, 4, 1, 2, -1, true} : Slots{2, -1, -1, 1, -1, true};
  return {};
}

class Reader {
public:
  Reader(const Op &op, DiagEngine &diags) : op(op), slots(slotsOf(op)), diags(diags) {}
  Result<QdqNumbers> read();

private:
  Status fail(const char *rule, std::string message) {
    return diags.error(op.loc(), op.name().str() + ": " + message).rule(rule);
  }
  /// The constant in `slot`; null with an error if there is none.
  const Tensor *tensor(int slot, const char *what);
  Status readScales();
  Status readRange();
  Status readZeros();
  Status readAxis();
  ElemKind integerKind() const;

  const Op &op;
  Slots slots;
  DiagEngine &diags;
  QdqNumbers out;
};

/// Scales and zero points beyond this are a damaged file: no layer has so many channels.
constexpr int64_t MaxScales = 1 << 20;

const Tensor *Reader::tensor(int slot, const char *what) {
  const Value *v = op.operand(static_cast<unsigned>(slot));
  const Value *c = constantBehind(v);
  if (!c) {
    (void)fail("qdq.operand", fmt::format("its {} must be a constant, {}", what,
                                          v ? fmt::format("'{}' is computed", v->name()) : "it has none"));
    return nullptr;
  }
  const Tensor *t = constantOf(c);
  bool number = t->elemType().byteSize() != 0 && t->numElements() >= 1 && t->numElements() <= MaxScales;
  if (!number)
    (void)fail("qdq.operand", fmt::format("its {} must be one number or a list of them, is {}", what, t->type().str()));
  return number ? t : nullptr;
}

Status Reader::readScales() {
  const Tensor *t = tensor(slots.scale, "scale");
  if (!t)
    return failure();
  if (t->numElements() > 1 && t->shape().size() > 1)
    return fail("qdq.per-channel", fmt::format("blocks of a common scale ({}) are not supported", t->type().str()));
  for (int64_t i = 0; i < t->numElements(); ++i) {
    double s = slots.inverse ? 1 / t->at(i) : t->at(i);
    if (!(s > 0) || !std::isfinite(s))
      return fail("qdq.scale", fmt::format("its scale must be a positive finite number, is {}", t->at(i)));
    out.scales.push_back(s);
  }
  // As many times the same scale is one scale.
  if (llvm::all_of(out.scales, [&](double s) { return s == out.scales[0]; }))
    out.scales.resize(1);
  return success();
}

/// The element type of the integers: of the zero point, else of the integers themselves.
ElemKind Reader::integerKind() const {
  if (const Value *zero = slots.zero >= 0 ? constantBehind(op.operand(static_cast<unsigned>(slots.zero))) : nullptr)
    return zero->type().elemType().kind;
  const Value *ints = qdqKind(op) == QdqKind::Dequantize ? op.operand(0) : op.result();
  ElemKind kind = ints->type().elemType().kind;
  bool known = kind != ElemKind::None && !ints->type().elemType().isFloat();
  return known ? kind : ElemKind::U8; // ONNX's default
}

Status Reader::readRange() {
  auto bound = [&](int slot, const char *attr) -> std::optional<int64_t> {
    if (slot >= 0)
      if (const Value *c = constantBehind(op.operand(static_cast<unsigned>(slot))); c && c->type().numElements() == 1)
        return constantOf(c)->intAt(0);
    return op.hasAttr(attr) ? std::optional(op.getInt(attr)) : std::nullopt;
  };
  constexpr int64_t limit = int64_t(1) << 31;
  if (auto high = bound(slots.high, "valmax")) {
    out.high = *high;
    out.low = bound(slots.low, "valmin").value_or(*high >= limit ? 0 : -*high - 1);
  } else if (qdqKind(op) == QdqKind::Round) {
    const int64_t bits = op.getInt("bit_width", 8);
    if (bits < 1 || bits > 32)
      return fail("qdq.type", fmt::format("its bit_width must be in 1-32, is {}", bits));
    out.low = -(int64_t(1) << (bits - 1)), out.high = -out.low - 1;
  } else {
    const ElemKind kind = integerKind();
    const unsigned bits = ElemType(kind).byteSize() * 8;
    const bool isSigned = kind == ElemKind::I8 || kind == ElemKind::I16 || kind == ElemKind::I32;
    const bool isUnsigned = kind == ElemKind::U8 || kind == ElemKind::U16 || kind == ElemKind::U32;
    if (!isSigned && !isUnsigned)
      return fail("qdq.type",
                  fmt::format("it quantizes to {}; integers of 8, 16 or 32 bits are needed", ElemType(kind).str()));
    out.low = isSigned ? -(int64_t(1) << (bits - 1)) : 0;
    out.high = isSigned ? -out.low - 1 : (int64_t(1) << bits) - 1;
  }
  bool sane = out.low >= -limit && out.high < 2 * limit && out.low < out.high && out.low <= 0 && out.high >= 0;
  return sane ? success() : fail("qdq.type", fmt::format("its integers are {} to {}", out.low, out.high));
}

Status Reader::readZeros() {
  out.zeros.assign(out.scales.size(), 0);
  if (slots.zero < 0 || !op.operand(static_cast<unsigned>(slots.zero)))
    return success();
  const Tensor *t = tensor(slots.zero, "zero point");
  if (!t)
    return failure();
  std::vector<int64_t> all;
  for (int64_t i = 0; i < t->numElements(); ++i) {
    all.push_back(t->intAt(i));
    if (all.back() < out.low || all.back() > out.high)
      return fail("qdq.zero-point",
                  fmt::format("its zero point must be in {} to {}, is {}", out.low, out.high, all.back()));
  }
  if (llvm::all_of(all, [&](int64_t z) { return z == all[0]; }))
    out.zeros.assign(out.scales.size(), all[0]);
  else if (out.perTensor()) {
    out.scales.assign(all.size(), out.scales[0]);
    out.zeros = std::move(all);
  } else if (all.size() == out.scales.size()) {
    out.zeros = std::move(all);
  } else {
    return fail("qdq.per-channel", fmt::format("it has {} scales but {} zero points", out.scales.size(), all.size()));
  }
  return success();
}

Status Reader::readAxis() {
  out.axis = op.getInt("axis", 1);
  if (slots.axis >= 0)
    if (const Value *c = constantBehind(op.operand(static_cast<unsigned>(slots.axis)));
        c && c->type().numElements() == 1)
      out.axis = constantOf(c)->intAt(0);
  const Type &x = op.operand(0)->type();
  if (out.perTensor() || !x.hasRank())
    return success();
  out.axis = onnx::normalizeAxis(out.axis, static_cast<int64_t>(x.rank()));
  const int64_t channels = out.axis < 0 ? -1 : x.dim(out.axis);
  if (channels == static_cast<int64_t>(out.scales.size()) || (out.axis >= 0 && channels < 0))
    return success();
  return fail("qdq.per-channel",
              fmt::format("its {} scales do not fit axis {} of {}", out.scales.size(), op.getInt("axis", 1), x.str()));
}

Result<QdqNumbers> Reader::read() {
  if (!op.operand(0))
    return fail("qdq.operand", "it has no input");
  if (failed(readScales()) || failed(readRange()) || failed(readZeros()) || failed(readAxis()))
    return failure();
  return std::move(out);
}

} // namespace

Result<QdqNumbers> dpuopt::qdqNumbers(const Op &op, DiagEngine &diags) { return Reader(op, diags).read(); }
