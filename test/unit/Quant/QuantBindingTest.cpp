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

//===-- By hand: what no file at hand shows -----------------------------------===//

namespace {

/// A file given by the contents of its sections, bound to a graph given by its body.
struct Hand {
  std::unique_ptr<Graph> g;
  QuantGroups groups;
  QuantInfo info;
  QuantBindings bindings;
  DiagEngine diags;

  Hand(const std::string &body, const std::string &param, const std::string &output, const QuantMap &map = {},
       const std::string &inputs = "%x: f32<1x4x8x8>")
      : g(parse(body, inputs)), groups(quantGroups(*g)) {
    auto read = parseQuantInfo("{\"param\":{" + param + "},\"output\":{" + output + "}}", "q.json", diags);
    EXPECT_TRUE(bool(read)) << text(diags);
    if (!read)
      return;
    info = std::move(*read);
    auto found = bindKeys(*g, groups, info, map, "q.json", diags);
    if (found)
      bindings = std::move(*found);
  }
  /// "tensor by rule" of a key, or "unbound".
  std::string of(const std::string &key) const {
    for (const QuantBinding &b : bindings.rows)
      if (b.key == key)
        return b.value ? b.value->name() + " by " + b.rule : "unbound";
    return "no such key";
  }
  std::string problem(const std::string &key) const {
    for (const QuantBinding &b : bindings.rows)
      if (b.key == key)
        return b.problem;
    return "";
  }
};

std::string conv(const std::string &out, const std::string &in, const std::string &weight, const std::string &node) {
  return "%\"" + weight + "\" = const splat(0.5) : f32<4x4x1x1>\n%" + out + " = onnx.Conv(%" + in + ", %\"" + weight +
         "\", _) : f32<1x4x8x8> @\"" + node + "\"\n";
}
std::string relu(const std::string &out, const std::string &in, const std::string &node) {
  return "%" + out + " = onnx.Relu(%" + in + ") : f32<1x4x8x8> @\"" + node + "\"\n";
}

} // namespace

TEST(BindKeys, WeightsWithoutNamesByTheLayersModule) {
  Hand h(conv("c", "x", "onnx::Conv_193", "/layer1/layer1.0/conv1/Conv") + "return %c",
         "\"N::layer1.0.conv1.weight\":[8,7]", "");
  EXPECT_EQ(h.of("N::layer1.0.conv1.weight"), "onnx::Conv_193 by state_dict");
}

TEST(BindKeys, AWrapperOnOneSideIsTakenOff) {
  std::string net = conv("c", "x", "conv1.weight", "/conv1/Conv") + conv("d", "c", "conv2.weight", "/conv2/Conv") +
                    relu("r", "d", "/act/Relu") + "return %r";
  Hand h(net, "\"N::net.conv1.weight\":[8,7],\"N::net.conv2.weight\":[8,7]",
         "\"N::N/Net[net]/ReLU[act]/input.1\":[8,1]");
  EXPECT_EQ(h.of("N::net.conv2.weight"), "conv2.weight by state_dict");
  EXPECT_EQ(h.of("N::N/Net[net]/ReLU[act]/input.1"), "r by scope");
}

TEST(BindKeys, AModuleUsedTwiceSharesItsWeight) {
  Hand h(conv("c", "x", "head.weight", "/head/Conv") + "return %c",
         "\"N::head.weight\":[8,7],\"N::head.weight.197\":[8,7]", "\"N::input_0\":[8,1],\"N::N/Conv2d[head]/9\":[8,2]");
  EXPECT_EQ(h.of("N::head.weight.197"), "head.weight by state_dict");
  EXPECT_TRUE(bool(planFixPoints(h.bindings, {}, "q.json", h.diags)));
}

TEST(BindKeys, TwoPositionsOfOneValueAreAConflict) {
  Hand h(conv("c", "x", "head.weight", "/head/Conv") + "return %c",
         "\"N::head.weight\":[8,7],\"N::head.weight.197\":[8,6]", "\"N::input_0\":[8,1],\"N::N/Conv2d[head]/9\":[8,2]");
  EXPECT_FALSE(bool(planFixPoints(h.bindings, {.allowMissing = true, .allowUnbound = true}, "q.json", h.diags)));
  EXPECT_HAS(text(h.diags), "'head.weight' has fix point 7 by 'N::head.weight' and 6 by 'N::head.weight.197'");
  EXPECT_HAS(text(h.diags), "[quant-info.conflict]");
}

