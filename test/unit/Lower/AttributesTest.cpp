//===- AttributesTest.cpp - attributes of each kind of op, ours and the vendor's ------===//
//
// Which attributes an op has and of what kinds, and which arguments (a bias is optional):
// for every kind of op in the vendor's quantized files, ours are one of the sets there.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace dpuopt;

namespace {
/// One of each, quantized.
const char *const EveryKind = R"(graph @net(%x: q8.6<1x3x16x16>) attributes {opset = 13} {
  %w1 = const rand(1) : q8.7<4x3x3x3>
  %b1 = const rand(2) : q8.7<4>
  %c1 = onnx.Conv(%x, %w1, %b1) {pads = [1, 1, 1, 1]} : f32<1x4x16x16>
  %r1 = onnx.Relu(%c1) : q8.5<1x4x16x16>
  %w2 = const rand(3) : q8.7<4x1x3x3>
  %c2 = onnx.Conv(%r1, %w2, %b1) {group = 4, pads = [1, 1, 1, 1]} : f32<1x4x16x16>
  %zero = const dense(0.0) : f32<>
  %six = const dense(6.0) : f32<>
  %r2 = onnx.Clip(%c2, %zero, %six) : q8.4<1x4x16x16>
  %w3 = const rand(4) : q8.7<4x4x2x2>
  %c3 = onnx.ConvTranspose(%r2, %w3, %b1) {strides = [2, 2]} : q8.4<1x4x32x32>
  %w4 = const rand(5) : q8.7<4x4x1x1>
  %c4 = onnx.Conv(%c3, %w4) : q8.4<1x4x32x32>
  %p = onnx.MaxPool(%c4) {kernel_shape = [2, 2], strides = [2, 2]} : q8.4<1x4x16x16>
  %a = onnx.AveragePool(%p) {kernel_shape = [2, 2], strides = [2, 2]} : q8.4<1x4x8x8>
  %l = onnx.LeakyRelu(%a) {alpha = 0.1015625} : q8.4<1x4x8x8>
  %scales = const dense(1, 1, 2, 2) : f32<4>
  %u = onnx.Resize(%l, _, %scales) {mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"} : q8.4<1x4x16x16>
  %k = const rand(6) : q8.4<1x4x1x1>
  %add = onnx.Add(%p, %u) : q8.4<1x4x16x16>
  %mul = onnx.Mul(%add, %k) : q8.4<1x4x16x16>
  %div = onnx.Div(%mul, %k) : q8.4<1x4x16x16>
  %cat = onnx.Concat(%div, %mul) {axis = 1} : q8.4<1x8x16x16>
  %h = onnx.HardSigmoid(%cat) {alpha = 0.16666667} : q8.7<1x8x16x16>
  %m = onnx.ReduceMean(%h) {axes = [2]} : q8.7<1x8x1x16>
  %max = onnx.ReduceMax(%m) {axes = [3]} : q8.7<1x8x1x1>
  %f = onnx.Flatten(%max) : q8.7<1x8>
  %w5 = const rand(7) : q8.7<10x8>
  %b5 = const rand(8) : q8.7<10>
  %y = onnx.Gemm(%f, %w5, %b5) {transB = 1} : q8.4<1x10>
  %wz = const rand(9) : q8.7<16x2>
  %s = onnx.Transpose(%h) {perm = [0, 2, 1, 3]} : q8.7<1x16x8x16>
  %z = onnx.MatMul(%s, %wz) : q8.4<1x16x8x2>
  return %y, %z
})";

using Sets = std::map<std::string, std::set<std::string>>;

const char *kindName(AttrKind k) {
  static const char *const names[] = {"none", "bool",   "i32",   "u32",    "i64",  "u64", "f32",
                                      "f64",  "string", "bytes", "tensor", "list", "map", "dict"};
  return names[static_cast<size_t>(k)];
}

void collect(const Graph &g, Sets &sets) {
  for (const Op &op : g.ops()) {
    std::string text;
    for (const auto &[name, attr] : op.attrs())
      text += name + ":" + kindName(attr.kind()) + " " + (attr.is(AttrKind::List) ? kindName(attr.elementKind()) : "");
    text += "(";
    std::vector<std::string> names = xirArgNames(op);
    for (unsigned i = 0; i < op.numOperands(); ++i)
      if (op.operand(i) && names[i] != "bias" && (i == 0 || names[i] != names[i - 1]))
        text += names[i] + " ";
    sets[op.name().str()].insert(text + ")");
  }
}

TEST(Attributes, OfEachKindOfOpAreTheVendors) {
  std::string folder = DPUOPT_SHARED_DATA "/vendor/";
  if (!llvm::sys::fs::exists(folder))
    GTEST_SKIP() << "no vendor files at " << folder;
  DiagEngine diags(&llvm::errs());
  Sets vendors, ours;
  for (const char *file : {"mnist_cnn/CNN_int", "lenet/LeNet_int", "zerodce/ZeroDCEQ_int", "cifar_net/Net_int",
                           "effnet_block/ResidualBlock_int", "pointpillars/VoxelNet_int"}) {
    auto g = importXmodel(folder + file + ".xmodel", diags);
    ASSERT_TRUE(g) << file;
    collect(**g, vendors);
  }
  auto g = parseGraph(EveryKind, "test", {}, diags);
  auto steps = parsePipeline("infer-shapes,lower-to-xir", allPasses(), diags);
  ASSERT_TRUE(g && steps && succeeded(runPipeline(*g, *steps, {}, diags)));
  collect(**g, ours);
  for (const auto &[op, sets] : vendors) {
    // A custom op, and what 1.4 wrote for today's reshape.
    if (op == "xir.PPScatterV2" || op == "xir.flatten")
      continue;
    ASSERT_TRUE(ours.count(op)) << op << " does not occur in the test's graph";
    for (const std::string &set : ours[op])
      EXPECT_TRUE(sets.count(set)) << op << " is ours with " << set << ", the vendor's with " << *sets.begin();
  }
}
} // namespace
