//===- Pool.cpp - pools and reductions ----------------------------------------------------===//
//
// The DPU's average multiplies the sum by N / 2^M instead of dividing: DPU_ROUND(sum * N / 2^M * 2^(fp_o - fp_i)); the
// window is always a full one, padding is 0. The quantized form divides in float: its result is a function of the sum,
// so it is tabulated.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Kernels/Pool.h"
#include "Activations.h"
#include "Geometry.h"
#include "Reduce.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

namespace {

class MaxKernel final : public FixKernel {
public:
  MaxKernel(const PoolGeometry &g, const ByteTable &table) : g(g), table(table), plain(isIdentity(table)) {}
  void run(const FixRun &run) const override {
    maxPool(g, {run.in[0], run.out, 0, 0}, plain ? nullptr : &table, run.team);
  }

private:
  PoolGeometry g;
  ByteTable table;
  bool plain;
};

class SumKernel final : public FixKernel {
public:
  SumKernel(const PoolGeometry &g, const SumRule &rule) : g(g), rule(rule) {}
  void run(const FixRun &run) const override { sumPool(g, {run.in[0], run.out, 0, 0}, rule, run.team); }

private:
  PoolGeometry g;
  SumRule rule;
};

/// y = table[sum - lowest].
class TabulatedKernel final : public FixKernel {
public:
  TabulatedKernel(const PoolGeometry &g, std::vector<int8_t> table) : g(g), table(std::move(table)) {}
  size_t scratchBytes(unsigned threads) const override { return size_t(threads) * size_t(g.channels) * 4; }
  void run(const FixRun &run) const override {
    run.team.run(size_t(g.batch * g.outH), [&](size_t row, unsigned member) {
      int32_t *sums = reinterpret_cast<int32_t *>(run.scratch) + size_t(member) * size_t(g.channels);
      for (int64_t x = 0; x < g.outW; ++x) {
        sum(run.in[0], int64_t(row), x, sums);
        int8_t *out = run.out + (int64_t(row) * g.outW + x) * g.channels;
        for (int64_t c = 0; c < g.channels; ++c)
          out[c] = table[size_t(sums[c] + 128 * g.kernelH * g.kernelW)];
      }
    });
  }

private:
  void sum(const int8_t *in, int64_t row, int64_t x, int32_t *sums) const {
    int64_t n = row / g.outH, top = row % g.outH * g.strideH - g.padTop, left = x * g.strideW - g.padLeft;
    std::fill_n(sums, g.channels, 0);
    for (int64_t iy = std::max<int64_t>(top, 0); iy < std::min(g.inH, top + g.kernelH); ++iy)
      for (int64_t ix = std::max<int64_t>(left, 0); ix < std::min(g.inW, left + g.kernelW); ++ix) {
        const int8_t *pixel = in + ((n * g.inH + iy) * g.inW + ix) * g.channels;
        for (int64_t c = 0; c < g.channels; ++c)
          sums[c] += pixel[c];
      }
  }

  PoolGeometry g;
  std::vector<int8_t> table;
};

} // namespace

static PoolGeometry poolOf(const Window &w, const Image &x, const Image &y) {
  PoolGeometry g;
  g.batch = x.n, g.inH = x.h, g.inW = x.w, g.channels = x.c, g.outH = y.h, g.outW = y.w;
  g.kernelH = w.kernelH, g.kernelW = w.kernelW, g.strideH = w.strideH, g.strideW = w.strideW;
  g.padTop = w.padTop, g.padLeft = w.padLeft;
  return g;
}

static Result<PoolGeometry> poolGeometry(const FixRequest &r) {
  auto x = imageOf(r.operands[0].type), y = imageOf(r.result);
  auto w = readWindow(r);
  if (!w)
    return failure();
  if (!y || r.result.rank() != r.operands[0].type.rank() || x->c != y->c || w->dilationH != 1 || w->dilationW != 1)
    return refuse(r, fmt::format("{} cannot be pooled to {}", r.operands[0].type.str(), r.result.str()));
  if (failed(checkSizes(r, *w, *x, *y, false)))
    return failure();
  return poolOf(*w, *x, *y);
}

