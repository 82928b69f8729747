//===- PackedConv.cpp - convolutions as products of windows and weights ------------------===//
#include "PackedConv.h"
#include <algorithm>
#include <cstring>

using namespace dpuopt::kernels;

/// A unit's input should stay in half of a core's L2 cache.
static constexpr int64_t BandBytes = 256 << 10;
/// Weights beyond this are better read once than once per band.
static constexpr int64_t ManyWeights = 384 << 10;
/// Multiplications that are worth a unit, and how many units are enough for any team.
static constexpr int64_t UnitWork = 125000, MostUnits = 32;
/// Fewer pixels than this make narrow tiles, which wait for their weights.
static constexpr int64_t BandPixels = 24;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

PackedConv::PackedConv(const ConvGeometry &geometry, const Axis &ys, const Axis &xs, const int8_t *weights,
                       const Requant &requant, const KernelTable &kernels)
    : g(geometry), ys(ys), xs(xs), requant(requant), kernels(kernels), band(ys, xs, g.inC, kernels) {
  raw = readsRaw();
  layOutSegments();
  layOutPanels();
  packWeights(weights);
  cut = plan();
}

size_t PackedConv::packedBytes() const { return packed.size() + lanes.size(); }

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// Copying the input pays if its bytes are used more than once, or if there is padding, or a run would end within
/// a dword.
bool PackedConv::readsRaw() const {
  auto inside = [](const Axis &a) { return a.taps == 1 && a.pad <= 0 && (a.count - 1) * a.stride - a.pad < a.in; };
  return kernels.takesRaw && g.inC % 4 == 0 && inside(ys) && inside(xs);
}

void PackedConv::layOutSegments() {
  wholeRows = xs.taps <= 1 || xs.dilation == 1;
  run_ = wholeRows ? xs.taps * g.inC : g.inC;
  segments = wholeRows ? ys.taps : ys.taps * xs.taps;
  if (!ys.taps || !xs.taps)
    run_ = segments = 0;
  steps = size_t(ceilDiv(run_ * kernels.elementBytes, 4));
}

/// As few panels as possible, of nearly equal width.
void PackedConv::layOutPanels() {
  int64_t vectors = ceilDiv(g.outC, kernels.lanes), count = ceilDiv(vectors, kernels.maxVectors);
  size_t weightsAt = 0, laneAt = 0;
  for (int64_t i = 0, channel = 0; i < count; ++i) {
    int width = int(ceilDiv(vectors, count - i)), lanes = width * kernels.lanes;
    panels.push_back({channel, width, int(std::min<int64_t>(lanes, g.outC - channel)), weightsAt, laneAt});
    vectors -= width, channel += lanes;
    weightsAt += size_t(segments) * steps * size_t(lanes) * 4, laneAt += size_t(lanes);
  }
  packed = AlignedBytes(weightsAt);
  lanes = AlignedBytes(laneAt * 2 * sizeof(int32_t));
}

void PackedConv::packWeights(const int8_t *weights) {
  int64_t perChannel = g.kernelH * g.kernelW * g.inC;
  size_t taps = size_t(4 / kernels.elementBytes), perSegment = steps * taps;
  std::vector<int64_t> source(size_t(segments) * perSegment, -1); // of each packed tap, in a channel's weights
  for (int64_t s = 0; s < segments; ++s)
    for (int64_t e = 0; e < run_; ++e) {
      int64_t ty = wholeRows ? s : s / xs.taps, tx = wholeRows ? e / g.inC : s % xs.taps;
      int64_t tap = (ys.tapFirst + ty * ys.tapStep) * g.kernelW + xs.tapFirst + tx * xs.tapStep;
      source[size_t(s) * perSegment + size_t(e)] = tap * g.inC + e % g.inC;
    }
  std::vector<int64_t> magnitude(size_t(g.outC)), sum(size_t(g.outC));
  for (const Panel &p : panels)
    for (int v = 0; v < p.vectors; ++v)
      for (int lane = 0; lane < kernels.lanes; ++lane) {
        int channel = channelOfLane(p.vectors, v, lane);
        if (channel >= p.channels)
          continue;
        const int8_t *from = weights + (p.first + channel) * perChannel;
        uint8_t *to = packed.data() + p.weights + size_t((v * kernels.lanes + lane) * 4);
        int64_t m = 0, total = 0;
        for (size_t e = 0; e < source.size(); ++e) {
          int8_t w = source[e] < 0 ? int8_t(0) : from[source[e]];
          m += std::abs(int(w)), total += w;
          uint8_t *at = to + e / taps * size_t(p.vectors * kernels.lanes * 4) + e % taps * size_t(kernels.elementBytes);
          at[0] = uint8_t(w);
          if (kernels.elementBytes == 2)
            at[1] = w < 0 ? 0xff : 0;
        }
        magnitude[size_t(p.first + channel)] = m, sum[size_t(p.first + channel)] = total;
      }
  packLanes(fold(requant, magnitude, sum, kernels.zero));
}

