//===- QdqTest.cpp - import-qdq and its way back, on the vendor's files -----------===//
//
// The quantizer exports the same network as ONNX with Q/DQ nodes and as an xmodel: ours
// made of the first must be the second. What we write as Q/DQ must come back the same.
//
//===----------------------------------------------------------------------===//
#include "QdqHelpers.h"
#include "dpuopt/IR/Diff.h"
#include "dpuopt/Quant/QuantInfo.h"

using namespace dpuopt;
using namespace dpuopt::qdqtest;

namespace {
/// What the graphs say differently but for names, their order and who wrote them.
GraphDiff structuralDiff(const Graph &a, const Graph &b) {
  DiffOptions options;
  options.ignoreNames = true;
  options.ignored = {DiffKind::Names, DiffKind::Order};
  return diffGraphs(a, b, options);
}

/// One line per difference; empty if there is none.
std::string describe(const GraphDiff &diff) {
  std::string text;
  for (const Difference &d : diff.differences)
    text += diffKindName(d.kind).str() + ": " + d.where + ": " + d.what + ": " + d.a + " / " + d.b + "\n";
  return text;
}

struct Pair {
  const char *onnx, *xmodel;
};

class VendorQdq : public testing::TestWithParam<Pair> {
protected:
  void SetUp() override {
    if (!haveVendorFiles())
      GTEST_SKIP() << "no vendor files";
  }
};

TEST_P(VendorQdq, BecomesTheVendorsXmodel) {
  auto ours = load(vendorFile(GetParam().onnx)), vendors = load(vendorFile(GetParam().xmodel));
  ASSERT_TRUE(ours && vendors && runPasses(ours, "import-qdq,clean-up,lower-to-xir"));
  EXPECT_EQ(describe(structuralDiff(*vendors, *ours)), "");
}

/// All positions, sorted, without names: those of the graph are its TorchScript names.
std::vector<int> positions(const QuantInfo &info) {
  std::vector<int> all;
  for (const QuantTable *table : {&info.params, &info.outputs})
    for (const auto &[name, entry] : *table)
      for (const auto &pos : entry)
        if (pos)
          all.push_back(pos->fixPoint);
  llvm::sort(all);
  return all;
}

/// Of the files that we have, this is the one whose quant_info.json is of the same calibration.
TEST(Qdq, HasThePositionsOfQuantInfo) {
  if (!haveVendorFiles())
    GTEST_SKIP() << "no vendor files";
  DiagEngine diags(&llvm::errs());
  auto info = readQuantInfo(vendorFile("lenet/quant_info.json"), diags);
  auto graph = load(vendorFile("lenet/LeNet_int.onnx"));
  ASSERT_TRUE(info && graph && runPasses(graph, "import-qdq"));
  EXPECT_EQ(positions(collectQuantInfo(*graph)), positions(*info));
}

INSTANTIATE_TEST_SUITE_P(Files, VendorQdq,
                         testing::Values(Pair{"lenet/LeNet_int.onnx", "lenet/LeNet_int.xmodel"},
                                         Pair{"zerodce/ZeroDCEQ_int.onnx", "zerodce/ZeroDCEQ_int.xmodel"}));

//===-- There and back ---------------------------------------------------------------===//

class RoundTrip : public testing::TestWithParam<const char *> {};

/// xmodel -> ONNX file with Q/DQ -> xmodel: the same fix points, constants, ops.
TEST_P(RoundTrip, ThroughAnOnnxFile) {
  if (!haveVendorFiles())
    GTEST_SKIP() << "no vendor files";
  auto graph = load(vendorFile(GetParam())), original = load(vendorFile(GetParam()));
  ASSERT_TRUE(graph && original && runPasses(graph, "to-qdq"));
  auto back = throughFile(*graph);
  ASSERT_TRUE(back && runPasses(back, "import-qdq,clean-up,lower-to-xir"));
  EXPECT_EQ(describe(structuralDiff(*original, *back)), "");
}

INSTANTIATE_TEST_SUITE_P(Files, RoundTrip,
                         testing::Values("lenet/LeNet_int.xmodel", "mnist_cnn/CNN_int.xmodel",
                                         "zerodce/ZeroDCEQ_int.xmodel", "effnet_block/ResidualBlock_int.xmodel"));

TEST(RoundTrip, OurOwnModel) {
  auto graph = quantizedExample();
  ASSERT_TRUE(graph && runPasses(graph, "lower-to-xir"));
  auto original = graph->clone();
  ASSERT_TRUE(runPasses(graph, "to-qdq"));
  auto back = throughFile(*graph);
  ASSERT_TRUE(back && runPasses(back, "import-qdq,clean-up,lower-to-xir"));
  EXPECT_EQ(describe(structuralDiff(*original, *back)), "");
}

} // namespace
