//===- Affine.cpp - batch normalization as a factor and a shift --------------===//
#include "Affine.h"
#include "Patterns.h"
#include "TensorMath.h"
#include <cmath>

namespace dpuopt {
namespace {

/// More are refused: a file of a few bytes can claim any number of equal ones.
constexpr int64_t MaxChannels = int64_t(1) << 24;

bool isInference(const Op &op) {
  return op.is("onnx.BatchNormalization") && op.getInt("training_mode", 0) == 0 && op.getInt("spatial", 1) == 1 &&
         op.numResults() >= 1 && onlyFirstResultUsed(op) && op.operand(0) && !op.operand(0)->type().isFix();
}

/// f and s of each channel, every step rounded to T.
template <class T> Affine affineIn(const onnx::BatchNorm &bn) {
  std::vector<double> scale = toDoubles(*bn.scale()), shift = toDoubles(*bn.shift()), mean = toDoubles(*bn.mean()),
                      variance = toDoubles(*bn.variance());
  Affine a;
  for (size_t c = 0; c < scale.size(); ++c) {
    T deviation = std::sqrt(static_cast<T>(variance[c]) + static_cast<T>(bn.epsilon));
    T factor = static_cast<T>(scale[c]) / deviation;
    T moved = static_cast<T>(mean[c]) * factor;
    a.factor.push_back(factor);
    a.shift.push_back(static_cast<T>(shift[c]) - moved);
  }
  return a;
}

} // namespace

std::optional<Affine> affineOf(const Op &op) {
  if (!isInference(op))
    return std::nullopt;
  onnx::BatchNorm bn(op);
  const Tensor *params[] = {bn.scale(), bn.shift(), bn.mean(), bn.variance()};
  for (const Tensor *t : params)
    if (!t || !t->elemType().isFloat() || t->shape().size() != 1 || t->shape() != params[0]->shape() ||
        t->numElements() > MaxChannels)
      return std::nullopt;
  Affine a = bn.scale()->elemType() == ElemKind::F64 ? affineIn<double>(bn) : affineIn<float>(bn);
  for (const std::vector<double> *values : {&a.factor, &a.shift})
    if (!llvm::all_of(*values, [](double v) { return std::isfinite(v); }))
      return std::nullopt;
  return a;
}

} // namespace dpuopt
