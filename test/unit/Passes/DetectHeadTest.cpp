//===- DetectHeadTest.cpp - a detector cut in two is the same detector ---------===//
#include "dpuopt/Passes/DetectHead.h"
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include <filesystem>
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {

/// Runs `g` on tensors by name.
std::vector<Tensor> run(const Graph &g, const std::map<std::string, Tensor> &inputs) {
  DiagEngine diags(&llvm::errs());
  auto executor = Executor::create(g, {}, diags);
  std::vector<Tensor> feeds;
  for (Value *v : graphFeeds(g))
    feeds.push_back(inputs.at(v->name()));
  auto out = executor ? (*executor)->run(feeds) : failure();
  return out ? *out : std::vector<Tensor>();
}

class Detector : public testing::TestWithParam<const char *> {};

TEST_P(Detector, StrippedModelAndHeadGiveTheOriginalOutput) {
  std::string path = std::string(DPUOPT_SHARED_DATA) + "/models/detector/" + GetParam();
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "no shared data";
  DiagEngine diags(&llvm::errs());
  auto g = importOnnx(path, {}, diags);
  auto pipeline = parsePipeline("clean-up", allPasses(), diags);
  ASSERT_TRUE(g && pipeline && succeeded(runPipeline(*g, *pipeline, {}, diags)));
  std::vector<std::string> cut;
  for (Value *v : findHeadCut(**g))
    cut.push_back(v->name());
  DetectHead head = describeHead(**g, cut);
  ASSERT_TRUE(head.known()) << head.why;
  auto behind = headGraph(**g, cut);
  Value *image = (*g)->inputs()[0];
  std::map<std::string, Tensor> values{{image->name(), randomTensor(image->type(), 3)}};
  Tensor want = run(**g, values).at(0);
  stripHead(**g, cut);
  std::vector<Tensor> maps = run(**g, values);
  ASSERT_EQ(maps.size(), cut.size());
  std::vector<Tensor> ordered;
  for (size_t i = 0; i < cut.size(); ++i)
    values[cut[i]] = maps[i];
  for (const HeadOutput &o : head.outputs)
    ordered.push_back(values.at(o.name));
  EXPECT_LE(difference(want, run(*behind, values).at(0)).maxAbs, 1e-4);
  // The description alone does it too; its matrix is rows x columns.
  Tensor decoded = decodeHead(head, ordered);
  if (head.results[0].columnsFirst)
    decoded = decoded.transposed({1, 0});
  EXPECT_LE(difference(want, decoded).maxAbs, 2e-4);
}

INSTANTIATE_TEST_SUITE_P(Models, Detector,
                         testing::Values("v5n_relu_7c_960.onnx", "v5n_silu_80c_640.onnx", "v8n_silu_80c_640.onnx",
                                         "v5n_xhead_relu_80c_640.onnx"),
                         [](const auto &info) {
                           return std::string(info.param).substr(0, std::string(info.param).find('.'));
                         });

} // namespace
