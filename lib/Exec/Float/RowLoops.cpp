//===- RowLoops.cpp - arithmetic on rows of floats -----------------------------------------------===//
#include "RowLoops.h"

using namespace dpuopt;
using namespace dpuopt::exec;

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_THREAD__)
#define DPUOPT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DPUOPT_CLONES
#endif

bool Limits::take(const PostOp &op) {
  bool relu = op.kind == PostOp::Kind::Leaky && op.alpha == 0;
  if (!relu && op.kind != PostOp::Kind::Clip)
    return false;
  float newLow = relu ? 0 : op.alpha, newHigh = relu ? std::numeric_limits<float>::infinity() : op.beta;
  low = std::min(std::max(low, newLow), newHigh), high = std::min(std::max(high, newLow), newHigh);
  return on = true;
}

// A macro, since functions are cloned for instruction sets and templates are not.
#define DPUOPT_ROW(NAME, EXPRESSION)                                                                                   \
  DPUOPT_CLONES static void NAME##Both(const float *a, const float *b, float *y, int64_t n) {                          \
    for (int64_t i = 0; i < n; ++i) {                                                                                  \
      float p = a[i], q = b[i];                                                                                        \
      y[i] = EXPRESSION;                                                                                               \
    }                                                                                                                  \
  }                                                                                                                    \
  DPUOPT_CLONES static void NAME##Left(const float *a, float q, float *y, int64_t n) {                                 \
    for (int64_t i = 0; i < n; ++i) {                                                                                  \
      float p = a[i];                                                                                                  \
      y[i] = EXPRESSION;                                                                                               \
    }                                                                                                                  \
  }                                                                                                                    \
  DPUOPT_CLONES static void NAME##Right(float p, const float *b, float *y, int64_t n) {                                \
    for (int64_t i = 0; i < n; ++i) {                                                                                  \
      float q = b[i];                                                                                                  \
      y[i] = EXPRESSION;                                                                                               \
    }                                                                                                                  \
  }                                                                                                                    \
  static void NAME(RowOperand a, RowOperand b, float *y, int64_t n) {                                                  \
    if (a.step && b.step)                                                                                              \
      NAME##Both(a.data, b.data, y, n);                                                                                \
    else if (a.step)                                                                                                   \
      NAME##Left(a.data, *b.data, y, n);                                                                               \
    else if (b.step)                                                                                                   \
      NAME##Right(*a.data, b.data, y, n);                                                                              \
    else {                                                                                                             \
      NAME##Both(a.data, b.data, y, 1);                                                                                \
      std::fill_n(y, n, *y);                                                                                           \
    }                                                                                                                  \
  }

DPUOPT_ROW(addRow, p + q)
DPUOPT_ROW(subtractRow, p - q)
DPUOPT_ROW(multiplyRow, p *q)
DPUOPT_ROW(divideRow, p / q)
DPUOPT_ROW(maxRow, p != p ? p : q != q ? q : p < q ? q : p)
DPUOPT_ROW(minRow, p != p ? p : q != q ? q : q < p ? q : p)

DPUOPT_CLONES static void limitRow(float *y, int64_t n, float low, float high) {
  for (int64_t i = 0; i < n; ++i) {
    float v = y[i] < low ? low : y[i];
    y[i] = high < v ? high : v;
  }
}

void exec::arithmeticRow(Arithmetic what, RowOperand a, RowOperand b, float *y, int64_t n, const Limits &limits) {
  using Row = void (*)(RowOperand, RowOperand, float *, int64_t);
  static constexpr Row rows[] = {addRow, subtractRow, multiplyRow, divideRow, maxRow, minRow};
  rows[static_cast<unsigned>(what)](a, b, y, n);
  if (limits.on) // the row is in the first cache still
    limitRow(y, n, limits.low, limits.high);
}

DPUOPT_CLONES static void affine(const float *x, const float *scale, const float *shift, float *y, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    y[i] = x[i] * scale[i] + shift[i];
}

void exec::affineRow(const float *x, const float *scale, const float *shift, float *y, int64_t n,
                     const Limits &limits) {
  affine(x, scale, shift, y, n);
  if (limits.on)
    limitRow(y, n, limits.low, limits.high);
}

BroadcastRows::BroadcastRows(llvm::ArrayRef<int64_t> out, llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  std::array<int64_t, 2> steps{1, 1};
  for (size_t i = out.size(); i-- > 0;) {
    if (out[i] == 1)
      continue;
    std::array<int64_t, 2> at{a[i] == 1 ? 0 : steps[0], b[i] == 1 ? 0 : steps[1]};
    steps[0] *= a[i], steps[1] *= b[i];
    // Collected backwards: `dims.back()` is the axis just inside this one.
    bool merges = !dims.empty() && at[0] == strides[0].back() * dims.back() && at[1] == strides[1].back() * dims.back();
    if (merges) {
      dims.back() *= out[i];
      continue;
    }
    dims.push_back(out[i]), strides[0].push_back(at[0]), strides[1].push_back(at[1]);
  }
  if (dims.empty())
    dims.push_back(1), strides[0].push_back(0), strides[1].push_back(0);
  std::reverse(dims.begin(), dims.end());
  for (auto &s : strides)
    std::reverse(s.begin(), s.end());
  for (size_t i = 0; i + 1 < dims.size(); ++i)
    rowCount *= dims[i];
}

std::array<int64_t, 2> BroadcastRows::offsets(int64_t row) const {
  std::array<int64_t, 2> at{0, 0};
  for (size_t i = dims.size() - 1; i-- > 0; row /= dims[i])
    for (unsigned k : {0u, 1u})
      at[k] += row % dims[i] * strides[k][i];
  return at;
}
