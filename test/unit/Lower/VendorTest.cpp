//===- VendorTest.cpp - our lowering beside the vendor's exporter --------------===//
//
// A float ONNX model and the quantized xmodel the vendor's tools made of it: the
// lowered graph must have the same ops with the same attributes, op by op.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/IR/Text.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace dpuopt;

namespace {
/// "conv2d kernel=[5, 5] ... : f32<1x13x13x16>" of every op that computes, in order.
/// Which values have a fix is part of it; where the fix points lie is not.
std::vector<std::string> describe(const Graph &g) {
  std::vector<std::string> lines;
  for (const Op &op : g.ops()) {
    if (op.isConst() || (op.is("xir.fix") && constantOf(op.operand(0))))
      continue;
    std::string line = op.name().str();
    for (const auto &[name, attr] : op.attrs())
      line += " " + name + "=" + printAttr(attr);
    lines.push_back(line + " : " + shapeStr(op.result()->type().shape()));
  }
  return lines;
}

TEST(Vendor, TheSameOpsWithTheSameAttributes) {
  std::string folder = DPUOPT_SHARED_DATA "/vendor/mnist_cnn/";
  if (!llvm::sys::fs::exists(folder))
    GTEST_SKIP() << "no vendor files at " << folder;
  DiagEngine diags(&llvm::errs());
  auto ours = importOnnx(folder + "CNN_float.onnx", {}, diags);
  auto vendors = importXmodel(folder + "CNN_int.xmodel", diags);
  auto pipeline = parsePipeline("clean-up,assume-fix-points,lower-to-xir", allPasses(), diags);
  ASSERT_TRUE(ours && vendors && pipeline);
  std::unique_ptr<Graph> lowered = std::move(*ours);
  ASSERT_TRUE(succeeded(runPipeline(lowered, *pipeline, {}, diags)));
  EXPECT_EQ(describe(*lowered), describe(**vendors));
}
} // namespace
