//===- LowerToXirResize.cpp - Resize and Upsample ------------------------------===//
//
// XIR knows NEAREST and BILINEAR with three ways to map coordinates: plain
// (out / scale), align_corners, half_pixel_centers. Other ways stay custom ops,
// unless they give the same numbers for this scale.
//
//===----------------------------------------------------------------------===//
#include "LowerToXir.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::lower;

namespace {
struct Mode {
  bool nearest = true, alignCorners = false, halfPixel = false;
};

bool isWholeUpscale(int64_t in, int64_t out) { return in > 0 && out % in == 0; }

/// The XIR mode for this op, or the reason why there is none.
std::string chooseMode(const Op &op, const Shape &in, const Shape &out, Mode &mode) {
  bool upsample = op.is("onnx.Upsample") || op.numOperands() == 2;
  std::string kind = op.getString("mode", "nearest");
  std::string where = upsample ? "asymmetric" : op.getString("coordinate_transformation_mode", "half_pixel");
  std::string round = upsample ? "floor" : op.getString("nearest_mode", "round_prefer_floor");
  if (kind != "nearest" && kind != "linear")
    return fmt::format("XIR has no resize mode '{}'", kind);
  if (op.getInt("antialias") || op.getInt("exclude_outside"))
    return "XIR has no antialias or exclude_outside";
  mode.nearest = kind == "nearest";
  bool whole = isWholeUpscale(in[2], out[2]) && isWholeUpscale(in[3], out[3]);
  if (mode.nearest) {
    if (where == "asymmetric" && round == "floor")
      return "";
    // Magnified by whole numbers, pixel centers fall into the same source pixel.
    bool center = where == "half_pixel" || where == "pytorch_half_pixel";
    if (whole && center && llvm::StringRef(round).startswith("round"))
      return "";
    return fmt::format("XIR has no nearest resize with coordinates '{}' and rounding '{}'", where, round);
  }
  if (where == "pytorch_half_pixel" && out[2] > 1 && out[3] > 1)
    where = "half_pixel";
  mode.alignCorners = where == "align_corners";
  mode.halfPixel = where == "half_pixel";
  if (where != "asymmetric" && !mode.alignCorners && !mode.halfPixel)
    return fmt::format("XIR has no bilinear resize with coordinates '{}'", where);
  return "";
}

/// Scales of h and w: given ones, else output size over input size.
std::optional<std::pair<float, float>> scalesOf(const Op &op, const Shape &in, const Shape &out) {
  std::vector<float> given;
  unsigned slot = op.is("onnx.Upsample") || op.numOperands() == 2 ? 1 : 2;
  if (Value *v = op.operand(slot)) {
    const Tensor *t = constantOf(v);
    if (!t)
      return std::nullopt;
    for (int64_t i = 0; i < t->numElements(); ++i)
      given.push_back(static_cast<float>(t->at(i)));
  } else if (op.hasAttr("scales")) {
    given = op.getFloats("scales");
  }
  if (given.size() == 4)
    return std::pair(given[2], given[3]);
  return std::pair(static_cast<float>(out[2]) / in[2], static_cast<float>(out[3]) / in[3]);
}

std::string lowerResize(Lowering &l, const Op &op) {
  Shape in = toShape(op.operand(0)->type().shape()), out = toShape(op.result()->type().shape());
  if (in.size() != 4 || in[0] != out[0] || in[1] != out[1])
    return "only height and width of rank 4 tensors are resized";
  if (in[2] < 1 || in[3] < 1)
    return "it resizes an empty tensor";
  Mode mode;
  if (std::string why = chooseMode(op, in, out, mode); !why.empty())
    return why;
  auto scales = scalesOf(op, in, out);
  if (!scales)
    return "its scales are not constant";
  auto [sh, sw] = *scales;
  Layout layout = Layout::channelsLast(4);
  const std::string &name = l.nameOf(op.result());
  Lowering::Spec spec{"resize", {l.in(op.operand(0), layout)}, layout.physical(out)};
  // A scale that does not give the size exactly needs the size itself.
  if (std::floor(in[2] * double(sh)) != out[2] || std::floor(in[3] * double(sw)) != out[3])
    spec.operands.push_back(l.shapeOperand(name, "size", {out[2], out[3]}, op.loc()));
  spec.attrs["mode"] = Attr::string(mode.nearest ? "NEAREST" : "BILINEAR");
  spec.attrs["align_corners"] = Attr::boolean(mode.alignCorners);
  spec.attrs["half_pixel_centers"] = Attr::boolean(mode.halfPixel);
  spec.attrs["scale"] = Attr::f32s({sw, sh});
  l.emitResult(op, std::move(spec), layout);
  return "";
}
} // namespace

llvm::ArrayRef<HandlerEntry> lower::resizeHandlers() {
  static const HandlerEntry table[] = {{"Resize", lowerResize}, {"Upsample", lowerResize}};
  return table;
}
