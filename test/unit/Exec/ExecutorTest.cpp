//===- ExecutorTest.cpp - prepared runs, errors, opset-dependent forms -----------------===//
#include "TestData.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

constexpr const char *TwoOps = "graph @g(%x: f32<1x2>) {\n%c = const dense(1, 2) : f32<2>\n%d = onnx.Neg(%c) : f32<2>\n"
                               "%s = onnx.Add(%x, %d) : f32<1x2>\n%y = onnx.Relu(%s) : f32<1x2>\n return %y\n}";

std::string failureOf(llvm::StringRef text, llvm::ArrayRef<Tensor> inputs) {
  std::string why;
  EXPECT_TRUE(runText(text, inputs, &why).empty());
  return why;
}

TEST(Executor, RunsManyTimes) {
  auto g = parse(TwoOps);
  DiagEngine diags;
  auto executor = Executor::create(*g, {}, diags);
  ASSERT_TRUE(bool(executor));
  for (float v : {3.0f, 4.0f, 0.0f}) {
    auto out = (*executor)->run({Tensor::fromFloats({1, 2}, {v, v})});
    ASSERT_TRUE(bool(out));
    EXPECT_EQ(floats((*out)[0]), (std::vector<float>{std::max(v - 1, 0.0f), std::max(v - 2, 0.0f)}));
  }
}

TEST(Executor, OutputsSurviveTheNextRun) {
  auto g = parse(TwoOps);
  DiagEngine diags;
  auto executor = Executor::create(*g, {}, diags);
  auto first = (*executor)->run({Tensor::fromFloats({1, 2}, {5, 5})});
  auto second = (*executor)->run({Tensor::fromFloats({1, 2}, {0, 0})});
  EXPECT_EQ(floats((*first)[0]), (std::vector<float>{4, 3}));
}

TEST(Executor, ObserverSeesEveryResultAndMayReplaceIt) {
  std::vector<std::string> seen;
  ExecOptions options;
  options.observer = [&](const Value &v, Tensor &t) {
    seen.push_back(v.name());
    if (v.name() == "s")
      t = Tensor::fromFloats({1, 2}, {7, -7});
  };
  auto out = runText(TwoOps, {Tensor::fromFloats({1, 2}, {0, 0})}, nullptr, options);
  EXPECT_EQ(seen, (std::vector<std::string>{"d", "s", "y"}));
  EXPECT_EQ(floats(out[0]), (std::vector<float>{7, 0}));
}

TEST(Executor, ConvertsInputs) {
  Tensor bytes(Type(ElemKind::U8, {1, 2}), Blob::adopt(std::vector<uint8_t>{10, 20}));
  EXPECT_EQ(floats(runText(TwoOps, {bytes})[0]), (std::vector<float>{9, 18}));
}

TEST(Executor, InputOfAnotherShape) {
  EXPECT_EQ(failureOf(TwoOps, {Tensor::fromFloats({2}, {1, 2})}), "input 'x' must be f32<1x2>, is f32<2>");
}

TEST(Executor, TooFewInputs) { EXPECT_EQ(failureOf(TwoOps, {}), "the graph has 1 inputs, 0 were given"); }

TEST(Executor, UnknownOperator) {
  EXPECT_EQ(failureOf("graph @g(%x: f32<1>) {\n%y = custom.Magic(%x) : f32<1>\n return %y\n}", {}),
            "cannot execute custom.Magic: the executor does not know this operator");
}

TEST(Executor, UnusedUnknownOperatorIsNotNeeded) {
  auto out =
      runText("graph @g(%x: f32<1>) {\n%u = custom.Magic(%x) : f32<1>\n%y = onnx.Neg(%x) : f32<1>\n return %y\n}",
              {Tensor::fromFloats({1}, {1})});
  EXPECT_EQ(out.size(), 1u);
}

