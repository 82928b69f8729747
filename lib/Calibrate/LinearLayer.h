//===- LinearLayer.h - convolutions and matrix products as rows times weights -----------===//
//
// Conv, ConvTranspose, Gemm, MatMul with constant weights, seen as what they have in
// common: at a position of the output, a group's outputs are its weights times a row
// gathered from the input, plus biases. Geometry only: computes nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_LINEARLAYER_H
#define DPUOPT_CALIBRATE_LINEARLAYER_H

#include "dpuopt/Calibrate/Quantization.h"

namespace dpuopt {

class LinearLayer {
public:
  /// nullopt: another op, weights or biases that are no parameter of this op alone, unknown shapes, a Gemm that scales
  /// or transposes its input.
  static std::optional<LinearLayer> of(const Op &op, const Quantization &q);

  const Op *op;
  const Value *input, *output; ///< output: biases added, activation not applied
  size_t weight;               ///< slot of the parameter
  int bias = -1;               ///< slot of the parameter; -1: has none, or it is no row
  size_t groups = 1;
  size_t inputs = 0, outputs = 0; ///< of a group; `inputs` are the numbers of a row
  size_t positions = 0;           ///< output positions, over all images of a batch

  /// The row at a position, `inputs` numbers.
  void gather(llvm::ArrayRef<float> x, size_t position, size_t group, float *row) const;
  /// Where output `o` of a group is at a position.
  size_t outputAt(size_t position, size_t group, size_t o) const;
  /// Where the weight is by which output `o` of a group multiplies number `k` of its row.
  size_t weightAt(size_t group, size_t o, size_t k) const;
  size_t biasAt(size_t group, size_t o) const { return group * outputs + o; }

private:
  enum class Weights { OutFirst, InFirst, Columns };
  bool setConv(const Op &op);
  bool setMatrix(const Op &op);
  bool setParams(const Quantization &q, const Value *biases);
  int64_t tap(size_t outputSpot, size_t kernelSpot) const;

  Weights weights = Weights::OutFirst;
  bool transposed = false;
  size_t volume = 1;                      ///< of the kernel
  size_t inputSpots = 1, outputSpots = 1; ///< numbers of a channel
  std::vector<int64_t> inputExtents, outputExtents, kernel, strides, dilations, pads;
};

/// All of a quantization, front to back.
std::vector<LinearLayer> linearLayers(const Quantization &q);

/// Numbers at the output between which a value is free: all that is at most `low` becomes the same at the end of the
/// layer's group, and so does all that is at least `high` (ReLU, Clip, the ends of the fix point's range).
struct FreeRange {
  float low, high;
  /// Of all that becomes what `wanted` becomes, the number nearest to `is`.
  float target(float wanted, float is) const {
    return wanted <= low ? std::min(is, low) : wanted >= high ? std::max(is, high) : wanted;
  }
};
FreeRange freeRange(const LinearLayer &layer, const Quantization &q);

} // namespace dpuopt
#endif
