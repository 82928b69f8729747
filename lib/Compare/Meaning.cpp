//===- Meaning.cpp - what the numbers of a tensor are ------------------------------------===//
#include "dpuopt/Compare/Meaning.h"
#include <algorithm>
#include <cmath>

using namespace dpuopt;

Value *dpuopt::copiedFrom(const Value &v) {
  const Op *op = v.def();
  if (!op || v.index() != 0)
    return nullptr;
  const bool copies =
      op->isOneOf("xir.reshape", "xir.reshape-fix", "xir.flatten", "xir.squeeze", "xir.upload", "xir.download",
                  "xir.fix2float", "xir.identity", "xir.float2fix") ||
      op->isOneOf("onnx.Reshape", "onnx.Flatten", "onnx.Squeeze", "onnx.Unsqueeze", "onnx.Identity", "onnx.Dropout");
  if (!copies || !op->operand(0))
    return nullptr;
  // A conversion that rounds anew is none.
  const Type &from = op->operand(0)->type();
  return v.type().isFix() && from.elemType() != v.type().elemType() ? nullptr : op->operand(0);
}

std::optional<ElemType> dpuopt::fixOf(const Value &v) {
  for (const Value *at = &v; at;) {
    if (at->type().isFix())
      return at->type().elemType();
    const Op *op = at->def();
    const bool moves = op && op->isOneOf("xir.transpose", "onnx.Transpose", "xir.strided_slice", "onnx.Slice");
    at = moves ? op->operand(0) : copiedFrom(*at);
  }
  return std::nullopt;
}

std::optional<ElemType> dpuopt::inputFixOf(const Value &feed) {
  if (feed.type().isFix())
    return feed.type().elemType();
  for (const Use &u : feed.uses())
    if (u.user->isOneOf("xir.fix", "xir.float2fix") && u.user->result()->type().isFix())
      return u.user->result()->type().elemType();
  return std::nullopt;
}

Tensor dpuopt::storedIntegers(const Tensor &t, ElemType fix) {
  if (t.elemType().isFix())
    return t;
  Tensor x = t.toFloat().expanded(), out = Tensor::zeros(t.type().withElem(fix));
  const double high = std::ldexp(1.0, static_cast<int>(fix.bits) - fix.isSigned) - 1,
               low = fix.isSigned ? -high - 1 : 0;
  auto fill = [&](auto to) {
    llvm::ArrayRef<float> from = x.as<float>();
    for (size_t i = 0; i < from.size(); ++i) {
      double q = std::floor(std::ldexp(static_cast<double>(from[i]), fix.fixPoint) + 0.5);
      to[i] = static_cast<std::remove_reference_t<decltype(to[i])>>(
          static_cast<int64_t>(std::isnan(q) ? low : std::clamp(q, low, high)));
    }
  };
  fix.byteSize() == 1   ? fill(out.mut<int8_t>())
  : fix.byteSize() == 2 ? fill(out.mut<int16_t>())
                        : fill(out.mut<int32_t>());
  return out;
}

std::optional<ScoreKind> dpuopt::scoreKind(const Tensor &t) {
  const int64_t n = t.numElements();
  if (n < 2 || t.elemType().isInteger() || llvm::count_if(t.shape(), [](int64_t d) { return d != 1; }) != 1)
    return std::nullopt;
  double sum = 0, least = 0;
  for (int64_t i = 0; i < n; ++i)
    sum += t.at(i), least = std::min(least, t.at(i));
  // The shares a fix point can express do not add up to 1 exactly.
  return least >= 0 && std::fabs(sum - 1) < 0.02 ? ScoreKind::Softmax : ScoreKind::Raw;
}

std::vector<ClassScore> dpuopt::topScores(const Tensor &t, size_t k) {
  std::vector<ClassScore> all;
  double largest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < t.numElements(); ++i) {
    all.push_back({i, t.at(i), 0});
    largest = std::max(largest, all.back().score);
  }
  const bool shares = scoreKind(t) == ScoreKind::Softmax;
  for (ClassScore &s : all)
    sum += s.probability = shares ? s.score : std::exp(s.score - largest);
  for (ClassScore &s : all)
    s.probability /= shares ? 1 : sum;
  std::stable_sort(all.begin(), all.end(), [](const ClassScore &a, const ClassScore &b) { return a.score > b.score; });
  all.resize(std::min(all.size(), k));
  return all;
}
