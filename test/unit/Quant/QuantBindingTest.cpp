//===- QuantBindingTest.cpp - the vendor's keys find their tensors ---------------------------===//
#include "Helpers.h"
#include "dpuopt/Onnx/Onnx.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "llvm/Support/FileSystem.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const std::string Shared = DPUOPT_SHARED_DATA;

/// A vendor file on one of the shared models after clean-up.
struct Real {
  DiagEngine diags{&llvm::errs()};
  std::unique_ptr<Graph> g;
  QuantGroups groups;
  QuantInfo info;
  QuantBindings bindings;

  bool load(const std::string &model, const std::string &file) {
    auto graph = importOnnx(Shared + model, {}, diags);
    auto steps = parsePipeline("clean-up", allPasses(), diags);
    auto read = readQuantInfo(Shared + file, diags);
    if (!graph || !steps || !read || failed(runPipeline(*graph, *steps, {}, diags)))
      return false;
    g = std::move(*graph);
    groups = quantGroups(*g);
    info = std::move(*read);
    auto found = bindKeys(*g, groups, info, {}, file, diags);
    if (found)
      bindings = std::move(*found);
    return bool(found);
  }
  std::string valueOf(const std::string &key) const {
    for (const QuantBinding &b : bindings.rows)
      if (b.key == key)
        return b.value ? b.value->name() : "unbound";
    return "no such key";
  }
  /// All keys bound, each to its own value, nothing left, and nothing to repair.
  void expectComplete() {
    EXPECT_EQ(bindings.bound(), info.params.size() + info.outputs.size());
    EXPECT_EQ(names(bindings.withoutKey), Names());
    auto plan = planFixPoints(bindings, {}, "file", diags);
    ASSERT_TRUE(bool(plan));
    EXPECT_EQ(plan->size(), info.params.size() + info.outputs.size());
    EXPECT_TRUE(adjustFixPoints(*g, groups, *plan).empty());
  }
};

#define NEED_SHARED_DATA()                                                                                             \
  if (!llvm::sys::fs::exists(Shared + "/vendor"))                                                                      \
  GTEST_SKIP() << "no shared data at " << Shared

} // namespace

TEST(BindVendorFile, DebugNamesOfResnet18) {
  NEED_SHARED_DATA();
  Real r;
  ASSERT_TRUE(r.load("/models/torchvision_light/resnet18.light.onnx", "/seed/resnet18_quant_info.json"));
  EXPECT_EQ(r.info.params.size(), 42u);
  EXPECT_EQ(r.info.outputs.size(), 32u);
  r.expectComplete();
  // The same relu twice, and its second use behind the add.
  EXPECT_EQ(r.valueOf("ResNet::ResNet/Sequential[layer1]/BasicBlock[0]/ReLU[relu]/input.13"),
            "/layer1/layer1.0/relu/Relu_output_0");
  EXPECT_EQ(r.valueOf("ResNet::ResNet/Sequential[layer1]/BasicBlock[0]/ReLU[relu]/input.19"),
            "/layer1/layer1.0/relu_1/Relu_output_0");
  EXPECT_EQ(r.valueOf("ResNet::layer1.0.conv1.bias"), "layer1.0.conv1.bias");
}

TEST(BindVendorFile, BiasesOfOldFlatFiles) {
  NEED_SHARED_DATA();
  Real r;
  ASSERT_TRUE(r.load("/models/torchvision_light/resnet18.light.onnx", "/vendor/cifar_net/quant_info.json"));
  EXPECT_EQ(r.bindings.bound(), r.info.params.size() + r.info.outputs.size());
  EXPECT_EQ(r.valueOf("ResNet::layer1.0.conv1.weight.bias"), "layer1.0.conv1.bias");
}

TEST(BindVendorFile, TopologicalNamesOfMnistCnn) {
  NEED_SHARED_DATA();
  Real r;
  ASSERT_TRUE(r.load("/vendor/mnist_cnn/CNN_float.onnx", "/vendor/mnist_cnn/quant_info.json"));
  r.expectComplete();
  EXPECT_EQ(r.valueOf("CNN::nndct_relu_4"), "/network/network.5/Relu_output_0");
  EXPECT_EQ(r.valueOf("CNN::nndct_input_0"), "input");
}

TEST(BindVendorFile, ReluWhereTheModelHasRelu6) {
  NEED_SHARED_DATA();
  Real r;
  ASSERT_TRUE(r.load("/models/torchvision/mobilenet_v2.onnx", "/vendor/mobilenetv2/quant_info.json"));
  EXPECT_EQ(r.bindings.bound(), r.info.params.size() + r.info.outputs.size());
}
