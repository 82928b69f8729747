//===- Depthwise.cpp - convolutions of each channel with itself --------------------------===//
#include "Depthwise.h"
#include <algorithm>

using namespace dpuopt::kernels;

/// Results whose woven columns fit the L1 cache beside the rest.
static constexpr int64_t MostChunk = 32;
/// Multiplications of vectors that are worth a unit, and how many units are enough for any team.
static constexpr int64_t UnitWork = 4000, MostUnits = 32;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// A pixel of a row that is not there.
alignas(64) static constexpr int8_t Nothing[64] = {};

DepthwiseConv::DepthwiseConv(const ConvGeometry &geometry, const Axis &ys, const Axis &xs, const int8_t *weights,
                             const Requant &requant, const KernelTable &kernels)
    : g(geometry), ys(ys), xs(xs), requant(requant), kernels(kernels), multiplier(g.outC / g.inC),
      groups(xs.taps ? ceilDiv(ys.taps, kernels.tapsPerLane) : 0) {
  layOutBlocks();
  packWeights(weights);
  planUnits();
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// Full blocks, and one of the smaller vectors if that is enough for the rest.
void DepthwiseConv::layOutBlocks() {
  size_t weightsAt = 0, laneAt = 0;
  for (int64_t pass = 0; pass < multiplier; ++pass)
    for (int64_t first = 0; first < g.inC;) {
      int64_t left = g.inC - first;
      Block b{pass, first, left <= 4 * kernels.narrowLanes ? kernels.narrowLanes : kernels.lanes, 0, weightsAt, laneAt};
      b.channels = int(std::min<int64_t>(left, b.outputs()));
      blocks.push_back(b);
      weightsAt += size_t(groups * xs.taps) * size_t(b.outputs()) * 4, laneAt += size_t(b.outputs());
      first += b.outputs();
    }
  packed = AlignedBytes(weightsAt);
  lanes = AlignedBytes(laneAt * 2 * sizeof(int32_t));
}

void DepthwiseConv::packWeights(const int8_t *weights) {
  std::vector<int64_t> magnitude(size_t(g.outC)), sum(size_t(g.outC));
  int perLane = kernels.tapsPerLane, bytes = kernels.elementBytes;
  for (const Block &b : blocks)
    for (int i = 0; i < b.outputs(); ++i) {
      int channel = channelOfLane(4, i / b.lanes, i % b.lanes);
      if (channel >= b.channels)
        continue;
      size_t out = size_t(outChannel(b, channel));
      for (int64_t ty = 0; ty < ys.taps; ++ty)
        for (int64_t tx = 0; tx < xs.taps; ++tx) {
          int64_t tap = (ys.tapFirst + ty * ys.tapStep) * g.kernelW + xs.tapFirst + tx * xs.tapStep;
          int8_t w = weights[(b.pass * g.kernelH * g.kernelW + tap) * g.inC + b.first + channel];
          magnitude[out] += std::abs(int(w)), sum[out] += w;
          uint8_t *to = packed.data() + b.weights +
                        size_t(((ty / perLane * xs.taps + tx) * b.outputs() + i) * 4 + ty % perLane * bytes);
          to[0] = uint8_t(w);
          if (bytes == 2)
            to[1] = w < 0 ? 0xff : 0;
        }
    }
  packLanes(fold(requant, magnitude, sum, kernels.zero));
}

/// Starts, then biases, in the order of the lanes.
void DepthwiseConv::packLanes(const Fold &f) {
  way = f.way, finish = f.finish;
  int32_t *start = reinterpret_cast<int32_t *>(lanes.data()), *bias = start + lanes.size() / sizeof(int32_t) / 2;
  for (const Block &b : blocks)
    for (int i = 0; i < b.outputs(); ++i) {
      int channel = channelOfLane(4, i / b.lanes, i % b.lanes);
      if (channel >= b.channels)
        continue;
      start[b.lane + size_t(i)] = f.start[size_t(outChannel(b, channel))];
      if (!f.bias.empty())
        bias[b.lane + size_t(i)] = f.bias[size_t(outChannel(b, channel))];
    }
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

void DepthwiseConv::planUnits() {
  chunk = ceilDiv(xs.count, ceilDiv(xs.count, MostChunk));
  int64_t all = int64_t(blocks.size()), work = ys.count * xs.count * all * (groups * xs.taps + 2) * 4;
  int64_t units = std::clamp<int64_t>(work / UnitWork, 1, MostUnits);
  rows = std::max<int64_t>(1, ys.count / units);
  unitBlocks = ceilDiv(all, std::clamp<int64_t>(units / ceilDiv(ys.count, rows), 1, all));
}

/// Of one member.
struct DepthwiseConv::Scratch {
  DepthRow *rows;
  int32_t *sums; ///< only if results are made one by one
  int8_t *bytes; ///< only if results do not lie side by side
  uint8_t *woven;
};

size_t DepthwiseConv::memberBytes() const { return size_t(reinterpret_cast<uintptr_t>(scratchOf({}, 1).rows)); }

DepthwiseConv::Scratch DepthwiseConv::scratchOf(const ConvBuffers &b, unsigned member) const {
  size_t rowBytes = wholeLines(size_t(groups * kernels.tapsPerLane) * sizeof(DepthRow));
  size_t results = size_t(chunk * 4 * kernels.lanes);
  size_t sumBytes = way == Fold::Way::OneByOne ? results * 4 : 0, outBytes = multiplier > 1 ? results : 0;
  size_t woven = size_t(groups * (xs.taps ? xs.reach(chunk) : 0)) * size_t(16 * kernels.lanes);
  size_t all = rowBytes + sumBytes + outBytes + woven;
  uintptr_t at = reinterpret_cast<uintptr_t>(b.scratch) + member * all;
  Scratch s;
  s.rows = reinterpret_cast<DepthRow *>(at);
  s.sums = reinterpret_cast<int32_t *>(at + rowBytes);
  s.bytes = reinterpret_cast<int8_t *>(at + rowBytes + sumBytes);
  s.woven = reinterpret_cast<uint8_t *>(at + rowBytes + sumBytes + outBytes);
  return s;
}

void DepthwiseConv::run(const ConvBuffers &buffers, Team &team) const {
  ConvBuffers b = buffers;
  b.inPixel = b.inPixel ? b.inPixel : g.inC, b.outPixel = b.outPixel ? b.outPixel : g.outC;
  int64_t bands = ceilDiv(ys.count, rows), all = int64_t(blocks.size()), parts = ceilDiv(all, unitBlocks);
  team.run(size_t(g.batch * bands * parts), [&](size_t unit, unsigned member) {
    Scratch s = scratchOf(b, member);
    int64_t part = int64_t(unit) % parts, band = int64_t(unit) / parts % bands, batch = int64_t(unit) / parts / bands;
    for (int64_t y = band * rows; y < std::min((band + 1) * rows, ys.count); ++y)
      for (int64_t i = part * unitBlocks; i < std::min((part + 1) * unitBlocks, all); ++i)
        runRow(blocks[size_t(i)], batch, y, b, s);
  });
}

void DepthwiseConv::runRow(const Block &block, int64_t batch, int64_t y, const ConvBuffers &b, const Scratch &s) const {
  for (int64_t t = 0; t < groups * kernels.tapsPerLane; ++t) {
    int64_t at = y * ys.stride - ys.pad + t * ys.dilation;
    bool there = t < ys.taps && at >= 0 && at < ys.in;
    s.rows[t] = there ? DepthRow{b.in + (batch * ys.in + at) * xs.in * b.inPixel + block.first, b.inPixel}
                      : DepthRow{Nothing, 0};
  }
  Finish f = finish;
  f.table = requant.table ? requant.table->data() : nullptr;
  DepthJob job = {};
  job.lanes = block.lanes, job.channels = block.channels;
  job.rows = s.rows, job.groups = size_t(groups);
  job.inColumns = xs.in;
  job.kernel = size_t(xs.taps), job.stride = size_t(xs.stride), job.dilation = size_t(xs.dilation);
  job.weights = packed.data() + block.weights;
  job.start = reinterpret_cast<const int32_t *>(lanes.data()) + block.lane;
  job.bias = job.start + lanes.size() / sizeof(int32_t) / 2;
  job.finish = &f;
  job.scratch = s.woven;
  int8_t *row = b.out + (batch * g.outH + ys.outFirst + y * ys.outStep) * g.outW * b.outPixel;
  for (int64_t first = 0; first < xs.count; first += chunk)
    runChunk(block, job, row, first, b, s);
}

void DepthwiseConv::runChunk(const Block &block, DepthJob &job, int8_t *row, int64_t first, const ConvBuffers &b,
                             const Scratch &s) const {
  job.firstColumn = first * xs.stride - xs.pad;
  job.count = size_t(std::min(chunk, xs.count - first));
  int8_t *out = row + (xs.outFirst + first * xs.outStep) * b.outPixel;
  ptrdiff_t step = xs.outStep * b.outPixel;
  bool aside = multiplier > 1;
  job.out = aside ? s.bytes : out + block.first, job.outPixel = aside ? block.outputs() : step;
  job.sums = way == Fold::Way::OneByOne ? s.sums : nullptr;
  kernels.depth(job);
  for (size_t x = 0; x < job.count && job.sums; ++x)
    for (int i = 0; i < block.outputs(); ++i)
      if (int c = channelOfLane(4, i / block.lanes, i % block.lanes); c < block.channels)
        out[ptrdiff_t(x) * step + outChannel(block, c)] =
            requant.apply(s.sums[x * size_t(block.outputs()) + size_t(i)], size_t(outChannel(block, c)));
  for (size_t x = 0; x < job.count && aside && !job.sums; ++x)
    for (int c = 0; c < block.channels; ++c)
      out[ptrdiff_t(x) * step + outChannel(block, c)] = s.bytes[x * size_t(block.outputs()) + size_t(c)];
}
