//===- ModelsTest.cpp - lower-to-xir on real models ---------------------------===//
//
// Executes graphs before and after the pass, in float and with fix points, and
// holds it to its time and to the number of transposes it may leave.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Exec/Executor.h"
#include "dpuopt/IR/Verifier.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"
#include <chrono>

using namespace dpuopt;

namespace {
const char *Models = DPUOPT_SHARED_DATA "/models/";

::testing::AssertionResult run(std::unique_ptr<Graph> &g, llvm::StringRef passes) {
  DiagEngine diags;
  auto pipeline = parsePipeline(passes, allPasses(), diags);
  if (pipeline && succeeded(runPipeline(g, *pipeline, {}, diags)))
    return ::testing::AssertionSuccess();
  auto failed = ::testing::AssertionFailure() << passes.str();
  for (const Diagnostic &d : diags.all())
    if (d.severity == Severity::Error)
      failed << "\n  " << d.loc.node << ": " << d.message;
  return failed;
}

std::unique_ptr<Graph> import(const std::string &model) {
  DiagEngine diags;
  auto g = importOnnx(Models + model, {}, diags);
  return g ? std::move(*g) : nullptr;
}

unsigned count(const Graph &g, llvm::StringRef op) {
  return llvm::count_if(g.ops(), [&](const Op &o) { return o.is(op); });
}

/// x * sigmoid(x) in two ops: Swish is in no opset the executor knows.
void expandSwish(Graph &g) {
  std::vector<Op *> swishes;
  for (Op &op : g.ops())
    if (op.is("onnx.Swish"))
      swishes.push_back(&op);
  for (Op *op : swishes) {
    Value *x = op->operand(0);
    Type type = op->result()->type();
    Op *s = g.create({"onnx.Sigmoid", {x}, {{"sigmoid", type}}}, op);
    Op *y = g.create({"onnx.Mul", {x, s->result()}, {{"swish", type}}}, op);
    g.replace(op, {y->result()});
  }
}

struct Model {
  const char *file;
  unsigned transposes; ///< at most
};
void PrintTo(const Model &m, std::ostream *os) { *os << m.file; }
std::string nameOf(const ::testing::TestParamInfo<Model> &info) {
  std::string name = llvm::StringRef(info.param.file).rsplit('/').second.str();
  for (char &c : name)
    c = llvm::isAlnum(c) ? c : '_';
  return name;
}

/// Models whose weights are in the file: their numbers mean something.
class Weighted : public ::testing::TestWithParam<Model> {};
/// All models: time, transposes, validity.
class Every : public ::testing::TestWithParam<Model> {};

TEST_P(Weighted, ComputesTheSameInFloat) {
  if (!llvm::sys::fs::exists(Models))
    GTEST_SKIP() << "no shared model collection at " << Models;
  auto g = import(GetParam().file);
  ASSERT_TRUE(g);
  ASSERT_TRUE(run(g, "clean-up"));
  auto before = g->clone();
  expandSwish(*before);
  ASSERT_TRUE(run(g, "lower-to-xir"));
  DiagEngine diags;
  auto difference = checkEquivalence(*before, *g, 1e-4, 1, diags);
  for (const Diagnostic &d : diags.all())
    ADD_FAILURE() << d.loc.node << ": " << d.message;
  ASSERT_TRUE(difference);
  RecordProperty("difference", std::to_string(*difference));
}

TEST_P(Every, IsLoweredFastWithFewTransposes) {
  if (!llvm::sys::fs::exists(Models))
    GTEST_SKIP() << "no shared model collection at " << Models;
  auto g = import(GetParam().file);
  ASSERT_TRUE(g);
  ASSERT_TRUE(run(g, "clean-up"));
  auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(run(g, "lower-to-xir"));
  std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  DiagEngine diags;
  EXPECT_TRUE(succeeded(verify(*g, diags)));
  EXPECT_LE(count(*g, "xir.transpose"), GetParam().transposes);
  std::printf("  %-28s %6.1f ms, %u transposes, %u reshapes, %zu ops\n", nameOf({GetParam(), 0}).c_str(), spent.count(),
              count(*g, "xir.transpose"), count(*g, "xir.reshape"), g->size());
}

const Model weighted[] = {{"fmnist/fmnist_cnn2.onnx", 0},
                          {"fmnist/fmnist_mobilenet.onnx", 0},
                          {"fmnist/fmnist_resnet8.onnx", 0},
                          {"proxyless05/proxyless05.onnx", 0},
                          {"torchvision/mobilenet_v2.onnx", 0},
                          {"detector/v5n_relu_7c_960.onnx", 3},
                          {"detector/v5n_silu_80c_640.onnx", 3},
                          {"detector/v5n_xhead_relu_80c_640.onnx", 1},
                          {"detector/v8n_silu_80c_640.onnx", 0},
                          {"zoo/zoo_dpu.onnx", 0},
                          {"zoo/zoo_op13.onnx", 0},
                          {"zoo/zoo_op14.onnx", 0}};
const Model light[] = {{"torchvision_light/convnext_tiny.light.onnx", 0},
                       {"torchvision_light/densenet121.light.onnx", 0},
                       {"torchvision_light/efficientnet_b0.light.onnx", 0},
                       {"torchvision_light/googlenet.light.onnx", 0},
                       {"torchvision_light/inception_v3.light.onnx", 0},
                       {"torchvision_light/mnasnet1_0.light.onnx", 0},
                       {"torchvision_light/mobilenet_v2.light.onnx", 0},
                       {"torchvision_light/mobilenet_v3_small.light.onnx", 0},
                       {"torchvision_light/regnet_x_400mf.light.onnx", 0},
                       {"torchvision_light/regnet_y_400mf.light.onnx", 0},
                       {"torchvision_light/resnet18.light.onnx", 0},
                       {"torchvision_light/resnet50.light.onnx", 0},
                       {"torchvision_light/shufflenet_v2_x1_0.light.onnx", 16},
                       {"torchvision_light/squeezenet1_1.light.onnx", 0},
                       {"torchvision_light/vgg16.light.onnx", 0}};
INSTANTIATE_TEST_SUITE_P(Lower, Weighted, ::testing::ValuesIn(weighted), nameOf);
INSTANTIATE_TEST_SUITE_P(Lower, Every, ::testing::ValuesIn(weighted), nameOf);
INSTANTIATE_TEST_SUITE_P(LowerLight, Every, ::testing::ValuesIn(light), nameOf);
} // namespace
