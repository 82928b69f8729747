//===- ImportTest.cpp - from nodes and names to a graph -----------------------===//
#include "ModelBuilder.h"
#include "dpuopt/IR/Verifier.h"

using namespace dpuopt;
using namespace dpuopt::test;

TEST(OnnxImport, NodeBecomesAnOp) {
  Model m = unary("LeakyRelu", {1, 2}, {attr("alpha", 1, [](WireWriter &w) { w.f32(2, 0.5f); })});
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_CONTAINS(i.text(), "%y = onnx.LeakyRelu(%x) {alpha = 0.5} : f32<1x2> @\"n\"");
  EXPECT_CONTAINS(i.text(), "attributes {ir_version = 8, opset = 13}");
}

TEST(OnnxImport, AttributesOfEveryKind) {
  Imported i(unary(
      "Foo", {1},
      {intAttr("i", -3), intsAttr("is", {1, 2}), stringAttr("s", "t"), attr("empty", 7, [](WireWriter &) {}),
       attr("fs", 6, [](WireWriter &w) { w.packedFloats(7, {0.5f}); }),
       attr("ss", 8, [](WireWriter &w) { w.bytes(9, "a"), w.bytes(9, "b"); }), tensorAttr("t", int64s("", {7}))}));
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_CONTAINS(i.text(), "{empty = [] : i64, fs = [0.5], i = -3, is = [1, 2], s = \"t\", ss = [\"a\", \"b\"], "
                            "t = tensor(dense(7) : i64<1>)}");
}

TEST(OnnxImport, AttributeTypeOfOldFilesIsWhatIsFound) {
  Bytes untyped = fields([](WireWriter &w) { w.bytes(1, "axis"), w.varint(3, 1); });
  Imported i(unary("Softmax", {2, 2}, {untyped}));
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.value("y")->def()->getInt("axis"), 1);
}

TEST(OnnxImport, AbsentInputsAndOutputs) {
  Model m;
  m.inputs = {valueInfo("x", Float, {1, 1, 4, 4})};
  m.initializers = {rawTensor<float>("s", Float, {4}, {1, 1, 2, 2})};
  m.nodes = {{"Resize", {"x", "", "s", ""}, {"y"}}, {"Dropout", {"y"}, {"z", ""}}};
  m.outputs = {output("z")};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_CONTAINS(i.text(), "onnx.Resize(%x, _, %s) : f32<1x1x8x8>");
  EXPECT_EQ(i.value("z")->def()->numResults(), 1u);
}

TEST(OnnxImport, ConstantsStandBeforeTheirFirstUser) {
  Model m = unary("Add", {2});
  m.initializers = {rawTensor<float>("unused", Float, {1}, {0}), rawTensor<float>("w", Float, {2}, {1, 2})};
  m.nodes = {{"Relu", {"x"}, {"a"}}, {"Add", {"a", "w"}, {"b"}}, {"Add", {"b", "w"}, {"y"}}};
  Imported i(m);
  std::vector<std::string> order;
  for (Op &op : i.graph->ops())
    order.push_back(op.result()->name());
  EXPECT_EQ(order, (std::vector<std::string>{"a", "w", "b", "y"}));
}

TEST(OnnxImport, InitializerThatIsAlsoAnInputIsAConstant) {
  Model m = unary("Add", {2});
  m.irVersion = 3;
  m.inputs.push_back(valueInfo("w", Float, {2}));
  m.initializers = {rawTensor<float>("w", Float, {2}, {1, 2})};
  m.nodes[0].inputs = {"x", "w"};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.graph->inputs().size(), 1u);
  EXPECT_TRUE(i.constant("w"));
}

TEST(OnnxImport, NodesOutOfOrderAreSorted) {
  Model m = unary("Relu", {1});
  m.nodes = {{"Neg", {"b"}, {"y"}}, {"Abs", {"a"}, {"b"}}, {"Relu", {"x"}, {"a"}}};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_TRUE(succeeded(verify(*i.graph, i.diags)));
  EXPECT_EQ(i.graph->ops().front().name(), "onnx.Relu");
}

TEST(OnnxImport, AnOutputMayBeAnInputOrAConstantOrGivenTwice) {
  Model m = unary("Relu", {1});
  m.initializers = {int64s("w", {1})};
  m.outputs = {output("x"), output("w"), output("y"), output("y")};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.graph->outputs().size(), 4u);
}

TEST(OnnxImport, BytesAttributesAreTheWholeProto) {
  Imported i(unary("Foo", {1}, {attr("tp", 13, [](WireWriter &w) { w.bytes(14, "\x0a\x02\x08\x01"); })}));
  const Attr *a = i.value("y")->def()->attr("tp");
  ASSERT_TRUE(a && a->is(AttrKind::Bytes));
  EXPECT_CONTAINS(a->asBytes().str(), "tp");
}

//===-- Inputs -----------------------------------------------------------------------===//

