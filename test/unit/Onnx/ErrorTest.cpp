//===- ErrorTest.cpp - files and graphs that are no models --------------------===//
#include "ModelBuilder.h"

using namespace dpuopt;
using namespace dpuopt::test;

//===-- Bytes ------------------------------------------------------------------------===//

TEST(OnnxError, EmptyFile) { expectError(Imported(Bytes()), "not an ONNX model: the file is empty"); }

TEST(OnnxError, Png) { expectError(Imported(Bytes("\x89PNG\r\n\x1a\n....")), "the file is a PNG image"); }

TEST(OnnxError, OtherFormatsByName) {
  expectError(Imported(Bytes("PK\x03\x04 rest")), "ZIP archive");
  expectError(Imported(Bytes("version https://git-lfs.github.com/spec/v1\n")), "Git LFS pointer");
}

TEST(OnnxError, TextAndNoise) {
  expectError(Imported(Bytes("graph @g() { return }")), "not an ONNX model");
  expectError(Imported(Bytes(1000, '\xff')), "not an ONNX model");
}

TEST(OnnxError, MissingFile) {
  DiagEngine diags(nullptr);
  EXPECT_FALSE(importOnnx("no/such/file.onnx", {}, diags));
  ASSERT_EQ(diags.errors(), 1u);
  EXPECT_CONTAINS(diags.all()[0].message, "no/such/file.onnx");
}

/// Whatever the place of the cut, one error and no crash; a cut between the fields
/// of the model itself may leave a shorter model that is well formed.
TEST(OnnxError, EveryTruncation) {
  Model m = unary("Relu", {1, 2});
  m.initializers = {rawTensor<float>("w", Float, {2}, {1, 2})};
  m.nodes[0] = {"Add", {"x", "w"}, {"y"}, {}, "n"};
  Bytes whole = m.bytes();
  unsigned readable = 0;
  for (size_t n = 0; n < whole.size(); ++n) {
    Imported i(whole.substr(0, n));
    readable += i.graph != nullptr;
    EXPECT_TRUE(i.graph || i.diags.errors() == 1u) << n << i.errors();
  }
  EXPECT_LE(readable, 1u); // without opset_import
}

/// Single damaged bytes: any outcome but a crash or a failure without a reason.
TEST(OnnxError, EveryDamagedByte) {
  Model m = unary("Conv", {1, 2, 5, 5}, {intsAttr("pads", {1, 1, 1, 1}), intAttr("group", 1)});
  m.initializers = {rawTensor<float>("w", Float, {1, 2, 1, 1}, {1, 2})};
  m.nodes[0].inputs = {"x", "w"};
  Bytes whole = m.bytes();
  for (size_t n = 0; n < whole.size(); ++n)
    for (unsigned char mask : {0x01, 0x80, 0xff}) {
      Bytes damaged = whole;
      damaged[n] = static_cast<char>(damaged[n] ^ mask);
      Imported i(damaged);
      EXPECT_TRUE(i.graph || i.diags.errors() >= 1u) << n;
    }
}

TEST(OnnxError, DamagedPartIsNamed) {
  Model m = unary("Relu", {1});
  WireWriter graph, model;
  graph.bytes(1, m.nodes[0].bytes());
  graph.bytes(1, llvm::StringRef("\x0a\x7f", 2)); // a node whose first input is longer than the node
  model.varint(1, 8);
  model.message(7, graph);
  expectError(Imported(model.str().str()), "truncated or damaged at node 2 of the graph");
}

//===-- Names ------------------------------------------------------------------------===//

TEST(OnnxError, TensorDefinedTwice) {
  Model m = unary("Relu", {1});
  m.nodes.push_back({"Abs", {"x"}, {"y"}, {}, "second"});
  expectError(Imported(m), "tensor 'y' is defined twice: by node 'n' (Relu) and by node 'second' (Abs)");
  Model n = unary("Relu", {1});
  n.nodes[0].outputs = {"x"};
  expectError(Imported(n), "by a graph input and by node");
  Model w = unary("Relu", {1});
  w.initializers = {int64s("w", {1}), int64s("w", {2})};
  expectError(Imported(w), "by an initializer and by an initializer");
}

TEST(OnnxError, UndefinedInput) {
  Model m = unary("Relu", {1});
  m.nodes[0].inputs = {"nowhere"};
  expectError(Imported(m), "node 'n': error: Relu: input 'nowhere' is not defined by any node, input or initializer");
}

