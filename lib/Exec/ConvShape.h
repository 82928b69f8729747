//===- ConvShape.h - one convolution's geometry, and who computes it -----------===//
//
// Any convolution here: 1 to 3 spatial axes, groups, dilation, transposed, NCHW or
// NHWC. Weights are always dense [group][out / group][in / group][kernel...],
// unflipped, also for transposed ones (ONNX's own order has in and out swapped).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_CONVSHAPE_H
#define DPUOPT_LIB_EXEC_CONVSHAPE_H

#include "Float/PostOp.h"
#include "Kernel.h"

namespace dpuopt::exec {

struct ConvShape {
  int64_t batch = 0, group = 1, inChannels = 0, outChannels = 0;
  std::vector<int64_t> in, out, kernel, strides, dilations; ///< per spatial axis
  std::vector<int64_t> padsBegin, padsEnd;
  bool transposed = false, channelsLast = false, bias = false;
  PostOps post; ///< a Sum adds what the result's memory holds
  friend bool operator==(const ConvShape &, const ConvShape &) = default;

  /// The tensor shape of the input or of the output, in this layout.
  Shape tensorShape(llvm::ArrayRef<int64_t> spatial, int64_t channels) const;
};

/// Computes one convolution many times.
class ConvPlan {
public:
  virtual ~ConvPlan() = default;
  /// Must be called before run(); keeps what it needs of the weights. False: no memory.
  virtual bool setWeights(const Tensor &weights) = 0;
  virtual bool run(const float *x, const float *bias, float *y) = 0;
};

/// Through oneDNN; null where that library refuses the shape.
std::unique_ptr<ConvPlan> oneDnnConv(const ConvShape &shape);
/// oneDnnConv if possible, else directConv, with its weights.
std::unique_ptr<ConvPlan> makeConv(const ConvShape &shape, const Tensor &weights);
/// Plain loops, for every shape with at most 3 spatial axes.
std::unique_ptr<ConvPlan> directConv(const ConvShape &shape);

/// As matrixMultiply; false where that library refuses.
bool oneDnnMultiply(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                    const float *b, float beta, float *c);
/// C (+)= A * B, row-major; `transA`: A is stored K x M. Never fails.
void matrixMultiply(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                    const float *b, float beta, float *c);

/// Threads of oneDNN and of our own loops from here on (of this thread).
void setThreads(unsigned threads);

} // namespace dpuopt::exec
#endif
