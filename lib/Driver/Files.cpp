//===- Files.cpp - graphs in and out by file name ----------------------------------===//
#include "dpuopt/Driver/Files.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/Xir/Xir.h"

using namespace dpuopt;

Result<std::unique_ptr<Graph>> dpuopt::loadGraph(llvm::StringRef path, const OnnxImportOptions &onnx,
                                                 DiagEngine &diags) {
  if (path.endswith(".onnx"))
    return importOnnx(path, onnx, diags);
  if (path.endswith(".onnxtxt"))
    return importOnnxText(path, onnx, diags);
  if (path.endswith(".dpuir"))
    return loadText(path, diags);
  if (path.endswith(".xmodel"))
    return importXmodel(path, diags);
  return diags.error("cannot tell what '" + path.str() + "' is: known are .onnx, .onnxtxt, .dpuir and .xmodel")
      .file(path.str());
}

Status dpuopt::saveGraph(const Graph &g, llvm::StringRef path, DiagEngine &diags) {
  if (path.endswith(".onnx"))
    return exportOnnx(g, path, {}, diags);
  if (path.endswith(".dpuir") || path == "-")
    return saveText(g, path, diags);
  if (path.endswith(".xmodel"))
    return exportXmodel(g, path, diags);
  return diags.error("cannot write '" + path.str() + "': known are .onnx, .dpuir and .xmodel").file(path.str());
}

Status dpuopt::parseInputShape(llvm::StringRef text, OnnxImportOptions &options, DiagEngine &diags) {
  // A tensor name may contain '=': the shape is what follows the last one.
  auto [name, dims] = text.rsplit('=');
  if (dims.empty())
    std::swap(name, dims);
  Shape shape;
  llvm::SmallVector<llvm::StringRef, 6> parts;
  dims.split(parts, 'x');
  for (llvm::StringRef part : parts) {
    int64_t d;
    if (part.getAsInteger(10, d) || d <= 0)
      return diags.error("--input-shape takes NAME=1x3x224x224, not '" + text.str() + "'");
    shape.push_back(d);
  }
  options.inputShapes[name.str()] = shape;
  return success();
}
