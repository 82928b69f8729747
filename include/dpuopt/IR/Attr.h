//===- Attr.h - attribute values ------------------------------------------===//
//
// A small variant that holds everything ONNX attributes and xmodel attributes
// need: bool, sized ints, floats, string, bytes, tensor, homogeneous lists,
// string-keyed maps of one kind, and dictionaries of anything. The sized kinds
// are kept apart because an xmodel tells int32 from uint64.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_ATTR_H
#define DPUOPT_IR_ATTR_H

#include "dpuopt/IR/Tensor.h"
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace dpuopt {

enum class AttrKind : uint8_t { None, Bool, I32, U32, I64, U64, F32, F64, String, Bytes, Tensor, List, Map, Dict };

class Attr;
/// Attributes by name, in byte order (the order of the text form and of files).
using AttrMap = std::map<std::string, Attr, std::less<>>;

class Attr {
public:
  Attr() = default;
  static Attr boolean(bool v) { return Attr(AttrKind::Bool, int64_t(v)); }
  static Attr i32(int32_t v) { return Attr(AttrKind::I32, int64_t(v)); }
  static Attr u32(uint32_t v) { return Attr(AttrKind::U32, int64_t(v)); }
  static Attr i64(int64_t v) { return Attr(AttrKind::I64, v); }
  static Attr u64(uint64_t v) { return Attr(AttrKind::U64, static_cast<int64_t>(v)); }
  static Attr f32(float v) { return Attr(AttrKind::F32, double(v)); }
  static Attr f64(double v) { return Attr(AttrKind::F64, v); }
  static Attr string(llvm::StringRef v) { return Attr(AttrKind::String, v.str()); }
  static Attr bytes(Blob v) { return Attr(AttrKind::Bytes, std::move(v)); }
  static Attr tensor(Tensor v) { return Attr(AttrKind::Tensor, std::make_shared<const Tensor>(std::move(v))); }
  /// All elements have kind `element`. Lists of Dict are allowed, lists of lists too.
  static Attr list(AttrKind element, std::vector<Attr> v);
  static Attr i32s(llvm::ArrayRef<int64_t> v);
  static Attr i64s(llvm::ArrayRef<int64_t> v);
  static Attr f32s(llvm::ArrayRef<float> v);
  static Attr strings(llvm::ArrayRef<std::string> v);
  /// Every value has kind `element` (for List: `innerElement` is the lists' kind).
  static Attr map(AttrKind element, AttrMap v, AttrKind innerElement = AttrKind::None);
  static Attr dict(AttrMap v);

  AttrKind kind() const { return k; }
  bool is(AttrKind kind) const { return k == kind; }
  bool isInt() const { return k >= AttrKind::I32 && k <= AttrKind::U64; }
  bool isFloat() const { return k == AttrKind::F32 || k == AttrKind::F64; }
  /// Kind of the elements of a List or Map; None otherwise.
  AttrKind elementKind() const { return element; }
  /// For a Map of Lists, the kind inside those lists.
  AttrKind innerElementKind() const { return inner; }

  // Access: asserts the kind (any int kind for asInt, any float or int for asFloat).
  bool asBool() const { return std::get<int64_t>(v) != 0; }
  int64_t asInt() const { return std::get<int64_t>(v); }
  double asFloat() const {
    return std::holds_alternative<int64_t>(v) ? double(std::get<int64_t>(v)) : std::get<double>(v);
  }
  const std::string &asString() const { return std::get<std::string>(v); }
  const Blob &asBytes() const { return std::get<Blob>(v); }
  const Tensor &asTensor() const { return *std::get<std::shared_ptr<const Tensor>>(v); }
  llvm::ArrayRef<Attr> asList() const { return *std::get<std::shared_ptr<const std::vector<Attr>>>(v); }
  const AttrMap &asMap() const { return *std::get<std::shared_ptr<const AttrMap>>(v); } ///< Map or Dict
  std::vector<int64_t> asInts() const;                                                  ///< List of an int kind
  std::vector<float> asFloats() const;                                                  ///< List of a float kind
  std::vector<std::string> asStrings() const;                                           ///< List of String
  /// Are the accessors above legal? (lists: an empty list of any kind is)
  bool isIntList() const;
  bool isFloatList() const;
  bool isStringList() const;

  friend bool operator==(const Attr &a, const Attr &b);
  friend bool operator!=(const Attr &a, const Attr &b) { return !(a == b); }

private:
  using Storage = std::variant<int64_t, double, std::string, Blob, std::shared_ptr<const Tensor>,
                               std::shared_ptr<const std::vector<Attr>>, std::shared_ptr<const AttrMap>>;
  template <class T> Attr(AttrKind k, T value) : k(k), v(std::move(value)) {}
  AttrKind k = AttrKind::None;
  AttrKind element = AttrKind::None, inner = AttrKind::None;
  Storage v;
};
bool operator==(const Attr &a, const Attr &b);

} // namespace dpuopt
#endif
