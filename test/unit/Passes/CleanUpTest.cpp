//===- CleanUpTest.cpp - the pipeline clean-up on real models ------------------===//
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>

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
  std::unique_ptr<Graph> before, after; ///< after is null if something failed
  DiagEngine diags{&llvm::errs()};
  double seconds = 0;
};

std::unique_ptr<Run> cleanUp(const std::string &path) {
  auto r = std::make_unique<Run>();
  auto g = importOnnx(path, {}, r->diags);
  auto pipeline = parsePipeline("clean-up", allPasses(), r->diags);
  if (!g || !pipeline)
    return r;
  r->before = (*g)->clone();
  auto start = std::chrono::steady_clock::now();
  if (succeeded(runPipeline(*g, *pipeline, {}, r->diags)))
    r->after = std::move(*g);
  r->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return r;
}

unsigned count(const Graph &g, llvm::StringRef op) {
  return llvm::count_if(g.ops(), [&](const Op &o) { return o.is(op); });
}

/// x * Sigmoid(x) again, written out: the proof then does not rest on one kernel.
void expandSwish(Graph &g) {
  for (Op &op : llvm::make_early_inc_range(g.ops())) {
    if (!op.is("onnx.Swish"))
      continue;
    Value *x = op.operand(0), *y = op.result();
    Op *sigmoid = g.create({"onnx.Sigmoid", {x}, {{"sigmoid", x->type()}}}, &op);
    Op *mul = g.create({"onnx.Mul", {x, sigmoid->result()}, {{y->name(), y->type()}}}, &op);
    mul->result()->takeName(y);
    g.replace(&op, {mul->result()});
  }
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

void expectClean(const Graph &g, const std::string &path) {
  for (const char *op :
       {"onnx.Identity", "onnx.Dropout", "onnx.Shape", "onnx.Gather", "onnx.Constant", "onnx.Unsqueeze"})
    EXPECT_EQ(count(g, op), 0u) << op;
  // DenseNet normalizes concatenations that others use too; there is nothing to fold into.
  bool densenet = path.find("densenet121") != std::string::npos;
  EXPECT_EQ(count(g, "onnx.BatchNormalization"), densenet ? 62u : 0u);
  for (const Op &op : g.ops())
    EXPECT_TRUE(llvm::all_of(op.results(), [](const Value *v) { return v->type().isStatic(); })) << op.name().str();
}

TEST_P(CleanUp, KeepsWhatTheModelComputes) {
  auto r = cleanUp(GetParam());
  ASSERT_TRUE(r->after);
  expectClean(*r->after, GetParam());
  expandSwish(*r->after);
  auto worst = checkEquivalence(*r->before, *r->after, 1e-4, 1, r->diags);
  ASSERT_TRUE(worst);
  RecordProperty("difference", std::to_string(*worst));
}

/// Bytes of dense constants over 64 KB that `uses` says yes to.
int64_t denseBytes(const Graph &g, llvm::function_ref<bool(const Op &user)> uses) {
  int64_t bytes = 0;
  for (const Op &op : g.ops())
    if (const Tensor *t = op.isConst() ? constantOf(op.result()) : nullptr; t && !t->isSplat())
      if (t->type().numBytes() > 65536 && uses(*op.result()->uses().front().user))
        bytes += t->type().numBytes();
  return bytes;
}

TEST_P(CleanUpLight, IsFastAndKeepsSplats) {
  auto r = cleanUp(GetParam());
  ASSERT_TRUE(r->after);
  expectClean(*r->after, GetParam());
  // Only a Conv whose batch norm has different factors may have been written out.
  bool hasNorms = count(*r->before, "onnx.BatchNormalization") != 0;
  EXPECT_EQ(denseBytes(*r->after, [&](const Op &user) { return !hasNorms || !user.is("onnx.Conv"); }), 0);
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
