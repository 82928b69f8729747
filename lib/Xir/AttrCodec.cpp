//===- AttrCodec.cpp - attributes to and from the xmodel's wire form -------------===//
#include "AttrCodec.h"
#include "Schema.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"

using namespace dpuopt;
using namespace dpuopt::xmodel;

Blob xmodel::sliceOf(const Blob &file, llvm::StringRef view) {
  return view.empty() ? Blob() : file.slice(view.bytes_begin() - file.bytes().data(), view.size());
}

//===-- Kinds and field numbers ------------------------------------------------===//

namespace {
/// Scalar field numbers follow this order; so do the vectors, nine further on.
constexpr AttrKind scalarKinds[] = {AttrKind::Bool, AttrKind::I32, AttrKind::U32,    AttrKind::I64,  AttrKind::U64,
                                    AttrKind::F32,  AttrKind::F64, AttrKind::String, AttrKind::Bytes};
constexpr AttrKind mapKinds[] = {AttrKind::I32, AttrKind::U32,    AttrKind::I64,
                                 AttrKind::U64, AttrKind::String, AttrKind::Bytes};
constexpr AttrKind mapListKinds[] = {AttrKind::I32, AttrKind::U32, AttrKind::I64, AttrKind::U64, AttrKind::String};

template <size_t N> uint32_t indexOf(const AttrKind (&kinds)[N], AttrKind k) {
  return static_cast<uint32_t>(llvm::find(kinds, k) - std::begin(kinds));
}
template <size_t N> bool has(const AttrKind (&kinds)[N], AttrKind k) { return llvm::is_contained(kinds, k); }

//===-- Decoding ------------------------------------------------------------------===//

/// The bytes of a Bytes message.
std::optional<Attr> decodeBytes(llvm::StringRef message, const Blob &file) {
  Blob blob;
  WireReader r(message);
  while (r.next())
    if (r.field() == 1)
      blob = sliceOf(file, r.bytes());
  if (!r.ok())
    return std::nullopt;
  return Attr::bytes(std::move(blob));
}

Attr intAttr(AttrKind kind, uint64_t raw) {
  switch (kind) {
  case AttrKind::Bool:
    return Attr::boolean(raw != 0);
  case AttrKind::I32:
    return Attr::i32(static_cast<int32_t>(raw));
  case AttrKind::U32:
    return Attr::u32(static_cast<uint32_t>(raw));
  case AttrKind::I64:
    return Attr::i64(static_cast<int64_t>(raw));
  default:
    return Attr::u64(raw);
  }
}

/// The scalar in the reader's current field.
std::optional<Attr> decodeScalar(WireReader &r, AttrKind kind, const Blob &file) {
  switch (kind) {
  case AttrKind::F32:
    return Attr::f32(r.f32());
  case AttrKind::F64:
    return Attr::f64(r.f64());
  case AttrKind::String:
    return Attr::string(r.bytes());
  case AttrKind::Bytes:
    return decodeBytes(r.bytes(), file);
  default:
    return intAttr(kind, r.u64());
  }
}

/// Largest vector attribute we decode: an element takes fifty times its bytes in memory.
constexpr size_t MaxVectorBytes = 1 << 24;

/// A vector message: the repeated field at 1, packed or not.
std::optional<Attr> decodeVector(llvm::StringRef message, AttrKind kind, const Blob &file) {
  if (kind != AttrKind::Bytes && message.size() > MaxVectorBytes)
    return std::nullopt;
  std::vector<Attr> list;
  WireReader r(message);
  while (r.next()) {
    if (r.field() != 1)
      continue;
    if (kind == AttrKind::F32) {
      std::vector<float> values;
      r.appendFloats(values);
      for (float v : values)
        list.push_back(Attr::f32(v));
    } else if (kind == AttrKind::F64) {
      std::vector<double> values;
      r.appendDoubles(values);
      for (double v : values)
        list.push_back(Attr::f64(v));
    } else if (kind == AttrKind::String || kind == AttrKind::Bytes) {
      auto element = decodeScalar(r, kind, file);
      if (!element)
        return std::nullopt;
      list.push_back(*element);
    } else {
      std::vector<uint64_t> values;
      r.appendVarints(values);
      for (uint64_t v : values)
        list.push_back(intAttr(kind, v));
    }
  }
  if (!r.ok())
    return std::nullopt;
  return Attr::list(kind, std::move(list));
}

/// A map message: entries {key = 1, value = 2} at 1. `vectors`: the values are vector messages.
std::optional<Attr> decodeMap(llvm::StringRef message, AttrKind kind, bool vectors, const Blob &file) {
  AttrMap map;
  WireReader r(message);
  while (r.next()) {
    if (r.field() != 1)
      continue;
    std::string key;
    // proto3 leaves out a value that is zero or empty.
    std::optional<Attr> value = vectors                    ? Attr::list(kind, {})
                                : kind == AttrKind::String ? Attr::string("")
                                : kind == AttrKind::Bytes  ? Attr::bytes({})
                                                           : intAttr(kind, 0);
    WireReader entry(r.bytes());
    while (entry.next()) {
      if (entry.field() == 1)
        key = entry.bytes().str();
      else if (entry.field() == 2)
        value = vectors ? decodeVector(entry.bytes(), kind, file) : decodeScalar(entry, kind, file);
      if (!value)
        return std::nullopt;
    }
    if (!entry.ok())
      return std::nullopt;
    map[key] = *value;
  }
  if (!r.ok())
    return std::nullopt;
  return vectors ? Attr::map(AttrKind::List, std::move(map), kind) : Attr::map(kind, std::move(map));
}

std::optional<Attr> decodeField(WireReader &r, const Blob &file) {
  uint32_t f = r.field();
  if (f >= AttrField::Bool && f <= AttrField::Bytes)
    return decodeScalar(r, scalarKinds[f - AttrField::Bool], file);
  if (f >= AttrField::BoolVec && f <= AttrField::BytesVec)
    return decodeVector(r.bytes(), scalarKinds[f - AttrField::BoolVec], file);
  if (f >= AttrField::MapI32 && f <= AttrField::MapBytes)
    return decodeMap(r.bytes(), mapKinds[f - AttrField::MapI32], false, file);
  if (f >= AttrField::MapI32Vec && f <= AttrField::MapStringVec)
    return decodeMap(r.bytes(), mapListKinds[f - AttrField::MapI32Vec], true, file);
  return std::nullopt;
}

//===-- Encoding ------------------------------------------------------------------===//

void encodeScalar(Rope &out, uint32_t field, const Attr &a) {
  switch (a.kind()) {
  case AttrKind::F32:
    return out.f32(field, static_cast<float>(a.asFloat()));
  case AttrKind::F64:
    return out.f64(field, a.asFloat());
  case AttrKind::String:
    return out.string(field, a.asString());
  case AttrKind::Bytes: {
    Rope bytes;
    if (!a.asBytes().empty())
      bytes.bytes(1, a.asBytes().str());
    return out.message(field, std::move(bytes));
  }
  default:
    return out.varint(field, static_cast<uint64_t>(a.asInt()));
  }
}

Rope encodeVector(const Attr &list) {
  Rope out;
  AttrKind kind = list.elementKind();
  if (list.asList().empty())
    return out;
  if (kind == AttrKind::String || kind == AttrKind::Bytes) {
    for (const Attr &a : list.asList())
      encodeScalar(out, 1, a);
  } else if (kind == AttrKind::F32) {
    out.packedFloats(1, list.asFloats());
  } else if (kind == AttrKind::F64) {
    std::vector<double> values;
    for (const Attr &a : list.asList())
      values.push_back(a.asFloat());
    out.packedDoubles(1, values);
  } else {
    std::vector<int64_t> values;
    for (const Attr &a : list.asList())
      values.push_back(a.asInt());
    out.packedVarints(1, values);
  }
  return out;
}

Rope encodeMap(const Attr &map) {
  Rope out;
  for (auto &[key, value] : map.asMap()) {
    Rope entry;
    entry.string(1, key);
    if (value.is(AttrKind::List))
      entry.message(2, encodeVector(value));
    else
      encodeScalar(entry, 2, value);
    out.message(1, std::move(entry));
  }
  return out;
}

Rope encodeAttr(const Attr &a) {
  Rope out;
  if (a.is(AttrKind::List))
    out.message(AttrField::BoolVec + indexOf(scalarKinds, a.elementKind()), encodeVector(a));
  else if (a.is(AttrKind::Map) && a.elementKind() == AttrKind::List)
    out.message(AttrField::MapI32Vec + indexOf(mapListKinds, a.innerElementKind()), encodeMap(a));
  else if (a.is(AttrKind::Map))
    out.message(AttrField::MapI32 + indexOf(mapKinds, a.elementKind()), encodeMap(a));
  else if (!a.is(AttrKind::None))
    encodeScalar(out, AttrField::Bool + indexOf(scalarKinds, a.kind()), a);
  return out;
}
} // namespace

