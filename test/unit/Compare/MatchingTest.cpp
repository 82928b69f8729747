//===- MatchingTest.cpp - which tensors of two models are the same --------------------===//
#include "dpuopt/Compare/Matching.h"
#include "dpuopt/Compare/Isolate.h"
#include "dpuopt/Compare/Meaning.h"
#include "dpuopt/IR/Text.h"
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {

std::unique_ptr<Graph> parse(llvm::StringRef body) {
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph(body, "test", {}, diags);
  EXPECT_TRUE(bool(g));
  return g ? std::move(*g) : nullptr;
}

/// "a=b" or "a~b" (by order) for each pair.
std::string matched(llvm::ArrayRef<TensorEntry> a, llvm::ArrayRef<TensorEntry> b) {
  std::string out;
  for (const TensorPair &p : matchTensors(a, b))
    out += (out.empty() ? "" : " ") + a[p.a].name + (p.byName ? "=" : "~") + b[p.b].name;
  return out;
}
TensorEntry entry(const char *name, Type type = Type::unranked(ElemType())) {
  return {name, type, nullptr, false, false};
}
std::string names(const Graph &g) {
  std::string out;
  for (const TensorEntry &e : comparableTensors(g))
    out += (out.empty() ? "" : " ") + e.name + (e.isInput ? "<" : "") + (e.isOutput ? ">" : "");
  return out;
}

TEST(PlainName, WhatToolsAppend) {
  EXPECT_EQ(plainName("x"), "x");
  EXPECT_EQ(plainName("x_fix"), "x");
  EXPECT_EQ(plainName("x_fix_"), "x");
  EXPECT_EQ(plainName("x_fix_upload_0"), "x");
  EXPECT_EQ(plainName("x_fix_download_12"), "x");
  EXPECT_EQ(plainName("x_download_0_upload_0"), "x");
  EXPECT_EQ(plainName("fc(TransferMatMulToConv2d)_inserted_fix_6"), "fc");
  EXPECT_EQ(plainName("p_transfered_MaxPool2d_inserted_fix"), "p");
  EXPECT_EQ(plainName("net/conv.1"), "net_conv_1");
  EXPECT_EQ(plainName("upload_0"), "upload_0"); // a name of its own
  EXPECT_EQ(plainName("conv_2"), "conv_2");
}

TEST(Match, ExactNamesFirst) {
  EXPECT_EQ(matched({entry("x_fix"), entry("x")}, {entry("x"), entry("x_fix")}), "x_fix=x_fix x=x");
}
TEST(Match, NamesOfFiles) {
  EXPECT_EQ(matched({entry("net/a:0"), entry("b_fix")}, {entry("net_a_0"), entry("7.b_fix_download_0")}),
            "net/a:0=net_a_0 b_fix=7.b_fix_download_0");
}
TEST(Match, EachHasOnePartner) {
  EXPECT_EQ(matched({entry("x_fix")}, {entry("x_fix_upload_0"), entry("x_fix_download_0")}), "x_fix=x_fix_upload_0");
}
TEST(Match, ShapesMustFit) {
  Type a(ElemKind::F32, {1, 2, 3, 4}), other(ElemKind::F32, {1, 9}), moved(ElemKind::F32, {1, 4, 2, 3});
  EXPECT_EQ(matched({entry("x", a)}, {entry("x", other)}), "");
  EXPECT_EQ(matched({entry("x", a)}, {entry("x", moved)}), "x=x");
}
TEST(Match, FixTypesBeforeRealNumbers) {
  Type real(ElemKind::F32, {1, 2}), fix(ElemType::fix(8, 3), {1, 2});
  EXPECT_EQ(matched({entry("x", real)}, {entry("x_inserted_fix_0", real), entry("x_fix", fix)}), "x=x_fix");
}

const char *const quantized = R"(graph @q() {
  %d = xir.data() {data_type = "FLOAT32", shape = [1, 4]} : f32<1x4>
  %d_fix = xir.fix(%d) {round_mode = "DPU_ROUND"} : q8.4<1x4>
  %w = const splat(1.0) : f32<4x4>
  %w_fix = xir.fix(%w) {round_mode = "DPU_ROUND"} : q8.4<4x4>
  %m = xir.matmul(%d_fix, %w_fix, _) {transpose_a = false, transpose_b = true} : f32<1x4>
  %r = xir.relu(%m) : f32<1x4>
  %r_fix = xir.fix(%r) {round_mode = "DPU_ROUND"} : q8.3<1x4>
  %n = xir.matmul(%r_fix, %w_fix, _) {transpose_a = false, transpose_b = true} : f32<1x4>
  %n_fix = xir.fix(%n) {round_mode = "DPU_ROUND"} : q8.2<1x4>
  %s = xir.softmax(%n_fix) {axis = -1} : f32<1x4>
  return %s
})";
const char *const real = R"(graph @f(%in: f32<1x4>) attributes {opset = 17} {
  %w = const splat(1.0) : f32<4x4>
  %a = onnx.MatMul(%in, %w) : f32<1x4>
  %b = onnx.Relu(%a) : f32<1x4>
  %c = onnx.MatMul(%b, %w) : f32<1x4>
  %p = onnx.Softmax(%c) {axis = -1} : f32<1x4>
  return %p
})";

