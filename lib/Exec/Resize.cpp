//===- Resize.cpp - onnx.Resize, onnx.Upsample -----------------------------------------===//
#include "AxisResize.h"
#include "XirResize.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;
using Coordinates = ResizeMode::Coordinates;

/// Elements of a short f32 operand; empty if it is absent.
static Result<std::vector<float>> floats(const Call &call, unsigned i) {
  const Tensor *t = call.operand(i);
  if (!t)
    return std::vector<float>();
  if (t->elemType().kind != ElemKind::F32 || t->numElements() > 64)
    return call.error(fmt::format("operand {} must be a short list of real numbers", i));
  std::vector<float> v;
  for (int64_t k = 0; k < t->numElements(); ++k)
    v.push_back(float(t->at(k)));
  return v;
}

static bool readMode(const Call &call, ResizeMode &mode) {
  const Op &op = call.op;
  auto filter = llvm::StringSwitch<int>(op.getString("mode", "nearest"))
                    .Case("nearest", 0)
                    .Cases("linear", "bilinear", 1)
                    .Case("cubic", 2)
                    .Default(-1);
  // Before opset 11 there was one way to compute coordinates.
  bool old = op.is("onnx.Upsample") || call.opset() < 11;
  auto coordinates =
      llvm::StringSwitch<int>(op.getString("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"))
          .Case("half_pixel", int(Coordinates::HalfPixel))
          .Case("pytorch_half_pixel", int(Coordinates::PytorchHalfPixel))
          .Case("half_pixel_symmetric", int(Coordinates::HalfPixelSymmetric))
          .Case("align_corners", int(Coordinates::AlignCorners))
          .Case("asymmetric", int(Coordinates::Asymmetric))
          .Case("tf_half_pixel_for_nn", int(Coordinates::HalfPixelForNearest))
          .Case("tf_crop_and_resize", int(Coordinates::Crop))
          .Default(-1);
  auto nearest = llvm::StringSwitch<int>(op.getString("nearest_mode", old ? "floor" : "round_prefer_floor"))
                     .Case("round_prefer_floor", 0)
                     .Case("round_prefer_ceil", 1)
                     .Case("floor", 2)
                     .Case("ceil", 3)
                     .Default(-1);
  mode.filter = ResizeMode::Filter(filter), mode.coordinates = Coordinates(coordinates);
  mode.nearest = ResizeMode::Nearest(nearest);
  mode.cubicA = float(op.getFloat("cubic_coeff_a", -0.75));
  mode.excludeOutside = op.getInt("exclude_outside") != 0, mode.antialias = op.getInt("antialias") != 0;
  return filter >= 0 && coordinates >= 0 && nearest >= 0;
}

/// keep_aspect_ratio_policy: the sizes are bounds for one common scale.
static void keepAspect(std::vector<ResizeAxis> &axes, llvm::ArrayRef<int64_t> resized, bool larger) {
  float scale = larger ? 0 : INFINITY;
  for (int64_t i : resized)
    scale = larger ? std::max(scale, axes[i].scale) : std::min(scale, axes[i].scale);
  for (int64_t i : resized)
    axes[i].scale = scale, axes[i].out = std::llround(double(scale) * double(axes[i].in));
}

static Result<Tensors> resize(const Call &call) {
  const Tensor &x = call.in();
  size_t rank = x.shape().size();
  bool four = call.op.is("onnx.Resize") && call.opset() >= 11;
  ResizeMode mode;
  if (!readMode(call, mode))
    return call.error("its mode is not known");
  auto scales = floats(call, four ? 2 : 1),
       roi = four ? floats(call, 1) : Result<std::vector<float>>(std::vector<float>());
  auto sizes = four && call.operand(3) ? call.ints(3) : Result<std::vector<int64_t>>(std::vector<int64_t>());
  if (!scales || !roi || !sizes)
    return failure();
  if (call.op.hasAttr("scales"))
    scales = call.op.getFloats("scales");
  std::vector<int64_t> resized = call.op.getInts("axes");
  if (resized.empty())
    for (size_t i = 0; i < rank; ++i)
      resized.push_back(int64_t(i));
  size_t n = resized.size();
  if ((sizes->empty() ? scales->size() : sizes->size()) != n)
    return call.error(fmt::format("needs a scale or size for each of {} axes", n));
  if (mode.coordinates == Coordinates::Crop && roi->size() != 2 * n)
    return call.error("needs a region of interest for tf_crop_and_resize");

  std::vector<ResizeAxis> axes(rank);
  for (size_t i = 0; i < rank; ++i)
    axes[i].in = axes[i].out = x.shape()[i];
  for (size_t i = 0; i < n; ++i) {
    int64_t at = resized[i] + (resized[i] < 0 ? int64_t(rank) : 0);
    if (at < 0 || at >= int64_t(rank) || axes[at].in < 1)
      return call.error("attribute axes is out of range, or an axis is empty");
    resized[i] = at;
    ResizeAxis &a = axes[at];
    if (mode.coordinates == Coordinates::Crop)
      a.cropStart = (*roi)[i], a.cropEnd = (*roi)[i + n];
    if (!sizes->empty()) {
      a.out = (*sizes)[i], a.scale = float(a.out) / float(a.in);
      continue;
    }
    a.scale = (*scales)[i];
    float out = std::floor(float(a.in) * (a.cropEnd - a.cropStart) * a.scale);
    a.out = out >= 0 && out <= float(MaxResultElements) ? int64_t(out) : -1;
  }
  std::string policy = call.op.getString("keep_aspect_ratio_policy", "stretch");
  if (!sizes->empty() && policy != "stretch")
    keepAspect(axes, resized, policy == "not_smaller");
  auto y = resizeAxes(call, x, mode, axes, float(call.op.getFloat("extrapolation_value", 0)));
  if (!y)
    return failure();
  return one(std::move(*y));
}

llvm::ArrayRef<KernelEntry> exec::resizeKernels() {
  static const KernelEntry table[] = {
      {"onnx.Resize", resize},
      {"onnx.Upsample", resize},
      {"xir.resize", xirResize, 1, 1},
  };
  return table;
}
