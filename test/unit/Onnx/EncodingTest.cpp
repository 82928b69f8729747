//===- EncodingTest.cpp - every way a tensor is stored in an ONNX file --------===//
#include "ModelBuilder.h"

using namespace dpuopt;
using namespace dpuopt::test;

/// A model that returns initializer `w`.
static Model holding(const Bytes &w) {
  Model m;
  m.initializers = {w};
  m.outputs = {output("w")};
  return m;
}

static std::vector<double> numbers(const Imported &i) {
  std::vector<double> out;
  const Tensor *t = i.constant("w");
  for (int64_t k = 0; t && k < t->numElements(); ++k)
    out.push_back(t->at(k));
  return out;
}
using Numbers = std::vector<double>;

TEST(OnnxEncoding, RawData) {
  Imported i(holding(rawTensor<float>("w", Float, {2, 1}, {1.5f, -2})));
  EXPECT_EQ(i.type("w"), "f32<2x1>");
  EXPECT_EQ(numbers(i), (Numbers{1.5, -2}));
  Imported u(holding(rawTensor<uint16_t>("w", UInt16, {2}, {7, 65535})));
  EXPECT_EQ(u.type("w"), "u16<2>");
  EXPECT_EQ(numbers(u), (Numbers{7, 65535}));
}

TEST(OnnxEncoding, FloatData) {
  Imported packed(holding(tensor("w", Float, {2}, [](WireWriter &w) { w.packedFloats(4, {1, 2.5f}); })));
  EXPECT_EQ(numbers(packed), (Numbers{1, 2.5}));
  Imported single(holding(tensor("w", Float, {2}, [](WireWriter &w) { w.f32(4, 1), w.f32(4, 2.5f); })));
  EXPECT_EQ(numbers(single), (Numbers{1, 2.5}));
  Imported mixed(holding(tensor("w", Float, {3}, [](WireWriter &w) { w.packedFloats(4, {1, 2.5f}), w.f32(4, 3); })));
  EXPECT_EQ(numbers(mixed), (Numbers{1, 2.5, 3}));
}

TEST(OnnxEncoding, DoubleData) {
  Imported i(holding(tensor("w", Double, {2}, [](WireWriter &w) { w.packedDoubles(10, {0.1, -3}); })));
  EXPECT_EQ(i.type("w"), "f64<2>");
  EXPECT_EQ(numbers(i), (Numbers{0.1, -3}));
}

TEST(OnnxEncoding, Int64Data) {
  Imported i(holding(tensor("w", Int64, {2}, [](WireWriter &w) {
    w.packedVarints(7, std::vector<int64_t>{-1, 1l << 40});
  })));
  EXPECT_EQ(i.type("w"), "i64<2>");
  EXPECT_EQ(i.constant("w")->toInts(), (std::vector<int64_t>{-1, 1l << 40}));
}

TEST(OnnxEncoding, Uint64Data) {
  for (int elem : {UInt64, UInt32}) {
    Imported i(
        holding(tensor("w", elem, {1}, [](WireWriter &w) { w.packedVarints(11, std::vector<int64_t>{4000000000}); })));
    EXPECT_EQ(numbers(i), Numbers{4e9});
  }
}

TEST(OnnxEncoding, Int32DataHoldsEverySmallType) {
  auto packed = [](int elem, std::vector<int64_t> v) {
    return holding(tensor("w", elem, {2}, [&](WireWriter &w) { w.packedVarints(5, v); }));
  };
  EXPECT_EQ(numbers(Imported(packed(Int32, {-7, 8}))), (Numbers{-7, 8}));
  EXPECT_EQ(numbers(Imported(packed(Int16, {-7, 8}))), (Numbers{-7, 8}));
  EXPECT_EQ(numbers(Imported(packed(Int8, {-7, 8}))), (Numbers{-7, 8}));
  EXPECT_EQ(numbers(Imported(packed(UInt16, {65535, 8}))), (Numbers{65535, 8}));
  EXPECT_EQ(numbers(Imported(packed(UInt8, {255, 8}))), (Numbers{255, 8}));
  EXPECT_EQ(numbers(Imported(packed(Bool, {1, 0}))), (Numbers{1, 0}));
  EXPECT_EQ(numbers(Imported(packed(Half, {0x3c00, 0xc000}))), (Numbers{1, -2}));
  EXPECT_EQ(numbers(Imported(packed(BFloat16, {0x3f80, 0xc000}))), (Numbers{1, -2}));
  EXPECT_EQ(Imported(packed(Half, {0x3c00, 0xc000})).type("w"), "f16<2>");
}

