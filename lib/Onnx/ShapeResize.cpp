//===- ShapeResize.cpp - result type of Resize and Upsample -------------------===//
//
// Forms: Upsample 7 (attribute scales), Upsample 9 and Resize 10 (X, scales),
// Resize 11+ (X, roi, scales, sizes), 18+ with axes and keep_aspect_ratio_policy.
//
//===----------------------------------------------------------------------===//
#include "ShapeContext.h"
#include "ShapeFunctions.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

namespace {
/// What the op is asked for, one entry per resized axis.
struct Request {
  std::vector<int64_t> axes;
  std::optional<std::vector<float>> scales;
  std::optional<std::vector<int64_t>> sizes;
};
} // namespace

/// An empty operand means "not given", as the absent one does.
template <class T> static std::optional<T> nonEmpty(std::optional<T> v) { return v && !v->empty() ? v : std::nullopt; }

static Result<Request> requestOf(const ShapeContext &c) {
  Request r;
  std::vector<int64_t> axes = c.op.getInts("axes");
  if (axes.empty())
    for (int64_t i = 0; i < c.rank(0); ++i)
      axes.push_back(i);
  auto normalized = c.axes(axes, c.rank(0));
  if (!normalized)
    return failure();
  r.axes = *normalized;
  bool threeInputs = c.op.is("onnx.Resize") && c.opset >= 11;
  r.scales = nonEmpty(c.floats(threeInputs ? 2 : 1));
  if (c.op.hasAttr("scales"))
    r.scales = nonEmpty(std::optional(c.op.getFloats("scales")));
  if (threeInputs)
    r.sizes = nonEmpty(c.ints(3));
  size_t given = r.sizes ? r.sizes->size() : r.scales ? r.scales->size() : r.axes.size();
  if (given != r.axes.size())
    return c.fail(fmt::format("needs a scale or size for each of {} axes, has {}", r.axes.size(), given));
  return r;
}

/// floor(in * scale) in f32, as the operator's definition says; -1 unknown.
static int64_t scaled(int64_t in, float scale, float part) {
  if (in < 0)
    return -1;
  float out = std::floor(static_cast<float>(in) * part * scale);
  return out > float(MaxElements) ? MaxElements + 1 : static_cast<int64_t>(out);
}

/// With keep_aspect_ratio_policy, `sizes` are bounds for one common scale.
static void keepAspect(const ShapeContext &c, const Request &r, bool larger, Shape &out) {
  float scale = larger ? 0.0f : INFINITY;
  for (size_t i = 0; i < r.axes.size(); ++i) {
    int64_t in = c.shape(0)[r.axes[i]];
    if (in <= 0)
      return;
    float s = float((*r.sizes)[i]) / float(in);
    scale = larger ? std::max(scale, s) : std::min(scale, s);
  }
  for (int64_t axis : r.axes)
    out[axis] = std::llround(std::min(double(scale) * double(c.shape(0)[axis]), double(MaxElements) + 1));
}

Status shape::resize(ShapeContext &c) {
  if (!c.ranked(0)) {
    c.setUnranked(0, c.elem(0));
    return success();
  }
  auto r = requestOf(c);
  if (!r)
    return failure();
  Shape out(c.shape(0).begin(), c.shape(0).end());
  bool crop = c.op.getString("coordinate_transformation_mode") == "tf_crop_and_resize";
  auto roi = crop ? c.floats(1) : std::nullopt;
  std::string policy = c.op.getString("keep_aspect_ratio_policy", "stretch");
  size_t n = r->axes.size();
  for (size_t i = 0; i < n; ++i) {
    int64_t &d = out[r->axes[i]];
    float part = roi && roi->size() == 2 * n ? (*roi)[i + n] - (*roi)[i] : 1.0f;
    if (r->sizes)
      d = (*r->sizes)[i];
    else if (!r->scales || (crop && (!roi || roi->size() != 2 * n)))
      d = -1;
    else if (float s = (*r->scales)[i]; s > 0 && part > 0)
      d = scaled(c.shape(0)[r->axes[i]], s, part);
    else
      return c.fail(fmt::format("scales must be positive, found {}", s));
    if (r->sizes && d < 0)
      return c.fail(fmt::format("sizes must not be negative, found {}", d));
  }
  if (r->sizes && policy != "stretch")
    keepAspect(c, *r, policy == "not_smaller", out);
  c.set(0, c.elem(0), out);
  return success();
}