/// Starts, then biases, in the order of the lanes.
void PackedConv::packLanes(const Fold &f) {
  way = f.way, finish = f.finish;
  int32_t *start = reinterpret_cast<int32_t *>(lanes.data()), *bias = start + lanes.size() / sizeof(int32_t) / 2;
  for (const Panel &p : panels)
    for (int i = 0; i < p.vectors * kernels.lanes; ++i) {
      int channel = channelOfLane(p.vectors, i / kernels.lanes, i % kernels.lanes);
      if (channel >= p.channels)
        continue;
      start[p.lane + size_t(i)] = f.start[size_t(p.first + channel)];
      if (!f.bias.empty())
        bias[p.lane + size_t(i)] = f.bias[size_t(p.first + channel)];
    }
}

//===----------------------------------------------------------------------===//
// Cutting
//===----------------------------------------------------------------------===//

/// Bands of rows; of columns too where a row is huge. Many weights for few pixels: groups of panels instead, so that
/// every weight is read by one core and once.
PackedConv::Plan PackedConv::plan() const {
  int64_t work = int64_t(ys.count * xs.count) * g.outC * segments * int64_t(steps) * 4;
  int64_t units = std::clamp<int64_t>(work / UnitWork, 1, MostUnits);
  Plan p;
  p.columns = xs.count;
  while (p.columns > BandPixels && int64_t(band.bytes(1, p.columns)) > BandBytes)
    p.columns = ceilDiv(p.columns, 2);
  int64_t most = ys.count;
  while (most > 1 && int64_t(band.bytes(most, p.columns)) > BandBytes)
    most = ceilDiv(most, 2);
  bool byPanels = int64_t(packed.size()) > ManyWeights && most == ys.count;
  p.groups = byPanels ? std::min<int64_t>(units, int64_t(panels.size())) : 1;
  int64_t enough = std::min(ys.count, ceilDiv(BandPixels, p.columns));
  p.rows = std::clamp(ys.count / ceilDiv(units, p.groups), enough, std::max(most, enough));
  p.rowBands = ceilDiv(ys.count, p.rows), p.columnBands = ceilDiv(xs.count, p.columns);
  p.rows = ceilDiv(ys.count, p.rowBands), p.columns = ceilDiv(xs.count, p.columnBands);
  int64_t bands = p.rowBands * p.columnBands * g.batch;
  p.groups = std::clamp<int64_t>(ceilDiv(units, bands), p.groups, int64_t(panels.size()));
  p.panels = ceilDiv(int64_t(panels.size()), p.groups);
  p.groups = ceilDiv(int64_t(panels.size()), p.panels);
  return p;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// A member's scratch: which band is in it, the pixels' places, sums, the band.
struct PackedConv::Unit {
  int64_t batch, group;
  Rect rect;
  PixelAt *pixels;
  int32_t *sums;
  uint8_t *input;
  ptrdiff_t *segments;
};

size_t PackedConv::sumBytes() const {
  return way == Fold::Way::OneByOne ? size_t(cut.rows * cut.columns * kernels.lanes * kernels.maxVectors) * 4 : 0;
}

size_t PackedConv::memberBytes() const {
  return 64 + wholeLines(size_t(segments) * sizeof(ptrdiff_t)) +
         wholeLines(size_t(cut.rows * cut.columns) * sizeof(PixelAt)) + wholeLines(sumBytes()) +
         (raw ? 0 : wholeLines(band.bytes(cut.rows, cut.columns)));
}

Rect PackedConv::rectOf(int64_t b) const {
  Rect r{b / cut.columnBands * cut.rows, b % cut.columnBands * cut.columns, 0, 0};
  r.rows = std::min(cut.rows, ys.count - r.y), r.columns = std::min(cut.columns, xs.count - r.x);
  return r;
}

void PackedConv::run(const ConvBuffers &buffers, Team &team) const {
  ConvBuffers b = buffers;
  b.inPixel = b.inPixel ? b.inPixel : g.inC, b.outPixel = b.outPixel ? b.outPixel : g.outC;
  size_t member = memberBytes();
  int64_t bands = cut.rowBands * cut.columnBands * g.batch;
  for (unsigned i = 0; i < team.size(); ++i)
    *reinterpret_cast<int64_t *>(b.scratch + i * member) = -1;
  team.run(size_t(cut.groups * bands), [&](size_t unit, unsigned who) {
    int64_t where = int64_t(unit) % bands;
    uint8_t *scratch = b.scratch + who * member;
    Unit u;
    u.batch = where / (cut.rowBands * cut.columnBands), u.group = int64_t(unit) / bands;
    u.rect = rectOf(where % (cut.rowBands * cut.columnBands));
    int64_t &filled = *reinterpret_cast<int64_t *>(scratch);
    u.segments = reinterpret_cast<ptrdiff_t *>(scratch + 64);
    u.pixels = reinterpret_cast<PixelAt *>(scratch + 64 + wholeLines(size_t(segments) * sizeof(ptrdiff_t)));
    u.sums = reinterpret_cast<int32_t *>(reinterpret_cast<uint8_t *>(u.pixels) +
                                         wholeLines(size_t(cut.rows * cut.columns) * sizeof(PixelAt)));
    u.input = reinterpret_cast<uint8_t *>(u.sums) + wholeLines(sumBytes());
    if (filled != where) {
      if (!raw)
        band.fill(u.rect, b.in + u.batch * ys.in * xs.in * b.inPixel, b.inPixel, u.input);
      placePixels(u, b);
      filled = where;
    }
    runUnit(u, b);
  });
}

void PackedConv::placePixels(const Unit &u, const ConvBuffers &b) const {
  PixelAt *p = u.pixels;
  for (int64_t y = 0; y < u.rect.rows; ++y)
    for (int64_t x = 0; x < u.rect.columns; ++x, ++p) {
      int64_t outY = ys.outFirst + (u.rect.y + y) * ys.outStep, outX = xs.outFirst + (u.rect.x + x) * xs.outStep;
      int64_t inY = (u.rect.y + y) * ys.stride - ys.pad, inX = (u.rect.x + x) * xs.stride - xs.pad;
      int64_t in = raw ? ((u.batch * ys.in + inY) * xs.in + inX) * b.inPixel : band.windowAt(u.rect, y, x);
      *p = {ptrdiff_t(in), ptrdiff_t((outY * g.outW + outX) * b.outPixel)};
    }
  for (int64_t s = 0; s < segments; ++s)
    u.segments[s] = wholeRows ? band.tapAt(u.rect, s, 0) : band.tapAt(u.rect, s / xs.taps, s % xs.taps);
}

void PackedConv::runUnit(const Unit &u, const ConvBuffers &b) const {
  Finish f = finish;
  f.table = requant.table ? requant.table->data() : nullptr;
  PanelJob job = {};
  job.in = raw ? reinterpret_cast<const uint8_t *>(b.in) : u.input, job.raw = raw;
  job.pixels = u.pixels, job.numPixels = size_t(u.rect.rows * u.rect.columns);
  job.segments = u.segments, job.numSegments = size_t(segments), job.steps = steps;
  job.finish = &f;
  job.sums = way == Fold::Way::OneByOne ? u.sums : nullptr;
  int8_t *out = b.out + u.batch * g.outH * g.outW * b.outPixel;
  size_t end = std::min(size_t((u.group + 1) * cut.panels), panels.size());
  for (size_t i = size_t(u.group * cut.panels); i < end; ++i) {
    job.out = out + panels[i].first;
    runPanel(u, panels[i], job);
  }
}

void PackedConv::runPanel(const Unit &u, const Panel &p, PanelJob &job) const {
  job.weights = packed.data() + p.weights;
  job.start = reinterpret_cast<const int32_t *>(lanes.data()) + p.lane;
  job.bias = job.start + lanes.size() / sizeof(int32_t) / 2;
  job.vectors = p.vectors, job.channels = p.channels;
  kernels.panel(job);
  if (!job.sums)
    return;
  const int32_t *sum = u.sums;
  for (size_t pixel = 0; pixel < job.numPixels; ++pixel)
    for (int i = 0; i < p.vectors * kernels.lanes; ++i, ++sum)
      if (int channel = channelOfLane(p.vectors, i / kernels.lanes, i % kernels.lanes); channel < p.channels)
        job.out[u.pixels[pixel].out + channel] = requant.apply(*sum, size_t(p.first + channel));
}
