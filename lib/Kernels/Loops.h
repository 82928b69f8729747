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

// Words in the widest registers there are; what is left over goes through the same operations in a padded copy.
#if defined(__AVX512BW__)
constexpr int WordBytes = 64;
#elif defined(__AVX2__)
constexpr int WordBytes = 32;
#else
constexpr int WordBytes = 16;
#endif
using Words = int16_t __attribute__((vector_size(WordBytes)));
using Narrow = int8_t __attribute__((vector_size(WordBytes / 2)));
constexpr size_t WordCount = WordBytes / 2;

inline Words loadWords(const int8_t *p) {
  Narrow x;
  __builtin_memcpy(&x, p, sizeof(x));
  return __builtin_convertvector(x, Words);
}
inline void storeWords(int8_t *p, Words x, RoundClamp r) {
  Words low = Words{} + int16_t(r.low), high = Words{} + int16_t(r.high);
  x = x > low ? x : low;
  Narrow y = __builtin_convertvector(x < high ? x : high, Narrow);
  __builtin_memcpy(p, &y, sizeof(y));
}

/// out = operation(a, b), each a vector of words.
template <typename Operation>
inline void eachWord(const int8_t *a, const int8_t *b, int8_t *out, size_t n, RoundClamp r, Operation operation) {
  size_t i = 0;
  for (; i + WordCount <= n; i += WordCount)
    storeWords(out + i, operation(loadWords(a + i), loadWords(b + i)), r);
  if (i == n)
    return;
  int8_t restA[WordCount] = {}, restB[WordCount] = {};
  __builtin_memcpy(restA, a + i, n - i);
  __builtin_memcpy(restB, b + i, n - i);
  storeWords(restA, operation(loadWords(restA), loadWords(restB)), r);
  __builtin_memcpy(out + i, restA, n - i);
}

void add16(const int8_t *a, int shiftA, const int8_t *b, int shiftB, int guard, int8_t *out, size_t n, RoundClamp r) {
  int16_t half = int16_t(halfOf(r.shift));
  eachWord(a, b, out, n, r,
           [=](Words x, Words y) { return (((x << guard) >> shiftA) + ((y << guard) >> shiftB) + half) >> r.shift; });
}

void multiply16(const int8_t *a, const int8_t *b, int8_t *out, size_t n, RoundClamp r) {
  int16_t half = int16_t(halfOf(r.shift));
  eachWord(a, b, out, n, r, [=](Words x, Words y) { return (x * y + half) >> r.shift; });
}

void addInto(int32_t *sums, const int8_t *in, size_t n, int guard, int shift) {
  for (size_t i = 0; i < n; ++i)
    sums[i] += (in[i] * (1 << guard)) >> shift;
}

void toFloat(const int8_t *in, float *out, size_t n, float scale) {
  for (size_t i = 0; i < n; ++i)
    out[i] = float(in[i]) * scale;
}

using Floats = float __attribute__((vector_size(WordBytes)));
using Ints = int32_t __attribute__((vector_size(WordBytes)));
using Quarter = int8_t __attribute__((vector_size(WordBytes / 4)));
constexpr size_t FloatCount = WordBytes / 4;

/// The fraction x - trunc(x) is exact, so no sum can push a value over the half. Comparisons give -1 where they hold.
inline void toInt8Step(const float *in, int8_t *out, float scale) {
  Floats v;
  __builtin_memcpy(&v, in, sizeof(v));
  Floats x = v * scale, low = Floats{} - 128.0f, high = Floats{} + 127.0f;
  x = x < high ? x : high;
  x = x > low ? x : low;
  x = v == v ? x : Floats{}; // not a number
  Ints whole = __builtin_convertvector(x, Ints);
  Floats part = x - __builtin_convertvector(whole, Floats);
  Quarter y = __builtin_convertvector(whole - (part >= 0.5f) + (part < -0.5f), Quarter);
  __builtin_memcpy(out, &y, sizeof(y));
}

void toInt8(const float *in, int8_t *out, size_t n, float scale) {
  size_t i = 0;
  for (; i + FloatCount <= n; i += FloatCount)
    toInt8Step(in + i, out + i, scale);
  if (i == n)
    return;
  float rest[FloatCount] = {};
  int8_t bytes[FloatCount];
  __builtin_memcpy(rest, in + i, (n - i) * sizeof(float));
  toInt8Step(rest, bytes, scale);
  __builtin_memcpy(out + i, bytes, n - i);
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
