//===- QdqHelpers.h - shared by the tests of import-qdq and insert-qdq ------------===//
#ifndef DPUOPT_TEST_PASSES_QDQHELPERS_H
#define DPUOPT_TEST_PASSES_QDQHELPERS_H

#include "dpuopt/Driver/Files.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Quant/FixPlan.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"
#include <unistd.h>

namespace dpuopt::qdqtest {

inline std::string vendorFile(llvm::StringRef name) { return (DPUOPT_SHARED_DATA "/vendor/" + name).str(); }
inline bool haveVendorFiles() { return llvm::sys::fs::exists(vendorFile("lenet")); }

inline std::unique_ptr<Graph> load(llvm::StringRef path) {
  DiagEngine diags(&llvm::errs());
  auto graph = loadGraph(path, {}, diags);
  return graph ? std::move(*graph) : nullptr;
}

inline bool runPasses(std::unique_ptr<Graph> &g, llvm::StringRef passes) {
  DiagEngine diags(&llvm::errs());
  auto pipeline = parsePipeline(passes, allPasses(), diags);
  return pipeline && succeeded(runPipeline(g, *pipeline, {}, diags));
}

/// The example model with the example's fix points, as onnx ops.
inline std::unique_ptr<Graph> quantizedExample() {
  const std::string folder = DPUOPT_SOURCE_DIR "/examples/fmnist/";
  auto graph = load(folder + "fmnist_cnn2.onnx");
  bool good = graph && runPasses(graph, "clean-up,apply-quant-info<file=" + folder + "quant_info.json>");
  return good ? std::move(graph) : nullptr;
}

/// A path in the temporary folder that no other process uses.
inline std::string temporary(llvm::StringRef leaf) {
  return testing::TempDir() + "dpuopt-qdq-" + std::to_string(getpid()) + "-" + leaf.str();
}

/// Written to an .onnx file and read again.
inline std::unique_ptr<Graph> throughFile(const Graph &g) {
  DiagEngine diags(&llvm::errs());
  const std::string path = temporary("model.onnx");
  if (failed(saveGraph(g, path, diags)))
    return nullptr;
  auto back = load(path);
  llvm::sys::fs::remove(path);
  return back;
}

} // namespace dpuopt::qdqtest
#endif
