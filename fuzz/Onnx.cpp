//===- Onnx.cpp - any bytes as an .onnx: import, print, export, import ------------------===//
#include "dpuopt/Onnx/Onnx.h"
#include "Harness.h"

using namespace dpuopt;

void fuzz::fuzzOnnx(llvm::StringRef bytes) {
  DiagEngine diags;
  std::string path = scratchFile("fuzz.onnx");
  auto g = importOnnxBytes(Blob::copy(bytes), path, {}, diags);
  require(static_cast<bool>(g) || diags.errors(), "a failure is explained");
  if (!g)
    return;
  requireTextRoundTrip(**g);
  if (succeeded(exportOnnx(**g, path, {}, diags)))
    require(static_cast<bool>(importOnnx(path, {}, diags)), "what is written can be read");
}
