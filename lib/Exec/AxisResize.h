//===- AxisResize.h - resampling along one axis -------------------------------------===//
//
// Every resize here is separable: each result position along an axis is a weighted
// sum of a few source positions.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_AXISRESIZE_H
#define DPUOPT_LIB_EXEC_AXISRESIZE_H

#include "Kernel.h"

namespace dpuopt::exec {

struct ResizeMode {
  enum class Filter { Nearest, Linear, Cubic } filter = Filter::Nearest;
  enum class Coordinates {
    HalfPixel,
    PytorchHalfPixel,
    HalfPixelSymmetric,
    AlignCorners,
    Asymmetric,
    HalfPixelForNearest, ///< tf_half_pixel_for_nn
    Crop,                ///< tf_crop_and_resize
  } coordinates = Coordinates::HalfPixel;
  enum class Nearest { RoundPreferFloor, RoundPreferCeil, Floor, Ceil } nearest = Nearest::RoundPreferFloor;
  float cubicA = -0.75f;
  bool excludeOutside = false, antialias = false;
};

/// One axis: `in` elements become `out`; `scale` is what the op says (out / in up to rounding).
struct ResizeAxis {
  int64_t in = 1, out = 1;
  float scale = 1;
  float cropStart = 0, cropEnd = 1; ///< Coordinates::Crop: part of the axis, 0 to 1
};

/// Source positions and weights of one result position; none: outside the crop.
struct ResizeTaps {
  llvm::SmallVector<int64_t, 4> at;
  llvm::SmallVector<float, 4> weight;
};
std::vector<ResizeTaps> resizeTaps(const ResizeMode &mode, const ResizeAxis &axis);

/// Resamples `x` (f32, or any type for the nearest filter) along all axes; results
/// outside the crop are `extrapolation`.
Result<Tensor> resizeAxes(const Call &call, const Tensor &x, const ResizeMode &mode, llvm::ArrayRef<ResizeAxis> axes,
                          float extrapolation);

} // namespace dpuopt::exec
#endif
