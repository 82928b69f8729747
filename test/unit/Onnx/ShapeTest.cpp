//===- ShapeTest.cpp - result types of operators -------------------------------===//
//
// One line per case: operands and attributes as dpuir text, and the types that
// inferTypes computes ("-" when it computes none), or the error.
//
//===----------------------------------------------------------------------===//
#include "ModelBuilder.h"

using namespace dpuopt;
using namespace dpuopt::test;

/// Types of the last op of `body`, separated by spaces, or the first error message.
static std::string typesOfLast(const std::string &args, const std::string &body, int64_t opset = 13) {
  std::string text =
      "graph @t(" + args + ") attributes {opset = " + std::to_string(opset) + "} {\n" + body + "\n  return\n}\n";
  DiagEngine diags(nullptr);
  auto g = parseGraph(text, "t", {}, diags);
  if (!g)
    return "parse: " + diags.all().at(0).message;
  Op &op = (*g)->ops().back();
  auto types = inferTypes(op, diags);
  if (!types)
    return "error: " + diags.all().at(0).message;
  if (!*types)
    return "-";
  std::string out;
  for (const Type &t : **types)
    out += (out.empty() ? "" : " ") + t.str();
  return out;
}

/// One op with one result, given its operands' types as "%a: f32<2>, %b: ...".
static std::string infer(const std::string &op, const std::string &args, const std::string &call, int64_t opset = 13) {
  return typesOfLast(args, "  %y = onnx." + op + call + " : none<*>", opset);
}
#define EXPECT_ERROR(text, part) EXPECT_PRED2(isErrorWith, text, std::string(part))
static bool isErrorWith(const std::string &text, const std::string &part) {
  return llvm::StringRef(text).startswith("error: onnx.") && llvm::StringRef(text).contains(part);
}

//===-- Elementwise --------------------------------------------------------------------===//

TEST(OnnxShape, Elementwise) {
  EXPECT_EQ(infer("Relu", "%x: f32<1x3>", "(%x)"), "f32<1x3>");
  EXPECT_EQ(infer("Add", "%x: f32<2x1x4>, %z: f32<3x1>", "(%x, %z)"), "f32<2x3x4>");
  EXPECT_EQ(infer("Add", "%x: f32<2x?>, %z: f32<1x5>", "(%x, %z)"), "f32<2x5>");
  EXPECT_EQ(infer("Add", "%x: f32<?>, %z: f32<1>", "(%x, %z)"), "f32<?>");
  EXPECT_EQ(infer("Less", "%x: f32<2>, %z: f32<2>", "(%x, %z)"), "bool<2>");
  EXPECT_EQ(infer("Where", "%c: bool<3x1>, %x: f16<1>, %z: f16<4>", "(%c, %x, %z)"), "f16<3x4>");
  EXPECT_EQ(infer("Max", "%x: f32<2>, %y0: f32<>, %z: f32<3x2>", "(%x, %y0, %z)"), "f32<3x2>");
  EXPECT_EQ(infer("Cast", "%x: f32<2>", "(%x) {to = 7}"), "i64<2>");
  EXPECT_EQ(infer("IsNaN", "%x: f32<2>", "(%x)"), "bool<2>");
  EXPECT_ERROR(infer("Add", "%x: f32<2>, %z: f32<3>", "(%x, %z)"), "do not broadcast: f32<2>, f32<3>");
}

TEST(OnnxShape, Expand) {
  EXPECT_EQ(typesOfLast("%x: f32<3x1>", "%s = const dense(2, 1, 6) : i64<3>\n%y = onnx.Expand(%x, %s) : none<*>"),
            "f32<2x3x6>");
  EXPECT_ERROR(typesOfLast("%x: f32<3>", "%s = const dense(2) : i64<1>\n%y = onnx.Expand(%x, %s) : none<*>"),
               "does not expand");
}

TEST(OnnxShape, FixOperandsCountAsFloatAndFixResultsStay) {
  EXPECT_EQ(infer("Relu", "%x: q8.3<1x3>", "(%x)"), "f32<1x3>");
  EXPECT_EQ(typesOfLast("%x: q8.3<1x3>", "%y = onnx.Relu(%x) : q8.4<1x3>"), "q8.4<1x3>");
  EXPECT_EQ(typesOfLast("%x: q8.3<1x3>", "%y = onnx.Relu(%x) : q8.4<1x7>"), "f32<1x3>");
}