/// One Attr message; of several values the last counts (a oneof), no value is kind None.
static std::optional<Attr> decodeAttr(llvm::StringRef message, const Blob &file) {
  std::optional<Attr> value = Attr();
  WireReader r(message);
  while (r.next())
    if (!(value = decodeField(r, file)))
      return std::nullopt;
  return r.ok() ? value : std::nullopt;
}

bool xmodel::decodeAttrEntry(llvm::StringRef message, const Blob &file, AttrMap &out) {
  std::string key;
  std::optional<Attr> value = Attr();
  WireReader r(message);
  while (r.next()) {
    if (r.field() == 1)
      key = r.bytes().str();
    else if (r.field() != 2 || !(value = decodeAttr(r.bytes(), file)))
      return false;
  }
  if (!r.ok() || !isUtf8(key) || !isEncodable(*value))
    return false;
  out[key] = std::move(*value);
  return true;
}

bool xmodel::isUtf8(llvm::StringRef text) {
  const llvm::UTF8 *begin = text.bytes_begin();
  return llvm::isLegalUTF8String(&begin, text.bytes_end());
}

/// Every string in it is UTF-8: protobuf refuses to parse a file with any other.
static bool hasUtf8Strings(const Attr &a) {
  if (a.is(AttrKind::String))
    return isUtf8(a.asString());
  if (a.is(AttrKind::List) && (a.elementKind() == AttrKind::String || a.elementKind() == AttrKind::List))
    return llvm::all_of(a.asList(), hasUtf8Strings);
  if (a.is(AttrKind::Map))
    return llvm::all_of(a.asMap(), [](auto &entry) { return isUtf8(entry.first) && hasUtf8Strings(entry.second); });
  return true;
}

static bool hasEncodableKind(const Attr &a) {
  if (a.is(AttrKind::List))
    return has(scalarKinds, a.elementKind());
  if (a.is(AttrKind::Map))
    return a.elementKind() == AttrKind::List ? has(mapListKinds, a.innerElementKind()) : has(mapKinds, a.elementKind());
  return a.is(AttrKind::None) || has(scalarKinds, a.kind());
}

bool xmodel::isEncodable(const Attr &a) { return hasEncodableKind(a) && hasUtf8Strings(a); }

void xmodel::encodeAttrEntry(Rope &out, uint32_t field, llvm::StringRef name, const Attr &a) {
  Rope entry;
  entry.string(1, name);
  entry.message(2, encodeAttr(a));
  out.message(field, std::move(entry));
}
