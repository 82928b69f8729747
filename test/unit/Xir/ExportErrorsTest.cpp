//===- ExportErrorsTest.cpp - what is never written -------------------------------===//
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
const char *const Data = "  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 4, 4, 2]} : f32<1x4x4x2>\n";
const char *const ConvAttrs = "kernel = [1, 1], pad_mode = \"FLOOR\", stride = [1, 1]";

/// The first error of exporting; nothing may have been written.
std::string refusal(const Graph &g) {
  TemporaryFolder folder;
  DiagEngine diags;
  EXPECT_TRUE(failed(exportXmodel(g, folder.file("out.xmodel"), diags)));
  EXPECT_FALSE(llvm::sys::fs::exists(folder.file("out.xmodel")));
  DiagEngine again;
  EXPECT_TRUE(failed(checkExportable(g, again)));
  EXPECT_EQ(textOf(again), textOf(diags));
  return diags.all().empty() ? "" : diags.all()[0].message;
}

/// The same for a graph of these ops, the last of which defines %y.
std::string refusal(const std::string &ops, const std::string &attrs = "") {
  auto g = parse("graph @g() " + attrs + "{\n" + ops + "  return %y\n}\n");
  EXPECT_TRUE(g);
  return g ? refusal(*g) : "";
}

#define EXPECT_REFUSED(ops, cause) EXPECT_NE(refusal(ops).find(cause), std::string::npos) << refusal(ops)

std::string subgraphs(const std::string &list) { return "attributes {subgraphs = [" + list + "]} "; }
std::string leaf(const std::string &name, const std::string &ops) {
  return "{attrs = {device = \"DPU\"}, children = [] : dict, name = \"" + name + "\", ops = [" + ops + "]" +
         (ops.empty() ? " : string" : "") + "}";
}
const std::string TwoOps = std::string(Data) + "  %y = xir.relu(%x) : f32<1x4x4x2>\n";
} // namespace

TEST(XmodelExportErrors, EmptyGraph) { EXPECT_NE(refusal(Graph("g")).find("the graph is empty"), std::string::npos); }

TEST(XmodelExportErrors, OnnxOp) {
  auto g = parse("graph @g(%x: f32<1>) {\n  %y = onnx.Relu(%x) : f32<1>\n  return %y\n}");
  EXPECT_NE(refusal(*g).find("run lower-to-xir first"), std::string::npos);
}

TEST(XmodelExportErrors, GraphInput) {
  auto g = parse("graph @g(%x: f32<1x4>) {\n  %y = xir.relu(%x) : f32<1x4>\n  return %y\n}");
  EXPECT_NE(refusal(*g).find("not an xir.data op"), std::string::npos);
}

TEST(XmodelExportErrors, MissingAttribute) {
  EXPECT_REFUSED("  %y = xir.data() {shape = [1]} : f32<1>\n", "attribute 'data_type' is required");
}

TEST(XmodelExportErrors, MissingRoundMode) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.fix(%x) : q8.4<1x4x4x2>\n", "attribute 'round_mode' is required");
}

TEST(XmodelExportErrors, AttributeOfTheWrongKind) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.softmax(%x) {axis = 1 : i64} : f32<1x4x4x2>\n",
                 "'axis' has the wrong kind");
}

TEST(XmodelExportErrors, MissingArgument) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.conv2d(%x) {" + ConvAttrs + "} : f32<1x4x4x3>\n",
                 "argument 'weights' is required");
}

TEST(XmodelExportErrors, TooManyArguments) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.relu(%x, %x) : f32<1x4x4x2>\n", "takes at most 1 arguments");
}

TEST(XmodelExportErrors, ArgumentTheOpDoesNotHave) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.relu(%x, %x) {arg_names = [\"input\", \"size\"]} : f32<1x4x4x2>\n",
                 "relu has no argument 'size'");
}

TEST(XmodelExportErrors, ArgumentGivenTwice) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.relu(%x, %x) {arg_names = [\"input\", \"input\"]} : f32<1x4x4x2>\n",
                 "argument 'input' is given 2 times");
}

TEST(XmodelExportErrors, ConstantsBeyondWhatProtobufReads) {
  EXPECT_REFUSED("  %w = const splat(1.0) : f32<1024x1024x300>\n  %y = const splat(1.0) : f32<1024x1024x300>\n",
                 "the constants take 2516582400 bytes");
}

TEST(XmodelExportErrors, TwoOpsOfOneName) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.relu(%x) {op_name = \"x\"} : f32<1x4x4x2>\n", "two ops are named 'x'");
}

TEST(XmodelExportErrors, NameThatIsNotUtf8) {
  EXPECT_REFUSED("  %y = xir.data() {data_type = \"FLOAT32\", op_name = \"\xff\", shape = [1]} : f32<1>\n", "UTF-8");
}

