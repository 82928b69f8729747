//===- Attr.cpp - attribute values ---------------------------------------===//
#include "dpuopt/IR/Attr.h"
#include <cstring>

using namespace dpuopt;

Attr Attr::list(AttrKind element, std::vector<Attr> v) {
  Attr a(AttrKind::List, std::make_shared<const std::vector<Attr>>(std::move(v)));
  a.element = element;
  return a;
}

template <class Range, class Make> static Attr makeList(AttrKind kind, const Range &values, Make make) {
  std::vector<Attr> list;
  list.reserve(values.size());
  for (const auto &v : values)
    list.push_back(make(v));
  return Attr::list(kind, std::move(list));
}

Attr Attr::i32s(llvm::ArrayRef<int64_t> v) {
  return makeList(AttrKind::I32, v, [](int64_t x) { return i32(static_cast<int32_t>(x)); });
}
Attr Attr::i64s(llvm::ArrayRef<int64_t> v) { return makeList(AttrKind::I64, v, i64); }
Attr Attr::f32s(llvm::ArrayRef<float> v) { return makeList(AttrKind::F32, v, f32); }
Attr Attr::strings(llvm::ArrayRef<std::string> v) { return makeList(AttrKind::String, v, string); }

Attr Attr::map(AttrKind element, AttrMap v, AttrKind innerElement) {
  Attr a(AttrKind::Map, std::make_shared<const AttrMap>(std::move(v)));
  a.element = element;
  a.inner = innerElement;
  return a;
}

Attr Attr::dict(AttrMap v) { return Attr(AttrKind::Dict, std::make_shared<const AttrMap>(std::move(v))); }

static bool isIntKind(AttrKind k) { return k >= AttrKind::I32 && k <= AttrKind::U64; }
static bool isFloatKind(AttrKind k) { return k == AttrKind::F32 || k == AttrKind::F64; }

static bool isListOf(const Attr &a, bool (*accepts)(AttrKind)) {
  return a.is(AttrKind::List) && (accepts(a.elementKind()) || a.asList().empty());
}
bool Attr::isIntList() const { return isListOf(*this, isIntKind); }
bool Attr::isFloatList() const { return isListOf(*this, isFloatKind); }
bool Attr::isStringList() const {
  return isListOf(*this, [](AttrKind k) { return k == AttrKind::String; });
}

std::vector<int64_t> Attr::asInts() const {
  std::vector<int64_t> out;
  for (const Attr &a : asList())
    out.push_back(a.asInt());
  return out;
}
std::vector<float> Attr::asFloats() const {
  std::vector<float> out;
  for (const Attr &a : asList())
    out.push_back(static_cast<float>(a.asFloat()));
  return out;
}
std::vector<std::string> Attr::asStrings() const {
  std::vector<std::string> out;
  for (const Attr &a : asList())
    out.push_back(a.asString());
  return out;
}

bool dpuopt::operator==(const Attr &a, const Attr &b) {
  if (a.k != b.k || a.element != b.element || a.inner != b.inner)
    return false;
  switch (a.k) {
  case AttrKind::F32:
  case AttrKind::F64: { // bit for bit: NaN equals itself, 0.0 is not -0.0
    double x = std::get<double>(a.v), y = std::get<double>(b.v);
    return std::memcmp(&x, &y, sizeof x) == 0;
  }
  case AttrKind::String:
    return a.asString() == b.asString();
  case AttrKind::Bytes:
    return a.asBytes() == b.asBytes();
  case AttrKind::Tensor:
    return a.asTensor() == b.asTensor();
  case AttrKind::List:
    return a.asList() == b.asList();
  case AttrKind::Map:
  case AttrKind::Dict:
    return a.asMap() == b.asMap();
  default:
    return std::get<int64_t>(a.v) == std::get<int64_t>(b.v);
  }
}
