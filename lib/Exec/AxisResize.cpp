//===- AxisResize.cpp - resampling along one axis --------------------------------------===//
//
// Formulas: ONNX operator documentation, Resize.
//
//===----------------------------------------------------------------------===//
#include "AxisResize.h"
#include "Remap.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::exec;
using Coordinates = ResizeMode::Coordinates;

/// Where result position `o` lies on the source axis.
static double sourceCoordinate(const ResizeMode &mode, const ResizeAxis &a, int64_t o) {
  double x = double(o), in = double(a.in), out = double(a.out), scale = double(a.scale);
  switch (mode.coordinates) {
  case Coordinates::HalfPixel:
    return (x + 0.5) / scale - 0.5;
  case Coordinates::PytorchHalfPixel:
    return a.out > 1 ? (x + 0.5) / scale - 0.5 : 0;
  case Coordinates::HalfPixelSymmetric: {
    double adjustment = out / (scale * in);
    double offset = in / 2 * (1 - adjustment);
    return offset + (x + 0.5) / scale - 0.5;
  }
  case Coordinates::AlignCorners:
    return a.out > 1 ? x * (in - 1) / (out - 1) : 0;
  case Coordinates::Asymmetric:
    return x / scale;
  case Coordinates::HalfPixelForNearest:
    return (x + 0.5) / scale;
  case Coordinates::Crop:
    return a.out > 1 ? a.cropStart * (in - 1) + x * (double(a.cropEnd) - a.cropStart) * (in - 1) / (out - 1)
                     : 0.5 * (double(a.cropStart) + a.cropEnd) * (in - 1);
  }
  return x;
}

static int64_t nearestPosition(ResizeMode::Nearest how, double x) {
  switch (how) {
  case ResizeMode::Nearest::RoundPreferFloor:
    return int64_t(std::ceil(x - 0.5));
  case ResizeMode::Nearest::RoundPreferCeil:
    return int64_t(std::floor(x + 0.5));
  case ResizeMode::Nearest::Floor:
    return int64_t(std::floor(x));
  case ResizeMode::Nearest::Ceil:
    return int64_t(std::ceil(x));
  }
  return 0;
}

/// The filter at distance `d` (in source pixels) from its centre.
static double filterWeight(const ResizeMode &mode, double d) {
  d = std::fabs(d);
  if (mode.filter == ResizeMode::Filter::Linear)
    return std::max(0.0, 1 - d);
  double a = mode.cubicA;
  if (d <= 1)
    return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static ResizeTaps weightedTaps(const ResizeMode &mode, const ResizeAxis &a, double x) {
  // Shrinking with antialias widens the filter by the scale.
  double stretch = mode.antialias && a.scale < 1 ? 1 / double(a.scale) : 1;
  double radius = (mode.filter == ResizeMode::Filter::Linear ? 1 : 2) * stretch;
  bool cut = mode.excludeOutside || mode.antialias;
  ResizeTaps taps;
  double sum = 0;
  int64_t first = int64_t(std::floor(x - radius)) + 1, last = int64_t(std::ceil(x + radius)) - 1;
  for (int64_t i = first; i <= last; ++i) {
    double w = filterWeight(mode, (double(i) - x) / stretch);
    if (cut && (i < 0 || i >= a.in))
      continue;
    taps.at.push_back(std::clamp<int64_t>(i, 0, a.in - 1));
    taps.weight.push_back(float(w));
    sum += w;
  }
  if (cut && sum != 0)
    for (float &w : taps.weight)
      w = float(w / sum);
  return taps;
}

std::vector<ResizeTaps> exec::resizeTaps(const ResizeMode &mode, const ResizeAxis &axis) {
  std::vector<ResizeTaps> taps;
  for (int64_t o = 0; o < axis.out; ++o) {
    double x = sourceCoordinate(mode, axis, o);
    if (mode.coordinates == Coordinates::Crop && (x < 0 || x > double(axis.in - 1)))
      taps.push_back({});
    else if (mode.filter == ResizeMode::Filter::Nearest)
      taps.push_back({{std::clamp<int64_t>(nearestPosition(mode.nearest, x), 0, axis.in - 1)}, {1.0f}});
    else
      taps.push_back(weightedTaps(mode, axis, x));
  }
  return taps;
}

/// Weighted sums along one axis of x seen as [outer][in][inner].
static Result<Tensor> resizeAxis(const Call &call, const Tensor &x, size_t axis, llvm::ArrayRef<ResizeTaps> taps,
                                 float extrapolation) {
  Shape shape(x.shape().begin(), x.shape().end());
  int64_t in = shape[axis], out = int64_t(taps.size());
  shape[axis] = out;
  auto y = call.allocate(ElemKind::F32, shape);
  if (!y)
    return failure();
  int64_t outer = product(shape, 0, axis), inner = product(shape, axis + 1);
  float *to = mutData<float>(*y);
  for (int64_t o = 0; o < outer; ++o)
    for (const ResizeTaps &t : taps) {
      if (t.at.empty())
        std::fill_n(to, inner, extrapolation);
      for (size_t k = 0; k < t.at.size(); ++k) {
        const float *from = data<float>(x) + (o * in + t.at[k]) * inner;
        for (int64_t i = 0; i < inner; ++i)
          to[i] += t.weight[k] * from[i];
      }
      to += inner;
    }
  return y;
}

Result<Tensor> exec::resizeAxes(const Call &call, const Tensor &x, const ResizeMode &mode,
                                llvm::ArrayRef<ResizeAxis> axes, float extrapolation) {
  for (const ResizeAxis &a : axes)
    if (a.in < 1 || a.out < 0 || a.out > MaxResultElements || !(a.scale > 0))
      return call.error("its sizes or scales are out of range");
  if (mode.filter == ResizeMode::Filter::Nearest) {
    AxisMaps maps;
    for (const ResizeAxis &a : axes) {
      maps.emplace_back();
      for (const ResizeTaps &t : resizeTaps(mode, a))
        maps.back().push_back(t.at.empty() ? -1 : t.at[0]);
    }
    Tensor fill = Tensor::splatFloat({1}, extrapolation);
    return remap(call, x, maps, x.elemType().kind == ElemKind::F32 ? &fill : nullptr);
  }
  if (x.elemType().kind != ElemKind::F32)
    return call.error("interpolates f32 only, not " + x.type().str());
  Tensor y = x.expanded();
  for (size_t i = 0; i < axes.size(); ++i) {
    bool same = axes[i].in == axes[i].out && axes[i].scale == 1 && mode.coordinates != Coordinates::Crop;
    if (same)
      continue;
    auto next = resizeAxis(call, y, i, resizeTaps(mode, axes[i]), extrapolation);
    if (!next)
      return failure();
    y = std::move(*next);
  }
  return y;
}
