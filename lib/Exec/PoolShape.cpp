//===- PoolShape.cpp - sliding windows without weights ----------------------------===//
#include "PoolShape.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

bool PoolShape::outputSizes(bool ceil) {
  for (int a = 0; a < 3; ++a) {
    int64_t room = in[a] + padBegin[a] + padEnd[a] - ((kernel[a] - 1) * dilation[a] + 1);
    if (room < 0 || in[a] < 1)
      return false;
    out[a] = (ceil ? (room + stride[a] - 1) / stride[a] : room / stride[a]) + 1;
    if (ceil && (out[a] - 1) * stride[a] >= in[a] + padBegin[a])
      --out[a];
  }
  return true;
}

namespace {
using Three = PoolShape::Three;

/// The taps of one window along one axis that are inside [0, in).
struct Taps {
  int64_t first, last; ///< tap numbers [first, last)
  int64_t start;       ///< position of tap 0
};

Taps tapsOf(const PoolShape &s, int axis, int64_t o) {
  int64_t start = o * s.stride[axis] - s.padBegin[axis], d = s.dilation[axis];
  int64_t first = start < 0 ? (-start + d - 1) / d : 0;
  int64_t last = std::min(s.kernel[axis], (s.in[axis] - start + d - 1) / d);
  return {first, std::max(first, last), start};
}

/// Taps of a window along an axis that are inside the padded input.
int64_t paddedTaps(const PoolShape &s, int axis, const Taps &t) {
  return std::min(s.kernel[axis], (s.in[axis] + s.padEnd[axis] - t.start + s.dilation[axis] - 1) / s.dilation[axis]);
}

/// Calls window(plane, output pixel, taps of the three axes) for every window.
template <class F> void forEachWindow(const PoolShape &s, F window) {
#pragma omp parallel for if (s.planes > 1)
  for (int64_t p = 0; p < s.planes; ++p)
    for (int64_t z = 0; z < s.out[0]; ++z)
      for (int64_t y = 0; y < s.out[1]; ++y)
        for (int64_t x = 0; x < s.out[2]; ++x)
          window(p, (z * s.out[1] + y) * s.out[2] + x,
                 std::array<Taps, 3>{tapsOf(s, 0, z), tapsOf(s, 1, y), tapsOf(s, 2, x)});
}

/// Calls tap(input pixel) for every tap inside the input.
template <class F> void forEachTap(const PoolShape &s, const std::array<Taps, 3> &t, F tap) {
  for (int64_t i = t[0].first; i < t[0].last; ++i)
    for (int64_t j = t[1].first; j < t[1].last; ++j) {
      int64_t row = ((t[0].start + i * s.dilation[0]) * s.in[1] + t[1].start + j * s.dilation[1]) * s.in[2];
      for (int64_t k = t[2].first; k < t[2].last; ++k)
        tap(row + t[2].start + k * s.dilation[2]);
    }
}

int64_t divisorOf(const PoolShape &s, const std::array<Taps, 3> &t, Divisor divisor) {
  int64_t n = 1;
  for (int a = 0; a < 3; ++a)
    n *= divisor == Divisor::Kernel   ? s.kernel[a]
         : divisor == Divisor::Padded ? paddedTaps(s, a, t[a])
                                      : t[a].last - t[a].first;
  return std::max<int64_t>(n, 1);
}

/// Each result is end(sum of part(input), window); `y` holds zeros.
template <typename Part, typename End>
void sumWindows(const PoolShape &s, const float *x, float *y, Part part, End end) {
  int64_t inPixels = product(s.in), outPixels = product(s.out);
  forEachWindow(s, [&](int64_t plane, int64_t pixel, const std::array<Taps, 3> &taps) {
    float *out = y + (plane * outPixels + pixel) * s.inner;
    const float *in = x + plane * inPixels * s.inner;
    forEachTap(s, taps, [&](int64_t tap) {
      for (int64_t c = 0; c < s.inner; ++c)
        out[c] += part(in[tap * s.inner + c]);
    });
    end(out, taps);
  });
}
} // namespace

void exec::averageWindows(const PoolShape &s, const float *x, float *y, Divisor divisor) {
  auto divide = [&](float *out, const std::array<Taps, 3> &taps) {
    float n = float(divisorOf(s, taps, divisor));
    for (int64_t c = 0; c < s.inner; ++c)
      out[c] /= n;
  };
  sumWindows(
      s, x, y, [](float v) { return v; }, divide);
}

void exec::lpWindows(const PoolShape &s, const float *x, float *y, int64_t p) {
  auto root = [&](float *out, const std::array<Taps, 3> &) {
    for (int64_t c = 0; c < s.inner; ++c)
      out[c] = std::pow(out[c], 1.0f / float(p));
  };
  sumWindows(
      s, x, y, [p](float v) { return std::pow(std::fabs(v), float(p)); }, root);
}

/// The row-major position, or the one with the last spatial axis slowest.
static int64_t positionOf(const PoolShape &s, int64_t plane, int64_t pixel, bool columnMajor) {
  int64_t w = s.in[2], h = s.in[1];
  if (columnMajor) // of the last two axes, as the operator's storage_order says
    pixel = pixel / (h * w) * h * w + pixel % w * h + pixel / w % h;
  return plane * product(s.in) + pixel;
}

template <class T> void exec::maxWindows(const PoolShape &s, const T *x, T *y, int64_t *indices, bool columnMajor) {
  int64_t inPixels = product(s.in), outPixels = product(s.out);
  forEachWindow(s, [&](int64_t plane, int64_t pixel, const std::array<Taps, 3> &taps) {
    T *out = y + (plane * outPixels + pixel) * s.inner;
    const T *in = x + plane * inPixels * s.inner;
    std::fill_n(out, s.inner, std::numeric_limits<T>::lowest());
    int64_t where = -1;
    forEachTap(s, taps, [&](int64_t tap) {
      if (indices && (where < 0 || in[tap] > *out))
        where = tap;
      for (int64_t c = 0; c < s.inner; ++c)
        out[c] = std::max(out[c], in[tap * s.inner + c]);
    });
    if (indices)
      indices[plane * outPixels + pixel] = positionOf(s, plane, std::max<int64_t>(where, 0), columnMajor);
  });
}

template void exec::maxWindows<float>(const PoolShape &, const float *, float *, int64_t *, bool);
template void exec::maxWindows<int8_t>(const PoolShape &, const int8_t *, int8_t *, int64_t *, bool);
template void exec::maxWindows<uint8_t>(const PoolShape &, const uint8_t *, uint8_t *, int64_t *, bool);