TEST(OnnxInputs, LeadingDynamicDimensionIsTheBatch) {
  Model m = unary("Relu", {-1, 3});
  EXPECT_EQ(Imported(m).type("x"), "f32<1x3>");
  OnnxImportOptions four;
  four.batch = 4;
  EXPECT_EQ(Imported(m, four).type("y"), "f32<4x3>");
}

TEST(OnnxInputs, OtherDynamicDimensionsStayAndAreReported) {
  Imported i(unary("Relu", {-1, 3, -1, -1}));
  EXPECT_EQ(i.type("x"), "f32<1x3x?x?>");
  EXPECT_CONTAINS(i.warnings(), "input 'x' has dimensions that are not known: f32<1x3x?x?>");
  EXPECT_CONTAINS(i.warnings(), "--input-shape x=1x3xNxN");
}

TEST(OnnxInputs, InputShapeFixesThem) {
  OnnxImportOptions o;
  o.inputShapes["x"] = {1, 3, 8, 9};
  Imported i(unary("Relu", {-1, 3, -1, -1}), o);
  EXPECT_EQ(i.type("y"), "f32<1x3x8x9>");
  EXPECT_EQ(i.warnings(), "");
}

TEST(OnnxInputs, InputShapeWithoutANameIsForTheOnlyInput) {
  OnnxImportOptions o;
  o.inputShapes[""] = {1, 3, 8, 9};
  Model m = unary("Relu", {-1, 3, -1, -1});
  EXPECT_EQ(Imported(m, o).type("x"), "f32<1x3x8x9>");
  m.inputs.push_back(valueInfo("z", Float, {1}));
  expectError(Imported(m.bytes(), o), "needs a name: the model has 2 inputs");
}

TEST(OnnxInputs, InputShapeMayChangeAStaticDimension) {
  OnnxImportOptions o;
  o.inputShapes["x"] = {2, 5};
  Model m = unary("Relu", {1, 3});
  m.valueInfos = {valueInfo("y", Float, {1, 3})}; // belongs to the declared shape
  Imported i(m, o);
  EXPECT_EQ(i.type("y"), "f32<2x5>");
  EXPECT_CONTAINS(i.warnings(), "is declared as f32<1x3>; --input-shape makes it f32<2x5>");
}

TEST(OnnxInputs, UnknownInputNameListsTheInputs) {
  OnnxImportOptions o;
  o.inputShapes["image"] = {1, 3};
  Imported i(unary("Relu", {1, 3}).bytes(), o);
  expectError(i, "--input-shape names 'image', which is no input of the model");
  EXPECT_CONTAINS(i.errors(), "the inputs are: x f32<1x3>");
}

TEST(OnnxInputs, InputShapeOfAnotherRank) {
  OnnxImportOptions o;
  o.inputShapes["x"] = {1, 3, 4};
  expectError(Imported(unary("Relu", {1, -1}).bytes(), o), "has 3 dimensions, the input is f32<1x?>");
}

TEST(OnnxInputs, InputShapeMustBePositive) {
  OnnxImportOptions o;
  o.inputShapes["x"] = {1, 0};
  expectError(Imported(unary("Relu", {1, -1}).bytes(), o), "dimensions must be positive");
}

TEST(OnnxInputs, BatchMustBePositive) {
  OnnxImportOptions o;
  o.batch = 0;
  expectError(Imported(unary("Relu", {-1}).bytes(), o), "the batch size must be positive, is 0");
}

TEST(OnnxInputs, SequenceInputsHaveNoType) {
  Model m = unary("SequenceLength", {1});
  m.inputs = {fields([](WireWriter &w) { w.bytes(1, "x"), w.bytes(2, llvm::StringRef("\x22\x00", 2)); })};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.type("x"), "none<*>");
}

//===-- Operators we do not know ---------------------------------------------------===//

TEST(OnnxOpaque, UnknownOperatorIsKeptAndReportedOnce) {
  Model m = unary("Frobnicate", {1});
  m.nodes.push_back({"Frobnicate", {"y"}, {"z"}, {intAttr("q", 1)}, "second"});
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.value("y")->def()->name(), "onnx.Frobnicate");
  EXPECT_EQ(i.type("y"), "none<*>");
  EXPECT_EQ(i.diags.warnings(), 1u);
  EXPECT_CONTAINS(
      i.warnings(),
      "node 'n': warning: operator onnx.Frobnicate is kept as it is: it is not in the table of operators (2 nodes)");
  EXPECT_FALSE(isKnownOnnxOp(*i.value("y")->def()));
}

TEST(OnnxOpaque, OtherDomains) {
  Model m = unary("FusedConv", {1});
  m.nodes[0].domain = "com.microsoft";
  m.domains = {{"com.microsoft", 1}};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.value("y")->def()->name(), "com.microsoft.FusedConv");
  EXPECT_CONTAINS(i.text(), "domains = {com.microsoft = 1}");
  EXPECT_CONTAINS(i.warnings(), "its domain is not known");
}