TEST(OnnxShape, Quantization) {
  EXPECT_EQ(infer("QuantizeLinear", "%x: f32<2>, %s: f32<>, %z: i8<>", "(%x, %s, %z)"), "i8<2>");
  EXPECT_EQ(infer("QuantizeLinear", "%x: f32<2>, %s: f32<>", "(%x, %s)"), "u8<2>");
  EXPECT_EQ(infer("QuantizeLinear", "%x: f32<2>, %s: f32<>", "(%x, %s) {output_dtype = 5}", 21), "i16<2>");
  EXPECT_EQ(infer("DequantizeLinear", "%x: i8<2>, %s: f16<>", "(%x, %s)"), "f16<2>");
}

TEST(OnnxShape, Normalization) {
  std::string bn = "%x: f32<1x3x2x2>, %s: f32<3>, %b: f32<3>, %m: f32<3>, %v: f32<3>";
  EXPECT_EQ(infer("BatchNormalization", bn, "(%x, %s, %b, %m, %v)"), "f32<1x3x2x2>");
  EXPECT_ERROR(infer("BatchNormalization", "%x: f32<1x4x2x2>, %s: f32<3>", "(%x, %s, %s, %s, %s)"),
               "one element per channel (4), has 3");
  EXPECT_EQ(typesOfLast("%x: f32<2x3x4>, %s: f32<4>",
                        "%y, %m, %d = onnx.LayerNormalization(%x, %s) : none<*>, none<*>, none<*>", 17),
            "f32<2x3x4> f32<2x3x1> f32<2x3x1>");
}

//===-- Windows ----------------------------------------------------------------------===//

TEST(OnnxShape, Conv) {
  std::string args = "%x: f32<1x3x32x32>, %w: f32<8x3x3x3>";
  EXPECT_EQ(infer("Conv", args, "(%x, %w)"), "f32<1x8x30x30>");
  EXPECT_EQ(infer("Conv", args, "(%x, %w) {pads = [1, 1, 1, 1], strides = [2, 2]}"), "f32<1x8x16x16>");
  EXPECT_EQ(infer("Conv", args, "(%x, %w) {pads = [0, 1, 2, 3]}"), "f32<1x8x32x34>");
  EXPECT_EQ(infer("Conv", args, "(%x, %w) {dilations = [2, 3]}"), "f32<1x8x28x26>");
  EXPECT_EQ(infer("Conv", args, "(%x, %w) {auto_pad = \"SAME_UPPER\", strides = [3, 3]}"), "f32<1x8x11x11>");
  EXPECT_EQ(infer("Conv", args, "(%x, %w) {auto_pad = \"VALID\", pads = [9, 9, 9, 9]}"), "f32<1x8x30x30>");
  EXPECT_EQ(infer("Conv", "%x: f32<1x4x9>, %w: f32<8x2x3>", "(%x, %w) {group = 2}"), "f32<1x8x7>");
  EXPECT_EQ(infer("Conv", "%x: f32<?x3x?x32>, %w: f32<8x3x3x3>", "(%x, %w)"), "f32<?x8x?x30>");
  EXPECT_EQ(infer("Conv", "%x: f32<*>, %w: f32<8x3x3x3>", "(%x, %w)"), "f32<*>");
  EXPECT_EQ(infer("ConvInteger", "%x: u8<1x3x4x4>, %w: u8<8x3x1x1>", "(%x, %w)"), "i32<1x8x4x4>");
}

