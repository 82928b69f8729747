//===- Type.h - element type, fix point and shape of a value --------------===//
//
// `f32<1x3x32x32>`, `q8.5<1x56x56x64>` (8 bits, signed, 5 of them fractional:
// real = integer * 2^-5; q8.-2 is legal), `uq8.0<...>` unsigned, `i64<>` scalar,
// `f32<?x3>` one unknown dimension, `f32<*>` unknown rank, `none<*>` unknown.
// A Type is a value; it knows no layout (that is the op's business).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_TYPE_H
#define DPUOPT_IR_TYPE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace dpuopt {

enum class ElemKind : uint8_t { None, F32, F16, BF16, F64, Bool, I8, U8, I16, U16, I32, U32, I64, U64, String, Fix };

/// Element type; for ElemKind::Fix also bit width, sign and fix point.
struct ElemType {
  ElemKind kind = ElemKind::None;
  bool isSigned = true; ///< Fix only
  uint8_t bits = 0;     ///< Fix only: 1..32
  int16_t fixPoint = 0; ///< Fix only: fractional bits, may be negative

  constexpr ElemType() = default;
  constexpr ElemType(ElemKind kind) : kind(kind) {}
  static constexpr ElemType fix(unsigned bits, int fixPoint, bool isSigned = true) {
    ElemType t(ElemKind::Fix);
    t.bits = static_cast<uint8_t>(bits), t.fixPoint = static_cast<int16_t>(fixPoint), t.isSigned = isSigned;
    return t;
  }
  bool isFix() const { return kind == ElemKind::Fix; }
  bool isFloat() const {
    return kind == ElemKind::F32 || kind == ElemKind::F16 || kind == ElemKind::BF16 || kind == ElemKind::F64;
  }
  /// Integer or bool (not Fix: that is a real number).
  bool isInteger() const { return kind >= ElemKind::Bool && kind <= ElemKind::U64; }
  /// Bytes of one stored element: Fix is stored as the smallest of int8/16/32
  /// that holds it, bool in one byte; 0 for None and String.
  unsigned byteSize() const;
  std::string str() const;
  static std::optional<ElemType> parse(llvm::StringRef text); ///< "f32", "q8.-2", ...
  friend bool operator==(const ElemType &a, const ElemType &b) {
    return a.kind == b.kind &&
           (a.kind != ElemKind::Fix || (a.bits == b.bits && a.isSigned == b.isSigned && a.fixPoint == b.fixPoint));
  }
  friend bool operator!=(const ElemType &a, const ElemType &b) { return !(a == b); }
};

/// Dimensions; -1 is a dimension that is not known.
using Shape = llvm::SmallVector<int64_t, 6>;

class Type {
public:
  Type() = default; ///< none<*>
  Type(ElemType elem, Shape shape) : elem(elem), ranked(true), dims(std::move(shape)) {}
  Type(ElemType elem, llvm::ArrayRef<int64_t> shape) : elem(elem), ranked(true), dims(shape.begin(), shape.end()) {}
  Type(ElemType elem, std::initializer_list<int64_t> shape) : elem(elem), ranked(true), dims(shape) {}
  static Type unranked(ElemType elem) {
    Type t;
    t.elem = elem;
    return t;
  }

  ElemType elemType() const { return elem; }
  bool isFix() const { return elem.isFix(); }
  bool hasRank() const { return ranked; }
  size_t rank() const { return dims.size(); }
  llvm::ArrayRef<int64_t> shape() const { return dims; }
  int64_t dim(size_t i) const { return dims[i]; }
  /// Rank and every dimension known.
  bool isStatic() const;
  /// Product of the dimensions; -1 if not static or beyond 2^62.
  int64_t numElements() const;
  /// numElements * byteSize; -1 if unknown.
  int64_t numBytes() const;
  Type withElem(ElemType e) const {
    Type t = *this;
    t.elem = e;
    return t;
  }
  Type withShape(llvm::ArrayRef<int64_t> s) const { return Type(elem, s); }

  std::string str() const; ///< the text form above
  friend bool operator==(const Type &a, const Type &b) {
    return a.elem == b.elem && a.ranked == b.ranked && a.dims == b.dims;
  }
  friend bool operator!=(const Type &a, const Type &b) { return !(a == b); }

private:
  ElemType elem;
  bool ranked = false;
  Shape dims;
};

/// Largest number of elements we accept for one tensor: 2^33 (32 GiB of float).
constexpr int64_t MaxElements = int64_t(1) << 33;

/// "1x3x32x32"; used by messages and reports.
std::string shapeStr(llvm::ArrayRef<int64_t> shape);

} // namespace dpuopt
#endif
