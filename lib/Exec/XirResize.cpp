//===- XirResize.cpp - xir.resize ---------------------------------------------------------===//
#include "XirResize.h"
#include <algorithm>
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;

std::vector<XirTap> exec::xirTaps(const XirResizeMode &mode, int64_t in, int64_t out) {
  float scale = mode.alignCorners && out > 1 ? float(in - 1) / float(out - 1) : float(in) / float(out);
  auto inside = [&](float at) { return std::clamp<int64_t>(int64_t(at), 0, in - 1); };
  std::vector<XirTap> taps(static_cast<size_t>(out));
  for (int64_t o = 0; o < out; ++o) {
    float at = mode.halfPixel ? (float(o) + 0.5f) * scale : float(o) * scale;
    XirTap &tap = taps[size_t(o)];
    if (mode.nearest) {
      tap.first = tap.second = inside(mode.alignCorners ? std::round(at) : std::floor(at));
      continue;
    }
    at -= mode.halfPixel ? 0.5f : 0.0f;
    tap = {inside(std::floor(at)), inside(std::ceil(at)), at - std::floor(at)};
  }
  return taps;
}

/// Sizes h, w of the result: the size operand, or the scale [w, h] times the input.
static Result<std::pair<int64_t, int64_t>> resultSize(const Call &call) {
  const Tensor &x = call.in();
  std::vector<float> scale = call.op.getFloats("scale");
  double h = 0, w = 0;
  if (const Tensor *size = call.operand(1)) {
    if (size->numElements() != 2)
      return call.error("its size operand needs two elements");
    h = size->at(0), w = size->at(1);
  } else if (scale.size() == 2) {
    h = std::floor(double(x.shape()[1]) * scale[1]), w = std::floor(double(x.shape()[2]) * scale[0]);
  } else {
    return call.error("needs a scale [w, h] or a size operand");
  }
  auto fits = [](double v) { return v >= 1 && v <= double(MaxResultElements); };
  if (!fits(h) || !fits(w))
    return call.error("its sizes or scales are out of range");
  return std::make_pair(int64_t(h), int64_t(w));
}

Result<Tensors> exec::xirResize(const Call &call) {
  if (call.in().shape().size() != 4 || product(call.in().shape()) == 0)
    return call.error("needs a tensor N, H, W, C, has " + call.in().type().str());
  std::string name = call.op.getString("mode", "NEAREST");
  if (name != "NEAREST" && name != "BILINEAR")
    return call.error("mode is " + name + ", required NEAREST or BILINEAR");
  auto size = resultSize(call);
  if (!size)
    return failure();
  auto [h, w] = *size;
  Tensor x = call.in().expanded();
  int64_t n = x.shape()[0], inH = x.shape()[1], inW = x.shape()[2], c = x.shape()[3];
  auto y = call.allocate(ElemKind::F32, {n, h, w, c});
  if (!y)
    return failure();
  XirResizeMode mode{name == "NEAREST", call.op.getBool("align_corners"), call.op.getBool("half_pixel_centers")};
  std::vector<XirTap> rows = xirTaps(mode, inH, h), columns = xirTaps(mode, inW, w);
  float *out = mutData<float>(*y);
  for (int64_t i = 0; i < n; ++i)
    for (const XirTap &row : rows) {
      const float *top = data<float>(x) + (i * inH + row.first) * inW * c;
      const float *bottom = data<float>(x) + (i * inH + row.second) * inW * c;
      for (const XirTap &column : columns) {
        if (mode.nearest)
          std::copy_n(top + column.first * c, c, out);
        else
          interpolate(top + column.first * c, top + column.second * c, bottom + column.first * c,
                      bottom + column.second * c, column.fraction, row.fraction, c,
                      [&](int64_t k, float v) { out[k] = v; });
        out += c;
      }
    }
  return one(std::move(*y));
}
