//===- OpTable.h - what we know of each ONNX operator ------------------------===//
//
// The in-memory form of OnnxOps.def. Private to lib/Onnx; the public face is
// isKnownOnnxOp(), knownOnnxOps() and inferTypes() in Onnx.h.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_ONNX_OPTABLE_H
#define DPUOPT_LIB_ONNX_OPTABLE_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt::onnx {

class ShapeContext;
/// Computes result types; failure after a diagnostic if the operands contradict the op.
using ShapeFn = Status (*)(ShapeContext &);

/// Newest opset whose changes OnnxOps.def records.
constexpr int64_t NewestOpset = 23;
/// Input or output count without an upper limit.
constexpr unsigned Many = 0xffff;

struct OpInfo {
  const char *name;
  const char *since; ///< opsets at which the form changed, ascending: "1 11 22"
  unsigned minInputs, maxInputs, minOutputs, maxOutputs;
  const char *attrs; ///< "axis:i keepdims:i"
  ShapeFn infer;     ///< null: result types cannot be computed

  /// The form `opset` means: the largest `since` not above it; 0 if the op did not exist.
  int64_t formOf(int64_t opset) const;
  /// Kind letter of an attribute; 0 if the op has none of that name.
  char attrKind(llvm::StringRef attr) const;
};

/// Entry for an operator of the default domain ("Conv"); null if there is none.
const OpInfo *findOp(llvm::StringRef opType);
llvm::ArrayRef<OpInfo> allOps();

/// Does an attribute value have the kind a letter of OnnxOps.def means? (an
/// undecodable tensor, graph or type is Bytes; an empty list is any list)
bool attrHasKind(const Attr &a, char kind);
/// "a list of integers"; for messages.
const char *attrKindName(char kind);

/// Why `op` cannot be read as the table's form of it; empty: it can.
std::string whyOpaque(const Op &op);

} // namespace dpuopt::onnx
#endif