TEST(Executor, ShapesThatDoNotFit) {
  std::string why = failureOf("graph @g(%x: f32<2>, %z: f32<3>) {\n%y = onnx.Add(%x, %z) : f32<2>\n return %y\n}",
                              {Tensor::fromFloats({2}, {1, 2}), Tensor::fromFloats({3}, {1, 2, 3})});
  EXPECT_EQ(why, "cannot execute onnx.Add 'y': shapes 2 and 3 do not broadcast");
}

TEST(Executor, ResultsTooLargeAreRefused) {
  std::string why = failureOf("graph @g(%x: f32<2>) {\n%r = const dense(4000000000) : i64<1>\n"
                              "%y = onnx.Tile(%x, %r) : f32<*>\n return %y\n}",
                              {Tensor::fromFloats({2}, {1, 2})});
  EXPECT_NE(why.find("too large"), std::string::npos) << why;
}

TEST(Executor, InputsTooLargeAreRefused) {
  std::string why =
      failureOf("graph @g(%x: f32<65536x65536>) {\n%y = onnx.Relu(%x) : f32<65536x65536>\n return %y\n}", {});
  EXPECT_EQ(why, "cannot execute: input 'x' is f32<65536x65536>, at most 536870912 elements can be");
}

TEST(Executor, RoundingToAnotherShapeIsRefused) {
  std::string why = failureOf("graph @g(%x: f32<7x4>) {\n%y = xir.fix(%x) : q8.4<1x4>\n return %y\n}",
                              {Tensor::splatFloat({7, 4}, 1)});
  EXPECT_EQ(why, "cannot execute: f32<7x4> is to be rounded to q8.4<1x4>");
}

TEST(Executor, MoreFloatsThanIntegersAreRefused) {
  std::string why = failureOf("graph @g() {\n%x = xir.data-fix() {data_type = \"XINT8\", shape = [1, 4]} : q8.4<1x4>\n"
                              "%y = xir.fix2float(%x) : f32<7x4>\n return %y\n}",
                              {Tensor::splatFloat({1, 4}, 1)});
  EXPECT_EQ(why, "cannot execute xir.fix2float: it gives f32<7x4>, its operand is q8.4<1x4>");
}

TEST(Executor, IndexOutOfRange) {
  std::string why = failureOf("graph @g(%x: f32<2>) {\n%i = const dense(5) : i64<1>\n"
                              "%y = onnx.Gather(%x, %i) : f32<1>\n return %y\n}",
                              {Tensor::fromFloats({2}, {1, 2})});
  EXPECT_EQ(why, "cannot execute onnx.Gather 'y': index 5 is out of range for 2 elements");
}

TEST(Executor, IntegerDivisionByZeroDoesNotTrap) {
  auto out = runText("graph @g(%x: i64<2>, %z: i64<2>) {\n%y = onnx.Div(%x, %z) : i64<2>\n return %y\n}",
                     {Tensor::fromInts({2}, {7, INT64_MIN}), Tensor::fromInts({2}, {0, -1})});
  EXPECT_EQ(out[0].toInts(), (std::vector<int64_t>{0, INT64_MIN}));
}

TEST(Executor, ManyThreadsGiveTheSame) {
  llvm::StringRef text =
      "graph @g(%x: f32<1x8x20x20>, %w: f32<8x8x3x3>) {\n%y = onnx.Conv(%x, %w) {pads = [1, 1, 1, 1]}"
      " : f32<1x8x20x20>\n%z = onnx.MaxPool(%y) {kernel_shape = [2, 2]} : f32<1x8x19x19>\n return %z\n}";
  std::vector<Tensor> in = {randomTensor(Type(ElemKind::F32, {1, 8, 20, 20}), 1),
                            randomTensor(Type(ElemKind::F32, {8, 8, 3, 3}), 2)};
  ExecOptions four;
  four.threads = 4;
  EXPECT_EQ(difference(runText(text, in)[0], runText(text, in, nullptr, four)[0]).maxAbs, 0);
}

