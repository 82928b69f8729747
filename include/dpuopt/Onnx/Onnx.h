//===- Onnx.h - ONNX files to and from the IR ---------------------------------===//
//
// Nodes become `onnx.<OpType>` ops (other domains: `<domain>.<OpType>`), with the
// node name as location and tensor names as value names; initializers become
// `const` ops whose bytes stay in the mapped file. Our own op table says which
// form of an op each opset means; an op (or a newer form) it does not know stays
// opaque and is reported. The only library that includes onnx headers (in the
// helper that reads ONNX's text syntax).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_ONNX_ONNX_H
#define DPUOPT_ONNX_ONNX_H

#include "dpuopt/IR/Graph.h"
#include <map>

namespace dpuopt {

struct OnnxImportOptions {
  std::map<std::string, Shape> inputShapes; ///< --input-shape name=1x3x640x640; "": the only input
  int64_t batch = 1;                        ///< value of a leading dynamic dimension
};

/// Reads a binary .onnx (mapped). Graph attributes: opset (i64), ir_version,
/// producer, domains. Ends with shapes inferred as far as types alone tell
/// (see pass infer-shapes for the rest).
Result<std::unique_ptr<Graph>> importOnnx(llvm::StringRef path, const OnnxImportOptions &options, DiagEngine &diags);
/// The same for a model in memory; `path` only names it and anchors external data.
Result<std::unique_ptr<Graph>> importOnnxBytes(const Blob &model, llvm::StringRef path, const OnnxImportOptions &options, DiagEngine &diags);
/// ONNX text syntax (libonnx's parser, in a helper process): plain identifiers only.
Result<std::unique_ptr<Graph>> importOnnxText(llvm::StringRef path, const OnnxImportOptions &options, DiagEngine &diags);

struct OnnxExportOptions {
  bool externalData = false; ///< weights to PATH.data (forced beyond 2 GB)
};
/// Writes a binary .onnx; only `onnx.*`, other-domain and `const` ops can be
/// written (a xir op is an error that names it).
Status exportOnnx(const Graph &g, llvm::StringRef path, const OnnxExportOptions &options, DiagEngine &diags);

/// Result types of one onnx op from its operand types (and constant operands).
/// nullopt: not enough known, or op not in the table. An error diagnostic (and
/// failure) if the operands contradict the op. Does not modify the op. Operands of
/// Fix type count as f32, and so do their results, except that a result whose
/// current type is Fix keeps it as long as the shape is the same, as far as it is known.
Result<std::optional<std::vector<Type>>> inferTypes(const Op &op, DiagEngine &diags);

/// Gives the op's results the inferred types; what cannot be inferred keeps its
/// type. A contradiction between the two is a warning, and the inferred one wins.
/// Returns whether a type changed; fails as inferTypes does.
Result<bool> refineTypes(Op &op, DiagEngine &diags);

/// Is `op` in the table, in the form the graph's opset means?
bool isKnownOnnxOp(const Op &op);
/// Names of all ops in the table, sorted (docs, --list).
std::vector<std::string> knownOnnxOps();

} // namespace dpuopt
#endif
