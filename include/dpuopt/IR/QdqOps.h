//===- QdqOps.h - which operators carry fix points in ONNX files --------------------===//
//
// The nodes of the ONNX standard and of the quantizers that round a value, by name and
// domain. Not their numbers: dpuopt/Quant/Qdq.h reads those.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_QDQOPS_H
#define DPUOPT_IR_QDQOPS_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// Quantize: real -> integers. Dequantize: integers -> real. Round: both in one node.
enum class QdqKind { None, Quantize, Dequantize, Round };
QdqKind qdqKind(const Op &op);

/// Computes with integers, or with scales found at run time (QLinearConv, ConvInteger,
/// DynamicQuantizeLinear, ...), or in blocks with a common exponent: no form of QDQ.
bool isOtherQuantized(const Op &op);

/// Does the graph have any node of the kinds above?
bool carriesQdq(const Graph &g);

} // namespace dpuopt
#endif
