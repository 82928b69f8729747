//===- Cases.h - convolutions at random, and both ways to compute them -------------------===//
#ifndef DPUOPT_TEST_UNIT_KERNELS_CASES_H
#define DPUOPT_TEST_UNIT_KERNELS_CASES_H

#include "dpuopt/Kernels/Conv.h"
#include <cstring>
#include <random>
#include <sstream>

namespace dpuopt::kernels::test {

/// What the definition gives, one output after the other, written independently of lib/Kernels' own reference.
inline std::vector<int8_t> defined(const ConvGeometry &g, const std::vector<int8_t> &w, const Requant &r,
                                   const std::vector<int8_t> &in, int64_t inPixel) {
  std::vector<int64_t> sums(size_t(g.batch * g.outH * g.outW * g.outC));
  int64_t multiplier = g.depthwise ? g.outC / g.inC : 1;
  auto weight = [&](int64_t oc, int64_t ky, int64_t kx, int64_t c) {
    if (g.transposed)
      ky = g.kernelH - 1 - ky, kx = g.kernelW - 1 - kx;
    int64_t tap = ky * g.kernelW + kx;
    return g.depthwise ? w[size_t(((oc % multiplier) * g.kernelH * g.kernelW + tap) * g.inC + c)]
                       : w[size_t((oc * g.kernelH * g.kernelW + tap) * g.inC + c)];
  };
  // A gather goes over outputs, a scatter over inputs; here is the smaller grid, and there the larger.
  int64_t hereH = g.transposed ? g.inH : g.outH, hereW = g.transposed ? g.inW : g.outW;
  int64_t thereH = g.transposed ? g.outH : g.inH, thereW = g.transposed ? g.outW : g.inW;
  for (int64_t n = 0; n < g.batch; ++n)
    for (int64_t y = 0; y < hereH; ++y)
      for (int64_t x = 0; x < hereW; ++x)
        for (int64_t ky = 0; ky < g.kernelH; ++ky)
          for (int64_t kx = 0; kx < g.kernelW; ++kx) {
            int64_t ty = y * g.strideH - g.padTop + ky * g.dilationH, tx = x * g.strideW - g.padLeft + kx * g.dilationW;
            if (ty < 0 || ty >= thereH || tx < 0 || tx >= thereW)
              continue;
            int64_t iy = g.transposed ? y : ty, ix = g.transposed ? x : tx, oy = g.transposed ? ty : y,
                    ox = g.transposed ? tx : x;
            const int8_t *pixel = in.data() + ((n * g.inH + iy) * g.inW + ix) * inPixel;
            for (int64_t oc = 0; oc < g.outC; ++oc) {
              int64_t &sum = sums[size_t(((n * g.outH + oy) * g.outW + ox) * g.outC + oc)];
              if (g.depthwise)
                sum += pixel[oc / multiplier] * weight(oc, ky, kx, oc / multiplier);
              else
                for (int64_t c = 0; c < g.inC; ++c)
                  sum += pixel[c] * weight(oc, ky, kx, c);
            }
          }
  std::vector<int8_t> out(sums.size());
  for (size_t i = 0; i < sums.size(); ++i)
    out[i] = r.apply(sums[i], i % size_t(g.outC));
  return out;
}

inline size_t weightCount(const ConvGeometry &g) {
  return size_t(g.outC * g.kernelH * g.kernelW * (g.depthwise ? 1 : g.inC));
}

/// Runs `g` with pixels that far apart; fails the test if a byte between the results' channels changes.
std::vector<int8_t> computed(const ConvGeometry &g, const std::vector<int8_t> &w, const Requant &r,
                             const std::vector<int8_t> &in, int64_t inPixel, int64_t outPixel, Isa isa, Team &team);

struct Random {
  std::mt19937 engine;
  explicit Random(unsigned seed) : engine(seed) {}
  int64_t in(int64_t low, int64_t high) { return low + int64_t(engine() % uint64_t(high - low + 1)); }
  bool oneIn(int n) { return in(1, n) == 1; }
  std::vector<int8_t> bytes(size_t n) {
    std::vector<int8_t> v(n);
    bool extreme = oneIn(6);
    for (int8_t &b : v)
      b = extreme ? (oneIn(2) ? int8_t(-128) : int8_t(127)) : int8_t(in(-128, 127));
    return v;
  }
};

/// Sizes so that outputs exist; small enough for the definition above.
ConvGeometry randomGeometry(Random &random, bool depthwise, bool transposed);
Requant randomRequant(Random &random, const ConvGeometry &g);
std::string describe(const ConvGeometry &g, const Requant &r);

} // namespace dpuopt::kernels::test
#endif