TEST(OnnxShape, ConvThatCannotBe) {
  std::string args = "%x: f32<1x3x32x32>, %w: f32<8x3x3x3>";
  EXPECT_ERROR(infer("Conv", "%x: f32<1x4x32x32>, %w: f32<8x3x3x3>", "(%x, %w)"), "must have 3 channels");
  EXPECT_ERROR(infer("Conv", args, "(%x, %w) {group = 0}"), "group must be positive");
  EXPECT_ERROR(infer("Conv", "%x: f32<1x6x4x4>, %w: f32<8x2x1x1>", "(%x, %w) {group = 3}"), "group 3 must divide 8");
  EXPECT_ERROR(infer("Conv", args, "(%x, %w) {kernel_shape = [5, 5]}"), "kernel_shape 5x5 must be that of the weight");
  EXPECT_ERROR(infer("Conv", args, "(%x, %w) {strides = [0, 1]}"), "must fit each other");
  EXPECT_ERROR(infer("Conv", args, "(%x, %w) {pads = [1, 1]}"), "must fit each other");
  EXPECT_ERROR(infer("Conv", args, "(%x, %w) {auto_pad = \"SAME\"}"), "must fit each other");
  EXPECT_ERROR(infer("Conv", "%x: f32<1x3x2x2>, %w: f32<8x3x3x3>", "(%x, %w)"), "the kernel must fit the padded input");
  EXPECT_ERROR(infer("Conv", "%x: f32<1x3x2>, %w: f32<8x3x3x3>", "(%x, %w)"), "must fit each other and the input");
}

TEST(OnnxShape, ConvTranspose) {
  std::string args = "%x: f32<1x4x5x5>, %w: f32<4x6x3x3>";
  EXPECT_EQ(infer("ConvTranspose", args, "(%x, %w)"), "f32<1x6x7x7>");
  EXPECT_EQ(infer("ConvTranspose", args, "(%x, %w) {strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]}"),
            "f32<1x6x10x10>");
  EXPECT_EQ(infer("ConvTranspose", args, "(%x, %w) {group = 2}"), "f32<1x12x7x7>");
  EXPECT_EQ(infer("ConvTranspose", args, "(%x, %w) {strides = [2, 2], output_shape = [10, 9]}"), "f32<1x6x10x9>");
  EXPECT_EQ(infer("ConvTranspose", args, "(%x, %w) {strides = [2, 2], output_shape = [12, 12]}"), "f32<1x6x12x12>");
  EXPECT_EQ(infer("ConvTranspose", args, "(%x, %w) {strides = [2, 2], auto_pad = \"SAME_LOWER\"}"), "f32<1x6x10x10>");
  EXPECT_ERROR(infer("ConvTranspose", args, "(%x, %w) {pads = [9, 9, 9, 9]}"), "pads must not exceed the result");
  EXPECT_ERROR(infer("ConvTranspose", "%x: f32<1x5x5x5>, %w: f32<4x6x3x3>", "(%x, %w)"), "must have 4 channels");
}

TEST(OnnxShape, Pools) {
  std::string x = "%x: f32<1x3x7x7>";
  EXPECT_EQ(infer("MaxPool", x, "(%x) {kernel_shape = [2, 2], strides = [2, 2]}"), "f32<1x3x3x3>");
  EXPECT_EQ(infer("MaxPool", x, "(%x) {kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1}"), "f32<1x3x4x4>");
  // The last window would start in the padding: it is not counted.
  EXPECT_EQ(infer("MaxPool", "%x: f32<1x1x4x4>",
                  "(%x) {kernel_shape = [1, 1], strides = [3, 3], pads = [0, 0, 1, 1], ceil_mode = 1}"),
            "f32<1x1x2x2>");
  EXPECT_EQ(infer("AveragePool", x, "(%x) {kernel_shape = [3, 3], auto_pad = \"SAME_UPPER\", strides = [2, 2]}"),
            "f32<1x3x4x4>");
  EXPECT_EQ(infer("MaxPool", "%x: f32<1x3x?x7>", "(%x) {kernel_shape = [3, 3], auto_pad = \"SAME_UPPER\"}"),
            "f32<1x?x?x?>");
  EXPECT_EQ(infer("GlobalAveragePool", x, "(%x)"), "f32<1x3x1x1>");
  EXPECT_EQ(typesOfLast(x, "%y, %i = onnx.MaxPool(%x) {kernel_shape = [7, 7]} : none<*>, none<*>"),
            "f32<1x3x1x1> i64<1x3x1x1>");
  EXPECT_ERROR(infer("MaxPool", x, "(%x) {kernel_shape = [9, 9]}"), "the kernel must fit the padded input");
  EXPECT_ERROR(infer("MaxPool", x, "(%x)"), "must fit each other");
}

