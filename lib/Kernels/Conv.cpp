//===- Conv.cpp - which convolution is made ---------------------------------------------===//
#include "Depthwise.h"
#include "Dispatch.h"
#include "PackedConv.h"
#include "ReferenceConv.h"
#include <algorithm>
#include <cstdlib>

using namespace dpuopt::kernels;

/// Products per result whose sum surely fits 31 bits; more only if the weights are small enough.
static constexpr int64_t MaxTaps = int64_t(1) << 16;
/// With 24 guard bits a sum has 62 bits.
static constexpr int64_t MostTaps = int64_t(1) << 24;

/// Bytes of input that a thread may keep a copy of.
static constexpr int64_t MostInput = int64_t(1) << 26;
/// Of a transposed convolution; more are not worth their packing.
static constexpr int64_t MaxPhases = 64;

static bool valid(const ConvGeometry &g) {
  for (int64_t size : {g.batch, g.inH, g.inW, g.inC, g.outH, g.outW, g.outC, g.kernelH, g.kernelW, g.strideH, g.strideW,
                       g.dilationH, g.dilationW})
    if (size < 1 || size > int64_t(1) << 31)
      return false;
  if (g.depthwise && g.outC % g.inC)
    return false;
  int64_t taps = g.kernelH * g.kernelW; // each at most 2^31
  return taps <= MostTaps && taps * (g.depthwise ? 1 : g.inC) <= MostTaps;
}

/// A product of matrices has rows of pixels and no images.
static ConvGeometry withoutBatch(ConvGeometry g) {
  bool product = g.kernelH == 1 && g.kernelW == 1 && g.strideH == 1 && g.strideW == 1 && !g.padTop && !g.padLeft &&
                 g.inH == g.outH && g.inW == g.outW;
  if (product)
    g.inH = g.outH = g.batch * g.inH, g.batch = 1;
  return g;
}

namespace {
/// One convolution after the other, each for results that the others leave out.
class PhasedConv final : public Conv {
public:
  explicit PhasedConv(std::vector<std::unique_ptr<Conv>> phases) : phases(std::move(phases)) {}
  size_t scratchBytes(unsigned threads) const override {
    size_t most = 0;
    for (const auto &phase : phases)
      most = std::max(most, phase->scratchBytes(threads));
    return most;
  }
  size_t packedBytes() const override {
    size_t sum = 0;
    for (const auto &phase : phases)
      sum += phase->packedBytes();
    return sum;
  }
  void run(const ConvBuffers &b, Team &team) const override {
    for (const auto &phase : phases)
      phase->run(b, team);
  }

private:
  std::vector<std::unique_ptr<Conv>> phases;
};
} // namespace

/// Does every sum fit 31 bits? Others are made in 64, one after the other.
static bool sumsFit(const ConvGeometry &g, const int8_t *weights) {
  int64_t taps = g.kernelH * g.kernelW * (g.depthwise ? 1 : g.inC);
  if (taps <= MaxTaps)
    return true;
  if (g.depthwise)
    return false;
  for (int64_t c = 0; c < g.outC; ++c) {
    int64_t magnitude = 0;
    for (int64_t i = 0; i < taps; ++i)
      magnitude += std::abs(int(weights[c * taps + i]));
    if (magnitude >= int64_t(1) << 24)
      return false;
  }
  return true;
}

/// Is the input that a few results read small enough to be copied? Not with huge strides or dilations.
static bool inputFits(const ConvGeometry &g, const Axis &y, const Axis &x) {
  int64_t columns = std::min<int64_t>(x.count, 32), rows = std::min((31 + columns) / columns, y.count);
  double bytes = double(x.reach(columns)) * double(y.reach(rows)) * double(g.depthwise ? 256 : 2 * g.inC);
  return (x.taps == 1 && y.taps == 1) || bytes <= double(MostInput);
}

std::unique_ptr<Conv> Conv::create(const ConvGeometry &geometry, const int8_t *weights, Requant requant, Isa isa) {
  if (!valid(geometry))
    return nullptr;
  ConvGeometry g = withoutBatch(geometry);
  const KernelTable &kernels = tableOf(isa);
  bool manyPhases = g.transposed && g.strideH * g.strideW > MaxPhases;
  if (manyPhases || !sumsFit(g, weights))
    return referenceConv(g, weights, std::move(requant));
  auto axes = g.transposed ? scatterAxes : gatherAxes;
  auto ys = axes(g.inH, g.outH, g.kernelH, g.strideH, g.dilationH, g.padTop);
  auto xs = axes(g.inW, g.outW, g.kernelW, g.strideW, g.dilationW, g.padLeft);
  std::vector<std::unique_ptr<Conv>> phases;
  for (const Axis &y : ys)
    for (const Axis &x : xs)
      if (!inputFits(g, y, x))
        return referenceConv(g, weights, std::move(requant));
      else if (g.depthwise)
        phases.push_back(std::make_unique<DepthwiseConv>(g, y, x, weights, requant, kernels));
      else
        phases.push_back(std::make_unique<PackedConv>(g, y, x, weights, requant, kernels));
  if (phases.size() == 1)
    return std::move(phases.front());
  return std::make_unique<PhasedConv>(std::move(phases));
}
