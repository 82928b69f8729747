//===- Files.h - graphs in and out by file name -----------------------------------===//
//
// The one place that knows which reader and writer an extension means.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_DRIVER_FILES_H
#define DPUOPT_DRIVER_FILES_H

#include "dpuopt/Onnx/Onnx.h"

namespace dpuopt {

/// Reads `.onnx`, `.onnxtxt` (ONNX text), `.dpuir` or `.xmodel`. An unknown
/// extension is an error that lists these.
Result<std::unique_ptr<Graph>> loadGraph(llvm::StringRef path, const OnnxImportOptions &onnx, DiagEngine &diags);

/// Writes `.onnx`, `.dpuir` (with its side file) or `.xmodel`.
Status saveGraph(const Graph &g, llvm::StringRef path, DiagEngine &diags);

/// Parses `name=1x3x640x640` (or `1x3x640x640` for a model with one input) into `options`.
Status parseInputShape(llvm::StringRef text, OnnxImportOptions &options, DiagEngine &diags);

} // namespace dpuopt
#endif