TEST(OnnxOpaque, AiOnnxIsTheDefaultDomain) {
  Model m = unary("Relu", {1});
  m.nodes[0].domain = "ai.onnx";
  m.opset = 0;
  m.domains = {{"ai.onnx", 17}};
  Imported i(m);
  EXPECT_EQ(i.value("y")->def()->name(), "onnx.Relu");
  EXPECT_EQ(i.graph->attr("opset")->asInt(), 17);
}

TEST(OnnxOpaque, DeclaredTypeOfAnUnknownOperatorIsTaken) {
  Model m = unary("Frobnicate", {1});
  m.outputs = {valueInfo("y", Float, {3, 4})};
  EXPECT_EQ(Imported(m).type("y"), "f32<3x4>");
}

TEST(OnnxOpaque, FormsOlderThanTheTable) {
  Model m = unary("Add", {1});
  m.nodes[0].inputs = {"x", "x"};
  m.opset = 6; // broadcast attribute of old
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_CONTAINS(i.warnings(), "its form of opset 6 is older than the table");
  EXPECT_EQ(i.type("y"), "none<*>");
}

TEST(OnnxOpaque, TooManyInputsAreANewerForm) {
  Model m = unary("Relu", {1});
  m.nodes[0].inputs = {"x", "x"};
  EXPECT_CONTAINS(Imported(m).warnings(), "it has 2 inputs, known are 1 to 1");
}

TEST(OnnxOpaque, UnknownAttributeOfANewerOpset) {
  Model m = unary("Relu", {1}, {intAttr("leak", 1)});
  m.opset = 23;
  EXPECT_EQ(Imported(m).type("y"), "f32<1>") << "an exporter's private note in a known opset";
  m.opset = 99;
  Imported i(m);
  EXPECT_CONTAINS(i.warnings(), "opset 99 is newer than 23");
  EXPECT_CONTAINS(i.warnings(), "attribute 'leak' of opset 99 is newer than the table");
  EXPECT_EQ(i.type("y"), "none<*>");
}

TEST(OnnxOpaque, TableIsSortedAndKnowsTheUsualOps) {
  std::vector<std::string> names = knownOnnxOps();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  for (const char *op :
       {"Conv", "HardSwish", "Gelu", "GroupNormalization", "QuantizeLinear", "DequantizeLinear", "Einsum"})
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), op)) << op;
}

//===-- Subgraphs ----------------------------------------------------------------------===//

TEST(OnnxSubgraph, CapturedValuesAreTrailingOperands) {
  Model inner = unary("Add", {1});
  inner.inputs.clear();
  inner.initializers = {int64s("own", {1})};
  inner.nodes = {{"Add", {"deep", "own"}, {"q"}}, {"Add", {"q", "deep"}, {"y"}}};
  Model body = unary("If", {1}, {graphAttr("else_branch", inner.graph())});
  body.inputs.clear();
  body.nodes[0].inputs = {"w"};
  Model m = unary("If", {1}, {graphAttr("then_branch", body.graph())});
  m.initializers = {rawTensor<float>("w", Float, {1}, {1})};
  m.nodes.insert(m.nodes.begin(), {"Relu", {"x"}, {"deep"}});
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  Op *op = i.value("y")->def();
  ASSERT_EQ(op->numOperands(), 3u);
  EXPECT_EQ(op->operand(1)->name(), "w");
  EXPECT_EQ(op->operand(2)->name(), "deep");
  EXPECT_EQ(op->attr("captures")->asStrings(), (std::vector<std::string>{"w", "deep"}));
  EXPECT_TRUE(op->attr("then_branch")->is(AttrKind::Bytes));
  EXPECT_TRUE(isKnownOnnxOp(*op));
}

TEST(OnnxSubgraph, CapturesOrderTheNodes) {
  Model body = unary("Relu", {1});
  body.inputs.clear();
  body.nodes[0].inputs = {"late"};
  Model m = unary("If", {1}, {graphAttr("then_branch", body.graph())});
  m.nodes.push_back({"Relu", {"x"}, {"late"}});
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.graph->ops().front().name(), "onnx.Relu");
}

//===-- Mapping ------------------------------------------------------------------------===//

TEST(OnnxImport, WeightsAreSlicesOfTheModel) {
  Model m;
  m.initializers = {rawTensor<float>("a", Float, {4}, {1, 2, 3, 4}), tensor("b", Float, {2}, [](WireWriter &w) {
                      w.packedFloats(4, {5, 6});
                    })};
  m.nodes = {{"Constant", {}, {"c"}, {tensorAttr("value", rawTensor<float>("", Float, {2}, {7, 8}))}}};
  m.outputs = {output("a"), output("b"), output("c")};
  Blob file = Blob::copy(llvm::StringRef(m.bytes()));
  DiagEngine diags(nullptr);
  auto g = importOnnxBytes(file, "m.onnx", {}, diags);
  ASSERT_TRUE(g);
  for (const char *name : {"a", "b", "c"}) {
    auto bytes = constantOf((*g)->lookup(name))->storage().bytes();
    EXPECT_GE(bytes.begin(), file.bytes().begin()) << name;
    EXPECT_LE(bytes.end(), file.bytes().end()) << name;
  }
}
