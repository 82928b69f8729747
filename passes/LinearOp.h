//===- LinearOp.h - Conv, ConvTranspose or Gemm with constant parameters ----===//
//
// Private to passes/*.cpp. The three ops that a per-channel factor and shift can be
// folded into, behind one face. Owns nothing; valid while the op is.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_LINEAROP_H
#define DPUOPT_PASSES_LINEAROP_H

#include "TensorMath.h"
#include "dpuopt/IR/Graph.h"

namespace dpuopt {

class LinearOp {
public:
  /// nullopt unless `op` is one of the three, its weight is a constant of a float type
  /// whose shape fits the group, and its bias is absent or such a constant.
  static std::optional<LinearOp> match(Op *op);

  Op &op() const { return *theOp; }
  int64_t outChannels() const { return outputs.total(); }
  int64_t inChannels() const { return inputs.total(); }
  /// Do the input's shifts reach every output element alike (no padding, not transposed)?
  bool seesWholeInput() const;

  /// The weight's elements, one row per output (input) channel; see channelRows().
  std::vector<float> outputRows() const { return channelRows(weight(), outputs); }
  std::vector<float> inputRows() const { return channelRows(weight(), inputs); }
  /// Calls `f` with every output channel, every input channel that it reads, and the largest |w| between them.
  void forEachLink(llvm::function_ref<void(int64_t out, int64_t in, float largest)> f) const;
  int64_t groups() const { return std::max(outputs.groups, inputs.groups); }
  /// One per output channel; empty if there is none.
  llvm::ArrayRef<double> biases() const { return bias; }

  /// y -> y * factor + shift, one number or one per output channel each.
  void scaleOutputs(llvm::ArrayRef<double> factors, llvm::ArrayRef<double> shifts);
  /// y -> y / divisor, one number per output channel.
  void divideOutputs(llvm::ArrayRef<double> divisors);
  /// Makes the op compute on x what it computed on x * factor + shift (one number per
  /// input channel). Exact if seesWholeInput(), or if all shifts are 0.
  void scaleInputs(llvm::ArrayRef<double> factors, llvm::ArrayRef<double> shifts);

private:
  explicit LinearOp(Op *op) : theOp(op) {}
  const Tensor &weight() const { return *constantOf(theOp->operand(1)); }
  bool matchConv();
  bool matchConvTranspose();
  bool matchGemm();
  bool matchBias();
  void setBias(llvm::ArrayRef<double> values);

  Op *theOp;
  ChannelView outputs, inputs; ///< of the weight
  std::vector<double> bias;    ///< one per output channel; empty if absent
};

} // namespace dpuopt
#endif
