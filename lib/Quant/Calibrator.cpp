//===- Calibrator.cpp - fix points from data ------------------------------------===//
#include "dpuopt/Quant/Calibrator.h"
#include "dpuopt/IR/OnnxViews.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// hard-sigmoid multiplies by 2731 / 2^14 where the definition divides by 6.
constexpr float HardSigmoidFactor = 6.0f * 2731 / 16384;

/// Both axes that an NCHW mean goes over, or nullopt if it is another mean.
bool isSpatialMean(const Op &op, size_t rank) {
  std::optional<std::vector<int64_t>> axes = onnx::axesOf(op);
  if (rank != 4 || !axes || axes->size() != 2)
    return false;
  int64_t a = onnx::normalizeAxis((*axes)[0], 4), b = onnx::normalizeAxis((*axes)[1], 4);
  return (a == 2 && b == 3) || (a == 3 && b == 2);
}

/// What the DPU's result is multiplied by compared with the exact op; 1 for most ops.
float dpuFactor(const Op &op) {
  if (op.is("onnx.HardSigmoid"))
    return HardSigmoidFactor;
  const Value *x = op.operand(0);
  if (!x || !x->type().isStatic() || x->type().rank() != 4)
    return 1;
  int64_t kh = x->type().dim(2), kw = x->type().dim(3);
  if (op.is("onnx.AveragePool")) {
    onnx::Window window(op);
    if (!window.valid || window.kernel.size() != 2)
      return 1;
    kh = window.kernel[0], kw = window.kernel[1];
  } else if (!op.is("onnx.GlobalAveragePool") && !(op.is("onnx.ReduceMean") && isSpatialMean(op, 4))) {
    return 1;
  }
  return static_cast<float>(dpuAverage(kh, kw).value() * static_cast<double>(kh * kw));
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
