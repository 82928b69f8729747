//===- QuantGroups.h - which values of an onnx graph get a fix point -----------===//
//
// vai_q_pytorch's quantization groups on onnx.* ops: the DPU computes an op and the
// activation behind it in one go, so only the end of such a group is rounded. The
// rules are listed at quantGroups(). Says where positions are, not what they are.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_QUANTGROUPS_H
#define DPUOPT_QUANT_QUANTGROUPS_H

#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/DenseMap.h"

namespace dpuopt {

struct QuantGroups {
  /// Graph inputs, then op results that have a position of their own, in graph order.
  std::vector<Value *> activations;
  /// Constants with a position: weights, biases and constant operands, in graph order.
  std::vector<Value *> params;

  /// The value whose position is that of `v`: `v` itself, the end of the group it is
  /// inside of, the source of the data it only moves, or the concat it goes into.
  /// Null: `v` stays float.
  Value *holder(const Value *v) const { return holders.lookup(v); }

  llvm::DenseMap<const Value *, Value *> holders;
};

/// Finds the groups:
/// - Conv, ConvTranspose, Gemm, MatMul, pools, Add, Sub, Mul, Div, Concat, reductions,
///   Resize, Pad, HardSwish, Swish, HardSigmoid, Softmax, PRelu, Gelu, Mish, Sqrt and
///   normalizations have a position at their output; so have graph inputs.
/// - Relu, LeakyRelu, Clip, Tile, Expand and the movement ops (Flatten, Reshape, Squeeze,
///   Unsqueeze, Transpose, Slice, Split, DepthToSpace, SpaceToDepth, Identity, Dropout)
///   join their producer's group if they have one producer and are its one consumer (a
///   graph output counts as a consumer). The position is at the group's end, movement
///   ops at the end excepted: they only carry it.
/// - An Add of a constant row behind a MatMul with constant weights is a linear layer's bias: it
///   joins too (linearBias()).
/// - A group that ends in a value consumed by one Concat alone has the Concat's position.
/// - A value that a quantizable op reads and that would stay float has a position too.
/// - A graph input always has its own position (the DPU reads integers).
/// - Params: operands 1 and 2 of Conv, ConvTranspose and normalized BatchNormalization; constant operands of Gemm, MatMul,
///   Add, Sub, Mul, Div, Max, Min, Sum, Concat and PRelu.
QuantGroups quantGroups(const Graph &g);

/// The Add that is the only user of `matmul` (MatMul with a constant matrix) and adds a constant row
/// of its width, or null.
Op *linearBias(const Op &matmul);

/// Is `op` a BatchNormalization with constant parameters, mean 0, variance 1 and epsilon 0: x * scale + shift?
bool isNormalizedBatchNorm(const Op &op);
/// Only moves or copies elements: the position of its input is that of its output.
bool isMovement(const Op &op);
/// Has a position at its output (first rule above).
bool isQuantizable(const Op &op);

} // namespace dpuopt
#endif