TEST(OnnxEncoding, StringData) {
  Imported i(holding(tensor("w", String, {2}, [](WireWriter &w) { w.bytes(6, "ab"), w.bytes(6, ""); })));
  EXPECT_EQ(i.type("w"), "str<2>");
  EXPECT_TRUE(i.errors().empty()) << i.errors();
}

TEST(OnnxEncoding, EmptyAndScalarTensors) {
  EXPECT_EQ(Imported(holding(tensor("w", Float, {0}, [](WireWriter &) {}))).type("w"), "f32<0>");
  EXPECT_EQ(Imported(holding(rawTensor<float>("w", Float, {}, {3}))).type("w"), "f32<>");
}

TEST(OnnxEncoding, ConstantNodesInEveryForm) {
  auto constant = [](const Bytes &a) {
    Model m;
    m.nodes = {{"Constant", {}, {"w"}, {a}, "c"}};
    m.outputs = {output("w")};
    return m;
  };
  Imported value(constant(tensorAttr("value", rawTensor<float>("", Float, {2}, {1, 2}))));
  EXPECT_EQ(value.type("w"), "f32<2>");
  EXPECT_EQ(value.value("w")->def()->name(), "const");
  EXPECT_EQ(value.value("w")->def()->loc().node, "c");
  EXPECT_EQ(Imported(constant(intAttr("value_int", 5))).type("w"), "i64<>");
  EXPECT_EQ(Imported(constant(intsAttr("value_ints", {5, 6}))).constant("w")->toInts(), (std::vector<int64_t>{5, 6}));
  EXPECT_EQ(Imported(constant(attr("value_float", 1, [](WireWriter &w) { w.f32(2, 0.5f); }))).type("w"), "f32<>");
  EXPECT_EQ(Imported(constant(attr("value_floats", 6,
                                   [](WireWriter &w) {
                                     w.packedFloats(7, {1, 2, 3});
                                   })))
                .type("w"),
            "f32<3>");
  EXPECT_EQ(Imported(constant(stringAttr("value_string", "s"))).type("w"), "str<>");
  EXPECT_EQ(Imported(constant(attr("value_strings", 8, [](WireWriter &w) { w.bytes(9, "a"); }))).type("w"), "str<1>");
}

TEST(OnnxEncoding, SparseConstantStaysAnOp) {
  Model m;
  m.nodes = {{"Constant", {}, {"w"}, {attr("sparse_value", 11, [](WireWriter &w) { w.bytes(22, ""); })}, "c"}};
  m.outputs = {output("w")};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_EQ(i.value("w")->def()->name(), "onnx.Constant");
  EXPECT_CONTAINS(i.warnings(), "sparse");
}

TEST(OnnxEncoding, UnsupportedElementTypeInAnAttributeIsKeptAsBytes) {
  Model m;
  m.nodes = {{"Constant", {}, {"w"}, {tensorAttr("value", rawTensor<uint8_t>("", Float8, {1}, {1}))}, "c"}};
  m.outputs = {output("w")};
  Imported i(m);
  ASSERT_TRUE(i.graph) << i.errors();
  EXPECT_TRUE(i.value("w")->def()->attr("value")->is(AttrKind::Bytes));
}