TEST(OnnxShape, Resize) {
  auto resize = [](const std::string &constant, const std::string &call, int64_t opset = 13) {
    return typesOfLast("%x: f32<1x3x4x6>", constant + "\n%y = onnx." + call + " : none<*>", opset);
  };
  std::string scales = "%s = const dense(1.0, 1.0, 2.0, 1.5) : f32<4>", sizes = "%s = const dense(1, 3, 8, 9) : i64<4>";
  EXPECT_EQ(resize(scales, "Resize(%x, _, %s)"), "f32<1x3x8x9>");
  EXPECT_EQ(resize(sizes, "Resize(%x, _, _, %s)"), "f32<1x3x8x9>");
  EXPECT_EQ(resize(scales, "Resize(%x, %s)", 10), "f32<1x3x8x9>");
  EXPECT_EQ(resize(scales, "Upsample(%x, %s)", 9), "f32<1x3x8x9>");
  EXPECT_EQ(resize("%u = const dense(1.0) : f32<1>", "Upsample(%x) {scales = [1.0, 1.0, 2.0, 1.5]}", 7),
            "f32<1x3x8x9>");
  EXPECT_EQ(resize("%s = const dense(8, 9) : i64<2>", "Resize(%x, _, _, %s) {axes = [2, 3]}", 18), "f32<1x3x8x9>");
  EXPECT_EQ(resize("%s = const dense(8, 6) : i64<2>",
                   "Resize(%x, _, _, %s) {axes = [2, 3], keep_aspect_ratio_policy = \"not_larger\"}", 18),
            "f32<1x3x4x6>");
  EXPECT_EQ(resize("%s = const dense(8, 6) : i64<2>",
                   "Resize(%x, _, _, %s) {axes = [2, 3], keep_aspect_ratio_policy = \"not_smaller\"}", 18),
            "f32<1x3x8x12>");
  EXPECT_EQ(resize("%e = const dense() : f32<0>\n" + sizes, "Resize(%x, %e, %e, %s)"), "f32<1x3x8x9>");
  EXPECT_EQ(infer("Resize", "%x: f32<1x3x4x6>, %s: f32<4>", "(%x, _, %s)"), "f32<?x?x?x?>");
  EXPECT_ERROR(resize("%s = const dense(1.0, 2.0) : f32<2>", "Resize(%x, _, %s)"), "for each of 4 axes, has 2");
  EXPECT_ERROR(resize("%s = const dense(1.0, 1.0, 0.0, 1.0) : f32<4>", "Resize(%x, _, %s)"), "scales must be positive");
  EXPECT_ERROR(resize("%s = const dense(1, 1, -1, 1) : i64<4>", "Resize(%x, _, _, %s)"), "sizes must not be negative");
}

TEST(OnnxShape, BlocksAndDepth) {
  EXPECT_EQ(infer("DepthToSpace", "%x: f32<1x8x2x3>", "(%x) {blocksize = 2}"), "f32<1x2x4x6>");
  EXPECT_EQ(infer("SpaceToDepth", "%x: f32<1x2x4x6>", "(%x) {blocksize = 2}"), "f32<1x8x2x3>");
  EXPECT_ERROR(infer("DepthToSpace", "%x: f32<1x6x2x3>", "(%x) {blocksize = 2}"), "must divide the 6 channels");
  EXPECT_ERROR(infer("SpaceToDepth", "%x: f32<1x2x5x6>", "(%x) {blocksize = 2}"), "must divide the spatial size 5");
  EXPECT_ERROR(infer("DepthToSpace", "%x: f32<1x8x2x3>", "(%x)"), "blocksize must be positive");
}

//===-- Products ----------------------------------------------------------------------===//

