//===- Loops.h - loops over elements, for every ISA -------------------------------------===//
//
// Plain loops that compilers vectorise. Each ISA's .cpp includes this once and gets its
// own copies, compiled for that ISA: everything is in an anonymous namespace.
//
//===----------------------------------------------------------------------===//
#include "Table.h"

namespace dpuopt::kernels {
namespace {

template <typename T> inline T smaller(T a, T b) { return a < b ? a : b; }
template <typename T> inline T larger(T a, T b) { return a > b ? a : b; }

/// Half of the last bit that a shift to the right drops.
inline int halfOf(int shift) { return shift > 0 ? 1 << (shift - 1) : 0; }

template <typename T> inline int8_t clampTo(T x, T low, T high) { return int8_t(smaller(larger(x, low), high)); }

void add16(const int8_t *a, int shiftA, const int8_t *b, int shiftB, int guard, int8_t *out, size_t n, RoundClamp r) {
  int16_t half = int16_t(halfOf(r.shift)), low = int16_t(r.low), high = int16_t(r.high), scale = int16_t(1 << guard);
  for (size_t i = 0; i < n; ++i) {
    int16_t x = int16_t(int16_t(a[i] * scale) >> shiftA), y = int16_t(int16_t(b[i] * scale) >> shiftB);
    out[i] = clampTo(int16_t(int16_t(x + y + half) >> r.shift), low, high);
  }
}

void multiply(const int8_t *a, const int8_t *b, int8_t *out, size_t n, RoundClamp r) {
  int half = halfOf(r.shift);
  for (size_t i = 0; i < n; ++i)
    out[i] = clampTo((a[i] * b[i] + half) >> r.shift, r.low, r.high);
}

void toFloat(const int8_t *in, float *out, size_t n, float scale) {
  for (size_t i = 0; i < n; ++i)
    out[i] = float(in[i]) * scale;
}

/// The fraction x - trunc(x) is exact, so no sum can push a value over the half.
void toInt8(const float *in, int8_t *out, size_t n, float scale) {
  for (size_t i = 0; i < n; ++i) {
    float x = in[i] * scale;
    x = x > 127.0f ? 127.0f : x;
    x = x > -128.0f ? x : -128.0f;
    x = in[i] == in[i] ? x : 0.0f;
    int whole = int(x);
    float part = x - float(whole);
    out[i] = int8_t(whole + (part >= 0.5f) - (part < -0.5f));
  }
}

/// Channels at a time whose maxima or sums stay in registers.
constexpr size_t Block = 64;

/// `Step` channels at a time, `cell(step's state, cell's bytes)` for every cell of the window.
template <size_t Step, typename T, typename Cell>
inline void eachCell(const Window &w, size_t at, T (&state)[Step], Cell cell) {
  for (size_t y = 0; y < w.rows; ++y)
    for (size_t x = 0; x < w.columns; ++x) {
      const int8_t *p = w.first + ptrdiff_t(y) * w.rowBytes + ptrdiff_t(x) * w.pixelBytes + at;
      for (size_t c = 0; c < Step; ++c)
        state[c] = cell(state[c], p[c]);
    }
}

template <size_t Step, typename T, typename Cell>
inline void windowStep(const Window &w, size_t at, T *out, T start, Cell cell) {
  T state[Step];
  for (T &s : state)
    s = start;
  eachCell<Step>(w, at, state, cell);
  for (size_t c = 0; c < Step; ++c)
    out[at + c] = state[c];
}

template <typename T, typename Cell> inline void window(const Window &w, T *out, size_t channels, T start, Cell cell) {
  size_t at = 0;
  for (; at + Block <= channels; at += Block)
    windowStep<Block>(w, at, out, start, cell);
  for (; at + 16 <= channels; at += 16)
    windowStep<16>(w, at, out, start, cell);
  for (; at < channels; ++at)
    windowStep<1>(w, at, out, start, cell);
}

void maxWindow(const Window &w, int8_t *out, size_t channels) {
  window(w, out, channels, int8_t(-128), [](int8_t s, int8_t x) { return larger(s, x); });
}

void sumWindow(const Window &w, int32_t *out, size_t channels) {
  window(w, out, channels, int32_t(0), [](int32_t s, int8_t x) { return int32_t(s + x); });
}

void scaleSums(const int32_t *sums, int8_t *out, size_t n, int factor, RoundClamp r) {
  int half = halfOf(r.shift);
  for (size_t i = 0; i < n; ++i)
    out[i] = clampTo((sums[i] * factor + half) >> r.shift, r.low, r.high);
}

} // namespace
} // namespace dpuopt::kernels
