//===- CleanUpTest.cpp - the pipeline clean-up on real models ------------------===//
#include "dpuopt/Driver/Driver.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>

using namespace dpuopt;

namespace {

std::vector<std::string> modelFiles(const std::string &folder) {
  std::vector<std::string> files;
  std::error_code ec;
  std::string root = std::string(DPUOPT_SHARED_DATA) + "/models/" + folder;
  for (const auto &entry : std::filesystem::directory_iterator(root, ec))
    if (entry.path().extension() == ".onnx")
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

struct Run {
  std::unique_ptr<Graph> graph;
  DiagEngine diags{&llvm::errs()};
  std::string report; ///< of the equivalence check
  double seconds = 0;
  bool broken = false;
  std::map<std::string, unsigned> counts;
};

std::unique_ptr<Run> cleanUp(const std::string &path, bool compare) {
  auto r = std::make_unique<Run>();
  auto g = importOnnx(path, {}, r->diags);
  auto pipeline = parsePipeline("clean-up", allPasses(), r->diags);
  if (!g || !pipeline)
    return r;
  RunOptions options;
  llvm::raw_string_ostream os(r->report);
  if (compare)
    options.compare = equivalenceCheck(os, 1, r->broken, r->diags);
  auto start = std::chrono::steady_clock::now();
  bool ok = succeeded(runPipeline(*g, *pipeline, options, r->diags));
  r->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (const Op &op : (*g)->ops())
    ++r->counts[op.name().str()];
  if (ok)
    r->graph = std::move(*g);
  return r;
}

class CleanUp : public testing::TestWithParam<std::string> {};
class CleanUpLight : public CleanUp {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CleanUp);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CleanUpLight);

std::vector<std::string> realModels() {
  std::vector<std::string> all;
  for (const char *folder : {"fmnist", "torchvision", "detector", "proxyless05", "zoo"})
    for (std::string &f : modelFiles(folder))
      all.push_back(std::move(f));
  return all;
}

/// Batch norms that nothing linear stands before or after alone.
unsigned unfoldableNorms(const std::string &stem) { return stem == "densenet121.light" ? 62 : 0; }

void expectClean(const Run &r, const std::string &path) {
  std::string stem = std::filesystem::path(path).stem().string();
  for (const char *op :
       {"onnx.Identity", "onnx.Dropout", "onnx.Shape", "onnx.Gather", "onnx.Constant", "onnx.Unsqueeze"})
    EXPECT_FALSE(r.counts.count(op)) << op;
  auto norms = r.counts.find("onnx.BatchNormalization");
  EXPECT_LE(norms == r.counts.end() ? 0u : norms->second, unfoldableNorms(stem));
  for (const Op &op : r.graph->ops())
    EXPECT_TRUE(llvm::all_of(op.results(), [](const Value *v) { return v->type().isStatic(); })) << op.name().str();
}

TEST_P(CleanUp, KeepsWhatTheModelComputes) {
  auto r = cleanUp(GetParam(), true);
  ASSERT_TRUE(r->graph);
  EXPECT_FALSE(r->broken);
  // A pass that was not compared proves nothing.
  EXPECT_NE(r->report.find("fold-"), std::string::npos) << r->report;
  for (const Diagnostic &d : r->diags.all())
    EXPECT_EQ(d.message.find("not checked"), std::string::npos) << d.message;
  expectClean(*r, GetParam());
}

TEST_P(CleanUpLight, IsFastAndKeepsSplats) {
  auto r = cleanUp(GetParam(), false);
  ASSERT_TRUE(r->graph);
  expectClean(*r, GetParam());
  EXPECT_LT(r->seconds, 0.5); // typically a tenth of this
  int64_t bytes = 0;
  for (const Op &op : r->graph->ops())
    if (const Tensor *t = op.getTensor("value"))
      bytes += t->storage().size();
  EXPECT_LT(bytes, 4 << 20);
}

std::string testName(const testing::TestParamInfo<std::string> &info) {
  std::string name = std::filesystem::path(info.param).stem().string();
  for (char &c : name)
    c = isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, CleanUp, testing::ValuesIn(realModels()), testName);
INSTANTIATE_TEST_SUITE_P(Models, CleanUpLight, testing::ValuesIn(modelFiles("torchvision_light")), testName);

TEST(CleanUpData, IsThere) {
  if (realModels().empty())
    GTEST_SKIP() << "no models in " DPUOPT_SHARED_DATA "/models";
  EXPECT_EQ(modelFiles("torchvision_light").size(), 15u);
}

} // namespace
