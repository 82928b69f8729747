//===- Tensor.h - a typed block of numbers --------------------------------===//
//
// What a `const` op holds, what a tensor attribute holds, and what the executor
// computes with. Row-major. A splat stores one element whatever its shape, so a
// 400 MB ConstantOfShape weight costs four bytes until somebody expands it.
// A q8.5 tensor stores the integers, not the reals.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_TENSOR_H
#define DPUOPT_IR_TENSOR_H

#include "dpuopt/IR/Type.h"
#include "dpuopt/Support/Blob.h"

namespace dpuopt {

class Tensor {
public:
  Tensor() = default;
  /// Dense; `data` holds exactly type.numBytes() bytes (asserted).
  Tensor(Type type, Blob data);
  /// Every element equals the one element in `element`.
  static Tensor splat(Type type, Blob element);
  static Tensor splatFloat(llvm::ArrayRef<int64_t> shape, float value); ///< f32
  static Tensor zeros(Type type);                                       ///< dense, writable
  /// A dense tensor that `compute` makes of `source` when somebody first reads it: it costs nothing until then.
  /// `compute` gives that type, owns what it captures, and must not fail.
  static Tensor deferred(Type type, const Tensor &source, std::function<Tensor(const Tensor &source)> compute);
  static Tensor fromFloats(llvm::ArrayRef<int64_t> shape, std::vector<float> values);
  static Tensor fromInts(llvm::ArrayRef<int64_t> shape, std::vector<int64_t> values); ///< i64

  const Type &type() const { return ty; }
  llvm::ArrayRef<int64_t> shape() const { return ty.shape(); }
  ElemType elemType() const { return ty.elemType(); }
  int64_t numElements() const { return ty.numElements(); }
  bool isSplat() const { return splatted; }
  /// The stored bytes: one element if splat, else all of them.
  const Blob &storage() const { return data; }

  /// The stored bytes, aligned for the element type. A slice of a mapped file may lie
  /// anywhere: such a one is copied here, when it is first looked at and not before.
  /// Not to be raced: let one thread look first.
  const uint8_t *elements() const;

  /// A dense tensor with the same content (itself if dense already).
  Tensor expanded() const;
  /// Same bytes seen with another shape of as many elements; no copy.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;
  /// Same bytes seen as another element type of the same byte size; no copy.
  Tensor bitcast(ElemType elem) const;
  /// result.shape[i] = shape[perm[i]]; a splat stays a splat.
  Tensor transposed(llvm::ArrayRef<unsigned> perm) const;

  /// Elements in place. T must have the stored byte size; dense only (asserted).
  template <class T> llvm::ArrayRef<T> as() const {
    assert(!splatted && sizeof(T) == ty.elemType().byteSize());
    return {reinterpret_cast<const T *>(elements()), data.size() / sizeof(T)};
  }
  /// Writable elements; expands a splat and copies shared bytes first.
  template <class T> llvm::MutableArrayRef<T> mut() {
    makeWritable();
    assert(sizeof(T) == ty.elemType().byteSize());
    return {reinterpret_cast<T *>(data.mutableBytes().data()), data.size() / sizeof(T)};
  }

  /// Element `i` (row-major) as a real number, any numeric type, Fix scaled by 2^-fixPoint.
  double at(int64_t i) const;
  /// Element `i` as an integer; floats are truncated, Fix gives the stored integer.
  int64_t intAt(int64_t i) const;
  /// All elements as real numbers in f32 (the same tensor if it is f32 already);
  /// Fix becomes integer * 2^-fixPoint. A splat stays a splat.
  Tensor toFloat() const;
  /// All elements as integers, for shape arithmetic.
  std::vector<int64_t> toInts() const;

  /// Hash of type and content; equal for a splat and its expansion.
  uint64_t hash() const;
  /// Same type and same content bit by bit (a splat equals its expansion).
  friend bool operator==(const Tensor &a, const Tensor &b);

private:
  void makeWritable();
  Type ty;
  mutable Blob data;
  bool splatted = false;
};
bool operator==(const Tensor &a, const Tensor &b);

/// IEEE half <-> float, bfloat16 <-> float (round to nearest even).
float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
float bfloatToFloat(uint16_t bits);
uint16_t floatToBfloat(float value);

} // namespace dpuopt
#endif