/// In an axis, does every window have an element of the input?
static bool everyWindowTouches(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t before) {
  return before < kernel && (out - 1) * stride - before < in;
}

static FixResult maximum(const FixRequest &r, const PoolGeometry &g) {
  // The maximum of nothing is -128 here and the lowest float there.
  if (!r.compiled && !(everyWindowTouches(g.inH, g.outH, g.kernelH, g.strideH, g.padTop) &&
                       everyWindowTouches(g.inW, g.outW, g.kernelW, g.strideW, g.padLeft)))
    return failure();
  auto table = moveTable(r, 0);
  if (!table)
    return failure();
  return std::unique_ptr<FixKernel>(std::make_unique<MaxKernel>(g, *table));
}

//===- Averages -------------------------------------------------------------------------===//

constexpr int64_t MaxTaps = int64_t(1) << 22;

/// N / 2^M of a window: constants of the hardware for square ones, else the best approximation.
static DpuFraction windowFraction(int64_t h, int64_t w) {
  static constexpr struct {
    int64_t size, n;
    int m;
  } known[] = {{3, 7, 6}, {5, 10, 8}, {6, 7, 8}, {7, 21, 10}, {14, 21, 12}};
  for (auto k : known)
    if (h == k.size && w == k.size)
      return {k.n, k.m};
  return dpuReciprocal(h * w);
}

static FixResult averaged(const FixRequest &r, const PoolGeometry &g, DpuFraction f) {
  if (g.kernelH > MaxTaps || g.kernelW > MaxTaps || g.kernelH * g.kernelW > MaxTaps)
    return refuse(r, fmt::format("its window has more than {} elements", MaxTaps));
  SumRule rule;
  rule.factor = f.n, rule.cut = std::clamp(f.m + r.fixPoint(0) - r.resultFixPoint(), -62, 62);
  return std::unique_ptr<FixKernel>(std::make_unique<SumKernel>(g, rule));
}

/// Real(sum) is the float that comes of an integer sum of stored numbers.
template <class Real> static FixResult tabulated(const FixRequest &r, const PoolGeometry &g, Real real) {
  constexpr int64_t MaxEntries = 1 << 20;
  if (g.kernelH > MaxEntries || g.kernelW > MaxEntries || g.kernelH * g.kernelW * 256 > MaxEntries)
    return failure();
  int64_t taps = g.kernelH * g.kernelW;
  std::vector<float> x;
  for (int64_t sum = -128 * taps; sum <= 127 * taps; ++sum)
    x.push_back(real(sum));
  auto bytes = throughFloats(r, std::move(x), {r.activation});
  if (!bytes)
    return failure();
  return std::unique_ptr<FixKernel>(std::make_unique<TabulatedKernel>(g, std::move(*bytes)));
}

static FixResult makePool(const FixRequest &r) {
  auto type = choiceOf(r.op, "type", {"MAX", "AVG"}, "");
  if (!type)
    return refuse(r, "its type is neither MAX nor AVG");
  auto g = poolGeometry(r);
  if (!g)
    return failure();
  return *type == 0 ? maximum(r, *g) : averaged(r, *g, windowFraction(g->kernelH, g->kernelW));
}

static FixResult makeMaxPool(const FixRequest &r) {
  auto g = poolGeometry(r);
  return g ? maximum(r, *g) : FixResult(failure());
}