TEST(BindKeys, AKeyOfAnotherGraphDoesNotTakeAName) {
  Hand h(conv("c", "x", "w.weight", "Conv_0") + "return %c", "\"Encoder::w.weight\":[8,7],\"Decoder::w.weight\":[8,6]",
         "");
  EXPECT_EQ(h.of("Encoder::w.weight"), "w.weight by state_dict");
  EXPECT_EQ(h.of("Decoder::w.weight"), "unbound");
  EXPECT_HAS(h.problem("Decoder::w.weight"), "'Encoder'");
}

TEST(BindKeys, InputsByNumber) {
  Hand h("%a = onnx.Add(%x, %y) : f32<1x4x8x8>\nreturn %a", "",
         "\"N::input_1\":[8,3],\"N::input_0\":[8,2],\"N::input_2\":[8,2]", {}, "%x: f32<1x4x8x8>, %y: f32<1x4x8x8>");
  EXPECT_EQ(h.of("N::input_0"), "x by input");
  EXPECT_EQ(h.of("N::input_1"), "y by input");
  EXPECT_EQ(h.of("N::input_2"), "unbound");
}

TEST(BindKeys, QuantStubIsTheInput) {
  Hand h(relu("r", "x", "/act/Relu") + "return %r", "", "\"N::N/QuantStub[q]/input.1\":[8,3]");
  EXPECT_EQ(h.of("N::N/QuantStub[q]/input.1"), "x by input");
}

TEST(BindKeys, ModulesWithoutNamesFitAnyThatOrderAllows) {
  std::string net = conv("c0", "x", "model.0.conv.weight", "/model.0/conv/Conv") +
                    relu("r0", "c0", "/model.0/act/Relu") +
                    conv("c1", "r0", "model.1.cv1.conv.weight", "/model.1/cv1/conv/Conv") +
                    relu("r1", "c1", "/model.1/cv1/act/Relu") + "return %r1";
  Hand h(net, "", "\"M::M/Conv/ReLU[act]/input.4\":[8,1],\"M::M/Bottleneck/Conv[cv1]/ReLU[act]/input.7\":[8,2]");
  EXPECT_EQ(h.of("M::M/Conv/ReLU[act]/input.4"), "r0 by scope");
  EXPECT_EQ(h.of("M::M/Bottleneck/Conv[cv1]/ReLU[act]/input.7"), "r1 by scope");
}

TEST(BindKeys, WithoutScopesByOrderAndKind) {
  std::string net = conv("c0", "x", "11", "Conv_0") + relu("r0", "c0", "Relu_1") + conv("c1", "r0", "12", "Conv_2") +
                    "%p = onnx.MaxPool(%c1) {kernel_shape = [1, 1]} : f32<1x4x8x8> @\"MaxPool_3\"\nreturn %p";
  Hand h(net, "\"N::a.weight\":[8,7],\"N::b.weight\":[8,6]",
         "\"N::input_0\":[8,5],\"N::N/ReLU[relu]/input.2\":[8,4],\"N::N/Conv2d[b]/9\":[8,3],\"N::N/MaxPool2d[p]/"
         "11\":[8,2]");
  EXPECT_EQ(h.of("N::b.weight"), "12 by order");
  EXPECT_EQ(h.of("N::N/Conv2d[b]/9"), "c1 by order");
  EXPECT_EQ(h.of("N::N/MaxPool2d[p]/11"), "p by order");
}

TEST(BindKeys, OrderThatLeavesAChoiceBindsNothing) {
  std::string net = conv("c0", "x", "11", "Conv_0") + relu("r0", "c0", "Relu_1") + conv("c1", "r0", "12", "Conv_2") +
                    relu("r1", "c1", "Relu_3") + "return %r1";
  Hand h(net, "", "\"N::N/ReLU[relu]/input.2\":[8,4]");
  EXPECT_EQ(h.of("N::N/ReLU[relu]/input.2"), "unbound");
  EXPECT_HAS(h.problem("N::N/ReLU[relu]/input.2"), "2 tensors fit");
}

TEST(BindKeys, AValueNameThatIsATensorsDecides) {
  std::string net = conv("c0", "x", "11", "Conv_0") + relu("r0", "c0", "Relu_1") + conv("c1", "r0", "12", "Conv_2") +
                    relu("input.2", "c1", "Relu_3") + "return %input.2";
  Hand h(net, "", "\"N::N/ReLU[relu]/input.2\":[8,4]");
  EXPECT_EQ(h.of("N::N/ReLU[relu]/input.2"), "input.2 by order");
}

