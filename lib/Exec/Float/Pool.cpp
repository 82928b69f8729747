//===- Pool.cpp - windows without weights, and means over whole images -----------------------===//
#include "OneDnn.h"
#include "dpuopt/IR/OnnxViews.h"

using namespace dpuopt;
using namespace dpuopt::exec;

/// The window of an onnx pool; none if it does not lead to the declared result.
static std::optional<PoolWindow> windowOf(const FloatRequest &r) {
  onnx::Window w(r.op);
  PoolWindow p;
  p.in = r.in(), p.out = r.out();
  if (!w.valid || w.spatial < 1 || w.spatial > 3 || p.in.size() != w.spatial + 2 || p.out.size() != p.in.size())
    return std::nullopt;
  p.kernel = w.kernel, p.strides = w.strides, p.dilations = w.dilations, p.padsBegin = w.padsBegin;
  p.padsEnd = w.padsEnd;
  for (unsigned i = 0; i < w.spatial; ++i) {
    int64_t span = (w.kernel[i] - 1) * w.dilations[i] + 1;
    int64_t needed = (p.out[i + 1] - 1) * w.strides[i] + span - p.in[i + 1] - w.padsBegin[i];
    // A last window that is cut off: nobody says over how many cells its padding counts.
    if (needed > w.padsEnd[i] && r.op.getInt("count_include_pad"))
      return std::nullopt;
    p.padsEnd[i] = std::max(needed, w.padsEnd[i]);
    if ((p.in[i + 1] + p.padsBegin[i] + p.padsEnd[i] - span) / w.strides[i] + 1 != p.out[i + 1])
      return std::nullopt;
  }
  return p;
}

static FloatKernelPtr maxPool(const FloatRequest &r) {
  auto w = r.op.numResults() == 1 && r.channelsLast ? windowOf(r) : std::nullopt;
  auto kernel = w ? oneDnnPool(*w) : nullptr;
  if (kernel)
    kernel->reads = {0};
  return kernel;
}

static FloatKernelPtr averagePool(const FloatRequest &r) {
  auto w = r.channelsLast ? windowOf(r) : std::nullopt;
  if (!w)
    return nullptr;
  w->kind = r.op.getInt("count_include_pad") ? PoolWindow::Kind::AverageKernel : PoolWindow::Kind::AverageInside;
  auto kernel = oneDnnPool(*w);
  if (kernel)
    kernel->reads = {0};
  return kernel;
}

namespace {

/// [outer][n][inner] -> [outer][inner]: the mean along the middle.
class Mean final : public FloatKernel {
public:
  Mean(int64_t outer, int64_t n, int64_t inner) : outer(outer), n(n), inner(inner) { reads = {0}; }

  bool run(FloatInputs in, FloatOutputs out) override {
#pragma omp parallel for if (outer > 1)
    for (int64_t o = 0; o < outer; ++o)
      inner == 1 ? rowMean(in[0] + o * n, out[0] + o) : columnMeans(in[0] + o * n * inner, out[0] + o * inner);
    return true;
  }

private:
  /// Sums of up to so many numbers are added up first: long sums stay precise.
  static constexpr int64_t Block = 64;

  void rowMean(const float *x, float *y) const {
    double total = 0;
    for (int64_t at = 0; at < n; at += Block) {
      float part[8] = {};
      int64_t end = std::min(n, at + Block), i = at;
      for (; i + 8 <= end; i += 8)
        for (int64_t k = 0; k < 8; ++k)
          part[k] += x[i + k];
      for (; i < end; ++i)
        part[0] += x[i];
      for (float p : part)
        total += p;
    }
    *y = float(total / double(n));
  }

  void columnMeans(const float *x, float *y) const {
    constexpr int64_t Width = 64;
    for (int64_t from = 0; from < inner; from += Width) {
      int64_t width = std::min(Width, inner - from);
      float total[Width] = {};
      for (int64_t at = 0; at < n; at += Block) {
        float part[Width] = {};
        for (int64_t i = at; i < std::min(n, at + Block); ++i)
          for (int64_t c = 0; c < width; ++c)
            part[c] += x[i * inner + from + c];
        for (int64_t c = 0; c < width; ++c)
          total[c] += part[c];
      }
      for (int64_t c = 0; c < width; ++c)
        y[from + c] = total[c] / float(n);
    }
  }

  int64_t outer, n, inner;
};

} // namespace

static FloatKernelPtr globalAverage(const FloatRequest &r) {
  Shape in = r.in();
  if (!r.channelsLast || in.size() < 3 || r.op.result()->type().numElements() != in[0] * in.back())
    return nullptr;
  int64_t pixels = 1;
  for (size_t i = 1; i + 1 < in.size(); ++i)
    pixels *= in[i];
  return std::make_unique<Mean>(in[0], pixels, in.back());
}

/// Over neighbouring axes (in this layout), so that the elements need not move.
static FloatKernelPtr reduceMean(const FloatRequest &r) {
  std::vector<int64_t> axes = r.op.getInts("axes");
  if (r.isConstant(1))
    axes = r.constants[1]->toInts();
  else if (r.op.operand(1))
    return nullptr;
  Shape in = r.in();
  std::vector<bool> reduced(in.size(), axes.empty());
  if (axes.empty() && r.op.getInt("noop_with_empty_axes"))
    return nullptr;
  for (int64_t a : axes) {
    int64_t axis = onnx::normalizeAxis(a, int64_t(in.size()));
    if (axis < 0)
      return nullptr;
    reduced[r.axis(static_cast<size_t>(axis))] = true;
  }
  size_t begin = llvm::find(reduced, true) - reduced.begin(), end = begin;
  int64_t sizes[3] = {1, 1, 1};
  while (end < in.size() && reduced[end])
    ++end;
  for (size_t i = 0; i < in.size(); ++i) {
    if (reduced[i] != (i >= begin && i < end))
      return nullptr;
    sizes[i < begin ? 0 : i < end ? 1 : 2] *= in[i];
  }
  if (r.op.result()->type().numElements() != sizes[0] * sizes[2])
    return nullptr;
  // Without its reduced axes the result has no layout of its own: only N, C may be left.
  if (r.channelsLast && r.op.result()->type().rank() != in.size() && r.op.result()->type().rank() > 2)
    return nullptr;
  return std::make_unique<Mean>(sizes[0], sizes[1], sizes[2]);
}

llvm::ArrayRef<FloatEntry> exec::poolFloatEntries() {
  static const FloatEntry table[] = {
      {"onnx.MaxPool", maxPool, Place::Last, false, true},
      {"onnx.AveragePool", averagePool, Place::Last},
      {"onnx.GlobalAveragePool", globalAverage, Place::Last},
      {"onnx.ReduceMean", reduceMean},
  };
  return table;
}
