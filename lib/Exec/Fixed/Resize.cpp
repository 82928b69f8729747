//===- Resize.cpp - upsampling and downsampling ---------------------------------------------===//
//
// Nearest neighbours are moves. Bilinear interpolation is float32 arithmetic on the stored numbers and one DPU_ROUND
// (XirResize.h): a power of two in front changes no rounding, so that is the quantized form's result too.
//
//===----------------------------------------------------------------------===//
#include "Activations.h"
#include "Gather.h"
#include "Geometry.h"
#include "XirResize.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;
using namespace dpuopt::kernels;

namespace {
class BilinearKernel final : public FixKernel {
public:
  BilinearKernel(const Image &x, const Image &y, const XirResizeMode &mode, int shift)
      : x(x), y(y), rows(xirTaps(mode, x.h, y.h)), columns(xirTaps(mode, x.w, y.w)), scale(std::ldexp(1.0f, shift)) {}
  size_t scratchBytes(unsigned threads) const override { return size_t(threads) * size_t(y.c) * sizeof(float); }

  void run(const FixRun &run) const override {
    run.team.run(size_t(y.n * y.h), [&](size_t row, unsigned member) {
      float *pixel = reinterpret_cast<float *>(run.scratch) + size_t(member) * size_t(y.c);
      const XirTap &tap = rows[row % size_t(y.h)];
      const int8_t *image = run.in[0] + int64_t(row) / y.h * x.h * x.w * x.c;
      const int8_t *top = image + tap.first * x.w * x.c, *bottom = image + tap.second * x.w * x.c;
      int8_t *out = run.out + int64_t(row) * y.w * y.c;
      for (const XirTap &column : columns) {
        interpolate(top + column.first * x.c, top + column.second * x.c, bottom + column.first * x.c,
                    bottom + column.second * x.c, column.fraction, tap.fraction, y.c,
                    [&](int64_t c, float v) { pixel[c] = v; });
        floatToInt8(pixel, out, size_t(y.c), scale);
        out += y.c;
      }
    });
  }

private:
  Image x, y;
  std::vector<XirTap> rows, columns;
  float scale;
};
} // namespace

/// Images of operand 0 and of the result, if they differ in height and width only.
static std::optional<std::pair<Image, Image>> images(const FixRequest &r) {
  const Type &x = r.operands[0].type, &y = r.result;
  if (x.rank() != 4 || y.rank() != 4 || x.dim(0) != y.dim(0) || x.dim(3) != y.dim(3) || y.dim(1) > MaxGatherMap ||
      y.dim(2) > MaxGatherMap) {
    (void)refuse(r, fmt::format("{} cannot be resized to {}", x.str(), y.str()));
    return std::nullopt;
  }
  return std::make_pair(*imageOf(x), *imageOf(y));
}

static FixResult makeResize(const FixRequest &r) {
  auto both = images(r);
  auto mode = choiceOf(r.op, "mode", {"NEAREST", "BILINEAR"}, "NEAREST");
  if (!both)
    return failure();
  if (!mode)
    return refuse(r, "its mode is neither NEAREST nor BILINEAR");
  auto [x, y] = *both;
  XirResizeMode how{*mode == 0, r.op.getBool("align_corners"), r.op.getBool("half_pixel_centers")};
  if (!how.nearest && r.activation)
    return failure();
  if (!how.nearest)
    return std::unique_ptr<FixKernel>(std::make_unique<BilinearKernel>(x, y, how, r.resultFixPoint() - r.fixPoint(0)));
  auto table = moveTable(r, 0);
  if (!table)
    return failure();
  auto mapOf = [&](int64_t in, int64_t out, int64_t step) {
    GatherAxis axis{out, 0, {}};
    for (const XirTap &tap : xirTaps(how, in, out))
      axis.at.push_back(tap.first * step);
    return axis;
  };
  return makeGather(
      r, {0, {{x.n, x.h * x.w * x.c, {}}, mapOf(x.h, y.h, x.w * x.c), mapOf(x.w, y.w, x.c), {x.c, 1, {}}}, *table, 0});
}

/// The step along an axis: what `scale` says (8 and 0.125 mean the same), or in / out.
static int64_t stepOf(const FixRequest &r, unsigned index, int64_t in, int64_t out) {
  const Attr *a = r.op.attr("scale");
  double scale = 0;
  if (a && a->isFloatList() && a->asFloats().size() == 2)
    scale = a->asFloats()[index];
  else if (a && a->isIntList() && a->asInts().size() == 2)
    scale = double(a->asInts()[index]);
  if (scale > 0 && scale < 1)
    scale = 1 / scale;
  int64_t step = scale >= 1 && scale < double(MaxGatherMap) ? std::llround(scale) : 0;
  return step > 0 && (out - 1) * step < in ? step : in / out;
}

/// The DPU takes every s-th pixel, whatever `mode` and `half_pixel_centers` say.
static FixResult makeDownsample(const FixRequest &r) {
  auto both = images(r);
  if (!both)
    return failure();
  auto [x, y] = *both;
  auto table = moveTable(r, 0);
  if (!table || y.h > x.h || y.w > x.w)
    return refuse(r, fmt::format("{} cannot be downsampled to {}", r.operands[0].type.str(), r.result.str()));
  int64_t stepH = stepOf(r, 1, x.h, y.h), stepW = stepOf(r, 0, x.w, y.w);
  return makeGather(
      r,
      {0, {{x.n, x.h * x.w * x.c, {}}, {y.h, stepH * x.w * x.c, {}}, {y.w, stepW * x.c, {}}, {x.c, 1, {}}}, *table, 0});
}

llvm::ArrayRef<FixEntry> exec::resizeFixEntries() {
  static const FixEntry table[] = {
      {"resize", makeResize},
      {"upsample", makeResize},
      {"downsample", makeDownsample, 1, true},
  };
  return table;
}
