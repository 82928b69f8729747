//===- LeakySlope.h - the one slope the DPU's leaky ReLU has -----------------===//
//
// vai_q_pytorch gives every LeakyRelu of a graph that it
// quantizes the DPU's slope, and so do calibration and lower-to-xir.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_LEAKYSLOPE_H
#define DPUOPT_QUANT_LEAKYSLOPE_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// 26 / 256.
constexpr float DpuSlope = 0.1015625f;

/// Says [lower.leaky-slope] that onnx.LeakyRelu `op` gets the DPU's slope, unless it has it: the first time a warning,
/// then remarks.
void sayDpuSlope(const Op &op, DiagEngine &diags);
/// Gives every onnx.LeakyRelu the DPU's slope; says nothing.
void useDpuSlopes(Graph &g);

} // namespace dpuopt
#endif
