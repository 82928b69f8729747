//===- TextLiterals.cpp - numbers, shapes and constants from text -----------===//
#include "TextLiterals.h"
#include "llvm/ADT/StringExtras.h"
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

using namespace dpuopt;

/// Everything a generator such as rand() may expand to: 1 GiB of float.
static constexpr int64_t MaxGenerated = int64_t(1) << 28;

bool dpuopt::parseHex(llvm::StringRef digits, std::string &out) {
  if (digits.size() % 2 || !llvm::all_of(digits, llvm::isHexDigit))
    return false;
  out = llvm::fromHex(digits);
  return true;
}

std::optional<AttrKind> dpuopt::parseAttrKind(llvm::StringRef name) {
  static const std::pair<const char *, AttrKind> kinds[] = {
      {"none", AttrKind::None},     {"bool", AttrKind::Bool},   {"i32", AttrKind::I32},       {"u32", AttrKind::U32},
      {"i64", AttrKind::I64},       {"u64", AttrKind::U64},     {"f32", AttrKind::F32},       {"f64", AttrKind::F64},
      {"string", AttrKind::String}, {"bytes", AttrKind::Bytes}, {"tensor", AttrKind::Tensor}, {"list", AttrKind::List},
      {"map", AttrKind::Map},       {"dict", AttrKind::Dict}};
  for (auto &[text, kind] : kinds)
    if (name == text)
      return kind;
  return std::nullopt;
}

bool dpuopt::parseShape(llvm::StringRef dims, ElemType elem, Type &out) {
  if (dims == "*") {
    out = Type::unranked(elem);
    return true;
  }
  Shape shape;
  llvm::SmallVector<llvm::StringRef, 8> parts;
  if (!dims.empty())
    dims.split(parts, 'x');
  for (llvm::StringRef part : parts) {
    int64_t d = -1;
    if (part != "?" && (part.getAsInteger(10, d) || d < 0))
      return false;
    shape.push_back(d);
  }
  out = Type(elem, shape);
  return true;
}

bool dpuopt::isNumberWord(llvm::StringRef text, bool isWord) {
  return isWord && (text == "inf" || text == "-inf" || text == "nan");
}

bool dpuopt::looksFloat(llvm::StringRef text) {
  if (text.startswith("0x") || text.startswith("-0x"))
    return false;
  return text.find_first_of(".eE") != llvm::StringRef::npos || text.contains("inf") || text.startswith("nan");
}

template <class T> static bool parseFloat(llvm::StringRef text, T &out) {
  if (text.consume_front("nan")) {
    out = std::numeric_limits<T>::quiet_NaN();
    if (text.empty())
      return true;
    std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t> bits;
    if (!text.consume_front("(") || !text.consume_back(")") || text.getAsInteger(0, bits))
      return false;
    std::memcpy(&out, &bits, sizeof out);
    return true;
  }
  if (text == "inf" || text == "-inf") {
    out = std::numeric_limits<T>::infinity() * (text[0] == '-' ? -1 : 1);
    return true;
  }
  auto [end, ec] = std::from_chars(text.begin(), text.end(), out);
  return ec == std::errc() && end == text.end();
}

/// An integer in [lo, hi]; hexadecimal accepted.
static bool parseInt(llvm::StringRef text, int64_t lo, int64_t hi, int64_t &out) {
  return !text.getAsInteger(0, out) && out >= lo && out <= hi;
}

bool dpuopt::parseNumber(llvm::StringRef text, AttrKind kind, Attr &out) {
  int64_t i;
  uint64_t u;
  float f;
  double d;
  switch (kind) {
  case AttrKind::I32:
    return parseInt(text, INT32_MIN, INT32_MAX, i) && (out = Attr::i32(static_cast<int32_t>(i)), true);
  case AttrKind::U32:
    return parseInt(text, 0, UINT32_MAX, i) && (out = Attr::u32(static_cast<uint32_t>(i)), true);
  case AttrKind::I64:
    return parseInt(text, INT64_MIN, INT64_MAX, i) && (out = Attr::i64(i), true);
  case AttrKind::U64:
    return !text.getAsInteger(0, u) && (out = Attr::u64(u), true);
  case AttrKind::F32:
    return parseFloat(text, f) && (out = Attr::f32(f), true);
  case AttrKind::F64:
    return parseFloat(text, d) && (out = Attr::f64(d), true);
  default:
    return false;
  }
}

//===-- Tensors ------------------------------------------------------------===//

