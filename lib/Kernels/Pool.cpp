//===- Pool.cpp - maxima and sums over windows --------------------------------------------===//
#include "dpuopt/Kernels/Pool.h"
#include "Dispatch.h"
#include "dpuopt/Kernels/Requant.h"
#include <algorithm>

using namespace dpuopt::kernels;

namespace {

/// The cells [begin, end) of one axis that output `o` reads.
struct Span {
  int64_t begin, end;
  Span(int64_t o, int64_t stride, int64_t pad, int64_t kernel, int64_t size)
      : begin(std::clamp<int64_t>(o * stride - pad, 0, size)),
        end(std::clamp<int64_t>(o * stride - pad + kernel, begin, size)) {}
  int64_t size() const { return end - begin; }
};

/// Channels whose sums are kept at a time.
constexpr int64_t SumBlock = 1024;

} // namespace

/// Calls visit(window, result) for every output pixel, a row per unit.
template <typename Visit>
static void eachPixel(const PoolGeometry &g, const PoolBuffers &b, Team &team, const Visit &visit) {
  int64_t inPixel = b.inPixel ? b.inPixel : g.channels, outPixel = b.outPixel ? b.outPixel : g.channels;
  team.run(size_t(g.batch * g.outH), [&](size_t unit, unsigned) {
    int64_t row = int64_t(unit), n = row / g.outH;
    Span ys(row % g.outH, g.strideH, g.padTop, g.kernelH, g.inH);
    for (int64_t x = 0; x < g.outW; ++x) {
      Span xs(x, g.strideW, g.padLeft, g.kernelW, g.inW);
      Window w{b.in + ((n * g.inH + ys.begin) * g.inW + xs.begin) * inPixel, size_t(ys.size()), size_t(xs.size()),
               g.inW * inPixel, inPixel};
      visit(w, b.out + (row * g.outW + x) * outPixel);
    }
  });
}

void dpuopt::kernels::maxPool(const PoolGeometry &g, const PoolBuffers &b, const ByteTable *table, Team &team,
                              Isa isa) {
  const KernelTable &kernels = tableOf(isa);
  eachPixel(g, b, team, [&](const Window &w, int8_t *out) {
    kernels.maxWindow(w, out, size_t(g.channels));
    if (table)
      kernels.map(out, out, size_t(g.channels), table->data());
  });
}

void dpuopt::kernels::sumPool(const PoolGeometry &g, const PoolBuffers &b, const SumRule &rule, Team &team, Isa isa) {
  const KernelTable &kernels = tableOf(isa);
  // Sums of 2^23 cells fit 31 bits; the vendor's factors are at most 8 bits.
  int64_t cells = std::min(g.kernelH, g.inH) * std::min(g.kernelW, g.inW);
  bool narrow = rule.cut >= 0 && rule.cut <= 30 && std::abs(rule.factor) < 1 << 22 &&
                cells * 128 * std::abs(rule.factor) < 1 << 30;
  eachPixel(g, b, team, [&](const Window &window, int8_t *out) {
    int32_t sums[SumBlock];
    Window w = window;
    for (int64_t at = 0; at < g.channels; at += SumBlock, w.first += SumBlock) {
      size_t n = size_t(std::min(SumBlock, g.channels - at));
      kernels.sumWindow(w, sums, n);
      if (narrow)
        kernels.scaleSums(sums, out + at, n, int(rule.factor), {rule.cut, rule.low, rule.high});
      else
        for (size_t c = 0; c < n; ++c)
          out[at + int64_t(c)] = static_cast<int8_t>(
              std::clamp<int>(roundShift(sums[c] * rule.factor, std::clamp(rule.cut, -62, 62)), rule.low, rule.high));
    }
  });
}
