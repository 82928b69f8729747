//===- Type.cpp - element type, fix point and shape of a value -----------===//
#include "dpuopt/IR/Type.h"

using namespace dpuopt;

namespace {
struct ElemName {
  ElemKind kind;
  const char *name;
  unsigned bytes;
};
constexpr ElemName names[] = {{ElemKind::None, "none", 0}, {ElemKind::F32, "f32", 4}, {ElemKind::F16, "f16", 2},
                              {ElemKind::BF16, "bf16", 2}, {ElemKind::F64, "f64", 8}, {ElemKind::Bool, "bool", 1},
                              {ElemKind::I8, "i8", 1},     {ElemKind::U8, "u8", 1},   {ElemKind::I16, "i16", 2},
                              {ElemKind::U16, "u16", 2},   {ElemKind::I32, "i32", 4}, {ElemKind::U32, "u32", 4},
                              {ElemKind::I64, "i64", 8},   {ElemKind::U64, "u64", 8}, {ElemKind::String, "str", 0}};
} // namespace

unsigned ElemType::byteSize() const {
  if (isFix())
    return bits <= 8 ? 1 : bits <= 16 ? 2 : 4;
  return names[static_cast<unsigned>(kind)].bytes;
}

std::string ElemType::str() const {
  if (!isFix())
    return names[static_cast<unsigned>(kind)].name;
  return (isSigned ? "q" : "uq") + std::to_string(bits) + "." + std::to_string(fixPoint);
}

/// `q<bits>.<fixPoint>` or `uq...`.
static std::optional<ElemType> parseFix(llvm::StringRef text) {
  bool isSigned = !text.consume_front("u");
  if (!text.consume_front("q"))
    return std::nullopt;
  unsigned bits;
  int fixPoint;
  if (text.consumeInteger(10, bits) || !text.consume_front(".") || text.getAsInteger(10, fixPoint))
    return std::nullopt;
  if (bits < 1 || bits > 32 || fixPoint < -1024 || fixPoint > 1024)
    return std::nullopt;
  return ElemType::fix(bits, fixPoint, isSigned);
}

std::optional<ElemType> ElemType::parse(llvm::StringRef text) {
  for (const ElemName &n : names)
    if (text == n.name)
      return ElemType(n.kind);
  return parseFix(text);
}

bool Type::isStatic() const {
  return ranked && std::all_of(dims.begin(), dims.end(), [](int64_t d) { return d >= 0; });
}

int64_t Type::numElements() const {
  if (!isStatic())
    return -1;
  int64_t n = 1;
  for (int64_t d : dims)
    if (d == 0)
      return 0;
  for (int64_t d : dims)
    if (__builtin_mul_overflow(n, d, &n) || n > (int64_t(1) << 62))
      return -1;
  return n;
}

int64_t Type::numBytes() const {
  int64_t n = numElements(), bytes;
  if (n < 0 || __builtin_mul_overflow(n, int64_t(elem.byteSize()), &bytes))
    return -1;
  return bytes;
}

std::string dpuopt::shapeStr(llvm::ArrayRef<int64_t> shape) {
  std::string s;
  for (size_t i = 0; i < shape.size(); ++i)
    s += (i ? "x" : "") + (shape[i] < 0 ? std::string("?") : std::to_string(shape[i]));
  return s;
}

std::string Type::str() const { return elem.str() + "<" + (ranked ? shapeStr(dims) : "*") + ">"; }
