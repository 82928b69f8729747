//===- Join.cpp - tensors put together, taken apart and repeated --------------------------------===//
#include "FloatKernel.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cstring>

using namespace dpuopt;
using namespace dpuopt::exec;

namespace {

/// Copies between rows that begin so many elements apart.
struct RowCopy {
  int64_t length = 0, fromRow = 0, toRow = 0, fromStart = 0, toStart = 0;
};

/// Every operand into a part of the result, or the operand's parts into the results.
class Copies final : public FloatKernel {
public:
  Copies(int64_t rows, std::vector<RowCopy> copies, bool joins) : rows(rows), copies(std::move(copies)), joins(joins) {}
  bool run(FloatInputs in, FloatOutputs out) override {
    int64_t length = 0;
    for (const RowCopy &c : copies)
      length += c.length;
#pragma omp parallel for if (rows > 1 && rows * length > 1 << 16)
    for (int64_t row = 0; row < rows; ++row)
      for (size_t i = 0; i < copies.size(); ++i) {
        const RowCopy &c = copies[i];
        const float *from = (joins ? in[i] : in[0]) + row * c.fromRow + c.fromStart;
        float *to = (joins ? out[0] : out[i]) + row * c.toRow + c.toStart;
        std::memcpy(to, from, sizeof(float) * c.length);
      }
    return true;
  }

private:
  int64_t rows;
  std::vector<RowCopy> copies;
  bool joins;
};

/// An image whose pixels are each repeated `factor` times along its axes: [n, h, w, c] with any number of axes merged.
class Repeat final : public FloatKernel {
public:
  Repeat(Shape in, int64_t factorH, int64_t factorW) : in(std::move(in)), factorH(factorH), factorW(factorW) {
    reads = {0};
  }
  bool run(FloatInputs x, FloatOutputs out) override {
    int64_t w = in[2], c = in[3];
#pragma omp parallel for if (in[0] * in[1] > 1)
    for (int64_t row = 0; row < in[0] * in[1]; ++row) {
      const float *from = x[0] + row * w * c;
      float *to = out[0] + row * factorH * w * factorW * c, *at = to;
      for (int64_t i = 0; i < w * factorW; ++i, at += c)
        std::memcpy(at, from + i / factorW * c, sizeof(float) * c);
      for (int64_t k = 1; k < factorH; ++k)
        std::memcpy(to + k * w * factorW * c, to, sizeof(float) * w * factorW * c);
    }
    return true;
  }

private:
  Shape in;
  int64_t factorH, factorW;
};

/// An image, channels last, in a larger one whose other elements are all the same.
class Border final : public FloatKernel {
public:
  Border(Shape in, Shape out, int64_t top, int64_t left, float value)
      : in(std::move(in)), out(std::move(out)), top(top), left(left), value(value) {
    reads = {0};
  }
  bool run(FloatInputs x, FloatOutputs y) override {
    int64_t inRow = in[2] * in[3], outRow = out[2] * out[3], begin = left * in[3];
#pragma omp parallel for if (out[0] * out[1] * outRow > 1 << 16)
    for (int64_t row = 0; row < out[0] * out[1]; ++row) {
      float *to = y[0] + row * outRow;
      int64_t image = row / out[1], h = row % out[1] - top;
      if (h < 0 || h >= in[1]) {
        std::fill_n(to, outRow, value);
        continue;
      }
      std::fill_n(to, begin, value);
      std::memcpy(to + begin, x[0] + (image * in[1] + h) * inRow, sizeof(float) * inRow);
      std::fill(to + begin + inRow, to + outRow, value);
    }
    return true;
  }

private:
  Shape in, out;
  int64_t top, left;
  float value;
};

int64_t product(llvm::ArrayRef<int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims)
    n *= d;
  return n;
}

} // namespace

static std::optional<size_t> axisOf(const FloatRequest &r, int64_t given) {
  int64_t axis = onnx::normalizeAxis(given, int64_t(r.op.operand(0)->type().rank()));
  if (axis < 0)
    return std::nullopt;
  return r.axis(static_cast<size_t>(axis));
}

static FloatKernelPtr concat(const FloatRequest &r) {
  auto axis = axisOf(r, r.op.getInt("axis", 1));
  Shape out = r.out();
  if (!axis || *axis >= out.size())
    return nullptr;
  std::vector<RowCopy> copies;
  int64_t inner = product(llvm::makeArrayRef(out).drop_front(*axis + 1)), at = 0;
  for (unsigned i = 0; i < r.op.numOperands(); ++i) {
    Shape in = r.op.operand(i) ? r.in(i) : Shape();
    if (in.size() != out.size())
      return nullptr;
    int64_t length = in[*axis] * inner;
    copies.push_back({length, length, out[*axis] * inner, 0, at});
    at += length;
    in[*axis] = out[*axis];
    if (in != out)
      return nullptr;
  }
  if (at != out[*axis] * inner)
    return nullptr;
  auto kernel = std::make_unique<Copies>(product(llvm::makeArrayRef(out).take_front(*axis)), std::move(copies), true);
  for (unsigned i = 0; i < r.op.numOperands(); ++i)
    kernel->reads.push_back(i);
  return kernel;
}

