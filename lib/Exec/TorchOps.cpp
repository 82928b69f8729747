//===- TorchOps.cpp - ops that quantizers leave under their torch names -------------------===//
#include "TorchOps.h"
#include "Reduce.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

/// Means of the shares along one axis of x, seen as [outer][in][inner].
static Result<Tensor> shareMeans(const Call &call, const Tensor &x, size_t axis, int64_t out) {
  Shape shape(x.shape().begin(), x.shape().end());
  int64_t in = shape[axis], outer = product(shape, 0, axis), inner = product(shape, axis + 1);
  shape[axis] = out;
  auto y = call.allocate(ElemKind::F32, shape);
  if (!y)
    return failure();
  const float *from = data<float>(x);
  float *to = mutData<float>(*y);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < out; ++i)
      for (int64_t k = 0; k < inner; ++k) {
        int64_t first = i * in / out, last = ((i + 1) * in + out - 1) / out;
        double sum = 0;
        for (int64_t j = first; j < last; ++j)
          sum += from[(o * in + j) * inner + k];
        to[(o * out + i) * inner + k] = float(sum / double(last - first));
      }
  return y;
}

Result<Tensors> exec::adaptiveMean(const Call &call) {
  const Type &declared = call.op.result()->type();
  Tensor x = call.in().expanded();
  if (!declared.isStatic() || declared.rank() != x.shape().size())
    return call.error("its arguments are not in the file, and its result " + declared.str() +
                      " does not tell them for an input " + x.type().str());
  for (size_t i = 0; i < declared.rank(); ++i) {
    if (x.shape()[i] < 1 || declared.dim(i) < 1 || declared.dim(i) > x.shape()[i])
      return call.error("its result " + declared.str() + " is no average of " + x.type().str());
    if (declared.dim(i) == x.shape()[i])
      continue;
    auto y = shareMeans(call, x, i, declared.dim(i));
    if (!y)
      return failure();
    x = std::move(*y);
  }
  return one(std::move(x));
}

Result<Tensors> exec::vectorNorm(const Call &call) {
  int64_t rank = int64_t(call.in().shape().size());
  std::vector<int64_t> axes = call.op.getInts("dim");
  for (int64_t &a : axes)
    if (a += a < 0 ? rank : 0; a < 0 || a >= rank)
      return call.error("attribute dim is out of range");
  double p = call.op.hasAttr("p") && !call.op.getInt("p") ? call.op.getFloat("p", 2) : double(call.op.getInt("p", 2));
  if (!(p >= 1))
    return call.error("attribute p must be at least 1");
  Rows rows(call.in(), axes, call.op.getBool("keepdim"));
  auto y = call.allocate(ElemKind::F32, rows.resultShape);
  if (!y)
    return failure();
  for (int64_t r = 0; r < rows.count; ++r) {
    const float *x = data<float>(rows.moved) + r * rows.length;
    double sum = 0;
    for (int64_t i = 0; i < rows.length; ++i)
      sum += std::pow(std::fabs(double(x[i])), p);
    mutData<float>(*y)[r] = float(std::pow(sum, 1 / p));
  }
  return one(std::move(*y));
}
