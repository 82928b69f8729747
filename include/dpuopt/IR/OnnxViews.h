//===- OnnxViews.h - named access to the attributes of common onnx ops ------===//
//
// Thin views: they hold a reference, decode on construction, and own nothing.
// Valid on verified graphs with static shapes where the comment says so. All
// spatial vectors are in ONNX order (h, w), pads (h begin, w begin, h end, w end).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_ONNXVIEWS_H
#define DPUOPT_IR_ONNXVIEWS_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt::onnx {

/// Sliding-window geometry of Conv, ConvTranspose, MaxPool, AveragePool, LpPool;
/// defaults and auto_pad resolved (ONNX operator docs). `spatial` is rank - 2.
struct Window {
  unsigned spatial = 0;
  std::vector<int64_t> kernel, strides, dilations;
  std::vector<int64_t> padsBegin, padsEnd;
  bool ceilMode = false;
  bool valid = false; ///< false: ranks or attributes do not fit together, or shapes unknown where auto_pad needs them
  explicit Window(const Op &op);
  bool isUnit() const; ///< kernel 1, stride 1, dilation 1, no pads
};

/// Conv (X, W[O, I/g, k...], B) and ConvTranspose (X, W[I, O/g, k...], B).
struct Conv {
  const Op &op;
  bool transposed;
  int64_t group;
  Window window;
  std::vector<int64_t> outputPadding; ///< ConvTranspose only, zeros by default
  explicit Conv(const Op &op);
  static bool matches(const Op &op) { return op.isOneOf("onnx.Conv", "onnx.ConvTranspose"); }
  Value *input() const { return op.operand(0); }
  Value *weight() const { return op.operand(1); }
  Value *bias() const { return op.operand(2); }
  int64_t inChannels() const;  ///< -1 unknown
  int64_t outChannels() const; ///< -1 unknown
  bool isDepthwise() const;    ///< group == input channels > 1 (or == 1 with multiplier 1 excluded)
};

/// BatchNormalization in inference form.
struct BatchNorm {
  const Op &op;
  double epsilon;
  explicit BatchNorm(const Op &op) : op(op), epsilon(op.getFloat("epsilon", 1e-5)) {}
  const Tensor *scale() const { return constantOf(op.operand(1)); }
  const Tensor *shift() const { return constantOf(op.operand(2)); }
  const Tensor *mean() const { return constantOf(op.operand(3)); }
  const Tensor *variance() const { return constantOf(op.operand(4)); }
};

/// Gemm: alpha * A' * B' + beta * C.
struct Gemm {
  const Op &op;
  double alpha, beta;
  bool transA, transB;
  explicit Gemm(const Op &op)
      : op(op), alpha(op.getFloat("alpha", 1)), beta(op.getFloat("beta", 1)), transA(op.getInt("transA")), transB(op.getInt("transB")) {}
};

/// `axis` counted from the front for a tensor of `rank` dimensions; -1 if out of range.
int64_t normalizeAxis(int64_t axis, int64_t rank);
/// Axes of Reduce*/Squeeze/Unsqueeze: attribute (older opsets) or operand `index`
/// (newer); nullopt if that operand is not constant. Empty: none given.
std::optional<std::vector<int64_t>> axesOf(const Op &op, unsigned index = 1);

/// Opset of the default domain the graph was imported with (graph attribute `opset`); 13 if unset.
int64_t opsetOf(const Graph &g);

} // namespace dpuopt::onnx
#endif