TEST(OnnxShape, Products) {
  EXPECT_EQ(infer("Gemm", "%a: f32<2x3>, %b: f32<4x3>, %c: f32<4>", "(%a, %b, %c) {transB = 1}"), "f32<2x4>");
  EXPECT_EQ(infer("MatMul", "%a: f32<5x1x2x3>, %b: f32<7x3x4>", "(%a, %b)"), "f32<5x7x2x4>");
  EXPECT_EQ(infer("MatMul", "%a: f32<3>, %b: f32<7x3x4>", "(%a, %b)"), "f32<7x4>");
  EXPECT_EQ(infer("MatMul", "%a: f32<3>, %b: f32<3>", "(%a, %b)"), "f32<>");
  EXPECT_EQ(infer("Einsum", "%a: f32<2x3x4>, %b: f32<2x4x5>", "(%a, %b) {equation = \"bij, bjk -> bik\"}"),
            "f32<2x3x5>");
  EXPECT_EQ(infer("Einsum", "%a: f32<2x3>", "(%a) {equation = \"...j\"}"), "f32<*>");
  EXPECT_ERROR(infer("Gemm", "%a: f32<2x3>, %b: f32<4x3>", "(%a, %b)"), "A' has 3 columns but B' has 4 rows");
  EXPECT_ERROR(infer("Gemm", "%a: f32<2x3>, %b: f32<3x4>, %c: f32<5>", "(%a, %b, %c)"), "does not broadcast to 2x4");
  EXPECT_ERROR(infer("MatMul", "%a: f32<2x3>, %b: f32<4x3>", "(%a, %b)"),
               "inner dimensions must be equal, are 3 and 4");
  EXPECT_ERROR(infer("Einsum", "%a: f32<2x3>", "(%a) {equation = \"ijk->i\"}"), "does not fit the operands");
}

TEST(OnnxShape, Recurrent) {
  EXPECT_EQ(typesOfLast("%x: f32<7x2x4>, %w: f32<2x32x4>, %r: f32<2x32x8>",
                        "%y, %h, %c = onnx.LSTM(%x, %w, %r) {direction = \"bidirectional\", hidden_size = 8} : "
                        "none<*>, none<*>, none<*>",
                        14),
            "f32<7x2x2x8> f32<2x2x8> f32<2x2x8>");
}

//===-- Reductions ----------------------------------------------------------------------===//

TEST(OnnxShape, Reductions) {
  std::string x = "%x: f32<2x3x4>";
  EXPECT_EQ(infer("ReduceMean", x, "(%x) {axes = [-1]}"), "f32<2x3x1>");
  EXPECT_EQ(infer("ReduceMean", x, "(%x) {axes = [0, 2], keepdims = 0}"), "f32<3>");
  EXPECT_EQ(infer("ReduceMax", x, "(%x) {keepdims = 0}"), "f32<>");
  EXPECT_EQ(typesOfLast(x, "%a = const dense(1) : i64<1>\n%y = onnx.ReduceSum(%x, %a) : none<*>"), "f32<2x1x4>");
  EXPECT_EQ(
      typesOfLast(x, "%a = const dense() : i64<0>\n%y = onnx.ReduceSum(%x, %a) {noop_with_empty_axes = 1} : none<*>"),
      "f32<2x3x4>");
  EXPECT_EQ(infer("ReduceSum", "%x: f32<2x3x4>, %a: i64<1>", "(%x, %a)"), "f32<?x?x?>");
  EXPECT_EQ(infer("ArgMax", x, "(%x) {axis = 1, keepdims = 0}"), "i64<2x4>");
  EXPECT_EQ(typesOfLast(x, "%k = const dense(2) : i64<1>\n%y, %i = onnx.TopK(%x, %k) : none<*>, none<*>"),
            "f32<2x3x2> i64<2x3x2>");
  EXPECT_EQ(infer("NonZero", x, "(%x)"), "i64<3x?>");
  EXPECT_ERROR(infer("ReduceMean", x, "(%x) {axes = [3]}"), "axes must be within [-3, 2], found 3");
  EXPECT_ERROR(infer("ReduceMean", x, "(%x) {axes = [1, -2]}"), "axis 1 is given twice");
  EXPECT_ERROR(infer("ArgMax", x, "(%x) {axis = 5}"), "axis must be within");
  EXPECT_ERROR(typesOfLast(x, "%k = const dense(9) : i64<1>\n%y, %i = onnx.TopK(%x, %k) : none<*>, none<*>"),
               "k must be at most 4, is 9");
}

//===-- Reshaping ------------------------------------------------------------------------===//

