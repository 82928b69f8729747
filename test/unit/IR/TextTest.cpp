//===- TextTest.cpp - the text form: round trips and mistakes --------------===//
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/Verifier.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace dpuopt;

static std::string print(const Graph &g, SideData *side = nullptr) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printGraph(g, os, side);
  return os.str();
}

static std::unique_ptr<Graph> parse(llvm::StringRef text, const SideData &side = {}) {
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph(text, "test", side, diags);
  return g ? std::move(*g) : nullptr;
}

/// The one error that parsing `text` gives.
static std::string errorOf(llvm::StringRef text) {
  DiagEngine diags;
  auto g = parseGraph(text, "test", {}, diags);
  EXPECT_FALSE(g);
  EXPECT_EQ(diags.errors(), 1u);
  return diags.all().empty() ? "" : diags.all()[0].message;
}

static void expectSame(llvm::StringRef text) {
  auto g = parse(text);
  ASSERT_TRUE(g);
  EXPECT_EQ(print(*g), text);
}

TEST(Text, DesignExample) {
  expectSame("graph @net(%x: f32<1x3x32x32>) {\n"
             "  %w = const splat(0.5) : f32<8x3x3x3>\n"
             "  %c = onnx.Conv(%x, %w, _) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]} : f32<1x8x32x32> "
             "@\"/features/0/Conv\"\n"
             "  %y = onnx.Relu(%c) : f32<1x8x32x32>\n"
             "  return %y\n}\n");
}

TEST(Text, EveryAttributeKind) {
  expectSame(
      "graph @g() attributes {opset = 13, other = {a = [] : i32, b = map<list u32>{\"k 1\" = [1, 2]}}} {\n"
      "  onnx.X() {a = true, b = 3, c = -3 : i32, d = 4 : u32, e = 18446744073709551615 : u64, f = 0.5, g = 0.1 : f64, "
      "h = \"a\\\"b\\n\", i = bytes(\"00ff\"), j = tensor(dense(1, 2) : i64<2>), k = [1.0, 2.5], l = [\"x\"], "
      "m = map<i32>{R = 1}, n = [ [1, 2], [3]], o = inf, p = [true, false], q = [1, 2] : u64, r = none}\n"
      "  xir.y() {a = 3, b = 3 : i64, c = [1, 2]}\n"
      "  return\n}\n");
}

TEST(Text, FixPointTypes) {
  expectSame("graph @g(%x: q8.-2<1x2>, %y: uq16.5<>, %z: none<*>, %w: f32<?x3>) {\n  return %x, %y, %z, %w\n}\n");
}

TEST(Text, NamesThatNeedQuotes) {
  expectSame("graph @g(%\"a:0\": f32<1>, %7: f32<1>) {\n"
             "  %\"/conv/out\" = \"my domain::Op\"(%\"a:0\", %7) {\"0x\" = 1} : f32<1> @\"n\"\n"
             "  return %\"/conv/out\"\n}\n");
}

TEST(Text, DoubleBracketNeverAppears) {
  auto g = std::make_unique<Graph>("g");
  OpSpec spec{"onnx.X", {}, {}, {}, {}};
  spec.attrs["s"] = Attr::string("[[x]]");
  g->create(std::move(spec));
  std::string text = print(*g);
  EXPECT_EQ(text.find("[["), std::string::npos);
  auto again = parse(text);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->ops().front().getString("s"), "[[x]]");
}

TEST(Text, FloatsAreExact) {
  for (float v : {0.1f, 1e-45f, 3.4028235e38f, -0.0f, 16777216.0f, INFINITY}) {
    Graph g("g");
    g.createConst("c", Tensor::splatFloat({2}, v));
    auto again = parse(print(g));
    ASSERT_TRUE(again) << v;
    EXPECT_TRUE(*constantOf(again->lookup("c")) == *constantOf(g.lookup("c"))) << v;
  }
}

TEST(Text, NanPayloadSurvives) {
  uint32_t bits = 0x7fc00123;
  Graph g("g");
  g.createConst("c", Tensor::splat(Type(ElemKind::F32, {1}), Blob::adopt(std::vector<uint32_t>{bits})));
  auto again = parse(print(g));
  ASSERT_TRUE(again);
  EXPECT_EQ(constantOf(again->lookup("c"))->storage(), constantOf(g.lookup("c"))->storage());
}

TEST(Text, BigConstantsGoThroughTheSideFile) {
  auto g = parse("graph @g() {\n  %c = const rand(1) : f32<100>\n  return %c\n}\n");
  ASSERT_TRUE(g);
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("text", "dpuir", path));
  DiagEngine diags(&llvm::errs());
  ASSERT_TRUE(succeeded(saveText(*g, path, diags)));
  auto again = loadText(path, diags);
  ASSERT_TRUE(again);
  EXPECT_EQ(print(**again), print(*g));
  EXPECT_TRUE(*constantOf((*again)->lookup("c")) == *constantOf(g->lookup("c")));
  llvm::sys::fs::remove(path);
  llvm::sys::fs::remove(path + ".bin");
}

TEST(Text, MissingSideFileIsNamed) {
  EXPECT_NE(errorOf("graph @g() {\n  %c = const blob(0x12, 400) : f32<100>\n  return\n}").find("side file"),
            std::string::npos);
}

