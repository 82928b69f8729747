//===- DpuAverage.cpp - averages and hard sigmoids as the DPU's integers have them -===//
#include "dpuopt/Quant/DpuAverage.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cmath>

namespace dpuopt {
namespace {

/// hard-sigmoid multiplies by 2731 / 2^14 where the definition divides by 6.
constexpr float HardSigmoidFactor = 6.0f * 2731 / 16384;

/// How many elements an onnx.ReduceMean averages; 0: not known.
int64_t meanCount(const Op &op) {
  std::optional<std::vector<int64_t>> axes = onnx::axesOf(op);
  const Type &in = op.operand(0)->type();
  if (!axes || (axes->empty() && op.getInt("noop_with_empty_axes")))
    return 0;
  if (axes->empty())
    return in.numElements();
  int64_t count = 1;
  for (int64_t a : *axes) {
    a = onnx::normalizeAxis(a, static_cast<int64_t>(in.rank()));
    if (a < 0 || count > (1 << 20))
      return 0;
    count *= in.dim(a);
  }
  return count;
}

} // namespace

double AverageFactor::value() const { return std::ldexp(static_cast<double>(numerator), -shift); }

AverageFactor dpuAverage(int64_t kh, int64_t kw) {
  struct Known {
    int64_t k;
    AverageFactor factor;
  };
  static constexpr Known table[] = {{3, {7, 6}}, {5, {10, 8}}, {6, {7, 8}}, {7, {21, 10}}, {14, {21, 12}}};
  for (const Known &known : table)
    if (kh == known.k && kw == known.k)
      return known.factor;
  if (kh < 1 || kw < 1 || kh > (1 << 20) || kw > (1 << 20))
    return {};
  const double exact = 1.0 / static_cast<double>(kh * kw);
  const int limit = static_cast<int>(std::ceil(std::log2(128.0 * static_cast<double>(kh * kw))));
  AverageFactor best;
  double least = INFINITY;
  for (int shift = 0; shift < limit; ++shift) {
    AverageFactor f{std::llround(std::ldexp(exact, shift)), shift};
    if (double error = std::abs(f.value() - exact); error < least)
      least = error, best = f;
  }
  return best;
}

double averageCorrection(int64_t kh, int64_t kw) {
  if ((kh == 3 && kw == 6) || (kh == 6 && kw == 3))
    return 36 * dpuAverage(6, 6).value();
  return dpuAverage(kh, kw).value() * static_cast<double>(kh * kw);
}

std::optional<double> averageCorrection(const Op &op) {
  const Value *x = op.operand(0);
  if (!op.isOneOf("onnx.AveragePool", "onnx.GlobalAveragePool", "onnx.ReduceMean") || !x || !x->type().isStatic())
    return std::nullopt;
  if (op.is("onnx.ReduceMean")) {
    int64_t count = meanCount(op);
    return count > 0 ? std::optional(averageCorrection(count, 1)) : std::nullopt;
  }
  std::vector<int64_t> kernel;
  if (op.is("onnx.AveragePool")) {
    onnx::Window window(op);
    kernel = window.valid ? window.kernel : kernel;
  } else if (x->type().rank() > 2) {
    kernel = x->type().shape().drop_front(2).vec();
  }
  if (kernel.empty() || kernel.size() > 2)
    return std::nullopt;
  return averageCorrection(kernel.size() == 1 ? 1 : kernel[0], kernel.back());
}

float dpuFactor(const Op &op) {
  if (op.is("onnx.HardSigmoid"))
    return HardSigmoidFactor;
  return static_cast<float>(averageCorrection(op).value_or(1));
}

} // namespace dpuopt
