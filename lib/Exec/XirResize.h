//===- XirResize.h - where a resized xir tensor comes from ------------------------------===//
//
// The vendor's formulas, in float32 and in its order, because where a weight is no multiple of a power of two the last
// bit decides: s = in / out, or (in - 1) / (out - 1) with align_corners;
// nearest: floor(o * s), half pixel floor((o + 1/2) * s), align_corners round(o * s);
// bilinear: at o * s, half pixel (o + 1/2) * s - 1/2; a + (b - a) * fraction, first along w, then along h.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_XIRRESIZE_H
#define DPUOPT_LIB_EXEC_XIRRESIZE_H

#include "Kernel.h"

namespace dpuopt::exec {

struct XirResizeMode {
  bool nearest = true, alignCorners = false, halfPixel = false;
};

/// Two source positions along an axis (the same one for nearest), and how far to go from the first to the second.
struct XirTap {
  int64_t first = 0, second = 0;
  float fraction = 0;
};
/// For every result position of an axis; sizes are positive.
std::vector<XirTap> xirTaps(const XirResizeMode &mode, int64_t in, int64_t out);

/// The float kernel; NHWC, `scale` [w, h] or a size operand [h, w].
Result<Tensors> xirResize(const Call &call);

/// One pixel of `channels` elements between the four around it.
template <class T, class F>
void interpolate(const T *topLeft, const T *topRight, const T *bottomLeft, const T *bottomRight, float x, float y,
                 int64_t channels, F store) {
  for (int64_t c = 0; c < channels; ++c) {
    float top = float(topLeft[c]) + (float(topRight[c]) - float(topLeft[c])) * x;
    float bottom = float(bottomLeft[c]) + (float(bottomRight[c]) - float(bottomLeft[c])) * x;
    store(c, top + (bottom - top) * y);
  }
}

} // namespace dpuopt::exec
#endif
