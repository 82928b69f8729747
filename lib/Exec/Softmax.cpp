//===- Softmax.cpp - Softmax, LogSoftmax, Hardmax ------------------------------===//
//
// Opset 13 and xir: along one axis. Before 13: the tensor is a matrix whose rows
// begin at `axis` (default 1).
//
//===----------------------------------------------------------------------===//
#include "Kernel.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
/// Rows of `n` elements, `inner` apart.
struct Lines {
  int64_t outer, n, inner;
};

void softmaxLine(const float *x, float *y, int64_t n, int64_t step) {
  float top = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; ++i)
    top = std::max(top, x[i * step]);
  for (int64_t i = 0; i < n; ++i)
    sum += y[i * step] = std::exp(x[i * step] - top);
  for (int64_t i = 0; i < n; ++i)
    y[i * step] /= sum;
}

void logSoftmaxLine(const float *x, float *y, int64_t n, int64_t step) {
  float top = -INFINITY;
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    top = std::max(top, x[i * step]);
  for (int64_t i = 0; i < n; ++i)
    sum += std::exp(x[i * step] - top);
  float logSum = float(std::log(sum)); // not added to top, which may be so large that it would vanish
  for (int64_t i = 0; i < n; ++i)
    y[i * step] = x[i * step] - top - logSum;
}

void hardmaxLine(const float *x, float *y, int64_t n, int64_t step) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i)
    if (x[i * step] > x[best * step])
      best = i;
  for (int64_t i = 0; i < n; ++i)
    y[i * step] = i == best ? 1.0f : 0.0f;
}
} // namespace

template <auto Line> static Result<Tensors> softmax(const Call &call) {
  const Tensor &x = call.in();
  size_t rank = x.shape().size();
  bool matrix = call.op.isOnnx() && call.opset() < 13;
  if (rank == 0 && !matrix)
    return call.error("needs an operand with at least one dimension");
  bool pastEnd = matrix && call.op.getInt("axis", 1) == static_cast<int64_t>(rank); // rows of one element
  auto axis = pastEnd ? Result<int64_t>(static_cast<int64_t>(rank)) : call.axis(matrix ? 1 : -1, rank);
  if (!axis)
    return failure();
  Lines lines{product(x.shape(), 0, *axis), matrix ? product(x.shape(), *axis) : x.shape()[*axis],
              matrix ? 1 : product(x.shape(), *axis + 1)};
  auto y = call.allocate(ElemKind::F32, x.shape());
  if (!y)
    return failure();
  Tensor dense = x.expanded();
  float *out = mutData<float>(*y);
  for (int64_t o = 0; o < lines.outer; ++o)
    for (int64_t i = 0; i < lines.inner; ++i) {
      int64_t first = o * lines.n * lines.inner + i;
      Line(data<float>(dense) + first, out + first, lines.n, lines.inner);
    }
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::softmaxKernels() {
  static const KernelEntry table[] = {
      {"onnx.Softmax", softmax<softmaxLine>, 1, 1},
      {"onnx.LogSoftmax", softmax<logSoftmaxLine>, 1, 1},
      {"onnx.Hardmax", softmax<hardmaxLine>, 1, 1},
      {"xir.softmax", softmax<softmaxLine>, 1, 1},
  };
  return table;
}
