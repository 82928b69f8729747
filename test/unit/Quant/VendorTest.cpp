//===- VendorTest.cpp - our search against positions the vendor's quantizer found --------===//
//
// mnist_cnn: the float model and the quant_info.json that vai_q_pytorch 3.5 made of it.
// The quantizer equalized neighbouring layers first, and so do we.
//
//===----------------------------------------------------------------------===//
#include "Helpers.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "llvm/Support/FileSystem.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const std::string Folder = DPUOPT_SHARED_DATA "/vendor/mnist_cnn/";

} // namespace

TEST(Vendor, PositionsOfMnistCnn) {
  if (!llvm::sys::fs::exists(Folder))
    GTEST_SKIP() << "no shared data at " << Folder;
  DiagEngine diags(&llvm::errs());
  auto g = importOnnx(Folder + "CNN_float.onnx", {}, diags);
  auto steps = parsePipeline("clean-up-equalized", allPasses(), diags);
  ASSERT_TRUE(g && steps && succeeded(runPipeline(*g, *steps, {}, diags)));
  auto info = readQuantInfo(Folder + "quant_info.json", diags);
  ASSERT_TRUE(bool(info));
  QuantGroups groups = quantGroups(**g);
  EXPECT_EQ(groups.params.size(), info->params.size());
  EXPECT_EQ(groups.activations.size(), info->outputs.size());
  for (const Value *param : groups.params) {
    const QuantEntry *entry = info->params.find("CNN::" + param->name());
    ASSERT_NE(entry, nullptr) << param->name();
    int found = diffsFixPoint(*constantOf(param), 8, SearchRange, Rounding::HalfAway);
    EXPECT_EQ(found, entry->front()->fixPoint) << param->name();
  }
}
