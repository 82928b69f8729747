//===- Reduce.cpp - sums, means, extremes and their positions -----------------===//
//
// The reduced axes are moved to the end; then every result is one contiguous row.
// Real sums are accumulated in double, so the order of the axes does not matter.
//
//===----------------------------------------------------------------------===//
#include "Reduce.h"
#include "Broadcast.h"
#include "TorchOps.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

Rows::Rows(const Tensor &x, llvm::ArrayRef<int64_t> axes, bool keepDims) {
  std::vector<bool> reduced(x.shape().size(), axes.empty());
  for (int64_t a : axes)
    reduced[a] = true;
  llvm::SmallVector<unsigned, 6> order, last;
  for (unsigned i = 0; i < reduced.size(); ++i) {
    (reduced[i] ? last : order).push_back(i);
    (reduced[i] ? length : count) *= x.shape()[i];
    if (!reduced[i])
      resultShape.push_back(x.shape()[i]);
    else if (keepDims)
      resultShape.push_back(1);
  }
  order.append(last.begin(), last.end());
  moved = x.expanded().transposed(order);
}

namespace {
struct Sum {
  static constexpr bool emptyIsFine = true;
  template <class T> static double real(const T *x, int64_t n) {
    double s = 0;
    for (int64_t i = 0; i < n; ++i)
      s += x[i];
    return s;
  }
  template <class T> static T integer(const T *x, int64_t n) {
    uint64_t s = 0;
    for (int64_t i = 0; i < n; ++i)
      s += static_cast<uint64_t>(x[i]);
    return static_cast<T>(s);
  }
};
/// Finish(sum of Term(x), n) in double; for integers the result is truncated.
template <auto Term, auto Finish> struct SumOf {
  static constexpr bool emptyIsFine = true;
  template <class T> static double real(const T *x, int64_t n) {
    double s = 0;
    for (int64_t i = 0; i < n; ++i)
      s += Term(double(x[i]));
    return Finish(s, n);
  }
  template <class T> static T integer(const T *x, int64_t n) {
    double v = n ? real(x, n) : 0;
    return std::fabs(v) < 9e18 ? static_cast<T>(static_cast<int64_t>(v)) : T(0);
  }
};
struct Product {
  static constexpr bool emptyIsFine = true;
  template <class T> static double real(const T *x, int64_t n) {
    double p = 1;
    for (int64_t i = 0; i < n; ++i)
      p *= x[i];
    return p;
  }
  template <class T> static T integer(const T *x, int64_t n) {
    uint64_t p = 1;
    for (int64_t i = 0; i < n; ++i)
      p *= static_cast<uint64_t>(x[i]);
    return static_cast<T>(p);
  }
};
template <bool Max> struct Extreme {
  static constexpr bool emptyIsFine = false;
  template <class T> static T integer(const T *x, int64_t n) {
    T best = x[0];
    for (int64_t i = 1; i < n; ++i)
      if (x[i] != x[i] || (Max ? x[i] > best : x[i] < best)) // NaN wins
        best = x[i];
    return best;
  }
  template <class T> static double real(const T *x, int64_t n) { return integer(x, n); }
};
/// log(sum(exp(x))), shifted by the largest element.
struct LogSumExp {
  static constexpr bool emptyIsFine = false;
  template <class T> static double real(const T *x, int64_t n) {
    double top = Extreme<true>::real(x, n), s = 0;
    if (!std::isfinite(top))
      return top;
    for (int64_t i = 0; i < n; ++i)
      s += std::exp(double(x[i]) - top);
    return top + std::log(s);
  }
  template <class T> static T integer(const T *x, int64_t n) { return static_cast<T>(real(x, n)); }
};

constexpr auto asIs = [](double x) { return x; };
constexpr auto magnitude = [](double x) { return std::fabs(x); };
constexpr auto square = [](double x) { return x * x; };
constexpr auto total = [](double s, int64_t) { return s; };
using Mean = SumOf<asIs, [](double s, int64_t n) { return s / double(n); }>;
using L1 = SumOf<magnitude, total>;
using L2 = SumOf<square, [](double s, int64_t) { return std::sqrt(s); }>;
using SumSquare = SumOf<square, total>;
using LogSum = SumOf<asIs, [](double s, int64_t) { return std::log(s); }>;
} // namespace

template <class R> static Result<Tensor> reduce(const Call &call, llvm::ArrayRef<int64_t> axes, bool keepDims) {
  Rows rows(call.in(), axes, keepDims);
  auto y = call.allocate(call.in().elemType(), rows.resultShape);
  if (!y)
    return failure();
  if (rows.length == 0 && rows.count > 0 && !R::emptyIsFine)
    return call.error("reduces over no elements");
  dispatch(call.in().elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    T *out = mutData<T>(*y);
    for (int64_t r = 0; r < rows.count; ++r) {
      const T *row = data<T>(rows.moved) + r * rows.length;
      if constexpr (std::is_integral_v<T>)
        out[r] = R::integer(row, rows.length);
      else
        out[r] = static_cast<T>(R::real(row, rows.length));
    }
  });
  return y;
}

