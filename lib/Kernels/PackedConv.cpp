//===- PackedConv.cpp - convolutions as products of windows and weights ------------------===//
#include "PackedConv.h"
#include <algorithm>

using namespace dpuopt::kernels;

/// A unit's input should stay in a part of a core's L2 cache.
static constexpr int64_t BandBytes = 256 << 10;
/// Weights beyond this are better read once than once per band.
static constexpr int64_t ManyWeights = 384 << 10;
/// Multiplications that are worth a unit, and units for each member of a team.
static constexpr int64_t UnitWork = 125000, UnitsEach = 8;
/// Fewer pixels than this make narrow tiles, which wait for their weights.
static constexpr int64_t BandPixels = 24;
/// More than this push their places and results out of the L1 cache.
static constexpr int64_t MostPixels = 512;
/// Results in a column that are worth tiles of their own, because they need fewer taps.
static constexpr int64_t BorderRows = 4;

static int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

PackedConv::PackedConv(const ConvGeometry &geometry, const Axis &ys, const Axis &xs, const int8_t *w,
                       const Requant &requant, const KernelTable &kernels)
    : g(geometry), ys(ys), xs(xs), requant(requant), kernels(kernels), band(ys, xs, g.inC, kernels),
      weights(g, ys, xs, w, requant, kernels), raw(readsRaw()) {}

/// Copying the input pays if its bytes are used more than once, or if there is padding, or a run would end within
/// a dword.
bool PackedConv::readsRaw() const {
  auto inside = [](const Axis &a) { return a.taps == 1 && a.pad <= 0 && (a.count - 1) * a.stride - a.pad < a.in; };
  return kernels.takesRaw && g.inC % 4 == 0 && inside(ys) && inside(xs);
}

/// Bands of rows; of columns too where a row is huge. Many weights for few pixels: groups of panels instead, so that
/// every weight is read by one core and once.
PackedConv::Plan PackedConv::plan(unsigned threads) const {
  int64_t work = ys.count * xs.count * g.outC * weights.segments * int64_t(weights.steps) * 4;
  int64_t panels = int64_t(weights.panels.size());
  int64_t units = threads == 1 ? 1 : std::clamp<int64_t>(work / UnitWork, 1, UnitsEach * threads);
  Plan p;
  p.columns = xs.count;
  while (p.columns > BandPixels && int64_t(band.bytes(1, p.columns)) > BandBytes)
    p.columns = ceilDiv(p.columns, 2);
  int64_t most = std::min(ys.count, ceilDiv(MostPixels, p.columns));
  while (most > 1 && int64_t(band.bytes(most, p.columns)) > BandBytes)
    most = ceilDiv(most, 2);
  bool byPanels = int64_t(weights.bytes()) > ManyWeights && int64_t(band.bytes(ys.count, p.columns)) <= BandBytes;
  p.groups = byPanels ? std::min<int64_t>(units, panels) : 1;
  int64_t enough = std::min(ys.count, ceilDiv(BandPixels, p.columns));
  p.rows = std::clamp(ceilDiv(ys.count, ceilDiv(units, p.groups)), enough, std::max(most, enough));
  p.rowBands = ceilDiv(ys.count, p.rows), p.columnBands = ceilDiv(xs.count, p.columns);
  p.rows = ceilDiv(ys.count, p.rowBands), p.columns = ceilDiv(xs.count, p.columnBands);
  p.groups = std::clamp<int64_t>(units / (p.rowBands * p.columnBands * g.batch), p.groups, panels);
  p.panels = ceilDiv(panels, p.groups);
  p.groups = ceilDiv(panels, p.panels);
  return p;
}

/// A member's scratch.
struct PackedConv::Places {
  /// Results of one class, neighbours in `pixels`.
  struct Group {
    size_t first, count;
    PackedWeights::Class taps;
  };
  struct Header {
    int64_t filled; ///< which band this is of
    size_t numGroups;
    Group groups[9];
  };
  Header *header;
  ptrdiff_t *segments;
  PixelAt *pixels;
  int32_t *sums;
  uint8_t *input;
};

size_t PackedConv::sumBytes(const Plan &p) const {
  return weights.way == Fold::Way::OneByOne ? size_t(p.rows * p.columns * kernels.lanes * kernels.maxVectors) * 4 : 0;
}

size_t PackedConv::memberBytes(const Plan &p) const {
  size_t before = size_t(reinterpret_cast<uintptr_t>(placesIn(nullptr, p).input));
  return before + (raw ? 0 : wholeLines(band.bytes(p.rows, p.columns)));
}

PackedConv::Places PackedConv::placesIn(uint8_t *scratch, const Plan &p) const {
  uintptr_t at = reinterpret_cast<uintptr_t>(scratch);
  auto take = [&at](size_t bytes) {
    uintptr_t taken = at;
    at += wholeLines(bytes);
    return taken;
  };
  Places s;
  s.header = reinterpret_cast<Places::Header *>(take(sizeof(Places::Header)));
  s.segments = reinterpret_cast<ptrdiff_t *>(take(size_t(weights.segments) * sizeof(ptrdiff_t)));
  s.pixels = reinterpret_cast<PixelAt *>(take(size_t(p.rows * p.columns) * sizeof(PixelAt)));
  s.sums = reinterpret_cast<int32_t *>(take(sumBytes(p)));
  s.input = reinterpret_cast<uint8_t *>(at);
  return s;
}

