//===- MatMul.cpp - Gemm and (batched) matrix products ------------------------------===//
#include "Broadcast.h"
#include "ConvShape.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
/// One operand as a stack of matrices.
struct Matrices {
  Tensor dense;
  Shape batch;
  int64_t rows, columns;
  Matrices(const Tensor &t, bool vectorIsRow) : dense(t.expanded()) {
    llvm::ArrayRef<int64_t> s = t.shape();
    if (s.size() == 1) {
      rows = vectorIsRow ? 1 : s[0], columns = vectorIsRow ? s[0] : 1;
      return;
    }
    batch.assign(s.begin(), s.end() - 2);
    rows = s[s.size() - 2], columns = s.back();
  }
};
} // namespace

/// y[i] += b, b broadcast to y in one direction.
static Status addBias(const Call &call, Tensor &y, const Tensor &b) {
  auto shape = broadcastShape({y.shape(), b.shape()});
  if (!shape || llvm::makeArrayRef(*shape) != y.shape())
    return call.error(fmt::format("bias {} does not broadcast to the result {}", b.type().str(), y.type().str()));
  BroadcastLoop loop(y.shape(), {&b});
  float *out = mutData<float>(y);
  loop.forEachRow([&](int64_t row, llvm::ArrayRef<int64_t> at) {
    for (int64_t i = 0; i < loop.rowLength(); ++i)
      out[row + i] += data<float>(b)[at[0] + i * loop.step(0)];
  });
  return success();
}

/// A * B with numpy's rules: 1-D operands are vectors, leading axes broadcast.
static Result<Tensor> product(const Call &call, const Tensor &ta, const Tensor &tb, bool transA, bool transB) {
  if (ta.shape().empty() || tb.shape().empty())
    return call.error("cannot multiply scalars");
  Matrices a(ta, true), b(tb, false);
  transA &= ta.shape().size() > 1, transB &= tb.shape().size() > 1;
  int64_t m = transA ? a.columns : a.rows, k = transA ? a.rows : a.columns;
  int64_t kb = transB ? b.columns : b.rows, n = transB ? b.rows : b.columns;
  auto batch = broadcastShape({a.batch, b.batch});
  if (k != kb || !batch)
    return call.error(fmt::format("{} and {} cannot be multiplied", ta.type().str(), tb.type().str()));
  Shape shape = *batch;
  if (ta.shape().size() > 1)
    shape.push_back(m);
  if (tb.shape().size() > 1)
    shape.push_back(n);
  auto y = call.allocate(ElemKind::F32, shape);
  if (!y)
    return failure();
  float *out = mutData<float>(*y);
  const float *pa = data<float>(a.dense), *pb = data<float>(b.dense);
  // One matrix B for a whole stack of A is one big product.
  if (!transA && exec::product(b.batch) == 1) {
    matrixMultiply(false, transB, exec::product(*batch) * m, n, k, 1, pa, pb, 0, out);
    return y;
  }
  Tensor shapeA = Tensor::zeros(Type(ElemKind::Bool, a.batch)), shapeB = Tensor::zeros(Type(ElemKind::Bool, b.batch));
  BroadcastLoop loop(*batch, {&shapeA, &shapeB});
  loop.forEachRow([&](int64_t row, llvm::ArrayRef<int64_t> at) {
    for (int64_t i = 0; i < loop.rowLength(); ++i)
      matrixMultiply(transA, transB, m, n, k, 1, pa + (at[0] + i * loop.step(0)) * m * k,
                     pb + (at[1] + i * loop.step(1)) * k * n, 0, out + (row + i) * m * n);
  });
  return y;
}

static Result<Tensors> matMul(const Call &call) {
  auto y = product(call, call.in(0), call.in(1), false, false);
  if (!y)
    return failure();
  return one(std::move(*y));
}

static Result<Tensors> xirMatMul(const Call &call) {
  auto y = product(call, call.in(0), call.in(1), call.op.getBool("transpose_a"), call.op.getBool("transpose_b"));
  if (!y || (call.operand(2) && failed(addBias(call, *y, call.in(2)))))
    return failure();
  return one(std::move(*y));
}

/// inner-product: x flattened from `axis` on, times weights [out, in] transposed.
static Result<Tensors> innerProduct(const Call &call) {
  const Tensor &x = call.in(0), &w = call.in(1);
  auto axis = call.axis(1, x.shape().size());
  if (!axis)
    return failure();
  if (w.shape().empty() || w.shape()[0] == 0 || exec::product(w.shape(), 1) != exec::product(x.shape(), *axis))
    return call.error(fmt::format("{} and weights {} cannot be multiplied", x.type().str(), w.type().str()));
  int64_t k = exec::product(w.shape(), 1);
  Shape rows{exec::product(x.shape(), 0, *axis), k}, shape(x.shape().begin(), x.shape().begin() + *axis);
  auto y = product(call, x.reshaped(rows), w.reshaped({w.shape()[0], k}), false, true);
  if (!y || (call.operand(2) && failed(addBias(call, *y, call.in(2)))))
    return failure();
  shape.push_back(w.shape()[0]);
  return one(y->reshaped(shape));
}

static Result<Tensors> gemm(const Call &call) {
  if (call.in(0).shape().size() != 2 || call.in(1).shape().size() != 2)
    return call.error("needs two matrices");
  float alpha = float(call.op.getFloat("alpha", 1)), beta = float(call.op.getFloat("beta", 1));
  auto y = product(call, call.in(0), call.in(1), call.op.getInt("transA") != 0, call.op.getInt("transB") != 0);
  if (!y)
    return failure();
  if (alpha != 1)
    y = mapElements<float, float>(*y, ElemKind::F32, [=](float v) { return alpha * v; });
  if (const Tensor *c = call.operand(2); c && beta != 0) {
    Tensor scaled = beta == 1 ? *c : mapElements<float, float>(*c, ElemKind::F32, [=](float v) { return beta * v; });
    if (failed(addBias(call, *y, scaled)))
      return failure();
  }
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::matmulKernels() {
  static const KernelEntry table[] = {
      {"onnx.Gemm", gemm, 2, 3},
      {"onnx.MatMul", matMul, 2, 2},
      {"xir.matmul", xirMatMul, 2, 3},
      {"xir.inner-product", innerProduct, 2, 3},
  };
  return table;
}
