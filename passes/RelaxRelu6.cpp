//===- RelaxRelu6.cpp - pass `relax-relu6` ----------------------------------------===//
//
// Before: y = Clip(x, 0, bound), ReLU6 above all. After: y = Relu(x), which commutes with
//   a factor per channel, so that `equalize` goes through it.
// Conditions: on the samples no more than `share` percent of x lie beyond the bound
//   (0: none). `all`: whatever x is, without data.
// Proof, in a remark per op: exact on data, or measured as the SNR at the outputs with this
//   op alone replaced. Nothing is promised for other data.
//
//===----------------------------------------------------------------------===//
#include "ClipUse.h"
#include "OutputSnr.h"
#include "Patterns.h"
#include "SampleOptions.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// Samples on which what a replacement costs is measured.
constexpr int64_t SnrSamples = 8;

void relax(Op &op) { replaceOp(op, "onnx.Relu", {op.operand(0)}); }

/// What it costs at the outputs to replace `op` alone.
std::string costOf(const Graph &g, const Op &op, llvm::StringRef data, int64_t samples, DiagEngine &diags) {
  std::unique_ptr<Graph> copy = g.clone();
  relax(*copy->lookup(op.result()->name())->def());
  std::string snr = outputSnr(g, *copy, data, samples, diags);
  return snr.empty() ? "" : ", " + snr;
}

std::string seen(const ClipUse &use) {
  return fmt::format("{:.3g} % of the inputs, in {} of {} channels, lie beyond {:g} (largest {:.4g})",
                     100 * use.share(), use.channelsAbove(), use.peaks.size(), use.bound, use.peak());
}

unsigned relaxAll(Graph &g, DiagEngine &diags) {
  unsigned count = 0;
  rewriteOps(g, [&](Op &op) {
    if (!upperBoundOf(op))
      return false;
    relax(op);
    return ++count > 0;
  });
  if (count)
    diags.remark(fmt::format("{} ReLU6 taken for Relu without data: nothing is known of the error", count))
        .rule("proof.none");
  return count;
}

/// Those whose inputs stay below the bound, as far as `share` (of 1) asks for it.
std::vector<Op *> choose(Graph &g, const ClipUses &uses, double share, const Samples &samples, DiagEngine &diags) {
  std::vector<Op *> chosen;
  for (const auto &[op, use] : uses) {
    auto remark = [&](const std::string &text, const char *rule) { diags.remark(op->loc(), text).rule(rule); };
    if (use.above == 0)
      remark(fmt::format("ReLU6 is Relu: exact on {} samples (largest input {:.4g} of {:g})", samples.size(),
                         use.peak(), use.bound),
             "proof.exact-on-data");
    else if (use.share() <= share)
      remark(fmt::format("ReLU6 taken for Relu: {}{}", seen(use),
                         costOf(g, *op, samples.text(),
                                std::min<int64_t>(SnrSamples, static_cast<int64_t>(samples.size())), diags)),
             "proof.measured");
    else
      remark(fmt::format("ReLU6 stays: {}", seen(use)), "relax.stays");
    if (use.share() <= share)
      chosen.push_back(g.lookup(op->result()->name())->def());
  }
  return chosen;
}

PassResult run(Graph &g, PassContext &ctx) {
  double percent = 0;
  if (llvm::StringRef(ctx.option("share")).getAsDouble(percent) || !(percent >= 0 && percent <= 100))
    return ctx.diags.error(fmt::format("share is a percentage in 0-100, is '{}'", ctx.option("share")))
               .rule("relax.share"),
           PassResult::Failure;
  if (ctx.flag("all"))
    return relaxAll(g, ctx.diags) ? PassResult::Changed : PassResult::Unchanged;
  auto given =
      openSamples(g, ctx, "relax-relu6", "relax.data", "or 'all': every ReLU6 becomes a Relu, whatever that costs");
  auto uses = given ? measureClips(g, given->samples, given->threads, ctx.diags) : failure();
  if (!uses)
    return PassResult::Failure;
  std::vector<Op *> chosen = choose(g, *uses, percent / 100, given->samples, ctx.diags);
  for (Op *op : chosen)
    relax(*op);
  return chosen.empty() ? PassResult::Unchanged : PassResult::Changed;
}

} // namespace

extern const PassInfo RelaxRelu6Pass;
const PassInfo RelaxRelu6Pass = {
    "relax-relu6",
    "Replace ReLU6 by Relu where the bound is not reached",
    "**Before:** y = Clip(x, 0, bound), ReLU6 above all. **After:** y = Relu(x): that commutes with a factor per "
    "channel, so `equalize` goes through it. **Conditions:** on the samples at most `share` percent of x lie beyond "
    "the bound. **Proof,** a remark per op: exact on these samples, or what was measured: how much of x lies beyond "
    "the "
    "bound, in how many channels, and the signal-to-noise ratio at the outputs with this op alone replaced. Nothing is "
    "promised for other data. Where ReLU6 stays, `equalize-on-data` still scales the channels that do not reach its "
    "bound.",
    Preserves::Meaning,
    {DataOption,
     CountOption,
     ThreadsOption,
     {"share", "PERCENT", "How much of x may lie beyond the bound", "0"},
     {"all", nullptr, "Every ReLU6, without data and whatever it costs"}},
    run,
};

} // namespace dpuopt