TEST(Layers, WhatIsKept) {
  auto q = parse(quantized), f = parse(real);
  // The input is the rounded one; what a fix rounds at once is that fix's.
  EXPECT_EQ(names(*q), "d_fix< m r_fix n_fix s>");
  EXPECT_EQ(names(*f), "in< a b c p>");
}

TEST(Match, ByOrderWhereNamesSayNothing) {
  auto q = parse(quantized), f = parse(real);
  EXPECT_EQ(matched(comparableTensors(*f), comparableTensors(*q)), "in=d_fix b~r_fix c~n_fix p~s");
}

TEST(Kinds, OfBothVocabularies) {
  auto f = parse(real), q = parse(quantized);
  EXPECT_EQ(layerKind(*anchorOf(*f->lookup("b"))), "conv");
  EXPECT_EQ(anchorOf(*f->lookup("b"))->result()->name(), "a");
  EXPECT_EQ(layerKind(*anchorOf(*q->lookup("r_fix"))), "conv");
  EXPECT_EQ(anchorOf(*q->lookup("d_fix")), nullptr);
}

TEST(Isolate, ReadersReadTheGivenTensor) {
  auto q = parse(quantized);
  IsolatedGraph cut = isolateLayers(*q, {q->lookup("r_fix"), q->lookup("n_fix")});
  ASSERT_EQ(cut.graph->outputs().size(), 2u);
  EXPECT_EQ(cut.graph->outputs()[0]->name(), "r_fix");
  ASSERT_EQ(cut.inputs.size(), 3u); // two given ones, and the data op last
  EXPECT_EQ(cut.inputs[0].second, 0u);
  EXPECT_EQ(cut.inputs[0].first->type(), q->lookup("r_fix")->type());
  EXPECT_EQ(cut.inputs[2].second, SIZE_MAX);
  EXPECT_EQ(cut.graph->lookup("n")->def()->operand(0), cut.inputs[0].first);
  EXPECT_EQ(q->lookup("n")->def()->operand(0)->name(), "r_fix"); // the original is as it was
}

TEST(Isolate, SegmentsEndAtKnownTensors) {
  auto q = parse(quantized);
  llvm::DenseSet<const Value *> known = {q->lookup("r_fix"), q->lookup("n_fix")};
  std::string ops;
  for (const Op *op : segmentOf(*q->lookup("n_fix"), known))
    ops += op->result()->name() + " ";
  EXPECT_NE(ops.find("n "), std::string::npos);
  EXPECT_NE(ops.find("w_fix "), std::string::npos);
  EXPECT_EQ(ops.find("r_fix"), std::string::npos);
}

TEST(Meaning, FixPointsBehindCopies) {
  auto g = parse(R"(graph @g(%x: q8.4<1x4>) {
  %f = xir.fix2float(%x) : f32<1x4>
  %r = xir.reshape(%f, _) {shape = [4]} : f32<4>
  %s = xir.relu(%f) : f32<1x4>
  return %r, %s
})");
  EXPECT_EQ(fixOf(*g->lookup("r")), ElemType::fix(8, 4));
  EXPECT_EQ(fixOf(*g->lookup("s")), std::nullopt);
}

TEST(Meaning, StoredIntegersRoundHalfUpAndSaturate) {
  Tensor q = storedIntegers(Tensor::fromFloats({5}, {0.5f, -0.5f, 1.49f, 1000, -1000}), ElemType::fix(8, 0));
  EXPECT_EQ(q.toInts(), (std::vector<int64_t>{1, 0, 1, 127, -128}));
}

TEST(Meaning, Scores) {
  Tensor raw = Tensor::fromFloats({1, 3}, {1, 3, 3}), shares = Tensor::fromFloats({3, 1}, {0.25f, 0.5f, 0.25f});
  EXPECT_EQ(scoreKind(raw), ScoreKind::Raw);
  EXPECT_EQ(scoreKind(shares), ScoreKind::Softmax);
  EXPECT_EQ(scoreKind(Tensor::fromFloats({2, 2}, {1, 2, 3, 4})), std::nullopt);
  auto top = topScores(raw, 2);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].index, 1); // the first of equal ones
  EXPECT_EQ(top[1].index, 2);
  EXPECT_NEAR(top[0].probability, 1 / (2 + std::exp(-2.0)), 1e-9);
  EXPECT_DOUBLE_EQ(topScores(shares, 1)[0].probability, 0.5);
}

} // namespace
