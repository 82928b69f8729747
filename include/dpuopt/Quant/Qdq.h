//===- Qdq.h - what QuantizeLinear and DequantizeLinear nodes say -----------------===//
//
// The nodes in which ONNX files carry fix points, whoever wrote them: the standard
// QuantizeLinear/DequantizeLinear, the same in the domains of the vendor's and of
// ONNX Runtime's quantizers, and FixNeuron, which is both in one. Here: which node is
// which, its numbers, and the fix point they mean or come nearest to. What becomes of
// the graph is the business of pass import-qdq.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_QDQ_H
#define DPUOPT_QUANT_QDQ_H

#include "dpuopt/IR/QdqOps.h"
#include "dpuopt/Quant/FixPoint.h"

namespace dpuopt {

/// Constant `v` behind Identity and Cast nodes; null if it is none.
const Value *constantBehind(const Value *v);

/// The integers a node speaks of, and the numbers they stand for: (q - zero) * scale.
struct QdqNumbers {
  std::vector<double> scales;     ///< one, or one per index of `axis`
  std::vector<int64_t> zeros;     ///< as many
  int64_t axis = 0;               ///< only with several scales; not normalized
  int64_t low = -128, high = 127; ///< of the integers
  bool perTensor() const { return scales.size() == 1; }
};

/// Reads the numbers of a node with qdqKind() != None. Errors name the node: operands that
/// are missing or not constant [qdq.operand], scales that are not positive finite numbers
/// [qdq.scale], element types that are not integers of at most 32 bits [qdq.type].
Result<QdqNumbers> qdqNumbers(const Op &op, DiagEngine &diags);

/// The fix point that numbers mean, or the nearest legal one and why it is not the same.
struct QdqMeaning {
  FixPos pos;
  bool exact = false;
  int64_t offset = 0;        ///< exact: integers of the file minus those of the fix point (128 for u8 around 128)
  bool clampsAtZero = false; ///< the integers cannot stand for negative numbers
  std::string rule; ///< not exact: "qdq.scale", "qdq.zero-point", "qdq.unsigned", "qdq.per-channel", "qdq.bits"
  std::string why;  ///< not exact: what was found, and what the nearest fix point costs
};
QdqMeaning meaningOf(const QdqNumbers &numbers);

/// What a constant loses when it is rounded again.
struct RoundingCost {
  int64_t changed = 0, total = 0;
  double snr = 0;          ///< dB; infinite when nothing is lost
  double maxError = 0;     ///< in steps of the new fix point
  std::string str() const; ///< "3 of 27 values change, SNR 41.2 dB, largest error 0.5 steps"
};
RoundingCost roundingCost(const Tensor &real, const Tensor &fixed);

/// The real numbers of integers `q` (shape included), f32. Failure (silent): the scales do not fit the axis.
std::optional<Tensor> dequantized(const Tensor &q, const QdqNumbers &numbers);
/// The real numbers behind rounding `x` to the integers of `numbers` as ONNX does (half to even), f32.
std::optional<Tensor> requantized(const Tensor &x, const QdqNumbers &numbers);

} // namespace dpuopt
#endif