TEST(Text, DamagedSideFileIsRefused) {
  llvm::SmallString<128> path;
  int fd;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("text", "bin", fd, path));
  llvm::raw_fd_ostream(fd, true) << "DPUIRBIN\x01\x02\x03";
  DiagEngine diags;
  EXPECT_FALSE(readSideFile(path, diags));
  EXPECT_NE(diags.all()[0].message.find("cut short"), std::string::npos);
  llvm::sys::fs::remove(path);
}

TEST(TextErrors, UndefinedValue) {
  EXPECT_EQ(errorOf("graph @g() {\n  return %y\n}"), "%y is used before it is defined");
}
TEST(TextErrors, DefinedTwice) {
  EXPECT_EQ(errorOf("graph @g(%x: f32<1>) {\n  %x = onnx.A() : f32<1>\n  return\n}"), "%x is defined twice");
}
TEST(TextErrors, UnknownElementType) {
  EXPECT_EQ(errorOf("graph @g(%x: f33<1>) {\n  return\n}"), "unknown element type 'f33'");
}
TEST(TextErrors, BadShape) { EXPECT_EQ(errorOf("graph @g(%x: f32<1xax3>) {\n  return\n}"), "'1xax3' is not a shape"); }
TEST(TextErrors, AbsurdShape) {
  EXPECT_NE(errorOf("graph @g(%x: f32<99999999999x99999999999>) {\n  return\n}").find("beyond the limit"),
            std::string::npos);
}
TEST(TextErrors, WrongNumberOfElements) {
  EXPECT_EQ(errorOf("graph @g() {\n  %c = const dense(1.0) : f32<2>\n  return\n}"),
            "f32<2> needs 2 numbers, dense has 1");
}
TEST(TextErrors, IntegerOutOfRange) {
  EXPECT_EQ(errorOf("graph @g() {\n  %c = const dense(128) : q8.5<1>\n  return\n}"), "'128' does not fit q8.5<1>");
}
TEST(TextErrors, UnterminatedString) {
  EXPECT_NE(errorOf("graph @g() {\n  onnx.X() {a = \"abc\n}\n").find("unterminated"), std::string::npos);
}
TEST(TextErrors, Truncated) { EXPECT_NE(errorOf("graph @g() {\n").find("the end of the file"), std::string::npos); }
TEST(TextErrors, Empty) { EXPECT_NE(errorOf("").find("expected 'graph'"), std::string::npos); }
TEST(TextErrors, MixedList) {
  EXPECT_EQ(errorOf("graph @g() {\n  onnx.X() {a = [1, \"b\"]}\n  return\n}"), "a list has elements of one kind");
}
TEST(TextErrors, NestedTooDeeply) {
  std::string deep(1000, '['), text = "graph @g() {\n  onnx.X() {a = " + deep + "}\n  return\n}";
  EXPECT_EQ(errorOf(text), "attributes are nested too deeply");
}
TEST(TextErrors, DictNestedTooDeeply) {
  std::string deep;
  for (int i = 0; i < 1000; ++i)
    deep += "{a = ";
  EXPECT_EQ(errorOf("graph @g() {\n  onnx.X() {a = " + deep + "}\n  return\n}"), "attributes are nested too deeply");
}

TEST(Verifier, GoodGraph) {
  auto g = parse("graph @g(%x: f32<1>) {\n  %y = onnx.Relu(%x) : f32<1>\n  return %y\n}");
  DiagEngine diags;
  EXPECT_TRUE(succeeded(verify(*g, diags)));
}
TEST(Verifier, UseBeforeDefinition) {
  auto g =
      parse("graph @g(%x: f32<1>) {\n  %y = onnx.Relu(%x) : f32<1>\n  %z = onnx.Relu(%y) : f32<1>\n  return %z\n}");
  g->moveBefore(&g->ops().back(), &g->ops().front());
  DiagEngine diags;
  EXPECT_TRUE(failed(verify(*g, diags)));
  EXPECT_NE(diags.all()[0].message.find("not defined before"), std::string::npos);
}
TEST(Verifier, ConstOfAnotherType) {
  auto g = parse("graph @g() {\n  %c = const splat(1.0) : f32<2>\n  return\n}");
  g->lookup("c")->setType(Type(ElemKind::F32, {3}));
  DiagEngine diags;
  EXPECT_TRUE(failed(verify(*g, diags)));
}
TEST(Verifier, XirAttributeMissing) {
  auto g = parse("graph @g() {\n  %x = xir.data() {shape = [1]} : f32<1>\n  return %x\n}");
  DiagEngine diags;
  EXPECT_TRUE(failed(verify(*g, diags)));
  EXPECT_NE(diags.all()[0].message.find("'data_type' is required"), std::string::npos);
}
TEST(Verifier, XirAttributeOfWrongKind) {
  auto g = parse("graph @g() {\n  %x = xir.data() {data_type = 3, shape = [1]} : f32<1>\n  return %x\n}");
  DiagEngine diags;
  EXPECT_TRUE(failed(verify(*g, diags)));
  EXPECT_NE(diags.all()[0].message.find("wrong kind"), std::string::npos);
}