static FixResult makeAveragePool(const FixRequest &r) {
  auto g = poolGeometry(r);
  if (!g)
    return failure();
  if (r.compiled)
    return averaged(r, *g, windowFraction(g->kernelH, g->kernelW));
  // The float kernel's divisor is the same for all windows if it counts what is outside, or if nothing is.
  bool full = r.op.getBool("count_include_pad", true) && r.op.getBool("count_include_invalid", true);
  auto inside = [](int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t before) {
    return before == 0 && (out - 1) * stride + kernel <= in;
  };
  if (!full && !(inside(g->inH, g->outH, g->kernelH, g->strideH, g->padTop) &&
                 inside(g->inW, g->outW, g->kernelW, g->strideW, g->padLeft)))
    return failure();
  // Its float sum is exact: up to 2^12 taps of 8 bits.
  float divisor = float(g->kernelH * g->kernelW);
  return tabulated(r, *g, [&](int64_t sum) { return std::ldexp(float(sum), -r.fixPoint(0)) / divisor; });
}

//===- Reductions -----------------------------------------------------------------------===//

/// Reductions over neighbouring axes are pools: [before][reduced][after] as N, H = 1, W, C.
static Result<PoolGeometry> reducedGeometry(const FixRequest &r, std::vector<int64_t> &reduced) {
  const Type &x = r.operands[0].type;
  std::vector<int64_t> axes = r.op.getInts("axis");
  llvm::SmallVector<bool, 6> isReduced(x.rank(), axes.empty());
  for (int64_t a : axes) {
    a += a < 0 ? int64_t(x.rank()) : 0;
    if (a < 0 || a >= int64_t(x.rank()))
      return refuse(r, fmt::format("attribute axis is out of range for {}", x.str()));
    isReduced[size_t(a)] = true;
  }
  PoolGeometry g;
  Shape kept;
  int runs = 0;
  for (size_t i = 0; i < x.rank(); ++i) {
    if (isReduced[i])
      g.kernelW *= x.dim(i), reduced.push_back(x.dim(i));
    else
      (runs ? g.channels : g.batch) *= x.dim(i);
    runs += isReduced[i] && (i == 0 || !isReduced[i - 1]);
    if (!isReduced[i] || r.op.getBool("keep_dims"))
      kept.push_back(isReduced[i] ? 1 : x.dim(i));
  }
  if (r.result.shape() != llvm::makeArrayRef(kept))
    return refuse(r, fmt::format("{} is reduced to {}, not to {}", x.str(), shapeStr(kept), r.result.str()));
  if (runs != 1)
    return refuse(r, "only axes next to each other can be reduced");
  g.inW = g.kernelW;
  return g;
}

static FixResult makeReductionMax(const FixRequest &r) {
  std::vector<int64_t> reduced;
  auto g = reducedGeometry(r, reduced);
  return g ? maximum(r, *g) : FixResult(failure());
}

static FixResult makeReductionMean(const FixRequest &r) {
  std::vector<int64_t> reduced;
  auto g = reducedGeometry(r, reduced);
  if (!g)
    return failure();
  if (!r.compiled) {
    if (r.options.vendorMeans)
      return failure();
    double n = double(g->kernelW); // the float kernel sums in double and divides there
    return tabulated(r, *g, [&](int64_t sum) { return float(std::ldexp(double(sum), -r.fixPoint(0)) / n); });
  }
  DpuFraction f{1, 0};
  for (int64_t n : reduced) {
    DpuFraction axis = dpuReciprocal(n);
    if (__builtin_mul_overflow(f.n, axis.n, &f.n) || f.n > int64_t(1) << 30)
      return refuse(r, "it reduces too many elements");
    f.m += axis.m;
  }
  return averaged(r, *g, f);
}

llvm::ArrayRef<FixEntry> exec::poolFixEntries() {
  static const FixEntry table[] = {
      {"pool", makePool},
      {"maxpool1d", makeMaxPool},
      {"maxpool2d", makeMaxPool},
      {"avgpool2d", makeAveragePool},
      {"reduction_max", makeReductionMax},
      {"reduction_mean", makeReductionMean},
  };
  return table;
}