template <class R> static Result<Tensors> onnxReduce(const Call &call) {
  auto axes = call.axes(1, call.in().shape().size());
  if (!axes)
    return failure();
  if (axes->empty() && call.op.getInt("noop_with_empty_axes"))
    return one(call.in());
  auto y = reduce<R>(call, *axes, call.op.getInt("keepdims", 1) != 0);
  if (!y)
    return failure();
  return one(std::move(*y));
}

template <class R> static Result<Tensors> xirReduce(const Call &call) {
  std::vector<int64_t> axes = call.op.getInts("axis");
  for (int64_t &a : axes) {
    a += a < 0 ? static_cast<int64_t>(call.in().shape().size()) : 0;
    if (a < 0 || a >= static_cast<int64_t>(call.in().shape().size()))
      return call.error("attribute axis is out of range");
  }
  bool vendor = call.vendorMeans && std::is_same_v<R, Mean>;
  auto y = vendor ? reduce<Sum>(call, axes, call.op.getBool("keep_dims"))
                  : reduce<R>(call, axes, call.op.getBool("keep_dims"));
  if (!y)
    return failure();
  if (!vendor)
    return one(std::move(*y));
  double factor = 1; // one N / 2^M per axis
  for (size_t i = 0; i < call.in().shape().size(); ++i)
    if (axes.empty() || llvm::is_contained(axes, int64_t(i))) {
      DpuFraction f = dpuReciprocal(call.in().shape()[i]);
      factor *= std::ldexp(double(f.n), -f.m);
    }
  return one(mapElements<float, float>(*y, ElemKind::F32, [=](float v) { return float(double(v) * factor); }));
}

DpuFraction exec::dpuReciprocal(int64_t n) {
  DpuFraction best;
  if (n <= 1)
    return best;
  int limit = static_cast<int>(std::ceil(std::log2(128.0 * double(n))));
  double bestError = INFINITY;
  for (int m = 0; m < limit; ++m) {
    double candidate = std::round(std::ldexp(1.0, m) / double(n));
    double error = std::fabs(std::ldexp(candidate, -m) - 1.0 / double(n));
    if (error < bestError)
      best = {int64_t(candidate), m}, bestError = error;
  }
  return best;
}

/// Position of the largest or smallest element along one axis.
template <bool Max> static Result<Tensors> argExtreme(const Call &call) {
  bool xir = call.op.isXir();
  std::vector<int64_t> list = call.op.getInts("axis"); // xir may carry a list
  size_t rank = call.in().shape().size();
  auto axis = list.size() == 1 ? Result<int64_t>(list[0] < 0 ? list[0] + int64_t(rank) : list[0]) : call.axis(0, rank);
  if (!axis || *axis < 0 || *axis >= int64_t(rank))
    return axis ? Result<Tensors>(call.error("axis is out of range")) : failure();
  bool keep = xir ? call.op.getBool("keep_dims") : call.op.getInt("keepdims", 1) != 0;
  bool selectLast = call.op.getInt("select_last_index") != 0;
  Rows rows(call.in(), {*axis}, keep);
  if (rows.length == 0 && rows.count > 0)
    return call.error("reduces over no elements");
  auto y = call.allocate(ElemKind::I64, rows.resultShape);
  if (!y)
    return failure();
  int64_t *out = mutData<int64_t>(*y);
  dispatch(call.in().elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t r = 0; r < rows.count; ++r) {
      const T *x = data<T>(rows.moved) + r * rows.length;
      int64_t best = 0;
      for (int64_t i = 1; i < rows.length; ++i)
        if ((Max ? x[i] > x[best] : x[i] < x[best]) || (selectLast && x[i] == x[best]))
          best = i;
      out[r] = best;
    }
  });
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::reduceKernels() {
  static const KernelEntry table[] = {
      {"onnx.ReduceL1", onnxReduce<L1>},
      {"onnx.ReduceL2", onnxReduce<L2>},
      {"onnx.ReduceLogSum", onnxReduce<LogSum>},
      {"onnx.ReduceLogSumExp", onnxReduce<LogSumExp>},
      {"onnx.ReduceMax", onnxReduce<Extreme<true>>},
      {"onnx.ReduceMean", onnxReduce<Mean>},
      {"onnx.ReduceMin", onnxReduce<Extreme<false>>},
      {"onnx.ReduceProd", onnxReduce<Product>},
      {"onnx.ReduceSum", onnxReduce<Sum>},
      {"onnx.ReduceSumSquare", onnxReduce<SumSquare>},
      {"onnx.ArgMax", argExtreme<true>},
      {"onnx.ArgMin", argExtreme<false>},
      {"xir.reduction_max", xirReduce<Extreme<true>>, 1, 1},
      {"xir.reduction_min", xirReduce<Extreme<false>>, 1, 1},
      {"xir.reduction_mean", xirReduce<Mean>, 1, 1},
      {"xir.reduction_product", xirReduce<Product>, 1, 1},
      {"xir.reduction_sum", xirReduce<Sum>, 1, 1},
      {"xir.argmax", argExtreme<true>, 1, 1},
      {"xir.aten::mean", adaptiveMean, 1, 1},
      {"xir.aten::adaptive_avg_pool1d", adaptiveMean, 1, 1},
      {"xir.aten::adaptive_avg_pool2d", adaptiveMean, 1, 1},
      {"xir.nndct_normalize", vectorNorm, 1, 1},
  };
  return table;
}