TEST(OnnxShape, Reshape) {
  auto reshape = [](const std::string &shape, const std::string &attrs = "") {
    return typesOfLast("%x: f32<2x3x4>", "%s = const " + shape + "\n%y = onnx.Reshape(%x, %s)" + attrs + " : none<*>",
                       14);
  };
  EXPECT_EQ(reshape("dense(6, 4) : i64<2>"), "f32<6x4>");
  EXPECT_EQ(reshape("dense(0, -1) : i64<2>"), "f32<2x12>");
  EXPECT_EQ(reshape("dense(-1) : i64<1>"), "f32<24>");
  EXPECT_EQ(infer("Reshape", "%x: f32<2x3x4>, %s: i64<2>", "(%x, %s)"), "f32<?x?>");
  EXPECT_EQ(infer("Reshape", "%x: f32<2x3x4>, %s: i64<?>", "(%x, %s)"), "f32<*>");
  EXPECT_ERROR(reshape("dense(5, 5) : i64<2>"), "24 elements of 2x3x4 cannot be reshaped to 5x5");
  EXPECT_ERROR(reshape("dense(5, -1) : i64<2>"), "cannot be reshaped");
  EXPECT_ERROR(reshape("dense(-1, -1) : i64<2>"), "more than one -1");
  EXPECT_ERROR(reshape("dense(24, -2) : i64<2>"), "must not be negative");
  EXPECT_ERROR(reshape("dense(2, 3, 4, 0) : i64<4>"), "copies dimension 3, the input has 3");
  EXPECT_ERROR(reshape("dense(0, 24) : i64<2>", " {allowzero = 1}"), "cannot be reshaped to 0x24");
}

TEST(OnnxShape, FlattenSqueezeTranspose) {
  std::string x = "%x: f32<2x1x4>";
  EXPECT_EQ(infer("Flatten", x, "(%x)"), "f32<2x4>");
  EXPECT_EQ(infer("Flatten", x, "(%x) {axis = 0}"), "f32<1x8>");
  EXPECT_EQ(infer("Flatten", x, "(%x) {axis = 3}"), "f32<8x1>");
  EXPECT_EQ(infer("Squeeze", x, "(%x)"), "f32<2x4>");
  EXPECT_EQ(infer("Squeeze", x, "(%x) {axes = [1]}", 11), "f32<2x4>");
  EXPECT_EQ(infer("Unsqueeze", x, "(%x) {axes = [0, -1]}", 11), "f32<1x2x1x4x1>");
  EXPECT_EQ(typesOfLast(x, "%a = const dense(1) : i64<1>\n%y = onnx.Squeeze(%x, %a) : none<*>"), "f32<2x4>");
  EXPECT_EQ(infer("Transpose", x, "(%x)"), "f32<4x1x2>");
  EXPECT_EQ(infer("Transpose", x, "(%x) {perm = [1, 2, 0]}"), "f32<1x4x2>");
  EXPECT_ERROR(infer("Flatten", x, "(%x) {axis = 4}"), "axis must be within [-3, 3]");
  EXPECT_ERROR(infer("Squeeze", x, "(%x) {axes = [0]}", 11), "squeezed dimension 0 must be 1, is 2");
  EXPECT_ERROR(infer("Transpose", x, "(%x) {perm = [0, 1]}"), "perm must name 3 axes, names 2");
  EXPECT_ERROR(infer("Transpose", x, "(%x) {perm = [0, 0, 1]}"), "axis 0 is given twice");
}

TEST(OnnxShape, ShapesAsData) {
  EXPECT_EQ(infer("Shape", "%x: f32<2x1x4>", "(%x)"), "i64<3>");
  EXPECT_EQ(infer("Shape", "%x: f32<2x1x4>", "(%x) {start = -2, end = 9}", 15), "i64<2>");
  EXPECT_EQ(infer("Size", "%x: f32<2x1x4>", "(%x)"), "i64<>");
  EXPECT_EQ(typesOfLast("", "%s = const dense(2, 3) : i64<2>\n%y = onnx.ConstantOfShape(%s) {value = tensor(dense(1) : "
                            "i64<1>)} : none<*>"),
            "i64<2x3>");
  EXPECT_EQ(typesOfLast("", "%a = const dense(1) : i64<>\n%b = const dense(10) : i64<>\n%c = const dense(4) : "
                            "i64<>\n%y = onnx.Range(%a, %b, %c) : none<*>"),
            "i64<3>");
  EXPECT_ERROR(
      typesOfLast("",
                  "%a = const dense(1) : i64<>\n%c = const dense(0) : i64<>\n%y = onnx.Range(%a, %a, %c) : none<*>"),
      "delta must not be zero");
}