static FloatKernelPtr split(const FloatRequest &r) {
  auto axis = axisOf(r, r.op.getInt("axis"));
  if (!axis)
    return nullptr;
  Shape in = r.in();
  std::vector<RowCopy> copies;
  int64_t inner = product(llvm::makeArrayRef(in).drop_front(*axis + 1)), at = 0;
  for (unsigned i = 0; i < r.op.numResults(); ++i) {
    Shape out = r.out(i);
    if (out.size() != in.size())
      return nullptr;
    int64_t length = out[*axis] * inner;
    copies.push_back({length, in[*axis] * inner, length, at, 0});
    at += length;
    out[*axis] = in[*axis];
    if (out != in)
      return nullptr;
  }
  if (at != in[*axis] * inner)
    return nullptr;
  auto kernel = std::make_unique<Copies>(product(llvm::makeArrayRef(in).take_front(*axis)), std::move(copies), false);
  kernel->reads = {0};
  return kernel;
}

/// A slice along one axis, step 1.
static FloatKernelPtr slice(const FloatRequest &r) {
  Shape in = r.in(), out = r.out();
  if (!r.isConstant(1) || (r.op.operand(3) && !r.isConstant(3)) || (r.op.operand(4) && !r.isConstant(4)) ||
      in.size() != out.size())
    return nullptr;
  std::vector<int64_t> starts = r.constants[1]->toInts(), axes;
  if (r.isConstant(4))
    for (int64_t step : r.constants[4]->toInts())
      if (step != 1)
        return nullptr;
  if (r.isConstant(3))
    axes = r.constants[3]->toInts();
  else
    for (size_t i = 0; i < starts.size(); ++i)
      axes.push_back(int64_t(i));
  std::optional<size_t> cut;
  int64_t start = 0;
  for (size_t i = 0; i < axes.size() && i < starts.size(); ++i) {
    auto axis = axisOf(r, axes[i]);
    if (!axis)
      return nullptr;
    if (in[*axis] == out[*axis])
      continue;
    if (cut)
      return nullptr;
    cut = axis, start = std::clamp<int64_t>(starts[i] + (starts[i] < 0 ? in[*axis] : 0), 0, in[*axis]);
  }
  size_t axis = cut.value_or(0);
  if (start + out[axis] > in[axis])
    return nullptr;
  int64_t inner = product(llvm::makeArrayRef(in).drop_front(axis + 1)), length = out[axis] * inner;
  Shape same = out;
  same[axis] = in[axis];
  if (same != in)
    return nullptr;
  std::vector<RowCopy> copies{{length, in[axis] * inner, length, start * inner, 0}};
  auto kernel = std::make_unique<Copies>(product(llvm::makeArrayRef(in).take_front(axis)), std::move(copies), true);
  kernel->reads = {0};
  return kernel;
}

/// Nearest neighbours, an integer factor, and a rule under which each pixel just repeats.
static FloatKernelPtr resize(const FloatRequest &r) {
  Shape in = r.in(), out = r.out();
  if (!r.channelsLast || in.size() != 4 || out.size() != 4 || in[0] != out[0] || in[3] != out[3] || in[1] < 1 ||
      in[2] < 1 || out[1] % in[1] || out[2] % in[2] || r.op.getString("mode", "nearest") != "nearest")
    return nullptr;
  std::string where = r.op.getString("coordinate_transformation_mode", "half_pixel");
  std::string nearest = r.op.getString("nearest_mode", "round_prefer_floor");
  bool repeats = r.op.is("onnx.Upsample") || (where == "asymmetric" && nearest == "floor") ||
                 (where == "half_pixel" && llvm::StringRef(nearest).startswith("round_prefer"));
  // Scales other than the quotient of the sizes would sample elsewhere.
  unsigned scales = r.op.is("onnx.Upsample") ? 1 : 2;
  if (r.op.operand(scales) && r.op.operand(scales)->type().numElements() > 0) {
    if (!r.isConstant(scales) || r.constants[scales]->numElements() != 4)
      return nullptr;
    for (unsigned i : {2u, 3u})
      repeats &= r.constants[scales]->at(i) * double(in[i - 1]) == double(out[i - 1]);
  }
  if (!repeats)
    return nullptr;
  return std::make_unique<Repeat>(in, out[1] / in[1], out[2] / in[2]);
}

/// A constant around the pixels of an image, nothing cut off.
static FloatKernelPtr pad(const FloatRequest &r) {
  Shape in = r.in(), out = r.out();
  std::vector<int64_t> pads = r.op.getInts("pads");
  float value = float(r.op.getFloat("value", 0));
  if (!r.channelsLast || in.size() != 4 || out.size() != 4 || r.op.operand(3) ||
      r.op.getString("mode", "constant") != "constant" || (r.op.operand(1) && !r.isConstant(1)))
    return nullptr;
  if (r.op.operand(1))
    pads = r.constants[1]->toInts();
  if (r.op.operand(2)) {
    if (!r.isRealConstant(2) || r.constants[2]->numElements() != 1)
      return nullptr;
    value = float(r.constants[2]->at(0));
  }
  if (pads.size() != 8 || pads[0] || pads[1] || pads[4] || pads[5] ||
      llvm::any_of(pads, [](int64_t p) { return p < 0 || p > 1 << 20; }))
    return nullptr;
  if (out != Shape{in[0], in[1] + pads[2] + pads[6], in[2] + pads[3] + pads[7], in[3]})
    return nullptr;
  return std::make_unique<Border>(in, out, pads[2], pads[3], value);
}

llvm::ArrayRef<FloatEntry> exec::joinFloatEntries() {
  static const FloatEntry table[] = {
      {"onnx.Concat", concat, Place::Follows, false, true}, {"onnx.Split", split, Place::Follows, false, true},
      {"onnx.Slice", slice, Place::Follows, false, true},   {"onnx.Resize", resize, Place::Last, false, true},
      {"onnx.Pad", pad, Place::Follows, false, true},       {"onnx.Upsample", resize, Place::Last, false, true},
  };
  return table;
}
