//===- ReferenceConv.cpp - the convolution every other must equal -----------------------===//
#include "ReferenceConv.h"
#include <vector>

using namespace dpuopt::kernels;

namespace {

class ReferenceConv final : public Conv {
public:
  ReferenceConv(const ConvGeometry &g, const int8_t *w, Requant requant)
      : g(g), weights(w, w + g.outC * g.kernelH * g.kernelW * (g.depthwise ? 1 : g.inC)), requant(std::move(requant)) {}
  size_t scratchBytes(unsigned) const override { return 0; }
  size_t packedBytes() const override { return weights.size(); }
  void run(const ConvBuffers &b, Team &team) const override {
    team.run(size_t(g.batch * g.outH), [&](size_t row, unsigned) {
      for (int64_t x = 0; x < g.outW; ++x)
        for (int64_t oc = 0; oc < g.outC; ++oc)
          outAt(b, int64_t(row), x)[oc] =
              requant.apply(sum(b, int64_t(row) / g.outH, int64_t(row) % g.outH, x, oc), size_t(oc));
    });
  }

private:
  int8_t *outAt(const ConvBuffers &b, int64_t row, int64_t x) const {
    return b.out + (row * g.outW + x) * (b.outPixel ? b.outPixel : g.outC);
  }

  /// The input coordinate that tap `k` of output `o` reads; -1 if none.
  static int64_t source(bool transposed, int64_t o, int64_t k, int64_t stride, int64_t dilation, int64_t pad,
                        int64_t size) {
    int64_t at = transposed ? o + pad - k * dilation : o * stride - pad + k * dilation;
    if (transposed && (at < 0 || at % stride))
      return -1;
    at = transposed ? at / stride : at;
    return at < size ? at : -1;
  }

  int64_t sum(const ConvBuffers &b, int64_t n, int64_t y, int64_t x, int64_t oc) const {
    int64_t acc = 0, pixel = b.inPixel ? b.inPixel : g.inC;
    for (int64_t ky = 0; ky < g.kernelH; ++ky)
      for (int64_t kx = 0; kx < g.kernelW; ++kx) {
        int64_t iy = source(g.transposed, y, ky, g.strideH, g.dilationH, g.padTop, g.inH);
        int64_t ix = source(g.transposed, x, kx, g.strideW, g.dilationW, g.padLeft, g.inW);
        if (iy < 0 || ix < 0)
          continue;
        // xmodels store the kernel of a transposed convolution turned by half a turn.
        int64_t tap = (g.transposed ? g.kernelH - 1 - ky : ky) * g.kernelW + (g.transposed ? g.kernelW - 1 - kx : kx);
        acc += dot(b.in + ((n * g.inH + iy) * g.inW + ix) * pixel, tap, oc);
      }
    return acc;
  }

  int64_t dot(const int8_t *in, int64_t tap, int64_t oc) const {
    int64_t taps = g.kernelH * g.kernelW, acc = 0;
    if (g.depthwise) {
      // Output channel c * multiplier + m; weights [m][tap][c].
      int64_t multiplier = g.outC / g.inC, c = oc / multiplier;
      return int64_t(in[c]) * weights[size_t(((oc % multiplier) * taps + tap) * g.inC + c)];
    }
    const int8_t *w = weights.data() + (oc * taps + tap) * g.inC;
    for (int64_t c = 0; c < g.inC; ++c)
      acc += int64_t(in[c]) * w[c];
    return acc;
  }

  ConvGeometry g;
  std::vector<int8_t> weights;
  Requant requant;
};

} // namespace

std::unique_ptr<Conv> dpuopt::kernels::referenceConv(const ConvGeometry &g, const int8_t *weights, Requant requant) {
  return std::make_unique<ReferenceConv>(g, weights, std::move(requant));
}