TEST(BindKeys, LayersOfAConverterByOrder) {
  std::string net = conv("c0", "x", "enc.0.weight", "/enc/enc.0/Conv") +
                    conv("c1", "c0", "enc.1.weight", "/enc/enc.1/Conv") + "return %c1";
  Hand h(net, "\"N::n_Conv_0.weight\":[8,7],\"N::n_Conv_1.weight\":[8,6]", "");
  EXPECT_EQ(h.of("N::n_Conv_1.weight"), "enc.1.weight by order");
}

TEST(BindKeys, RealNamesThatDifferAreNoReasonToGoByOrder) {
  std::string net = conv("c0", "x", "enc.0.weight", "/enc/enc.0/Conv") + "return %c0";
  EXPECT_EQ(Hand(net, "\"N::stem.conv.weight\":[8,7]", "").of("N::stem.conv.weight"), "unbound");
}

TEST(BindKeys, ANodeMoreThanWeHaveShiftsTheCount) {
  // The quantizer kept a node (a Dropout, say) between the two.
  std::string net = conv("c0", "x", "11", "Conv_0") + relu("r0", "c0", "Relu_1") + conv("c1", "r0", "12", "Conv_2") +
                    relu("r1", "c1", "Relu_3") + "return %r1";
  Hand h(net, "", "\"N::nndct_input_0\":[8,1],\"N::nndct_relu_2\":[8,2],\"N::nndct_relu_5\":[8,3]");
  EXPECT_EQ(h.of("N::nndct_relu_2"), "r0 by count");
  EXPECT_EQ(h.of("N::nndct_relu_5"), "r1 by count and kind");
}

TEST(BindKeys, TheTypeGuardsTheCount) {
  Hand h(conv("c0", "x", "11", "Conv_0") + relu("r0", "c0", "Relu_1") + "return %r0", "",
         "\"N::nndct_maxpool_2\":[8,2]");
  EXPECT_EQ(h.of("N::nndct_maxpool_2"), "unbound");
}

TEST(BindKeys, ModulesOfTheQuantizersOwnExportAreNumbers) {
  std::string net =
      conv("c0", "x", "module_3.weight", "/module_3/Conv") + relu("r0", "c0", "/module_7/Relu") + "return %r0";
  Hand h(net, "\"N::stem.weight\":[8,7]", "\"N::nndct_relu_7\":[8,2]");
  EXPECT_EQ(h.of("N::nndct_relu_7"), "r0 by count");
  EXPECT_EQ(h.of("N::stem.weight"), "module_3.weight by order");
}

TEST(BindKeys, HugeNumbersAreRefused) {
  Hand h(
      relu("r", "x", "Relu_0") + "return %r", "",
      "\"N::nndct_relu_4294967295\":[8,2],\"N::input_4294967295\":[8,2],\"N::nndct_relu_99999999999999999999\":[8,2]");
  EXPECT_EQ(h.bindings.bound(), 0u);
}

TEST(BindKeys, ConstantOperandsByOrder) {
  Hand h("%k = const splat(2.0) : f32<1x4x8x8>\n%m = onnx.Mul(%x, %k) : f32<1x4x8x8> @\"/Mul\"\nreturn %m", "",
         "\"N::input_0\":[8,5],\"N::N/7\":[8,4],\"N::1466\":[8,6]");
  EXPECT_EQ(h.of("N::1466"), "k by order");
  EXPECT_EQ(h.of("N::N/7"), "m by scope");
}

TEST(BindKeys, RenamedModulesByKindAmongTheirNeighbours) {
  std::string net = conv("c0", "x", "l.0.conv1.weight", "/l/l.0/conv1/Conv") + relu("r0", "c0", "/l/l.0/relu/Relu") +
                    conv("c1", "r0", "l.0.conv2.weight", "/l/l.0/conv2/Conv") + relu("r1", "c1", "/l/l.0/relu_1/Relu") +
                    "return %r1";
  Hand h(net, "",
         "\"N::N/Seq[l]/Block[0]/ReLU[relu1]/input.2\":[8,1],\"N::N/Seq[l]/Block[0]/ReLU[relu2]/input.5\":[8,2]");
  EXPECT_EQ(h.of("N::N/Seq[l]/Block[0]/ReLU[relu1]/input.2"), "r0 by parent scope");
  EXPECT_EQ(h.of("N::N/Seq[l]/Block[0]/ReLU[relu2]/input.5"), "r1 by parent scope");
}

