//===- ShapeFunctions.h - one function per way of computing result types ----===//
//
// Named after the operator, or the family of operators, they serve; OnnxOps.def
// says which operator uses which. Each sets the results it can compute and fails
// with a diagnostic when the operands contradict the op. (ONNX operator docs.)
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_SHAPEFUNCTIONS_H
#define DPUOPT_LIB_ONNX_SHAPEFUNCTIONS_H

#include "dpuopt/Support/Status.h"

namespace dpuopt::onnx {
class ShapeContext;
}

namespace dpuopt::onnx::shape {

Status argReduce(ShapeContext &c);
Status batchNorm(ShapeContext &c);
Status broadcast(ShapeContext &c);
Status broadcastBool(ShapeContext &c);
Status cast(ShapeContext &c);
Status compress(ShapeContext &c);
Status concat(ShapeContext &c);
Status constantOfShape(ShapeContext &c);
Status conv(ShapeContext &c);
Status convTranspose(ShapeContext &c);
Status deformConv(ShapeContext &c);
Status depthToSpace(ShapeContext &c);
Status dequantizeLinear(ShapeContext &c);
Status det(ShapeContext &c);
Status dropout(ShapeContext &c);
Status dynamicQuantize(ShapeContext &c);
Status einsum(ShapeContext &c);
Status expand(ShapeContext &c);
Status flatten(ShapeContext &c);
Status gather(ShapeContext &c);
Status gatherElements(ShapeContext &c);
Status gatherND(ShapeContext &c);
Status gemm(ShapeContext &c);
Status globalPool(ShapeContext &c);
Status gridSample(ShapeContext &c);
Status layerNorm(ShapeContext &c);
Status matMul(ShapeContext &c);
Status nonMaxSuppression(ShapeContext &c);
Status nonZero(ShapeContext &c);
Status oneHot(ShapeContext &c);
Status pad(ShapeContext &c);
Status pool(ShapeContext &c);
Status qlinearConv(ShapeContext &c);
Status qlinearMatMul(ShapeContext &c);
Status quantizeLinear(ShapeContext &c);
Status randomShape(ShapeContext &c);
Status range(ShapeContext &c);
Status recurrent(ShapeContext &c);
Status reduce(ShapeContext &c);
Status reshape(ShapeContext &c);
Status resize(ShapeContext &c);
Status roiPool(ShapeContext &c);
Status sameShapeBool(ShapeContext &c);
Status sameType(ShapeContext &c);
Status shapeOf(ShapeContext &c);
Status sizeOf(ShapeContext &c);
Status slice(ShapeContext &c);
Status spaceToDepth(ShapeContext &c);
Status split(ShapeContext &c);
Status squeeze(ShapeContext &c);
Status tile(ShapeContext &c);
Status topK(ShapeContext &c);
Status transpose(ShapeContext &c);
Status unsqueeze(ShapeContext &c);
Status where(ShapeContext &c);

} // namespace dpuopt::onnx::shape
#endif
