//===- Conv.cpp - which convolution is made ---------------------------------------------===//
#include "ReferenceConv.h"

using namespace dpuopt::kernels;

/// Sums of int8 products that surely fit 31 bits.
static constexpr int64_t MaxTaps = int64_t(1) << 16;

static bool valid(const ConvGeometry &g) {
  for (int64_t size : {g.batch, g.inH, g.inW, g.inC, g.outH, g.outW, g.outC, g.kernelH, g.kernelW, g.strideH, g.strideW,
                       g.dilationH, g.dilationW})
    if (size < 1 || size > int64_t(1) << 31)
      return false;
  if (g.depthwise && g.outC % g.inC)
    return false;
  int64_t taps = g.kernelH > MaxTaps || g.kernelW > MaxTaps ? MaxTaps : g.kernelH * g.kernelW;
  return taps < MaxTaps && taps * (g.depthwise ? 1 : g.inC) <= MaxTaps;
}

std::unique_ptr<Conv> Conv::create(const ConvGeometry &g, const int8_t *weights, Requant requant, Isa) {
  if (!valid(g))
    return nullptr;
  return referenceConv(g, weights, std::move(requant));
}