TEST(BindKeys, PositionsOfSeveralOutputs) {
  std::string net = "%a, %b = onnx.Split(%x) {axis = 1} : f32<1x2x8x8>, f32<1x2x8x8>\nreturn %a, %b";
  Hand h(net, "", "\"x\":[[8,1]],\"a\":[[8,1],[8,1]]");
  auto plan = planFixPoints(h.bindings, {}, "q.json", h.diags);
  ASSERT_TRUE(bool(plan)) << text(h.diags);
  EXPECT_EQ(plan->count(h.g->lookup("b")), 1u);
}

TEST(BindKeys, MorePositionsThanOutputs) {
  Hand h(relu("r", "x", "/act/Relu") + "return %r", "", "\"N::input_0\":[8,1],\"N::N/ReLU[act]/2\":[[8,1],[8,2]]");
  EXPECT_FALSE(bool(planFixPoints(h.bindings, {}, "q.json", h.diags)));
  EXPECT_HAS(text(h.diags), "has 2 positions");
}

TEST(QuantMap, DecidesAndIgnores) {
  QuantMap map;
  map["N::N/odd"] = "/act/Relu";
  map["N::N/odder"] = "";
  Hand h(relu("r", "x", "/act/Relu") + "return %r", "", "\"N::input_0\":[8,1],\"N::N/odd\":[8,1],\"N::N/odder\":[8,1]",
         map);
  EXPECT_EQ(h.of("N::N/odd"), "r by map");
  EXPECT_EQ(h.bindings.unbound(), 0u);
  EXPECT_TRUE(bool(planFixPoints(h.bindings, {}, "q.json", h.diags)));
}

TEST(QuantMap, NamesThatAreNowhereAreErrors) {
  QuantMap key, name;
  key["nobody"] = "r";
  name["N::input_0"] = "nothing";
  EXPECT_HAS(text(Hand(relu("r", "x", "n") + "return %r", "", "\"N::input_0\":[8,1]", key).diags), "'nobody'");
  EXPECT_HAS(text(Hand(relu("r", "x", "n") + "return %r", "", "\"N::input_0\":[8,1]", name).diags),
             "'nothing', which is neither a tensor nor a node");
}

TEST(BindKeys, XmodelsByTheNameOfTheFixOp) {
  std::string net = "%N__input_0 = xir.data() : f32<1x8x8x4>\n%N__input_0_fix = xir.fix(%N__input_0) : q8.6<1x8x8x4>\n"
                    "%N__N_ReLU_act__9 = xir.relu(%N__input_0_fix) : f32<1x8x8x4>\n"
                    "%N__N_ReLU_act__9_fix = xir.fix(%N__N_ReLU_act__9) : q8.5<1x8x8x4>\nreturn %N__N_ReLU_act__9_fix";
  Hand same(net, "", "\"N::input_0\":[8,6],\"N::N/ReLU[act]/9\":[8,5]", {}, "");
  EXPECT_EQ(same.of("N::N/ReLU[act]/9"), "N__N_ReLU_act__9_fix by name");
  EXPECT_EQ(same.bindings.differing(), 0u);
  Hand other(net, "", "\"N::input_0\":[8,6],\"N::N/ReLU[act]/77\":[8,4]", {}, "");
  EXPECT_EQ(other.of("N::N/ReLU[act]/77"), "N__N_ReLU_act__9_fix by scope");
  EXPECT_EQ(other.bindings.differing(), 1u);
  Hand counted(net, "", "\"N::nndct_input_0\":[8,6],\"N::nndct_relu_1\":[8,5]", {}, "");
  EXPECT_EQ(counted.of("N::nndct_relu_1"), "N__N_ReLU_act__9_fix by count");
}

TEST(BindKeys, AnXmodelIgnoresTheKeysOfOtherGraphs) {
  DiagEngine diags;
  auto g = parseGraph("graph @Enc() {\n%Enc__input_0 = xir.data() : f32<1x8>\n"
                      "%Enc__input_0_fix = xir.fix(%Enc__input_0) : q16.12<1x8>\nreturn %Enc__input_0_fix\n}",
                      "test", {}, diags);
  auto info = parseQuantInfo(R"({"param":{},"output":{"Enc::input_0":[16,12],"Dec::input_0":[16,11]}})", "q", diags);
  ASSERT_TRUE(g && info);
  auto bindings = bindKeys(**g, quantGroups(**g), *info, {}, "q", diags);
  ASSERT_TRUE(bool(bindings));
  EXPECT_EQ(bindings->bound(), 1u);
  EXPECT_EQ(bindings->unbound(), 0u);
  EXPECT_EQ(bindings->differing(), 0u);
  EXPECT_EQ(bindings->rows[1].rule, "another graph");
}
