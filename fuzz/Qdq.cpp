//===- Qdq.cpp - any bytes as an .onnx: import, then what check does before lowering ------===//
#include "Harness.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"

using namespace dpuopt;

void fuzz::fuzzQdq(llvm::StringRef bytes) {
  DiagEngine diags;
  auto g = importOnnxBytes(Blob::copy(bytes), scratchFile("fuzz.onnx"), {}, diags);
  if (!g)
    return;
  auto pipeline = parsePipeline("import-qdq<round-scales=true>,clean-up", allPasses(), diags);
  require(static_cast<bool>(pipeline), "the pipeline parses");
  unsigned before = diags.errors();
  bool good = succeeded(runPipeline(*g, *pipeline, {}, diags));
  require(good || diags.errors() > before, "a failure is explained");
}
