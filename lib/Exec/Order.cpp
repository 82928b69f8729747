//===- Order.cpp - TopK, CumSum, ReverseSequence, Trilu -------------------------===//
#include "Reduce.h"
#include "dpuopt/IR/OnnxViews.h"
#include <fmt/format.h>
#include <numeric>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
/// A tensor seen as [outer, n, inner] around one axis.
struct Around {
  int64_t outer, n, inner;
  Around(llvm::ArrayRef<int64_t> shape, int64_t axis)
      : outer(product(shape, 0, axis)), n(shape[axis]), inner(product(shape, axis + 1)) {}
};
} // namespace

/// Positions of the k first elements of a line; equal ones in index order.
template <class T> static void firstK(std::vector<int64_t> &index, const T *x, int64_t step, int64_t k, bool largest) {
  std::iota(index.begin(), index.end(), 0);
  auto before = [&](int64_t a, int64_t b) {
    T u = x[a * step], v = x[b * step];
    return u == v ? a < b : largest ? u > v : u < v;
  };
  std::partial_sort(index.begin(), index.begin() + k, index.end(), before);
}

static Result<Tensors> topK(const Call &call) {
  const Tensor x = call.in().expanded();
  auto axis = call.axis(-1, x.shape().size());
  if (!axis)
    return failure();
  int64_t k = call.op.getInt("k", -1);
  if (call.operand(1)) {
    auto given = call.ints(1);
    if (!given || given->size() != 1)
      return given ? Result<Tensors>(call.error("k must be one number")) : failure();
    k = (*given)[0];
  }
  if (k < 0 || k > x.shape()[*axis])
    return call.error(fmt::format("k is {}, required 0-{}", k, x.shape()[*axis]));
  bool largest = call.op.getInt("largest", 1) != 0;
  Shape shape(x.shape().begin(), x.shape().end());
  shape[*axis] = k;
  auto values = call.allocate(x.elemType(), shape), indices = call.allocate(ElemKind::I64, shape);
  if (!values || !indices)
    return failure();
  Around a(x.shape(), *axis);
  std::vector<int64_t> order(a.n);
  int64_t *where = mutData<int64_t>(*indices);
  dispatch(x.elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    T *out = mutData<T>(*values);
    for (int64_t line = 0; line < a.outer * a.inner; ++line) {
      const T *from = data<T>(x) + line / a.inner * a.n * a.inner + line % a.inner;
      int64_t to = line / a.inner * k * a.inner + line % a.inner;
      firstK(order, from, a.inner, k, largest);
      for (int64_t i = 0; i < k; ++i)
        out[to + i * a.inner] = from[order[i] * a.inner], where[to + i * a.inner] = order[i];
    }
  });
  Tensors results = one(std::move(*values));
  results.push_back(std::move(*indices));
  return results;
}

static Result<Tensors> cumSum(const Call &call) {
  const Tensor x = call.in().expanded();
  auto given = call.ints(1);
  if (!given)
    return failure();
  int64_t axis = given->size() == 1 ? onnx::normalizeAxis((*given)[0], int64_t(x.shape().size())) : -1;
  if (axis < 0)
    return call.error("its axis is out of range");
  bool exclusive = call.op.getInt("exclusive") != 0, reverse = call.op.getInt("reverse") != 0;
  auto y = call.allocate(x.elemType(), x.shape());
  if (!y)
    return failure();
  Around a(x.shape(), axis);
  dispatch(x.elemType().kind, [&](auto zero) {
    using T = decltype(zero);
    using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
    T *out = mutData<T>(*y);
    for (int64_t line = 0; line < a.outer * a.inner; ++line) {
      int64_t first = line / a.inner * a.n * a.inner + line % a.inner;
      Sum sum = 0;
      for (int64_t i = 0; i < a.n; ++i) {
        int64_t at = first + (reverse ? a.n - 1 - i : i) * a.inner;
        Sum next = sum + static_cast<Sum>(data<T>(x)[at]);
        out[at] = static_cast<T>(exclusive ? sum : next);
        sum = next;
      }
    }
  });
  return one(std::move(*y));
}

/// ReverseSequence: x[b][t] for t below the sequence's length is turned around.
static Result<Tensors> reverseSequence(const Call &call) {
  const Tensor x = call.in().expanded();
  auto lengths = call.ints(1);
  int64_t time = call.op.getInt("time_axis", 0), batch = call.op.getInt("batch_axis", 1);
  if (!lengths)
    return failure();
  if (x.shape().size() < 2 || time + batch != 1 || time < 0 || time > 1 || int64_t(lengths->size()) != x.shape()[batch])
    return call.error("needs axes 0 and 1 as time and batch, and one length per batch entry");
  auto y = call.allocate(x.elemType(), x.shape());
  if (!y)
    return failure();
  int64_t steps = x.shape()[time], block = product(x.shape(), 2) * x.elemType().byteSize();
  const uint8_t *from = data<uint8_t>(x);
  uint8_t *to = mutBytes(*y);
  for (int64_t b = 0; b < x.shape()[batch]; ++b) {
    int64_t n = (*lengths)[b];
    if (n < 0 || n > steps)
      return call.error(fmt::format("sequence length {} is not in 0-{}", n, steps));
    for (int64_t t = 0; t < steps; ++t) {
      int64_t source = t < n ? n - 1 - t : t;
      auto at = [&](int64_t s) { return (time == 0 ? s * x.shape()[1] + b : b * steps + s) * block; };
      std::copy_n(from + at(source), block, to + at(t));
    }
  }
  return one(std::move(*y));
}

/// Trilu: keeps one triangle of the last two axes.
static Result<Tensors> trilu(const Call &call) {
  Tensor y = call.in().expanded();
  size_t rank = y.shape().size();
  if (rank < 2)
    return call.error("needs at least two dimensions");
  int64_t k = 0;
  if (call.operand(1)) {
    auto given = call.ints(1);
    if (!given || given->size() != 1)
      return given ? Result<Tensors>(call.error("k must be one number")) : failure();
    k = std::clamp<int64_t>((*given)[0], -(int64_t(1) << 40), int64_t(1) << 40);
  }
  bool upper = call.op.getInt("upper", 1) != 0;
  int64_t rows = y.shape()[rank - 2], columns = y.shape()[rank - 1];
  dispatchSize(y.elemType().byteSize(), [&](auto word) {
    using W = decltype(word);
    auto elements = y.mut<W>();
    for (size_t i = 0; i < elements.size(); ++i) {
      int64_t row = int64_t(i) / columns % rows, column = int64_t(i) % columns;
      if (upper ? column - row < k : column - row > k)
        elements[i] = 0;
    }
  });
  return one(std::move(y));
}

llvm::ArrayRef<KernelEntry> exec::orderKernels() {
  static const KernelEntry table[] = {
      {"onnx.TopK", topK},
      {"onnx.CumSum", cumSum, 2},
      {"onnx.ReverseSequence", reverseSequence, 2},
      {"onnx.Trilu", trilu},
  };
  return table;
}