TEST(OnnxShape, ConcatTilePad) {
  EXPECT_EQ(infer("Concat", "%a: f32<1x2>, %b: f32<1x3>", "(%a, %b) {axis = -1}"), "f32<1x5>");
  EXPECT_EQ(infer("Concat", "%a: f32<1x?>, %b: f32<?x3>", "(%a, %b) {axis = 1}"), "f32<1x?>");
  EXPECT_EQ(typesOfLast("%x: f32<2x3>", "%r = const dense(2, 1) : i64<2>\n%y = onnx.Tile(%x, %r) : none<*>"),
            "f32<4x3>");
  EXPECT_EQ(typesOfLast("%x: f32<2x3>", "%p = const dense(1, 0, -1, 2) : i64<4>\n%y = onnx.Pad(%x, %p) : none<*>"),
            "f32<2x5>");
  EXPECT_EQ(infer("Pad", "%x: f32<2x3>", "(%x) {pads = [0, 1, 0, 1]}", 10), "f32<2x5>");
  EXPECT_EQ(
      typesOfLast(
          "%x: f32<2x3>",
          "%p = const dense(1, 1) : i64<2>\n%a = const dense(-1) : i64<1>\n%y = onnx.Pad(%x, %p, _, %a) : none<*>", 18),
      "f32<2x5>");
  EXPECT_ERROR(infer("Concat", "%a: f32<1x2>, %b: f32<2x3>", "(%a, %b) {axis = 1}"), "may differ in axis 1 only");
  EXPECT_ERROR(infer("Concat", "%a: f32<1x2>, %b: f32<3>", "(%a, %b) {axis = 0}"), "must have one rank");
  EXPECT_ERROR(typesOfLast("%x: f32<2x3>", "%p = const dense(1, 0, 1) : i64<3>\n%y = onnx.Pad(%x, %p) : none<*>"),
               "pads needs 4 elements, has 3");
  EXPECT_ERROR(typesOfLast("%x: f32<2x3>", "%p = const dense(-2, 0, -2, 0) : i64<4>\n%y = onnx.Pad(%x, %p) : none<*>"),
               "cannot be padded by -2 and -2");
  EXPECT_ERROR(typesOfLast("%x: f32<2x3>", "%r = const dense(2, 1, 1) : i64<3>\n%y = onnx.Tile(%x, %r) : none<*>"),
               "repeats needs 2 elements, has 3");
}

//===-- Selecting ------------------------------------------------------------------------===//

TEST(OnnxShape, Slice) {
  auto slice = [](const std::string &start, const std::string &end, const std::string &step) {
    return typesOfLast("%x: f32<10>", "%s = const dense(" + start + ") : i64<1>\n%e = const dense(" + end +
                                          ") : i64<1>\n%a = const dense(0) : i64<1>\n%t = const dense(" + step +
                                          ") : i64<1>\n%y = onnx.Slice(%x, %s, %e, %a, %t) : none<*>");
  };
  EXPECT_EQ(slice("2", "5", "1"), "f32<3>");
  EXPECT_EQ(slice("0", "9223372036854775807", "3"), "f32<4>");
  EXPECT_EQ(slice("-3", "10", "1"), "f32<3>");
  EXPECT_EQ(slice("-1", "-9223372036854775808", "-1"), "f32<10>");
  EXPECT_EQ(slice("8", "1", "-3"), "f32<3>");
  EXPECT_EQ(slice("7", "3", "1"), "f32<0>");
  EXPECT_EQ(slice("0", "10", "-9223372036854775808"), "f32<0>");
  EXPECT_ERROR(slice("0", "10", "0"), "a step must not be zero");
  EXPECT_EQ(infer("Slice", "%x: f32<4x10>", "(%x) {starts = [1], ends = [3], axes = [1]}", 9), "f32<4x2>");
  EXPECT_EQ(typesOfLast("%x: f32<4x10>, %s: i64<1>",
                        "%a = const dense(1) : i64<1>\n%y = onnx.Slice(%x, %s, %s, %a) : none<*>"),
            "f32<4x?>");
}

