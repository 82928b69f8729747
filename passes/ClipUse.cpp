//===- ClipUse.cpp - how far activations go towards the bound of a Clip -----------===//
#include "ClipUse.h"
#include "Patterns.h"
#include <cmath>

namespace dpuopt {
namespace {

/// Channels are told apart up to so many.
constexpr int64_t MaxChannels = 1 << 20;

/// Adds what one tensor shows: f32, channels second.
void look(const Tensor &t, ClipUse &use) {
  const Tensor x = t.toFloat().expanded();
  llvm::ArrayRef<int64_t> shape = x.shape();
  int64_t channels = shape.size() >= 2 && shape[1] > 0 && shape[1] <= MaxChannels ? shape[1] : 1;
  llvm::ArrayRef<float> values = x.as<float>();
  if (values.empty())
    return;
  int64_t batch = channels > 1 ? shape[0] : 1;
  size_t run = values.size() / static_cast<size_t>(batch * channels);
  use.peaks.resize(channels, -INFINITY);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t c = 0; c < channels; ++c, values = values.drop_front(run))
      for (float v : values.take_front(run)) {
        float seen = std::isnan(v) ? INFINITY : v;
        use.peaks[c] = std::max(use.peaks[c], seen);
        use.above += seen > use.bound;
      }
  use.elements += x.as<float>().size();
}

void merge(ClipUse &into, const ClipUse &from) {
  into.peaks.resize(std::max(into.peaks.size(), from.peaks.size()), -INFINITY);
  for (size_t c = 0; c < from.peaks.size(); ++c)
    into.peaks[c] = std::max(into.peaks[c], from.peaks[c]);
  into.elements += from.elements, into.above += from.above;
}

/// The clips, and those that read a value.
struct Watched {
  ClipUses clips;
  llvm::DenseMap<const Value *, llvm::SmallVector<const Op *, 1>> byInput;
};

Watched findClips(const Graph &g) {
  Watched w;
  for (const Op &op : g.ops())
    if (auto bound = upperBoundOf(op)) {
      w.clips[&op].bound = *bound;
      w.byInput[op.operand(0)].push_back(&op);
    }
  return w;
}

class ClipVisitor : public SampleVisitor {
public:
  explicit ClipVisitor(const Watched &watched) : watched(watched), seen(watched.clips) {}
  void feed(unsigned k, const Value &input, Tensor &t) override { observe(k, input, t); }
  void observe(unsigned, const Value &v, Tensor &t) override {
    if (auto it = watched.byInput.find(&v); it != watched.byInput.end())
      for (const Op *op : it->second)
        look(t, seen[op]);
  }
  const Watched &watched;
  ClipUses seen;
};

} // namespace

Result<ClipUses> measureClips(const Graph &g, const Samples &samples, unsigned threads, DiagEngine &diags) {
  Watched watched = findClips(g);
  ClipUses uses = watched.clips;
  if (uses.empty())
    return uses;
  auto runner = SampleRunner::create({{&g, Watch::InOrder}}, samples, threads, diags);
  if (!runner)
    return failure();
  SampleJob job;
  job.begin = [&](size_t) { return std::make_unique<ClipVisitor>(watched); };
  job.collect = [&](size_t, SampleVisitor &visitor, llvm::StringRef) {
    for (const auto &[op, use] : static_cast<ClipVisitor &>(visitor).seen)
      merge(uses[op], use);
    return Collected::Keep;
  };
  if (failed((*runner)->run(firstSamples(samples.size()), job, {}, "activations at the bound")))
    return failure();
  return uses;
}

} // namespace dpuopt