TEST(OnnxError, UndefinedOutput) {
  Model m = unary("Relu", {1});
  m.outputs = {output("nowhere")};
  expectError(Imported(m), "graph output 'nowhere' is not defined");
}

TEST(OnnxError, NoOutputs) {
  Model m = unary("Relu", {1});
  m.outputs.clear();
  expectError(Imported(m), "the graph has no outputs");
}

TEST(OnnxError, Cycle) {
  Model m = unary("Relu", {1});
  m.nodes = {{"Add", {"x", "c"}, {"a"}, {}, "A"},
             {"Relu", {"a"}, {"b"}, {}, "B"},
             {"Abs", {"b"}, {"c"}, {}, "C"},
             {"Neg", {"c"}, {"y"}, {}, "D"}};
  expectError(Imported(m), "the graph has a cycle: 'A' -> 'B' -> 'C' -> 'A'");
}

TEST(OnnxError, NodeThatFeedsItself) {
  Model m = unary("Relu", {1});
  m.nodes[0].inputs = {"y"};
  expectError(Imported(m), "cycle: 'n' -> 'n'");
}

TEST(OnnxError, ReservedDomain) {
  Model m = unary("conv2d", {1});
  m.nodes[0].domain = "xir";
  expectError(Imported(m), "domain 'xir' is reserved");
}

TEST(OnnxError, NodeWithoutOperator) { expectError(Imported(unary("", {1})), "no operator type"); }

//===-- Attributes -------------------------------------------------------------------===//

TEST(OnnxError, AttributeOfTheWrongKind) {
  expectError(Imported(unary("Softmax", {2, 2}, {stringAttr("axis", "1")})), "attribute 'axis' must be an integer");
  expectError(Imported(unary("MaxPool", {1, 1, 4, 4}, {intAttr("kernel_shape", 2)})),
              "attribute 'kernel_shape' must be a list of integers");
}

TEST(OnnxError, AttributeGivenTwice) {
  expectError(Imported(unary("Softmax", {2, 2}, {intAttr("axis", 1), intAttr("axis", 0)})),
              "attribute 'axis' is given twice");
}

TEST(OnnxError, DamagedAttribute) {
  expectError(Imported(unary("Softmax", {2, 2}, {Bytes("\x0a\x7f", 2)})), "truncated or damaged");
}

//===-- Shapes -----------------------------------------------------------------------===//

TEST(OnnxError, ImpossibleInputDimension) {
  expectError(Imported(unary("Relu", {1, -7})), "input 'x' has an impossible dimension: -7");
  expectError(Imported(unary("Relu", {1, 1l << 50})), "impossible dimension");
  expectError(Imported(unary("Relu", {1l << 30, 1l << 30})), "more than 8589934592 elements");
}

TEST(OnnxError, ResultBeyondAllBounds) {
  Model m = unary("Tile", {1l << 20});
  m.initializers = {int64s("r", {1l << 40})};
  m.nodes[0].inputs = {"x", "r"};
  expectError(Imported(m), "impossible dimension");
}

TEST(OnnxError, GeometryThatOverflows) {
  for (int64_t huge : {int64_t(1) << 40, INT64_MAX, INT64_MIN, int64_t(-1)}) {
    Imported i(
        unary("MaxPool", {1, 1, 4, 4}, {intsAttr("kernel_shape", {2, 2}), intsAttr("pads", {huge, huge, huge, huge})}));
    expectError(i, "kernel_shape, strides, dilations, pads and auto_pad must fit");
  }
}

//===-- Nesting ----------------------------------------------------------------------===//

TEST(OnnxError, SubgraphsNestedTooDeep) {
  Model inner = unary("Relu", {1});
  for (unsigned depth = 0; depth < 40; ++depth) {
    Model outer = unary("If", {1});
    outer.nodes[0].attrs = {graphAttr("then_branch", inner.graph())};
    inner = outer;
  }
  expectError(Imported(inner), "nested deeper than 32");
}

TEST(OnnxError, DamagedSubgraph) {
  expectError(Imported(unary("If", {1}, {graphAttr("then_branch", Bytes("\x0a\x7f", 2))})),
              "its subgraph is truncated or damaged");
}

TEST(OnnxError, SubgraphCapturesWhatIsNotThere) {
  Model body = unary("Add", {1});
  body.inputs.clear();
  body.nodes[0].inputs = {"x", "missing"};
  expectError(Imported(unary("If", {1}, {graphAttr("then_branch", body.graph())})),
              "captured value 'missing' is not defined");
}