TEST(OnnxEncoding, ConstantOfShapeIsASplat) {
  Model m;
  m.initializers = {int64s("s", {8000, 1000, 100})};
  m.nodes = {{"ConstantOfShape", {"s"}, {"w"}, {tensorAttr("value", rawTensor<float>("", Float, {1}, {0.5f}))}, "c"},
             {"ConstantOfShape", {"s"}, {"z"}, {}, "d"}};
  m.outputs = {output("w"), output("z")};
  Imported i(m);
  ASSERT_TRUE(i.constant("w")) << i.errors();
  EXPECT_TRUE(i.constant("w")->isSplat());
  EXPECT_EQ(i.type("w"), "f32<8000x1000x100>");
  EXPECT_EQ(i.constant("w")->at(5), 0.5);
  EXPECT_EQ(i.constant("z")->at(5), 0);
  EXPECT_EQ(i.graph->size(), 2u); // its shape is not needed any more
}

TEST(OnnxEncoding, ConstantOfShapeOfAComputedShapeStaysAnOp) {
  Model m;
  m.inputs = {valueInfo("s", Int64, {2})};
  m.nodes = {{"ConstantOfShape", {"s"}, {"w"}}};
  m.outputs = {output("w")};
  EXPECT_EQ(Imported(m).type("w"), "f32<?x?>");
}

TEST(OnnxEncoding, TypesOfConstantsStay) {
  for (auto [elem, name] : {std::pair(Half, "f16<1>"), {BFloat16, "bf16<1>"}})
    EXPECT_EQ(Imported(holding(rawTensor<uint16_t>("w", elem, {1}, {0}))).type("w"), name);
  EXPECT_EQ(Imported(holding(rawTensor<double>("w", Double, {1}, {0}))).type("w"), "f64<1>");
}

//===-- What does not fit ------------------------------------------------------------===//

TEST(OnnxEncodingError, WrongAmountOfRawData) {
  expectError(Imported(holding(rawTensor<float>("w", Float, {3}, {1, 2}))),
              "initializer 'w': f32<3> needs 12 bytes, has 8");
}

TEST(OnnxEncodingError, WrongNumberOfElements) {
  expectError(
      Imported(holding(tensor("w", Int32, {3}, [](WireWriter &w) { w.packedVarints(5, std::vector<int64_t>{1}); }))),
      "i32<3> needs 3 elements, has 1");
  expectError(Imported(holding(tensor("w", Float, {1}, [](WireWriter &) {}))), "needs 1 elements, has 0");
  expectError(Imported(holding(tensor("w", String, {2}, [](WireWriter &w) { w.bytes(6, "a"); }))),
              "needs 2 strings, has 1");
}

TEST(OnnxEncodingError, NegativeDimension) {
  expectError(Imported(holding(rawTensor<float>("w", Float, {-2}, {1}))), "has a negative dimension");
}

TEST(OnnxEncodingError, AbsurdNumberOfElementsAllocatesNothing) {
  expectError(Imported(holding(rawTensor<float>("w", Float, {1l << 40, 1l << 40}, {1}))), "more than");
  expectError(Imported(holding(tensor("w", Int64, {1l << 33}, [](WireWriter &) {}))),
              "needs 8589934592 elements, has 0");
}

TEST(OnnxEncodingError, UnsupportedElementType) {
  expectError(Imported(holding(rawTensor<uint8_t>("w", Float8, {1}, {1}))),
              "unsupported element type (TensorProto data type 17)");
  expectError(Imported(holding(rawTensor<uint8_t>("w", 99, {1}, {1}))), "unsupported element type");
}

TEST(OnnxEncodingError, SparseInitializer) {
  Model m;
  m.sparse = {fields([](WireWriter &w) { w.bytes(1, rawTensor<float>("w", Float, {1}, {1})); })};
  m.outputs = {output("w")};
  expectError(Imported(m), "initializer 'w' is sparse");
}

TEST(OnnxEncodingError, Segments) {
  expectError(Imported(holding(tensor("w", Float, {1}, [](WireWriter &w) { w.bytes(3, ""); }))), "stored in segments");
}

TEST(OnnxEncodingError, AbsurdConstantOfShape) {
  Model m;
  m.initializers = {int64s("s", {1l << 40, 1l << 40})};
  m.nodes = {{"ConstantOfShape", {"s"}, {"w"}}};
  m.outputs = {output("w")};
  expectError(Imported(m), "onnx.ConstantOfShape");
  m.initializers = {int64s("s", {-1})};
  expectError(Imported(m), "negative");
}
