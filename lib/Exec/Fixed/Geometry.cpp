//===- Geometry.cpp - windows and shapes of fixed ops, checked --------------------------===//
#include "Geometry.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::exec;

Status exec::refuse(const FixRequest &request, const std::string &why) {
  if (request.compiled)
    request.error(why);
  return failure();
}

std::optional<Image> exec::imageOf(const Type &type) {
  if (type.rank() == 4)
    return Image{type.dim(0), type.dim(1), type.dim(2), type.dim(3)};
  if (type.rank() == 3)
    return Image{type.dim(0), 1, type.dim(1), type.dim(2)};
  return std::nullopt;
}

std::optional<unsigned> exec::choiceOf(const Op &op, llvm::StringRef attribute, llvm::ArrayRef<llvm::StringRef> names,
                                       llvm::StringRef dflt) {
  const Attr *a = op.attr(attribute);
  if (a && a->isInt()) {
    int64_t number = a->asInt();
    return number >= 0 && number < int64_t(names.size()) ? std::optional<unsigned>(unsigned(number)) : std::nullopt;
  }
  if (a && !a->is(AttrKind::String))
    return std::nullopt;
  llvm::StringRef name = a && !a->asString().empty() ? llvm::StringRef(a->asString()) : dflt;
  auto it = llvm::find(names, name);
  return it == names.end() ? std::nullopt : std::optional<unsigned>(unsigned(it - names.begin()));
}

/// Any dimension that a tensor can have, or a step between two of its elements.
static bool isSize(int64_t v) { return v >= 1 && v <= MaxFixElements; }

/// TensorFlow's SAME along one axis: ceil(in / stride) results, the odd pad at the end.
static void samePads(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t &before, int64_t &after) {
  int64_t out = (in + stride - 1) / stride;
  int64_t total = std::max<int64_t>((out - 1) * stride + (kernel - 1) * dilation + 1 - in, 0);
  before = total / 2, after = total - total / 2;
}

Result<Window> exec::readWindow(const FixRequest &request) {
  const Op &op = request.op;
  auto in = imageOf(request.operands[0].type);
  if (!in)
    return refuse(request, "needs 1 or 2 spatial axes, has " + request.operands[0].type.str());
  size_t n = request.operands[0].type.rank() - 2;
  std::vector<int64_t> kernel = op.getInts("kernel"), stride = op.getInts("stride", std::vector<int64_t>(n, 1));
  std::vector<int64_t> dilation = op.getInts("dilation", std::vector<int64_t>(n, 1));
  std::vector<int64_t> pad = op.getInts("pad", std::vector<int64_t>(2 * n, 0));
  if (op.getBool("global"))
    kernel = n == 2 ? std::vector<int64_t>{in->w, in->h} : std::vector<int64_t>{in->w};
  auto sizes = [&](llvm::ArrayRef<int64_t> v) { return v.size() == n && llvm::all_of(v, isSize); };
  if (!sizes(kernel) || !sizes(stride) || !sizes(dilation) || pad.size() != 2 * n ||
      llvm::any_of(pad, [](int64_t p) { return p < 0 || p > MaxFixElements; }))
    return refuse(request, fmt::format("kernel, stride, dilation and pad do not fit {}, or are out of range",
                                       request.operands[0].type.str()));
  auto mode = choiceOf(op, "pad_mode", {"FLOOR", "CEIL", "SAME", "VALID"}, "FLOOR");
  if (!mode)
    return refuse(request, "its pad_mode is not one of FLOOR, CEIL, SAME, VALID");
  Window w;
  w.kernelW = kernel[0], w.strideW = stride[0], w.dilationW = dilation[0], w.padLeft = pad[0], w.padRight = pad[1];
  if (n == 2)
    w.kernelH = kernel[1], w.strideH = stride[1], w.dilationH = dilation[1], w.padTop = pad[2], w.padBottom = pad[3];
  w.ceil = *mode == 1;
  if (*mode == 2) {
    samePads(in->w, w.kernelW, w.strideW, w.dilationW, w.padLeft, w.padRight);
    samePads(in->h, w.kernelH, w.strideH, w.dilationH, w.padTop, w.padBottom);
  }
  if (*mode == 3)
    w.padLeft = w.padRight = w.padTop = w.padBottom = 0;
  return w;
}

namespace {
/// One axis of a window and of what it is moved over. Numbers up to 2^31: products fit.
struct Axis {
  int64_t in, out, kernel, stride, dilation, before, after;
  int64_t reach() const { return (kernel - 1) * dilation + 1; }

  bool transposedFits() const { // the result may be larger than the formula's (output padding)
    int64_t size = (in - 1) * stride + reach() - before - after;
    return out >= size && out - size < stride;
  }
  bool fits(bool ceil, bool either) const {
    int64_t room = in + before + after - reach();
    if (room < 0)
      return false;
    int64_t down = room / stride + 1, up = (room + stride - 1) / stride + 1;
    if ((up - 1) * stride >= in + before) // a window that starts behind the input is none
      --up;
    return out == (ceil ? up : down) || (either && (out == up || out == down));
  }
};
} // namespace

Status exec::checkSizes(const FixRequest &request, const Window &w, const Image &in, const Image &out,
                        bool transposed) {
  Axis x{in.w, out.w, w.kernelW, w.strideW, w.dilationW, w.padLeft, w.padRight};
  Axis y{in.h, out.h, w.kernelH, w.strideH, w.dilationH, w.padTop, w.padBottom};
  auto fits = [&](const Axis &a) { return transposed ? a.transposedFits() : a.fits(w.ceil, request.compiled); };
  if (in.n == out.n && fits(x) && fits(y))
    return success();
  return refuse(request, fmt::format("input {} and its window do not give the declared result {}",
                                     request.operands[0].type.str(), request.result.str()));
}
