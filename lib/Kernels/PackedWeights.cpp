//===- PackedWeights.cpp - weights in the order the loop wants them -----------------------===//
#include "PackedWeights.h"
#include <algorithm>
#include <cstring>

using namespace dpuopt::kernels;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

PackedWeights::PackedWeights(const ConvGeometry &g, const Axis &ys, const Axis &xs, const int8_t *weights,
                             const Requant &requant, const KernelTable &kernels)
    : wholeRows(xs.taps <= 1 || xs.dilation == 1), segments(wholeRows ? ys.taps : ys.taps * xs.taps), g(g), ys(ys),
      xs(xs), kernels(kernels), run(wholeRows ? xs.taps * g.inC : g.inC) {
  if (!ys.taps || !xs.taps)
    run = segments = 0;
  steps = size_t(ceilDiv(run * kernels.elementBytes, 4));
  bool dwords = wholeRows && g.inC * kernels.elementBytes % 4 == 0; // a tap begins with a step
  rows = tapRanges(ys, 3), columns = tapRanges(xs, dwords ? 3 : 0);
  layOutPanels();
  pack(weights);
  packLanes(weights, requant);
}

/// As few panels as possible, of nearly equal width.
void PackedWeights::layOutPanels() {
  int64_t vectors = ceilDiv(g.outC, kernels.lanes), count = ceilDiv(vectors, kernels.maxVectors);
  size_t weightsAt = 0;
  for (int64_t i = 0, channel = 0; i < count; ++i) {
    int width = int(ceilDiv(vectors, count - i)), lanes = width * kernels.lanes;
    panels.push_back({channel, width, int(std::min<int64_t>(lanes, g.outC - channel)), weightsAt, perClass});
    vectors -= width, channel += lanes;
    weightsAt += size_t(segments) * steps * size_t(lanes) * 4, perClass += size_t(lanes);
  }
  packed = AlignedBytes(weightsAt);
  lanes = AlignedBytes(perClass * (rows.size() * (columns.size() + 1) + 1) * sizeof(int32_t));
}

const int8_t *PackedWeights::tapOf(const int8_t *weights, int64_t channel, int64_t ty, int64_t tx) const {
  int64_t tap = (ys.tapFirst + ty * ys.tapStep) * g.kernelW + xs.tapFirst + tx * xs.tapStep;
  return weights + (channel * g.kernelH * g.kernelW + tap) * g.inC;
}

/// A run of one channel, spread over its steps: every dword of it `stride` bytes after the last.
static void spread(const int8_t *run, size_t taps, int elementBytes, uint8_t *to, size_t stride) {
  size_t perStep = size_t(4 / elementBytes);
  for (size_t at = 0; at < taps; at += perStep, to += stride)
    if (elementBytes == 1 && at + 4 <= taps)
      std::memcpy(to, run + at, 4);
    else
      for (size_t i = 0; i < std::min(perStep, taps - at); ++i) {
        int16_t w = run[at + i];
        std::memcpy(to + i * size_t(elementBytes), &w, size_t(elementBytes)); // little-endian, Portable.cpp says so
      }
}

void PackedWeights::pack(const int8_t *weights) {
  std::vector<int8_t> one(static_cast<size_t>(run));
  for (const Panel &p : panels)
    for (int i = 0; i < p.vectors * kernels.lanes; ++i) {
      int channel = channelOfLane(p.vectors, i / kernels.lanes, i % kernels.lanes);
      if (channel >= p.channels)
        continue;
      size_t stride = size_t(p.vectors * kernels.lanes * 4);
      uint8_t *to = packed.data() + p.weights + size_t(i * 4);
      for (int64_t s = 0; s < segments; ++s, to += steps * stride) {
        int64_t ty = wholeRows ? s : s / xs.taps, first = wholeRows ? 0 : s % xs.taps, n = wholeRows ? xs.taps : 1;
        for (int64_t tx = 0; tx < n; ++tx)
          std::copy_n(tapOf(weights, p.first + channel, ty, first + tx), g.inC, one.begin() + tx * g.inC);
        spread(one.data(), one.size(), kernels.elementBytes, to, stride);
      }
    }
}

/// The start of a class leaves out what its missing taps would have added: zero * w.
void PackedWeights::packLanes(const int8_t *weights, const Requant &requant) {
  size_t taps = size_t(ys.taps * xs.taps), channels = size_t(g.outC);
  std::vector<int64_t> tapSums(taps * channels), magnitude(channels), sum(channels);
  for (size_t c = 0; c < channels; ++c)
    for (size_t t = 0; t < taps; ++t) {
      const int8_t *w = tapOf(weights, int64_t(c), int64_t(t) / xs.taps, int64_t(t) % xs.taps);
      int64_t total = 0, size = 0;
      for (int64_t i = 0; i < g.inC; ++i)
        total += w[i], size += std::abs(int(w[i]));
      tapSums[c * taps + t] = total, sum[c] += total, magnitude[c] += size;
    }
  Fold f = fold(requant, magnitude, sum, kernels.zero);
  way = f.way, finish = f.finish;

  auto kept = [&](size_t c, const TapRange &y, const TapRange &x) {
    int64_t total = 0;
    for (int64_t ty = y.begin; ty < y.end; ++ty)
      for (int64_t tx = x.begin; tx < x.end; ++tx)
        total += tapSums[c * taps + size_t(ty * xs.taps + tx)];
    return total;
  };
  int32_t *to = reinterpret_cast<int32_t *>(lanes.data());
  auto eachLane = [&](auto set) {
    for (const Panel &p : panels)
      for (int i = 0; i < p.vectors * kernels.lanes; ++i)
        if (int c = channelOfLane(p.vectors, i / kernels.lanes, i % kernels.lanes); c < p.channels)
          to[p.lane + size_t(i)] = set(size_t(p.first + c));
    to += perClass;
  };
  const TapRange all{0, xs.count, 0, xs.taps};
  for (const TapRange &y : rows)
    for (size_t x = 0; x <= columns.size(); ++x)
      eachLane([&](size_t c) {
        int64_t missing = sum[c] - kept(c, y, x < columns.size() ? columns[x] : all);
        return int32_t(uint32_t(f.start[c]) + uint32_t(uint64_t(kernels.zero * missing)));
      });
  eachLane([&](size_t c) { return f.bias.empty() ? 0 : f.bias[c]; });
}

void PackedWeights::set(PanelJob &job, const Panel &p, const Class &c) const {
  int64_t perRow = wholeRows ? 1 : xs.taps, dwords = g.inC * kernels.elementBytes / 4;
  const TapRange *x = c.column < columns.size() ? &columns[c.column] : nullptr;
  bool all = !x || (x->begin == 0 && x->end == xs.taps);
  const TapRange &y = rows[c.row];
  size_t skipped = all ? 0 : size_t(x->begin * dwords);
  size_t stepBytes = size_t(p.vectors * kernels.lanes * 4);
  job.steps = all ? steps : size_t((x->end - x->begin) * dwords);
  job.skip = (steps - job.steps) * stepBytes;
  job.numSegments = job.steps ? size_t((y.end - y.begin) * perRow) : 0;
  job.segments += y.begin * perRow, job.in += skipped * 4;
  job.weights = packed.data() + p.weights + (size_t(y.begin * perRow) * steps + skipped) * stepBytes;
  job.start = startsOf(c.row * (columns.size() + 1) + c.column) + p.lane;
  job.bias = startsOf(rows.size() * (columns.size() + 1)) + p.lane;
  job.vectors = p.vectors, job.channels = p.channels;
}