/// Before opset 13 Softmax saw a matrix; the importer notes the opset in the graph.
TEST(Opsets, Softmax) {
  auto softmax = [](int opset) {
    std::string text = "graph @g(%x: f32<1x2x2>) attributes {opset = " + std::to_string(opset) +
                       "} {\n%y = onnx.Softmax(%x) {axis = 1} : f32<1x2x2>\n return %y\n}";
    return floats(runText(text, {Tensor::fromFloats({1, 2, 2}, {0, 0, 0, 0})})[0]);
  };
  EXPECT_EQ(softmax(12), (std::vector<float>{0.25, 0.25, 0.25, 0.25}));
  EXPECT_EQ(softmax(13), (std::vector<float>{0.5, 0.5, 0.5, 0.5}));
}

TEST(Opsets, ResizeOf10IsAsymmetric) {
  auto resize = [](llvm::StringRef operands, int opset) {
    std::string text = "graph @g(%x: f32<1x1x1x2>) attributes {opset = " + std::to_string(opset) +
                       "} {\n%s = const dense(1, 1, 1, 2) : f32<4>\n%y = onnx.Resize(" + operands.str() +
                       ") {mode = \"linear\"} : f32<1x1x1x4>\n return %y\n}";
    return floats(runText(text, {Tensor::fromFloats({1, 1, 1, 2}, {1, 2})})[0]);
  };
  EXPECT_EQ(resize("%x, %s", 10), (std::vector<float>{1, 1.5, 2, 2}));
  EXPECT_EQ(resize("%x, _, %s", 13), (std::vector<float>{1, 1.25, 1.75, 2}));
}

TEST(Opsets, AttributeForms) {
  Tensor x = Tensor::fromFloats({1, 4}, {1, 2, 3, 4});
  EXPECT_EQ(
      floats(runText("graph @g(%x: f32<1x4>) attributes {opset = 9} {\n%y = onnx.Slice(%x) {axes = [1], ends = [3], "
                     "starts = [1]} : f32<1x2>\n return %y\n}",
                     {x})[0]),
      (std::vector<float>{2, 3}));
  EXPECT_EQ(
      floats(runText("graph @g(%x: f32<1x4>) attributes {opset = 10} {\n%y = onnx.Clip(%x) {max = 3.0, min = 2.0} : "
                     "f32<1x4>\n return %y\n}",
                     {x})[0]),
      (std::vector<float>{2, 2, 3, 3}));
  EXPECT_EQ(
      floats(runText("graph @g(%x: f32<1x4>) attributes {opset = 10} {\n%y = onnx.Pad(%x) {mode = \"constant\", pads = "
                     "[0, 1, 0, 0], value = 9.0} : f32<1x5>\n return %y\n}",
                     {x})[0]),
      (std::vector<float>{9, 1, 2, 3, 4}));
}

TEST(Splats, StaySplats) {
  auto g = parse("graph @g(%x: f32<1>) {\n%a = const splat(2.0) : f32<50000x100000>\n%b = onnx.Neg(%a) : "
                 "f32<50000x100000>\n%h = const dense(0.5) : f32<>\n%c = onnx.Mul(%b, %h) : f32<50000x100000>\n"
                 "%t = onnx.Transpose(%c) : f32<100000x50000>\n return %t\n}");
  ASSERT_TRUE(g != nullptr);
  DiagEngine diags(&llvm::errs());
  Tensor value = *g->lookup("a")->def()->getTensor("value"), half = *g->lookup("h")->def()->getTensor("value");
  for (const char *name : {"b", "c", "t"}) {
    const Op &op = *g->lookup(name)->def();
    std::vector<const Tensor *> operands = {&value};
    if (op.numOperands() == 2)
      operands.push_back(&half);
    EXPECT_TRUE(evaluatesToSplat(op, operands));
    auto r = evaluate(op, operands, diags);
    ASSERT_TRUE(r && (*r)[0].isSplat()) << name;
    value = (*r)[0];
  }
  EXPECT_EQ(value.at(0), -1);
}

} // namespace
