//===- ImportOnnx.cpp - the ways into the importer ----------------------------===//
#include "Importer.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

namespace {
/// Names a file in diagnostics for as long as it lives.
class CurrentFile {
public:
  CurrentFile(DiagEngine &diags, llvm::StringRef path) : diags(diags), before(diags.file()) {
    diags.setFile(path.str());
  }
  ~CurrentFile() { diags.setFile(before); }

private:
  DiagEngine &diags;
  std::string before;
};
} // namespace

/// What a file that is no ONNX model looks like; empty: nothing we recognize.
static std::string otherFormat(llvm::StringRef bytes) {
  if (bytes.startswith("\x89PNG"))
    return "a PNG image";
  if (bytes.startswith("\xff\xd8\xff"))
    return "a JPEG image";
  if (bytes.startswith("PK\x03\x04"))
    return "a ZIP archive (a PyTorch checkpoint?)";
  if (bytes.startswith("\x1f\x8b"))
    return "gzip-compressed";
  if (bytes.startswith("version https://git-lfs"))
    return "a Git LFS pointer, not the model itself";
  if (bytes.startswith("\x7f"
                       "ELF"))
    return "a program";
  return "";
}

static Status notAModel(llvm::StringRef bytes, const std::string &where, DiagEngine &diags) {
  std::string other = otherFormat(bytes);
  if (bytes.empty())
    return diags.error("not an ONNX model: the file is empty");
  if (!other.empty())
    return diags.error("not an ONNX model: the file is " + other);
  if (where == "the model")
    return diags.error("not an ONNX model, or one that is truncated or damaged");
  return diags.error("the ONNX model is truncated or damaged at " + where);
}

Result<std::unique_ptr<Graph>> dpuopt::importOnnxBytes(const Blob &bytes, llvm::StringRef path,
                                                       const OnnxImportOptions &options, DiagEngine &diags) {
  CurrentFile named(diags, path);
  ModelProto model;
  std::string where;
  bool parsed = !bytes.empty() && parseModel(bytes.str(), model, where);
  if (!parsed || !model.hasGraph)
    return notAModel(bytes.str(), where, diags);
  return Importer(bytes, path, options, diags).run(model);
}

Result<std::unique_ptr<Graph>> dpuopt::importOnnx(llvm::StringRef path, const OnnxImportOptions &options,
                                                  DiagEngine &diags) {
  auto bytes = Blob::mapFile(path, diags);
  if (!bytes)
    return failure();
  return importOnnxBytes(*bytes, path, options, diags);
}

Result<std::unique_ptr<Graph>> dpuopt::importOnnxText(llvm::StringRef path, const OnnxImportOptions &options,
                                                      DiagEngine &diags) {
  CurrentFile named(diags, path);
  std::string helper = findHelper("dpuopt-onnx-text");
  if (helper.empty())
    return diags.error("ONNX text needs the helper program dpuopt-onnx-text, which is not installed");
  ProcessResult r = runProcess(helper, {path.str()}, {60});
  if (r.exitCode != 0) {
    std::string why = r.failure.empty() ? llvm::StringRef(r.err).trim().str() : r.failure;
    return diags.error("not readable as ONNX text: " + why);
  }
  return importOnnxBytes(Blob::copy(llvm::StringRef(r.out)), path, options, diags);
}
