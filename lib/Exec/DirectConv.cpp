//===- DirectConv.cpp - convolution in plain loops ------------------------------===//
//
// The definition itself, for shapes oneDNN refuses and to check it against. Fewer
// than 3 spatial axes are 3 with leading ones.
//
//===----------------------------------------------------------------------===//
#include "ConvShape.h"
#include <array>
#ifdef _OPENMP
#include <omp.h>
#endif

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {
using Three = std::array<int64_t, 3>;

Three padded(llvm::ArrayRef<int64_t> v, int64_t fill) {
  Three out{fill, fill, fill};
  std::copy(v.begin(), v.end(), out.end() - v.size());
  return out;
}

class DirectConv final : public ConvPlan {
public:
  explicit DirectConv(const ConvShape &s)
      : s(s), in(padded(s.in, 1)), out(padded(s.out, 1)), kernel(padded(s.kernel, 1)), stride(padded(s.strides, 1)),
        dilation(padded(s.dilations, 1)), pad(padded(s.padsBegin, 0)), ig(s.inChannels / s.group),
        og(s.outChannels / s.group) {}

  bool setWeights(const Tensor &w) override {
    weights = w.expanded();
    weights.elements(); // aligned
    return true;
  }

  bool run(const float *x, const float *bias, float *y) override {
    int64_t pixels = out[0] * out[1] * out[2];
#pragma omp parallel for collapse(2)
    for (int64_t n = 0; n < s.batch; ++n)
      for (int64_t o = 0; o < s.outChannels; ++o)
        for (int64_t p = 0; p < pixels; ++p) {
          float &to = y[at(n, o, p, s.outChannels, pixels)];
          float sum = (bias ? bias[o] : 0) + dot(x, n, o, {p / (out[1] * out[2]), p / out[2] % out[1], p % out[2]});
          to = apply(s.post, sum, to);
        }
    return true;
  }

private:
  int64_t at(int64_t n, int64_t c, int64_t pixel, int64_t channels, int64_t pixels) const {
    return s.channelsLast ? (n * pixels + pixel) * channels + c : (n * channels + c) * pixels + pixel;
  }

  /// Input position that output position `o` sees through kernel tap `k`; -1: none.
  int64_t source(int axis, int64_t o, int64_t k) const {
    if (!s.transposed) {
      int64_t i = o * stride[axis] - pad[axis] + k * dilation[axis];
      return i >= 0 && i < in[axis] ? i : -1;
    }
    int64_t i = o + pad[axis] - k * dilation[axis];
    return i >= 0 && i % stride[axis] == 0 && i / stride[axis] < in[axis] ? i / stride[axis] : -1;
  }

  float dot(const float *x, int64_t n, int64_t o, Three pos) const {
    int64_t taps = kernel[0] * kernel[1] * kernel[2], pixels = in[0] * in[1] * in[2];
    int64_t firstChannel = o / og * ig;
    const float *w = data<float>(weights) + o * ig * taps;
    float sum = 0;
    for (int64_t t = 0; t < taps; ++t) {
      int64_t z = source(0, pos[0], t / (kernel[1] * kernel[2])), r = source(1, pos[1], t / kernel[2] % kernel[1]);
      int64_t c = source(2, pos[2], t % kernel[2]);
      if (z < 0 || r < 0 || c < 0)
        continue;
      int64_t pixel = (z * in[1] + r) * in[2] + c;
      for (int64_t i = 0; i < ig; ++i)
        sum += x[at(n, firstChannel + i, pixel, s.inChannels, pixels)] * w[i * taps + t];
    }
    return sum;
  }

  ConvShape s;
  Three in, out, kernel, stride, dilation, pad;
  int64_t ig, og;
  Tensor weights;
};
} // namespace

std::unique_ptr<ConvPlan> exec::directConv(const ConvShape &shape) { return std::make_unique<DirectConv>(shape); }

std::unique_ptr<ConvPlan> exec::makeConv(const ConvShape &shape, const Tensor &weights) {
  auto plan = oneDnnConv(shape);
  if (plan && plan->setWeights(weights))
    return plan;
  plan = directConv(shape);
  plan->setWeights(weights);
  return plan;
}

void exec::matrixMultiply(bool transA, bool transB, int64_t m, int64_t n, int64_t k, float alpha, const float *a,
                          const float *b, float beta, float *c) {
  if (k > 0 && m > 0 && n > 0 && oneDnnMultiply(transA, transB, m, n, k, alpha, a, b, beta, c))
    return;
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p)
        sum += double(a[transA ? p * m + i : i * k + p]) * b[transB ? j * k + p : p * n + j];
      float &out = c[i * n + j];
      out = float(alpha * sum) + (beta == 0 ? 0 : beta * out);
    }
}

void exec::setThreads([[maybe_unused]] unsigned threads) {
#ifdef _OPENMP
  omp_set_num_threads(static_cast<int>(std::clamp(threads, 1u, 1024u)));
#endif
}