TEST(XmodelExportErrors, StringThatIsNotUtf8) {
  EXPECT_REFUSED("  %y = xir.data() {data_type = \"FLOAT32\", note = \"\xff\", shape = [1]} : f32<1>\n",
                 "attribute 'note'");
}

TEST(XmodelExportErrors, DictionaryAttribute) {
  EXPECT_REFUSED("  %y = xir.custom() {a = {b = 1}} : f32<1>\n",
                 "attribute 'a' is of a kind that an xmodel does not have");
}

TEST(XmodelExportErrors, GraphAttributeOfAKindThatFilesLack) {
  EXPECT_NE(refusal(TwoOps, "attributes {note = {b = 1}} ").find("graph attribute 'note'"), std::string::npos);
}

TEST(XmodelExportErrors, UnknownShape) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.relu(%x) : f32<?x4>\n", "the shape must be known");
}

TEST(XmodelExportErrors, DimensionOfZero) {
  EXPECT_REFUSED("  %y = xir.data() {data_type = \"FLOAT32\", shape = [0]} : f32<0>\n",
                 "every dimension must be in 1..2147483647");
}

TEST(XmodelExportErrors, DimensionBeyondInt32) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.relu(%x) : f32<2147483648>\n",
                 "every dimension must be in 1..2147483647");
}

TEST(XmodelExportErrors, TypeThatFilesLack) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.relu(%x) : bf16<1x4x4x2>\n", "an xmodel has no data type for bf16");
}

TEST(XmodelExportErrors, FixWithoutFixPoint) {
  EXPECT_REFUSED(std::string(Data) + "  %y = xir.fix(%x) {bit_width = 8, fix_point = 1, if_signed = true, round_mode = "
                                     "\"DPU_ROUND\"} : f32<1x4x4x2>\n",
                 "the result must have a fix point");
}

TEST(XmodelExportErrors, ShapeAttributeThatContradicts) {
  EXPECT_REFUSED("  %y = xir.data() {data_type = \"FLOAT32\", shape = [1, 5]} : f32<1x4>\n",
                 "attribute 'shape' must be the result's shape 1x4");
}

TEST(XmodelExportErrors, DataTypeThatContradicts) {
  EXPECT_REFUSED("  %y = xir.data() {data_type = \"INT8\", shape = [1, 4]} : f32<1x4>\n",
                 "attribute 'data_type' must be FLOAT32");
}

TEST(XmodelExportErrors, ScalarInput) {
  EXPECT_REFUSED("  %y = xir.data() {data_type = \"FLOAT32\", shape = [] : i32} : f32<>\n", "at least one dimension");
}

TEST(XmodelExportErrors, UnknownPadMode) {
  EXPECT_REFUSED(
      std::string(Data) +
          "  %w = const splat(1.0) : f32<3x1x1x2>\n  %y = xir.conv2d(%x, %w) {kernel = [1, 1], pad_mode = \"ZERO\", "
          "stride = [1, 1]} : f32<1x4x4x3>\n",
      "pad_mode must be FLOOR, CEIL, SAME or VALID, is 'ZERO'");
}

TEST(XmodelExportErrors, StrideOfZero) {
  EXPECT_REFUSED(
      std::string(Data) +
          "  %w = const splat(1.0) : f32<3x1x1x2>\n  %y = xir.conv2d(%x, %w) {kernel = [1, 1], pad_mode = \"FLOOR\", "
          "stride = [1, 0]} : f32<1x4x4x3>\n",
      "every element of 'stride' must be at least 1");
}

TEST(XmodelExportErrors, SubgraphOfUnknownOp) {
  EXPECT_NE(
      refusal(TwoOps, subgraphs(leaf("s", "\"x\", \"nowhere\""))).find("subgraph 's' names an op that does not exist"),
      std::string::npos);
}

TEST(XmodelExportErrors, OpInTwoSubgraphs) {
  EXPECT_NE(refusal(TwoOps, subgraphs(leaf("s", "\"x\", \"y\"") + ", " + leaf("t", "\"y\"")))
                .find("which another subgraph has too"),
            std::string::npos);
}

TEST(XmodelExportErrors, OpInNoSubgraph) {
  EXPECT_NE(refusal(TwoOps, subgraphs(leaf("s", "\"x\""))).find("op 'y' is in no subgraph"), std::string::npos);
}

TEST(XmodelExportErrors, SubgraphWithoutOps) {
  EXPECT_NE(
      refusal(TwoOps, subgraphs(leaf("s", "\"x\", \"y\"") + ", " + leaf("t", ""))).find("subgraph 't' has no ops"),
      std::string::npos);
}

TEST(XmodelExportErrors, UnwritablePath) {
  DiagEngine diags;
  EXPECT_TRUE(failed(exportXmodel(*parse(SmallNet), "/nonexistent/out.xmodel", diags)));
  EXPECT_EQ(diags.errors(), 1u);
  EXPECT_NE(textOf(diags).find("/nonexistent/out.xmodel"), std::string::npos);
}