template <class T> static void append(std::string &bytes, T value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

/// Bounds of the integers an element type stores.
static std::pair<int64_t, int64_t> integerRange(ElemType e) {
  if (e.isFix())
    return e.isSigned ? std::pair(-(int64_t(1) << (e.bits - 1)), (int64_t(1) << (e.bits - 1)) - 1)
                      : std::pair(int64_t(0), (int64_t(1) << e.bits) - 1);
  unsigned bits = e.byteSize() * 8;
  switch (e.kind) {
  case ElemKind::Bool:
    return {0, 1};
  case ElemKind::U8:
  case ElemKind::U16:
  case ElemKind::U32:
    return {0, (int64_t(1) << bits) - 1};
  case ElemKind::I8:
  case ElemKind::I16:
  case ElemKind::I32:
    return {-(int64_t(1) << (bits - 1)), (int64_t(1) << (bits - 1)) - 1};
  default:
    return {INT64_MIN, INT64_MAX};
  }
}

static void appendInteger(std::string &bytes, unsigned size, int64_t value) {
  bytes.append(reinterpret_cast<const char *>(&value), size); // little endian host
}

static bool appendElement(llvm::StringRef text, ElemType e, std::string &bytes) {
  float f;
  double d;
  uint64_t u;
  int64_t i;
  switch (e.kind) {
  case ElemKind::F32:
    return parseFloat(text, f) && (append(bytes, f), true);
  case ElemKind::F16:
    return parseFloat(text, f) && (append(bytes, floatToHalf(f)), true);
  case ElemKind::BF16:
    return parseFloat(text, f) && (append(bytes, floatToBfloat(f)), true);
  case ElemKind::F64:
    return parseFloat(text, d) && (append(bytes, d), true);
  case ElemKind::U64:
    return !text.getAsInteger(0, u) && (append(bytes, u), true);
  case ElemKind::None:
  case ElemKind::String:
    return false;
  default: {
    auto [lo, hi] = integerRange(e);
    return parseInt(text, lo, hi, i) && (appendInteger(bytes, e.byteSize(), i), true);
  }
  }
}

/// A fixed, well-mixed sequence (splitmix64), the same on every machine.
static uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// Element `i` of iota (seed < 0) or rand(seed): floats in [-1, 1), integers
/// over the whole range of small types, -8..7 otherwise.
static std::string generatedElement(ElemType e, int64_t i, int64_t seed) {
  if (seed < 0)
    return std::to_string(i);
  uint64_t r = mix(static_cast<uint64_t>(seed) * 0x100000001b3 + static_cast<uint64_t>(i));
  if (e.isFloat()) {
    char buffer[32];
    float f = static_cast<float>(r >> 40) / 8388608.0f - 1.0f;
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, f).ptr);
  }
  auto [lo, hi] = integerRange(e);
  if (e.byteSize() > 2)
    lo = std::max<int64_t>(lo, -8), hi = 7;
  return std::to_string(lo + static_cast<int64_t>(r % static_cast<uint64_t>(hi - lo + 1)));
}

static std::string generate(const TensorLiteral &literal, const Type &type, std::string &bytes) {
  int64_t seed = -1, n = type.numElements();
  if (literal.form == "rand" && (literal.numbers.size() != 1 || !parseInt(literal.numbers[0], 0, INT64_MAX, seed)))
    return "rand(seed) takes one non-negative integer";
  if (n > MaxGenerated)
    return literal.form + " of " + std::to_string(n) + " elements is too large";
  for (int64_t i = 0; i < n; ++i)
    if (!appendElement(generatedElement(type.elemType(), i, seed), type.elemType(), bytes))
      return literal.form + " does not fit " + type.str();
  return "";
}

std::string dpuopt::findBlob(const TensorLiteral &literal, const SideData &side, Blob &out) {
  uint64_t hash, size;
  if (literal.numbers.size() != 2 || llvm::StringRef(literal.numbers[0]).getAsInteger(0, hash) ||
      llvm::StringRef(literal.numbers[1]).getAsInteger(0, size))
    return "blob takes a hash and a size";
  auto it = side.find(hash);
  if (it == side.end())
    return "the constant blob(" + literal.numbers[0] + ", " + literal.numbers[1] +
           ") is not in the side file; print with -o FILE.dpuir to get FILE.dpuir.bin beside the text";
  if (it->second.size() != size)
    return "the side file holds " + std::to_string(it->second.size()) + " bytes for " + literal.numbers[0] +
           ", the text says " + literal.numbers[1];
  out = it->second;
  return "";
}

std::string dpuopt::buildTensor(const TensorLiteral &literal, const Type &type, const SideData &side, Tensor &out) {
  if (!type.isStatic())
    return "a constant needs a static shape, not " + type.str();
  Blob blob;
  std::string bytes;
  ElemType e = type.elemType();
  if (literal.form == "blob") {
    std::string why = findBlob(literal, side, blob);
    if (!why.empty())
      return why;
    if (e.byteSize() && static_cast<int64_t>(blob.size()) != type.numBytes())
      return type.str() + " needs " + std::to_string(type.numBytes()) + " bytes, blob has " +
             std::to_string(blob.size());
    out = Tensor(type, std::move(blob));
    return "";
  }
  if (e.byteSize() == 0)
    return "a constant of type " + type.str() + " can only be a blob";
  if (literal.form == "splat") {
    if (literal.numbers.size() != 1 || !appendElement(literal.numbers[0], e, bytes))
      return "splat takes one number that fits " + type.str();
    out = Tensor::splat(type, Blob::copy(bytes));
    return "";
  }
  if (literal.form == "iota" || literal.form == "rand") {
    std::string why = generate(literal, type, bytes);
    if (!why.empty())
      return why;
  } else if (literal.form == "dense") {
    if (static_cast<int64_t>(literal.numbers.size()) != type.numElements())
      return type.str() + " needs " + std::to_string(type.numElements()) + " numbers, dense has " +
             std::to_string(literal.numbers.size());
    for (const std::string &number : literal.numbers)
      if (!appendElement(number, e, bytes))
        return "'" + number + "' does not fit " + type.str();
  } else {
    return "expected splat(), dense(), blob(), iota or rand(), found '" + literal.form + "'";
  }
  out = Tensor(type, Blob::copy(bytes));
  return "";
}
