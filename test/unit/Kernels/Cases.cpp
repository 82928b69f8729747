//===- Cases.cpp - convolutions at random ------------------------------------------------===//
#include "Cases.h"
#include <gtest/gtest.h>

using namespace dpuopt::kernels;

std::vector<int8_t> test::computed(const ConvGeometry &g, const std::vector<int8_t> &w, const Requant &r,
                                   const std::vector<int8_t> &in, int64_t inPixel, int64_t outPixel, Isa isa,
                                   Team &team) {
  constexpr int8_t Untouched = 0x5a;
  auto conv = Conv::create(g, w.data(), r, isa);
  if (!conv)
    return {};
  std::vector<uint8_t> scratch(conv->scratchBytes(team.size()) + 64, 0xcd);
  size_t pixels = size_t(g.batch * g.outH * g.outW);
  std::vector<int8_t> wide(pixels * size_t(outPixel), Untouched), out;
  ConvBuffers b{in.data(), wide.data(), inPixel, outPixel, scratch.data()};
  b.scratch += (64 - reinterpret_cast<uintptr_t>(b.scratch) % 64) % 64;
  conv->run(b, team);
  for (size_t p = 0; p < pixels; ++p)
    for (size_t c = 0; c < size_t(outPixel); ++c)
      if (int8_t y = wide[p * size_t(outPixel) + c]; c < size_t(g.outC))
        out.push_back(y);
      else
        EXPECT_EQ(y, Untouched) << "pixel " << p << ", byte " << c;
  return out;
}

static int64_t outputs(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pads, bool transposed) {
  int64_t reach = (kernel - 1) * dilation + 1;
  return transposed ? (in - 1) * stride + reach - pads : (in + pads - reach) / stride + 1;
}

ConvGeometry test::randomGeometry(Random &random, bool depthwise, bool transposed) {
  static const int64_t channels[] = {1,  2,  3,  4,  5,  8,  13, 16, 17, 24,  31,
                                     32, 33, 48, 50, 63, 64, 65, 80, 96, 130, 200};
  for (;;) {
    ConvGeometry g;
    g.depthwise = depthwise, g.transposed = transposed;
    g.batch = random.oneIn(4) ? 3 : 1;
    g.inH = random.oneIn(8) ? 1 : random.in(1, 14), g.inW = random.oneIn(8) ? 1 : random.in(1, 20);
    g.inC = channels[random.in(0, 21)];
    g.outC = depthwise ? g.inC * (random.oneIn(4) ? random.in(2, 3) : 1) : channels[random.in(0, 21)];
    g.kernelH = random.oneIn(3) ? 1 : random.in(1, 7), g.kernelW = random.oneIn(3) ? g.kernelH : random.in(1, 7);
    g.strideH = random.in(1, 3), g.strideW = random.in(1, 3);
    g.dilationH = random.oneIn(4) ? random.in(1, 3) : 1, g.dilationW = random.oneIn(4) ? random.in(1, 3) : 1;
    bool wild = random.oneIn(6); // pads larger than the kernel
    g.padTop = random.in(0, wild ? 9 : g.kernelH - 1), g.padLeft = random.in(0, wild ? 9 : g.kernelW - 1);
    int64_t bottom = random.in(0, wild ? 9 : g.kernelH - 1), right = random.in(0, wild ? 9 : g.kernelW - 1);
    g.outH = outputs(g.inH, g.kernelH, g.strideH, g.dilationH, g.padTop + bottom, transposed);
    g.outW = outputs(g.inW, g.kernelW, g.strideW, g.dilationW, g.padLeft + right, transposed);
    if (g.outH > 0 && g.outW > 0 && g.outH * g.outW * g.outC * g.inC * g.kernelH * g.kernelW < 4000000)
      return g;
  }
}

Requant test::randomRequant(Random &random, const ConvGeometry &g) {
  using Activation = Requant::Activation;
  Requant r;
  r.guard = random.oneIn(4) ? int(random.in(0, 12)) : 1;
  r.cut = random.oneIn(3) ? int(random.in(-3, 24)) : int(random.in(6, 13));
  if (!random.oneIn(4)) {
    int64_t most = int64_t(1) << random.in(0, random.oneIn(8) ? 39 : 17);
    for (int64_t c = 0; c < g.outC; ++c)
      r.bias.push_back(random.in(-most, most));
  }
  static const Activation activations[] = {Activation::None, Activation::Relu, Activation::Clip, Activation::Leaky};
  r.activation = activations[random.in(0, 3)];
  r.cap = random.oneIn(2) ? 96 : int(random.in(0, 127));
  if (random.oneIn(4))
    r.slope = int(random.in(-3, 40)), r.slopeShift = int(random.in(0, 9));
  if (random.oneIn(5)) {
    r.table.emplace();
    for (int8_t &y : *r.table)
      y = int8_t(random.in(-128, 127));
  }
  return r;
}

std::string test::describe(const ConvGeometry &g, const Requant &r) {
  std::ostringstream s;
  s << "batch " << g.batch << ", in " << g.inH << "x" << g.inW << "x" << g.inC << ", out " << g.outH << "x" << g.outW
    << "x" << g.outC << ", kernel " << g.kernelH << "x" << g.kernelW << ", stride " << g.strideH << "x" << g.strideW
    << ", dilation " << g.dilationH << "x" << g.dilationW << ", pad " << g.padTop << " " << g.padLeft
    << (g.depthwise ? ", depthwise" : "") << (g.transposed ? ", transposed" : "") << "; guard " << r.guard << ", cut "
    << r.cut << ", activation " << int(r.activation) << ", cap " << r.cap << ", slope " << r.slope << ">>"
    << r.slopeShift << (r.bias.empty() ? "" : ", bias") << (r.table ? ", table" : "");
  return s.str();
}
