//===- FixLoops.cpp - the loops over floats that calibration waits for ---------===//
//
// Written once, as plain loops over blocks of sixteen that compilers vectorise, and
// compiled inside functions for each instruction set.
//
//===----------------------------------------------------------------------===//
#include "FixLoops.h"
#include <bit>
#include <cfloat>
#include <cstring>

#if defined(__x86_64__)
#define DPUOPT_AVX2 __attribute__((target("avx2")))
#define DPUOPT_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#endif
#define DPUOPT_INLINE [[gnu::always_inline]] inline

namespace dpuopt {
namespace {

constexpr size_t Lanes = 16;

/// An integer that is in the order of the floats; NaNs lie beyond the infinities.
DPUOPT_INLINE int32_t orderOf(float x) {
  int32_t bits = std::bit_cast<int32_t>(x);
  return bits ^ (bits >> 31 & INT32_MAX);
}
/// The float of an order; there is one zero.
float floatOf(int32_t order) { return std::bit_cast<float>(order ^ (order >> 31 & INT32_MAX)) + 0.0f; }

/// Comparisons with a NaN are false, so NaNs leave no trace but `finite`.
FloatRange rangeOfStrange(const float *x, size_t n) {
  FloatRange r{FLT_MAX, -FLT_MAX, false};
  for (size_t i = 0; i < n; ++i) {
    r.min = x[i] < r.min ? x[i] : r.min;
    r.max = x[i] > r.max ? x[i] : r.max;
  }
  return r;
}

DPUOPT_INLINE FloatRange rangeLoop(const float *x, size_t n) {
  int32_t lo = INT32_MAX, hi = INT32_MIN;
  for (size_t i = 0; i < n; ++i) {
    int32_t order = orderOf(x[i]);
    lo = order < lo ? order : lo;
    hi = order > hi ? order : hi;
  }
  FloatRange r{floatOf(lo), floatOf(hi), true};
  return r.min >= -FLT_MAX && r.max <= FLT_MAX ? r : rangeOfStrange(x, n);
}

DPUOPT_INLINE uint32_t leastMagnitudeLoop(const float *x, size_t n) {
  uint32_t least = UINT32_MAX;
  for (size_t i = 0; i < n; ++i) {
    uint32_t above = std::bit_cast<uint32_t>(x[i]) * 2 - 1; // zeros are the largest
    least = above < least ? above : least;
  }
  return least == UINT32_MAX ? least : (least + 1) / 2;
}

template <Rounding R> DPUOPT_INLINE void quantizeLoop(float *x, size_t n, const FixGrid &grid) {
  const FixGrid g = grid; // x may not alias it
  for (size_t i = 0; i < n; ++i)
    x[i] = toGrid<R>(x[i], g) * g.step;
}

DPUOPT_INLINE float squaredError(float x, const FixGrid &g) {
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
  constexpr float Round = 12582912.0f;
  float v = x * g.scale;
  float t = v > g.lo ? v : g.lo;
  t = t < g.hi ? t : g.hi;
  float d = v - ((t + Round) - Round);
  return d * d;
}

DPUOPT_INLINE double errorLoop(const float *x, size_t n, const FixGrid &grid) {
  const FixGrid g = grid;
  float sums[Lanes] = {};
  size_t i = 0;
  for (; i + Lanes <= n; i += Lanes)
    for (size_t j = 0; j < Lanes; ++j)
      sums[j] += squaredError(x[i + j], g);
  for (size_t j = 0; i + j < n; ++j)
    sums[j] += squaredError(x[i + j], g);
  double sum = 0;
  for (float s : sums)
    sum += s;
  return sum;
}

/// The loops, compiled with the attributes ATTR.
#define DPUOPT_FIX_LOOPS(NAME, ATTR)                                                                                   \
  ATTR FloatRange range##NAME(const float *x, size_t n) { return rangeLoop(x, n); }                                    \
  ATTR uint32_t least##NAME(const float *x, size_t n) { return leastMagnitudeLoop(x, n); }                             \
  ATTR void quantizeUp##NAME(float *x, size_t n, const FixGrid &g) { quantizeLoop<Rounding::HalfUp>(x, n, g); }        \
  ATTR void quantizeAway##NAME(float *x, size_t n, const FixGrid &g) { quantizeLoop<Rounding::HalfAway>(x, n, g); }    \
  ATTR double error##NAME(const float *x, size_t n, const FixGrid &g) { return errorLoop(x, n, g); }                   \
  constexpr FixLoops NAME##Loops = {#NAME, range##NAME, least##NAME, quantizeUp##NAME, quantizeAway##NAME, error##NAME};

DPUOPT_FIX_LOOPS(Portable, )
#if defined(__x86_64__)
DPUOPT_FIX_LOOPS(Avx2, DPUOPT_AVX2)
DPUOPT_FIX_LOOPS(Avx512, DPUOPT_AVX512)
#endif

std::vector<FixLoops> findLoops() {
  std::vector<FixLoops> loops{PortableLoops};
#if defined(__x86_64__)
  __builtin_cpu_init(); // also asks the operating system whether it keeps the registers
  if (__builtin_cpu_supports("avx2"))
    loops.push_back(Avx2Loops);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    loops.push_back(Avx512Loops);
#endif
  return loops;
}

} // namespace

llvm::ArrayRef<FixLoops> supportedFixLoops() {
  static const std::vector<FixLoops> loops = findLoops();
  return loops;
}

} // namespace dpuopt
