//===- ModelTest.cpp - whole float models -------------------------------------------===//
#include "TestData.h"
#include "dpuopt/Onnx/Onnx.h"
#include "llvm/Support/FileSystem.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const std::string Models = std::string(DPUOPT_SHARED_DATA) + "/models/";

/// Image `i` of a batch.
Tensor imageOf(const Tensor &batch, int64_t i) {
  Shape shape(batch.shape().begin(), batch.shape().end());
  shape[0] = 1;
  int64_t n = batch.numElements() / batch.shape()[0];
  std::vector<float> v;
  for (int64_t k = 0; k < n; ++k)
    v.push_back(float(batch.at(i * n + k)));
  return Tensor::fromFloats(shape, std::move(v));
}

/// The 8 images with the logits their training framework computed.
void expectLogits(const std::string &name) {
  if (!llvm::sys::fs::exists(Models + "fmnist"))
    GTEST_SKIP() << "the shared models are not here";
  DiagEngine diags(&llvm::errs());
  auto g = importOnnx(Models + "fmnist/" + name + ".onnx", {}, diags);
  auto x = readTensor(Models + "fmnist/" + name + "_data/input_0.pb");
  auto logits = readTensor(Models + "fmnist/" + name + "_data/output_0.pb");
  ASSERT_TRUE(g && x && logits);
  auto executor = Executor::create(**g, {}, diags);
  ASSERT_TRUE(bool(executor));
  for (int64_t i = 0; i < x->shape()[0]; ++i) {
    auto out = (*executor)->run({imageOf(*x, i)});
    ASSERT_TRUE(bool(out));
    EXPECT_LE(worstError((*out)[0], imageOf(*logits, i)), 1e-4) << name << ", image " << i;
  }
}

TEST(FashionMnist, Cnn2) { expectLogits("fmnist_cnn2"); }
TEST(FashionMnist, ResNet8) { expectLogits("fmnist_resnet8"); }
TEST(FashionMnist, MobileNet) { expectLogits("fmnist_mobilenet"); }

/// Every op of every model in the collection has a kernel.
TEST(Models, EveryOperatorIsKnown) {
  std::error_code error;
  unsigned models = 0;
  for (llvm::sys::fs::recursive_directory_iterator it(Models, error), end; it != end && !error; it.increment(error)) {
    llvm::StringRef path = it->path();
    if (!path.endswith(".onnx"))
      continue;
    DiagEngine diags;
    auto g = importOnnx(path, {}, diags);
    ASSERT_TRUE(bool(g)) << path.str();
    ++models;
    for (const Op &op : (*g)->ops())
      EXPECT_TRUE(canExecute(op)) << path.str() << ": " << op.name().str();
  }
  if (!models)
    GTEST_SKIP() << "the shared models are not here";
}

/// The zoo has every activation and odd op once: it must run, not only be known.
void expectRuns(const std::string &name) {
  if (!llvm::sys::fs::exists(Models + name))
    GTEST_SKIP() << "the shared models are not here";
  DiagEngine diags(&llvm::errs());
  auto g = importOnnx(Models + name, {}, diags);
  auto executor = g ? Executor::create(**g, {}, diags) : Result<std::unique_ptr<Executor>>(failure());
  ASSERT_TRUE(bool(executor));
  std::vector<Tensor> inputs;
  for (const Value *v : graphFeeds(**g))
    inputs.push_back(randomTensor(v->type(), 1));
  auto out = (*executor)->run(inputs);
  ASSERT_TRUE(bool(out));
  ASSERT_EQ(out->size(), (*g)->outputs().size());
  for (size_t i = 0; i < out->size(); ++i) {
    const Type &declared = (*g)->outputs()[i]->type();
    if (declared.isStatic()) {
      EXPECT_EQ((*out)[i].shape(), declared.shape()) << (*g)->outputs()[i]->name();
    }
    EXPECT_GT((*out)[i].numElements(), 0);
  }
}

TEST(Models, ZooDpu) { expectRuns("zoo/zoo_dpu.onnx"); }
TEST(Models, ZooOpset13) { expectRuns("zoo/zoo_op13.onnx"); }
TEST(Models, ZooOpset14) { expectRuns("zoo/zoo_op14.onnx"); }
TEST(Models, MobileNetV2) { expectRuns("torchvision/mobilenet_v2.onnx"); }
TEST(Models, EfficientNet) { expectRuns("torchvision_light/efficientnet_b0.light.onnx"); }
TEST(Models, ConvNext) { expectRuns("torchvision_light/convnext_tiny.light.onnx"); }
TEST(Models, Proxyless) { expectRuns("proxyless05/proxyless05.onnx"); }

} // namespace
