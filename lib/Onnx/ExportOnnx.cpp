//===- ExportOnnx.cpp - writing .onnx files ------------------------------------===//
#include "Exporter.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <memory>

using namespace dpuopt;
using namespace dpuopt::onnx;

/// protobuf refuses to read messages from this size on.
static constexpr uint64_t MaxMessage = (uint64_t(1) << 31) - 1;

static unsigned countFixValues(const Graph &g) {
  unsigned n = 0;
  for (Value *in : g.inputs())
    n += in->type().isFix();
  for (const Op &op : g.ops())
    for (Value *r : op.results())
      n += r->type().isFix();
  return n;
}

Status dpuopt::exportOnnx(const Graph &g, llvm::StringRef path, const OnnxExportOptions &options, DiagEngine &diags) {
  std::string dataPath = path.str() + ".data";
  std::string dataName = llvm::sys::path::filename(dataPath).str();
  auto build = [&](bool external) {
    auto e = std::make_unique<Exporter>(g, external ? dataName : "", diags);
    return succeeded(e->build()) ? std::move(e) : nullptr;
  };
  auto exporter = build(options.externalData);
  if (exporter && exporter->model().size() > MaxMessage && !options.externalData)
    exporter = build(true);
  if (!exporter)
    return failure();
  if (exporter->model().size() > MaxMessage)
    return diags.error("the model is beyond 2 GB even without its weights").file(path.str());
  if (exporter->hasExternal() && path == "-")
    return diags.error("a model with external data cannot be written to standard output");
  if (unsigned n = countFixValues(g))
    diags.warning(fmt::format("ONNX has no fix points: {} values are written as float", n)).file(path.str());

  // The weights first: a model never appears before the data it refers to.
  if (exporter->hasExternal() && failed(writeFileAtomically(dataPath, diags, [&](llvm::raw_pwrite_stream &os) {
        exporter->writeExternal(os);
        return success();
      })))
    return failure();
  return writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    exporter->model().write(os);
    return success();
  });
}
