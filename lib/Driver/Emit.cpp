//===- Emit.cpp - forms a graph can be brought into before it is written -----------===//
#include "dpuopt/Driver/Driver.h"
#include "dpuopt/Passes/Registry.h"

using namespace dpuopt;

Result<Pipeline> dpuopt::emitPipeline(llvm::StringRef form, DiagEngine &diags) {
  if (form.empty())
    return Pipeline();
  if (form == "qdq-onnx")
    return parsePipeline("to-qdq", allPasses(), diags);
  return diags.error("cannot emit '" + form.str() + "': known is qdq-onnx");
}