TEST(OnnxShape, Split) {
  auto split = [](const std::string &attrs, int64_t opset) {
    return typesOfLast("%x: f32<4x10>", "%a, %b, %c = onnx.Split(%x) " + attrs + " : none<*>, none<*>, none<*>", opset);
  };
  EXPECT_EQ(split("{axis = 1, split = [2, 3, 5]}", 11), "f32<4x2> f32<4x3> f32<4x5>");
  EXPECT_EQ(split("{axis = 1, num_outputs = 3}", 18), "f32<4x4> f32<4x4> f32<4x2>");
  EXPECT_EQ(typesOfLast("%x: f32<4x10>",
                        "%s = const dense(4, 6) : i64<2>\n%a, %b = onnx.Split(%x, %s) {axis = 1} : none<*>, none<*>"),
            "f32<4x4> f32<4x6>");
  EXPECT_ERROR(split("{axis = 1}", 13), "must divide the split dimension 10");
  EXPECT_ERROR(split("{axis = 1, split = [2, 3, 4]}", 11), "must add up to the dimension 10");
  EXPECT_ERROR(split("{axis = 1, split = [2, 8]}", 11), "names 2 parts for 3 results");
}

TEST(OnnxShape, Gather) {
  EXPECT_EQ(infer("Gather", "%x: f32<4x10>, %i: i64<>", "(%x, %i) {axis = 1}"), "f32<4>");
  EXPECT_EQ(infer("Gather", "%x: f32<4x10>, %i: i64<2x3>", "(%x, %i)"), "f32<2x3x10>");
  EXPECT_EQ(infer("GatherElements", "%x: f32<4x10>, %i: i64<2x3>", "(%x, %i)"), "f32<2x3>");
  EXPECT_EQ(infer("GatherND", "%x: f32<4x10x5>, %i: i64<7x2>", "(%x, %i)"), "f32<7x5>");
  EXPECT_ERROR(infer("Gather", "%x: f32<4x10>, %i: i64<>", "(%x, %i) {axis = 2}"), "axis must be within");
  EXPECT_ERROR(infer("GatherND", "%x: f32<4>, %i: i64<7x2>", "(%x, %i)"), "do not fit data");
}

TEST(OnnxShape, OneHot) {
  EXPECT_EQ(typesOfLast("%x: i64<4x2>, %v: f32<2>",
                        "%d = const dense(9) : i64<1>\n%y = onnx.OneHot(%x, %d, %v) {axis = 1} : none<*>"),
            "f32<4x9x2>");
}

//===-- Not computed -----------------------------------------------------------------===//

TEST(OnnxShape, OpaqueOpsHaveNone) {
  EXPECT_EQ(infer("Frobnicate", "%x: f32<1>", "(%x)"), "-");
  EXPECT_EQ(infer("StringNormalizer", "%x: str<1>", "(%x)"), "-");
  EXPECT_EQ(typesOfLast("%x: f32<1>", "%y = com.acme.Relu(%x) : none<*>"), "-");
  EXPECT_EQ(infer("Gelu", "%x: f32<1>", "(%x)", 13), "-") << "only from opset 20 on";
}

TEST(OnnxShape, RequiredOperandIsAbsent) {
  EXPECT_ERROR(infer("Conv", "%x: f32<1>", "(%x, _, %x)"), "operand 1 is required");
}

//===-- Merging --------------------------------------------------------------------------===//

TEST(OnnxRefine, InferredWinsAndContradictionIsAWarning) {
  Model m = unary("Relu", {1, 2});
  m.outputs = {valueInfo("y", Float, {1, 3})};
  Imported i(m);
  EXPECT_EQ(i.type("y"), "f32<1x2>");
  EXPECT_CONTAINS(i.warnings(), "'y' is declared as f32<1x3>, but onnx.Relu of its operands makes f32<1x2>");
}

TEST(OnnxRefine, DeclaredFillsWhatIsNotInferred) {
  Model m = unary("NonZero", {4});
  m.outputs = {valueInfo("y", Int64, {1, 3})};
  EXPECT_EQ(Imported(m).type("y"), "i64<1x3>");
  Model n = unary("Relu", {1, -1});
  n.outputs = {valueInfo("y", Float, {-1, 3})};
  Imported i(n);
  EXPECT_EQ(i.type("y"), "f32<1x3>");
}

TEST(OnnxRefine, ImpossibleDeclaredTypesAreIgnored) {
  Model m = unary("Frobnicate", {1});
  m.outputs = {valueInfo("y", Float, {-9, 1l << 60})};
  EXPECT_EQ(Imported(m).type("y"), "f32<*>");
}
