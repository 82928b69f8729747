//===- Layout.cpp - transpositions and softmax ------------------------------------------------------===//
#include "OneDnn.h"
#include "dpuopt/IR/OnnxViews.h"
#include <set>

using namespace dpuopt;
using namespace dpuopt::exec;

static Shape stepsOf(llvm::ArrayRef<int64_t> shape) {
  Shape steps(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    steps[i - 1] = steps[i] * shape[i];
  return steps;
}

namespace {
/// For want of generated code: [outer][a][b] to [outer][b][a].
class Swap final : public FloatKernel {
public:
  Swap(int64_t outer, int64_t a, int64_t b) : outer(outer), a(a), b(b) {}
  bool run(FloatInputs in, FloatOutputs out) override {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t j = 0; j < b; ++j)
        for (int64_t i = 0; i < a; ++i)
          out[0][(o * b + j) * a + i] = in[0][(o * a + i) * b + j];
    return true;
  }

private:
  int64_t outer, a, b;
};
} // namespace

FloatKernelPtr exec::makeLayoutChange(llvm::ArrayRef<int64_t> shape, bool toLast) {
  int64_t channels = shape[1], pixels = 1;
  for (int64_t d : shape.drop_front(2))
    pixels *= d;
  int64_t a = toLast ? channels : pixels, b = toLast ? pixels : channels;
  if (auto kernel = oneDnnReorder({shape[0], b, a}, {a * b, 1, b}))
    return kernel;
  return std::make_unique<Swap>(shape[0], a, b);
}

static FloatKernelPtr transpose(const FloatRequest &r) {
  Shape in = r.in(), out = r.out();
  std::vector<int64_t> dflt;
  for (size_t i = in.size(); i-- > 0;)
    dflt.push_back(int64_t(i));
  std::vector<int64_t> perm = r.op.getInts("perm", dflt);
  std::set<int64_t> axes(perm.begin(), perm.end());
  if (perm.size() != in.size() || out.size() != in.size() || axes.size() != perm.size())
    return nullptr;
  Shape steps = stepsOf(in), strides;
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] < 0 || perm[i] >= int64_t(in.size()) || in[static_cast<size_t>(perm[i])] != out[i])
      return nullptr;
    strides.push_back(steps[static_cast<size_t>(perm[i])]);
  }
  auto kernel = oneDnnReorder(out, strides);
  if (kernel)
    kernel->reads = {0};
  return kernel;
}

static FloatKernelPtr softmax(const FloatRequest &r) {
  Shape shape = r.in();
  bool old = r.op.isOnnx() && onnx::opsetOf(r.op.graph()) < 13; // all axes from `axis` on
  int64_t rank = int64_t(shape.size()), axis = onnx::normalizeAxis(r.op.getInt("axis", old ? 1 : -1), rank);
  if (axis < 0 || (old && axis != rank - 1) || shape != r.out())
    return nullptr;
  auto kernel = oneDnnSoftmax(shape, static_cast<unsigned>(r.axis(static_cast<size_t>(axis))));
  if (kernel)
    kernel->reads = {0};
  return kernel;
}

llvm::ArrayRef<FloatEntry> exec::layoutFloatEntries() {
  static const FloatEntry table[] = {
      {"onnx.Transpose", transpose, Place::Plain, false, true},
      {"onnx.Softmax", softmax},
  };
  return table;
}
