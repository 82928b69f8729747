//===- OneDnn.h - kernels that are one oneDNN primitive --------------------------------------===//
//
// Null where that library refuses or has only reference loops. Everything is row-major;
// the caller has chosen dimensions that say what it means.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FLOAT_ONEDNN_H
#define DPUOPT_LIB_EXEC_FLOAT_ONEDNN_H

#include "FloatKernel.h"

namespace dpuopt::exec {

/// y = post(x) for `n` elements; `post` is not empty and has no Sum.
FloatKernelPtr oneDnnEltwise(int64_t n, llvm::ArrayRef<PostOp> post);

/// N, spatial..., C in and out; per spatial axis (1 to 3).
struct PoolWindow {
  Shape in, out;
  std::vector<int64_t> kernel, strides, dilations, padsBegin, padsEnd;
  enum class Kind { Max, AverageInside, AverageKernel } kind = Kind::Max;
};
FloatKernelPtr oneDnnPool(const PoolWindow &w);

/// Copies a tensor of `shape` whose elements lie `strides` apart into row-major order.
FloatKernelPtr oneDnnReorder(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> strides);

/// Softmax along `axis`.
FloatKernelPtr oneDnnSoftmax(llvm::ArrayRef<int64_t> shape, unsigned axis);

/// in[0] [batch, m, k] times B, post-processed: [batch, m, n].
struct Product {
  int64_t batch = 1, m = 1, n = 1, k = 1;
  bool transA = false, transB = false; ///< A is stored k x m, B n x k
  const Tensor *b = nullptr;           ///< constant, one for all; null: in[1], a matrix per batch
  const Tensor *bias = nullptr;        ///< n elements or null
};
FloatKernelPtr oneDnnProduct(const Product &p, llvm::ArrayRef<PostOp> post);

} // namespace dpuopt::exec
#endif
