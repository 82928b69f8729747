//===- EqualizeOnData.cpp - pass `equalize-on-data` -------------------------------===//
//
// As `equalize<method=dfq>`, and through ReLU6: Clip(x / s, 0, 6) * s is Clip(x, 0, 6 s), so a
// channel whose largest x is m keeps its values for every s >= m / 6. One that reaches the
// bound has s = 1.
// Conditions: those of equalize; data for every input.
// Proof: exact on the samples. Beyond, a channel may be cut off at Headroom times its largest x.
//
//===----------------------------------------------------------------------===//
#include "ClipUse.h"
#include "Patterns.h"
#include "RangeEqualizer.h"
#include "SampleOptions.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// Other data may go so much further than the samples.
constexpr double Headroom = 1.125;

/// The smallest s of each factor: so that no ReLU6 cuts off more than it did; and 1 for those that do.
void limit(const ChannelFactors &factors, const ClipUses &uses, RangeSettings &settings) {
  settings.least.assign(factors.size(), 0);
  settings.most.assign(factors.size(), INFINITY);
  for (const BoundedOp &clip : factors.bounded) {
    const ClipUse &use = uses.find(clip.op)->second;
    for (size_t c = 0; c < clip.factors.size(); ++c) {
      double share = (use.peaks.size() == clip.factors.size() ? use.peaks[c] : use.peak()) / use.bound;
      double &least = settings.least[clip.factors[c]];
      least = std::max(least, std::min(1.0, std::max(share, 0.0) * Headroom));
      if (share > 1)
        least = settings.most[clip.factors[c]] = 1;
    }
  }
}

void report(const ChannelFactors &factors, llvm::ArrayRef<double> s, const ClipUses &uses, size_t samples,
            DiagEngine &diags) {
  for (const BoundedOp &clip : factors.bounded) {
    auto scaled = llvm::count_if(clip.factors, [&](unsigned f) { return s[f] != 1; });
    if (!scaled)
      continue;
    const ClipUse &use = uses.find(clip.op)->second;
    diags
        .remark(clip.op->loc(),
                fmt::format("{} of {} channels scaled through ReLU6: exact on {} samples (largest input "
                            "{:.4g} of {:g}; {} channels go beyond and stay)",
                            scaled, clip.factors.size(), samples, use.peak(), use.bound, use.channelsAbove()))
        .rule("proof.exact-on-data");
  }
}

PassResult run(Graph &g, PassContext &ctx) {
  auto iterations = ctx.intOption("iterations");
  if (!iterations)
    return PassResult::Failure;
  if (*iterations < 0 || *iterations > 1000)
    return ctx.diags.error(fmt::format("equalize-on-data needs iterations in 0-1000, found {}", *iterations))
               .rule("equalize.iterations"),
           PassResult::Failure;
  auto given = openSamples(g, ctx, "equalize-on-data", "equalize.data");
  auto uses = given ? measureClips(g, given->samples, given->threads, ctx.diags) : failure();
  if (!uses)
    return PassResult::Failure;
  ChannelFactors factors = findChannelFactors(g, true);
  RangeSettings settings;
  settings.iterations = *iterations;
  limit(factors, *uses, settings);
  const std::vector<double> s = equalizedFactors(factors, settings);
  if (!applyFactors(factors, s, ctx.diags))
    return PassResult::Unchanged;
  report(factors, s, *uses, given->samples.size(), ctx.diags);
  return PassResult::Changed;
}

} // namespace

extern const PassInfo EqualizeOnDataPass;
const PassInfo EqualizeOnDataPass = {
    "equalize-on-data",
    "Equalize ranges, also through ReLU6 as far as data shows that it does not cut off",
    "**Before:** an `onnx.*` graph after clean-up. **After:** as after `equalize<method=dfq>`, and channels are scaled "
    "through ReLU6 (Clip from 0 to a bound) too. **Formula:** Clip(x / s, 0, 6) * s = Clip(x, 0, 6 s): a channel whose "
    "largest x on the samples is m has s >= 1.125 m / 6 (1 at most); one that goes beyond the bound is not scaled. "
    "**Conditions:** those of `equalize`; data for every input. **Proof:** exact on the samples, which a remark per "
    "ReLU6 says; on other data, x beyond 1.125 m may be cut off.",
    Preserves::Meaning,
    {DataOption, CountOption, ThreadsOption, {"iterations", "N", "Sweeps over the graph at most", "100"}},
    run,
};

} // namespace dpuopt
