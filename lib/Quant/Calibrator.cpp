//===- Calibrator.cpp - fix points from data ------------------------------------===//
#include "dpuopt/Quant/Calibrator.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// hard-sigmoid multiplies by 2731 / 2^14 where the definition divides by 6.
constexpr float HardSigmoidFactor = 6.0f * 2731 / 16384;

/// What the DPU's result is multiplied by compared with the exact op; 1 for most ops.
float dpuFactor(const Op &op) {
  if (op.is("onnx.HardSigmoid"))
    return HardSigmoidFactor;
  return static_cast<float>(averageCorrection(op).value_or(1));
}

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

Calibrator::Calibrator(const Graph &g, const QuantGroups &groups, const CalibrationOptions &options)
    : groups(groups), options(options) {
  if (!options.averageApproximation)
    return;
  for (const Op &op : g.ops())
    if (float factor = dpuFactor(op); factor != 1)
      averageFactor[op.result()] = factor;
}

Status Calibrator::quantizeParams(DiagEngine &diags) {
  for (Value *param : groups.params) {
    Tensor floats = constantOf(param)->toFloat();
    FixPos pos{options.bits, diffsFixPoint(floats, options.bits, options.searchRange, Rounding::HalfAway)};
    if (pos.fixPoint < MinFixPoint)
      return diags.error(param->def()->loc(),
                         fmt::format("constant '{}' holds an infinity or numbers beyond 2^{}: no fix "
                                     "point represents it",
                                     param->name(), -MinFixPoint));
    paramPositions[param] = pos;
    param->def()->setAttr("value", Attr::tensor(quantizeTensor(floats, pos, Rounding::HalfAway).toFloat()));
    param->setType(param->type().withElem(ElemKind::F32));
  }
  return success();
}

void Calibrator::record(const Value &v, Tensor &t, int range, Rounding rounding) {
  if (!t.elemType().isFloat())
    return;
  if (t.elemType().kind != ElemKind::F32)
    t = t.toFloat();
  llvm::MutableArrayRef<float> x = t.mut<float>();
  std::span<float> all(x.data(), x.size());
  if (!badValue && !rangeOf(all).finite)
    badValue = &v;
  std::vector<int> &history = histories[&v];
  history.push_back(diffsFixPoint(all, options.bits, range, rounding));
  fakeQuantize(all, {options.bits, *modeOf(history)}, rounding);
}

void Calibrator::feed(const Value &input, Tensor &t) {
  if (groups.holder(&input) == &input)
    record(input, t, InputSearchRange, Rounding::HalfAway);
}

void Calibrator::observe(const Value &v, Tensor &t) {
  if (!v.def() || v.def()->isConst())
    return;
  if (auto factor = averageFactor.find(&v); factor != averageFactor.end() && t.elemType().kind == ElemKind::F32)
    for (float &x : t.mut<float>())
      x *= factor->second;
  if (groups.holder(&v) == &v)
    record(v, t, options.searchRange, Rounding::HalfUp);
}

FixPlan Calibrator::plan() const {
  FixPlan plan;
  for (Value *param : groups.params)
    plan[param] = paramPositions.lookup(param);
  for (Value *v : groups.activations)
    if (auto history = histories.find(v); history != histories.end())
      plan[v] = {options.bits, *modeOf(history->second)};
  return plan;
}

} // namespace dpuopt
