//===- Kernel.h - what computes one operator ------------------------------===//
//
// A kernel is a function from operand tensors to result tensors, found by the
// op's full name in the table of its family. At run time there are only f32,
// bool and integer tensors: other floats and fix points have become f32. A splat
// may arrive as one; kernels that do not care call dense().
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_KERNEL_H
#define DPUOPT_LIB_EXEC_KERNEL_H

#include "dpuopt/IR/Graph.h"
#include <memory>

namespace dpuopt::exec {

using Tensors = std::vector<Tensor>;

/// What one op of an Executor keeps between runs (primitives, reordered weights).
struct KernelState {
  virtual ~KernelState() = default;
};

/// Memory that waits for a result of known size.
struct Reserved {
  uint8_t *memory;
  size_t bytes;
  bool taken = false;
};

/// One execution of one op.
struct Call {
  const Op &op;
  llvm::ArrayRef<const Tensor *> operands; ///< null for an absent optional operand
  DiagEngine &diags;
  std::unique_ptr<KernelState> &state; ///< empty at the first execution
  uint64_t constants = 0;              ///< bit i: operand i is the same at every execution
  bool vendorMeans = false;            ///< see ExecOptions::vendorMeans
  /// Where allocate() looks first for memory of just the right size.
  llvm::MutableArrayRef<Reserved> reserved = {};

  const Tensor *operand(unsigned i) const { return i < operands.size() ? operands[i] : nullptr; }
  /// An operand that the table says is required.
  const Tensor &in(unsigned i = 0) const { return *operands[i]; }
  bool isConstant(unsigned i) const { return i < 64 && (constants >> i & 1); }

  /// An error that names the op; converts to failure.
  DiagBuilder error(const std::string &message) const;
  /// A zeroed tensor; an error if it would be larger than MaxResultElements.
  Result<Tensor> allocate(ElemType elem, llvm::ArrayRef<int64_t> shape) const;
  /// The elements of a small integer operand (axes, shapes, pads...).
  Result<std::vector<int64_t>> ints(unsigned i) const;
  /// Axes from attribute `axes` or else operand `i`, counted from the front and
  /// checked against `rank`; empty if neither is given.
  Result<std::vector<int64_t>> axes(unsigned i, size_t rank) const;
  /// Attribute `axis`, counted from the front; an error if out of range.
  Result<int64_t> axis(int64_t dflt, size_t rank) const;
  int64_t opset() const;
};

using Kernel = Result<Tensors> (*)(const Call &);

struct KernelEntry {
  const char *name; ///< "onnx.Conv"
  Kernel run;
  unsigned required = 1; ///< the first so many operands must be present
  unsigned floats = 0;   ///< the first so many operands, where present, must be f32
};

/// Null if nobody computes ops of this name.
const KernelEntry *findKernel(llvm::StringRef name);

// The families, one file each.
#define DPUOPT_EXEC_FAMILIES(X)                                                                                        \
  X(unary)                                                                                                             \
  X(activation)                                                                                                        \
  X(binary)                                                                                                            \
  X(compare)                                                                                                           \
  X(select) X(reduce) X(softmax) X(order) X(conv) X(pool) X(matmul) X(normalize) X(shape) X(slice) X(join) X(gather)   \
      X(scatter) X(resize) X(rearrange) X(quantize) X(create) X(einsum) X(xirWindow) X(xirScale)
#define DPUOPT_EXEC_DECLARE(family) llvm::ArrayRef<KernelEntry> family##Kernels();
DPUOPT_EXEC_FAMILIES(DPUOPT_EXEC_DECLARE)
#undef DPUOPT_EXEC_DECLARE

/// No result may have more elements than this (2 GiB of float).
constexpr int64_t MaxResultElements = int64_t(1) << 29;

/// The tensor as kernels see it: f32 for every float and fix type, elements aligned.
Tensor runtimeForm(const Tensor &t);

/// Numbers of another kind: reals saturate to integers, integers wrap; f16 and bf16
/// stay f32 with that precision, f64 is f32. A splat stays one.
Tensor castTo(const Tensor &t, ElemKind kind);

inline Tensors one(Tensor t) {
  Tensors out;
  out.push_back(std::move(t));
  return out;
}

/// Elements of a tensor, the single stored one of a splat.
template <class T> const T *data(const Tensor &t) { return reinterpret_cast<const T *>(t.storage().bytes().data()); }
template <class T> T *mutData(Tensor &t) { return t.mut<T>().data(); }

/// The bytes of a dense tensor, writable.
uint8_t *mutBytes(Tensor &t);

/// Product of dims[from..to).
int64_t product(llvm::ArrayRef<int64_t> dims, size_t from = 0, size_t to = SIZE_MAX);

/// Calls `f` with a zero of the C++ type of a runtime element kind.
template <class F> auto dispatch(ElemKind kind, F f) {
  switch (kind) {
  case ElemKind::Bool:
  case ElemKind::U8:
    return f(uint8_t(0));
  case ElemKind::I8:
    return f(int8_t(0));
  case ElemKind::I16:
    return f(int16_t(0));
  case ElemKind::U16:
    return f(uint16_t(0));
  case ElemKind::I32:
    return f(int32_t(0));
  case ElemKind::U32:
    return f(uint32_t(0));
  case ElemKind::I64:
    return f(int64_t(0));
  case ElemKind::U64:
    return f(uint64_t(0));
  default:
    return f(float(0));
  }
}

/// Calls `f` with a zero of the unsigned type of an element's size: to move elements.
template <class F> auto dispatchSize(unsigned byteSize, F f) {
  switch (byteSize) {
  case 1:
    return f(uint8_t(0));
  case 2:
    return f(uint16_t(0));
  case 8:
    return f(uint64_t(0));
  default:
    return f(uint32_t(0));
  }
}

} // namespace dpuopt::exec
#endif
