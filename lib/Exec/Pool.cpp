//===- Pool.cpp - onnx pooling ------------------------------------------------------===//
#include "PoolShape.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

/// Geometry of a pooling op on its operand; the result's shape in `shape`.
static Result<PoolShape> geometry(const Call &call, Shape &shape) {
  const Tensor &x = call.in();
  onnx::Window w(call.op);
  if (!w.valid || w.spatial > 3 || x.shape().size() != w.spatial + 2)
    return call.error(fmt::format("input {} and its window do not fit together (1 to 3 spatial axes)", x.type().str()));
  PoolShape s;
  s.planes = x.shape()[0] * x.shape()[1];
  PoolShape::assign(s.in, x.shape().drop_front(2));
  PoolShape::assign(s.kernel, w.kernel), PoolShape::assign(s.stride, w.strides);
  PoolShape::assign(s.dilation, w.dilations);
  PoolShape::assign(s.padBegin, w.padsBegin), PoolShape::assign(s.padEnd, w.padsEnd);
  if (!s.outputSizes(w.ceilMode))
    return call.error(fmt::format("its window is larger than the padded input {}", x.type().str()));
  shape.assign(x.shape().begin(), x.shape().begin() + 2);
  shape.append(s.out.end() - w.spatial, s.out.end());
  return s;
}

static Result<Tensors> averagePool(const Call &call) {
  Shape shape;
  auto s = geometry(call, shape);
  auto y = s ? call.allocate(ElemKind::F32, shape) : failure();
  if (!y)
    return failure();
  bool padded = call.op.getInt("count_include_pad") != 0;
  averageWindows(*s, data<float>(call.in().expanded()), mutData<float>(*y), padded ? Divisor::Padded : Divisor::Inside);
  return one(std::move(*y));
}

static Result<Tensors> lpPool(const Call &call) {
  Shape shape;
  auto s = geometry(call, shape);
  auto y = s ? call.allocate(ElemKind::F32, shape) : failure();
  if (!y)
    return failure();
  int64_t p = call.op.getInt("p", 2);
  if (p < 1)
    return call.error(fmt::format("p must be positive, is {}", p));
  lpWindows(*s, data<float>(call.in().expanded()), mutData<float>(*y), p);
  return one(std::move(*y));
}

static Result<Tensors> maxPool(const Call &call) {
  Shape shape;
  ElemType elem = call.in().elemType();
  if (elem != ElemKind::F32 && elem != ElemKind::I8 && elem != ElemKind::U8)
    return call.error("pools f32, i8 and u8, not " + elem.str());
  auto s = geometry(call, shape);
  auto y = s ? call.allocate(elem, shape) : failure();
  auto indices = y ? call.allocate(ElemKind::I64, shape) : failure();
  if (!indices)
    return failure();
  bool wanted = call.op.numResults() > 1, columnMajor = call.op.getInt("storage_order") != 0;
  const Tensor x = call.in().expanded();
  dispatch(elem.kind, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (sizeof(T) == 1 || std::is_same_v<T, float>)
      maxWindows<T>(*s, data<T>(x), mutData<T>(*y), wanted ? mutData<int64_t>(*indices) : nullptr, columnMajor);
  });
  Tensors results = one(std::move(*y));
  if (wanted)
    results.push_back(std::move(*indices));
  return results;
}

/// One value per channel: F(row of pixels, count).
template <auto F> static Result<Tensors> globalPool(const Call &call) {
  const Tensor x = call.in().expanded();
  if (x.shape().size() < 3)
    return call.error("needs at least one spatial axis, has " + x.type().str());
  Shape shape(x.shape().size(), 1);
  shape[0] = x.shape()[0], shape[1] = x.shape()[1];
  auto y = call.allocate(ElemKind::F32, shape);
  if (!y)
    return failure();
  int64_t pixels = product(x.shape(), 2);
  float *out = mutData<float>(*y);
  for (int64_t c = 0; c < y->numElements(); ++c)
    out[c] = F(call.op, data<float>(x) + c * pixels, pixels);
  return one(std::move(*y));
}

static float meanOf(const Op &, const float *x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += x[i];
  return float(sum / double(n));
}
static float maxOf(const Op &, const float *x, int64_t n) { return n ? *std::max_element(x, x + n) : 0; }
static float normOf(const Op &op, const float *x, int64_t n) {
  double p = double(std::max<int64_t>(op.getInt("p", 2), 1)), sum = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += std::pow(std::fabs(double(x[i])), p);
  return float(std::pow(sum, 1 / p));
}

llvm::ArrayRef<KernelEntry> exec::poolKernels() {
  static const KernelEntry table[] = {
      {"onnx.AveragePool", averagePool, 1, 1},
      {"onnx.LpPool", lpPool, 1, 1},
      {"onnx.MaxPool", maxPool},
      {"onnx.GlobalAveragePool", globalPool<meanOf>, 1, 1},
      {"onnx.GlobalMaxPool", globalPool<maxOf>, 1, 1},
      {"onnx.GlobalLpPool", globalPool<normOf>, 1, 1},
  };
  return table;
}
