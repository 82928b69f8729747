//===- VendorTest.cpp - from a float model to the vendor's quantized file ------===//
//
// mnist_cnn: a float ONNX model, the quant_info.json that vai_q_pytorch 3.5 found for
// it, and the xmodel it wrote. Fold, equalize, apply, lower: our file must be that file.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/IR/Diff.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Report/DiffReport.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "gtest/gtest.h"

using namespace dpuopt;

namespace {
const std::string Folder = DPUOPT_SHARED_DATA "/vendor/mnist_cnn/";

/// The float model after everything the quantizer does to it; `options` are apply-quant-info's. Null on any error.
std::unique_ptr<Graph> quantized(const std::string &options, DiagEngine &diags) {
  auto g = importOnnx(Folder + "CNN_float.onnx", {}, diags);
  auto pipeline = parsePipeline("clean-up-equalized,apply-quant-info<file=" + Folder + "quant_info.json" + options +
                                    ">,lower-to-xir,sort-ops",
                                allPasses(), diags);
  return g && pipeline && succeeded(runPipeline(*g, *pipeline, {}, diags)) ? std::move(*g) : nullptr;
}

/// Writes `g` to an xmodel and reads that; null on any error.
std::unique_ptr<Graph> throughAFile(const Graph &g, DiagEngine &diags) {
  llvm::SmallString<128> path;
  if (llvm::sys::fs::createTemporaryFile("dpuopt-vendor", "xmodel", path))
    return nullptr;
  llvm::FileRemover remover(path);
  auto back = succeeded(exportXmodel(g, path, diags)) ? importXmodel(path, diags) : failure();
  return back ? std::move(*back) : nullptr;
}

TEST(Vendor, FromTheFloatModelToTheVendorsFile) {
  if (!llvm::sys::fs::exists(Folder))
    GTEST_SKIP() << "no vendor files at " << Folder;
  DiagEngine diags(&llvm::errs());
  auto vendors = importXmodel(Folder + "CNN_int.xmodel", diags);
  std::unique_ptr<Graph> ours = quantized("", diags);
  ASSERT_TRUE(ours && vendors);
  std::unique_ptr<Graph> written = throughAFile(*ours, diags);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->name(), (*vendors)->name());

  // Op names hold numbers that TorchScript gave: they do not count. Everything else does.
  DiffOptions options;
  options.ignoreNames = true;
  options.ignored = {DiffKind::Names};
  GraphDiff diff = diffGraphs(**vendors, *written, options);
  EXPECT_EQ(diff.opsInA, 33u);
  EXPECT_EQ(diff.pairedByStructure, 33u);
  std::string report;
  llvm::raw_string_ostream os(report);
  printDiff(diff, "vendor's", "ours", 10, os);
  ASSERT_EQ(diff.differences.size(), 1u) << os.str();

  // The one number that differs: 94.71 before rounding, and 94 in the vendor's file. Its quant_info.json says
  // `bias_corrected`; what that subtracted is in a file that was not published (docs/rationale.md).
  const Difference &only = diff.differences[0];
  EXPECT_EQ(only.kind, DiffKind::Constants);
  EXPECT_EQ(only.where, "CNN__network_6_bias");
  ASSERT_TRUE(only.constant);
  EXPECT_EQ(only.constant->elements, 64);
  ASSERT_EQ(only.constant->differing, 1);
  EXPECT_EQ(only.constant->first[0].index, 0);
  EXPECT_EQ(only.constant->first[0].a, 94.0 / 64);
  EXPECT_EQ(only.constant->first[0].b, 95.0 / 64);
}

/// Parameters and the input are called as in the file; the other 15 names hold TorchScript's numbers.
TEST(Vendor, NamesOfTheQuantizer) {
  if (!llvm::sys::fs::exists(Folder))
    GTEST_SKIP() << "no vendor files at " << Folder;
  DiagEngine diags(&llvm::errs());
  auto vendors = importXmodel(Folder + "CNN_int.xmodel", diags);
  std::unique_ptr<Graph> ours = quantized(",quantizer-names", diags);
  ASSERT_TRUE(ours && vendors);
  DiffOptions options;
  options.ignored = {DiffKind::Names};
  GraphDiff diff = diffGraphs(**vendors, *ours, options);
  EXPECT_EQ(diff.pairedByName, 18u);
  EXPECT_EQ(diff.pairedByStructure, 15u);
  EXPECT_EQ(diff.differences.size(), 1u);
}
} // namespace