Rect PackedConv::rectOf(const Plan &p, int64_t b) const {
  Rect r{b / p.columnBands * p.rows, b % p.columnBands * p.columns, 0, 0};
  r.rows = std::min(p.rows, ys.count - r.y), r.columns = std::min(p.columns, xs.count - r.x);
  return r;
}

void PackedConv::run(const ConvBuffers &buffers, Team &team) const {
  ConvBuffers b = buffers;
  b.inPixel = b.inPixel ? b.inPixel : g.inC, b.outPixel = b.outPixel ? b.outPixel : g.outC;
  Plan p = plan(team.size());
  size_t member = memberBytes(p);
  for (unsigned i = 0; i < team.size(); ++i)
    placesIn(b.scratch + i * member, p).header->filled = -1;
  int64_t bands = p.rowBands * p.columnBands;
  team.run(size_t(g.batch * bands * p.groups), [&](size_t unit, unsigned who) {
    int64_t where = int64_t(unit) / p.groups, group = int64_t(unit) % p.groups, batch = where / bands;
    Places at = placesIn(b.scratch + who * member, p);
    if (at.header->filled != where) {
      Rect r = rectOf(p, where % bands);
      if (!raw)
        band.fill(r, b.in + batch * ys.in * xs.in * b.inPixel, b.inPixel, at.input);
      place(r, batch, b, at);
      at.header->filled = where;
    }
    size_t end = std::min(size_t((group + 1) * p.panels), weights.panels.size());
    for (size_t i = size_t(group * p.panels); i < end; ++i)
      runPanel(weights.panels[i], at, batch, b);
  });
}

/// Results [left, right) of a row: equal steps in the input and in the output.
PixelAt *PackedConv::placeRow(const Rect &r, int64_t y, int64_t left, int64_t right, int64_t batch,
                              const ConvBuffers &b, PixelAt *p) const {
  int64_t inY = y * ys.stride - ys.pad, inX = left * xs.stride - xs.pad;
  ptrdiff_t in = raw ? ((batch * ys.in + inY) * xs.in + inX) * b.inPixel : band.windowAt(r, y - r.y, left - r.x);
  ptrdiff_t out = ((ys.outFirst + y * ys.outStep) * g.outW + xs.outFirst + left * xs.outStep) * b.outPixel;
  ptrdiff_t inStep = raw ? xs.stride * b.inPixel : band.windowAt(r, 0, 1), outStep = xs.outStep * b.outPixel;
  for (int64_t x = left; x < right; ++x, in += inStep, out += outStep)
    *p++ = {in, out};
  return p;
}

/// Pixels group by group: those at a border that leave out the same taps.
void PackedConv::place(const Rect &r, int64_t batch, const ConvBuffers &b, Places &at) const {
  const TapRange all{0, xs.count, 0, xs.taps};
  at.header->numGroups = 0;
  PixelAt *p = at.pixels;
  for (size_t row = 0; row < weights.rows.size(); ++row) {
    int64_t top = std::max(weights.rows[row].first, r.y), bottom = std::min(weights.rows[row].last, r.y + r.rows);
    bool split = bottom - top >= BorderRows;
    for (size_t column = split ? 0 : weights.columns.size(); column < weights.columns.size() + !split; ++column) {
      const TapRange &range = split ? weights.columns[column] : all;
      int64_t left = std::max(range.first, r.x), right = std::min(range.last, r.x + r.columns);
      Places::Group group{size_t(p - at.pixels), 0, {row, column}};
      for (int64_t y = top; y < bottom; ++y)
        p = placeRow(r, y, left, right, batch, b, p);
      group.count = size_t(p - at.pixels) - group.first;
      if (group.count)
        at.header->groups[at.header->numGroups++] = group;
    }
  }
  for (int64_t s = 0; s < weights.segments; ++s)
    at.segments[s] = weights.wholeRows ? band.tapAt(r, s, 0) : band.tapAt(r, s / xs.taps, s % xs.taps);
}

void PackedConv::runPanel(const PackedWeights::Panel &p, const Places &at, int64_t batch, const ConvBuffers &b) const {
  Finish finish = weights.finish;
  finish.table = requant.table ? requant.table->data() : nullptr;
  for (const Places::Group *group = at.header->groups, *end = group + at.header->numGroups; group != end; ++group) {
    PanelJob job = {};
    job.in = raw ? reinterpret_cast<const uint8_t *>(b.in) : at.input, job.raw = raw;
    job.pixels = at.pixels + group->first, job.numPixels = group->count;
    job.segments = at.segments;
    job.finish = &finish;
    job.sums = weights.way == Fold::Way::OneByOne ? at.sums : nullptr;
    job.out = b.out + batch * g.outH * g.outW * b.outPixel + p.first;
    weights.set(job, p, group->taps);
    kernels.panel(job);
    if (job.sums)
      finishOneByOne(p, job);
  }
}

void PackedConv::finishOneByOne(const PackedWeights::Panel &p, const PanelJob &job) const {
  const int32_t *sum = job.sums;
  for (size_t pixel = 0; pixel < job.numPixels; ++pixel)
    for (int i = 0; i < p.vectors * kernels.lanes; ++i, ++sum)
      if (int channel = channelOfLane(p.vectors, i / kernels.lanes, i % kernels.lanes); channel < p.channels)
        job.out[job.pixels[pixel].out + channel] = requant.apply(*sum, size_t(p.first + channel));
}
