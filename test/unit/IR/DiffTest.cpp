//===- DiffTest.cpp - which ops are partners, and what is different ---------------===//
#include "dpuopt/IR/Diff.h"
#include "dpuopt/IR/Text.h"
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {
std::unique_ptr<Graph> parse(const std::string &text) {
  DiagEngine loud(&llvm::errs());
  auto g = parseGraph(text, "test", {}, loud);
  return g ? std::move(*g) : nullptr;
}

/// "kind where: what: a -> b" for each difference.
std::vector<std::string> diff(const std::string &a, const std::string &b, const DiffOptions &options = {}) {
  auto left = parse(a), right = parse(b);
  EXPECT_TRUE(left && right);
  std::vector<std::string> out;
  for (const Difference &d : diffGraphs(*left, *right, options).differences)
    out.push_back(diffKindName(d.kind).str() + " " + d.where + ": " + d.what + ": " + d.a + " -> " + d.b);
  return out;
}

using Lines = std::vector<std::string>;

DiffOptions nameless() {
  DiffOptions o;
  o.ignoreNames = true;
  return o;
}

std::string replaced(std::string text, llvm::StringRef from, llvm::StringRef to) {
  for (size_t at = 0; (at = text.find(from.str(), at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to.str());
  return text;
}

/// Two convolutions in a row and a branch, with constants that are equal pairwise.
const char *const Net = R"(graph @g(%x: f32<1x2>) {
  %w1 = const dense(1.0, 2.0) : f32<2>
  %w2 = const dense(1.0, 2.0) : f32<2>
  %a = onnx.Add(%x, %w1) : f32<1x2>
  %b = onnx.Add(%a, %w2) : f32<1x2>
  %c = onnx.Relu(%b) {alpha = 0.5} : f32<1x2>
  %d = onnx.Mul(%c, %a) : f32<1x2>
  return %d, %c
}
)";

std::string renamed() {
  std::string text = Net;
  for (const char *name : {"%x", "%w1", "%w2", "%a", "%b", "%c", "%d"})
    text = replaced(text, name, "%other_" + std::string(name + 1));
  return text;
}
} // namespace

TEST(Diff, AGraphIsLikeItself) {
  EXPECT_EQ(diff(Net, Net), Lines{});
  EXPECT_EQ(diff(Net, Net, nameless()), Lines{});
}

TEST(Diff, GraphsEqualButForNamesPairUp) {
  EXPECT_EQ(diff(Net, renamed(), nameless()), Lines{});
  auto a = parse(Net), b = parse(renamed());
  EXPECT_EQ(diffGraphs(*a, *b, nameless()).pairedByStructure, 6u);
  EXPECT_EQ(diffGraphs(*a, *b).pairedByStructure, 6u);
  EXPECT_EQ(diffGraphs(*a, *b).count(DiffKind::Names), 6u);
}

TEST(Diff, NamesThatMeanSomethingElseDoNotMislead) {
  // a and b have changed their names with each other.
  std::string swapped = replaced(replaced(replaced(Net, "%a", "%t"), "%b", "%a"), "%t", "%b");
  EXPECT_EQ(diff(Net, swapped, nameless()), Lines{});
  EXPECT_NE(diff(Net, swapped), Lines{});
}

TEST(Diff, ARenamedOp) { EXPECT_EQ(diff(Net, replaced(Net, "%b", "%bb")), Lines{"names b: name: b -> bb"}); }

TEST(Diff, AnOpInBetween) {
  std::string more = replaced(
      replaced(Net, "  %c = onnx.Relu(%b)", "  %n = onnx.Neg(%b) : f32<1x2>\n  %c = onnx.Relu(%n)"), "@g", "@g");
  Lines expected = {"only-in-b n: onnx.Neg:  -> f32<1x2>", "operands c: operand 0: b -> n"};
  EXPECT_EQ(diff(Net, more), expected);
  EXPECT_EQ(diff(Net, more, nameless()), expected);
}

TEST(Diff, WhatAnOpSays) {
  EXPECT_EQ(diff(Net, replaced(Net, "alpha = 0.5", "alpha = 1 : i64, beta = 2")),
            (Lines{"attributes c: attribute 'alpha': 0.5 -> 1", "attributes c: attribute 'beta': absent -> 2"}));
  EXPECT_EQ(diff(Net, replaced(Net, "onnx.Relu", "onnx.Elu")), Lines{"op-types c: type: onnx.Relu -> onnx.Elu"});
  EXPECT_EQ(diff(Net, replaced(Net, "{alpha = 0.5} : f32<1x2>", "{alpha = 0.5} : f16<1x3>")),
            (Lines{"shapes c: shape: 1x2 -> 1x3", "element-types c: element type: f32 -> f16"}));
}

TEST(Diff, AttributeKindsAreNotMixed) {
  EXPECT_EQ(
      diff(replaced(Net, "alpha = 0.5", "alpha = 1 : i32"), replaced(Net, "alpha = 0.5", "alpha = 1 : u32")).size(),
      1u);
}

TEST(Diff, AttributesThatAreIgnored) {
  DiffOptions options;
  options.ignoredAttributes = {"alpha"};
  EXPECT_EQ(diff(Net, replaced(Net, "alpha = 0.5", "alpha = 1.5"), options), Lines{});
  options.ignoreNames = true;
  EXPECT_EQ(diff(Net, replaced(renamed(), "alpha = 0.5", "alpha = 1.5"), options), Lines{});
}

TEST(Diff, DictionariesAreOpened) {
  EXPECT_EQ(
      diff(replaced(Net, "alpha = 0.5", "t = {p = 1, q = 2}"), replaced(Net, "alpha = 0.5", "t = {p = 1, q = 3}")),
      Lines{"attributes c: attribute 't.q': 2 -> 3"});
}

TEST(Diff, FixPoints) {
  const char *fix = R"(graph @g(%x: f32<4>) {
  %f = xir.fix(%x) {round_mode = "DPU_ROUND"} : q8.4<4>
  return %f
}
)";
  EXPECT_EQ(diff(fix, replaced(fix, "q8.4", "uq16.-1")), Lines{"fix-points f: fix point: q8.4 -> uq16.-1"});
  EXPECT_EQ(diff(fix, replaced(fix, "DPU_ROUND", "STD_ROUND")),
            Lines{"fix-points f: round mode: \"DPU_ROUND\" -> \"STD_ROUND\""});
}

TEST(Diff, OperandsByTheirArguments) {
  const char *conv = R"(graph @g(%x: f32<1x4x4x1>, %y: f32<1x4x4x1>) {
  %m = xir.add(%x, %y) : f32<1x4x4x1>
  %n = xir.sub(%m, %y) : f32<1x4x4x1>
  return %n
}
)";
  EXPECT_EQ(diff(conv, replaced(conv, "sub(%m, %y)", "sub(%y, %m)")),
            (Lines{"operands n: operand 0 (input): m -> y", "operands n: operand 1 (input): y -> m"}));
}

TEST(Diff, ConstantsInStepsOfTheirFixPoint) {
  const char *fixed = "graph @g() {\n  %w = const dense(1, -2, 3, -128) : q8.3<4>\n  return %w\n}\n";
  auto a = parse(fixed), b = parse(replaced(fixed, "1, -2, 3", "1, -1, 7"));
  GraphDiff d = diffGraphs(*a, *b);
  ASSERT_EQ(d.differences.size(), 1u);
  ASSERT_TRUE(d.differences[0].constant);
  const ConstantDelta &c = *d.differences[0].constant;
  EXPECT_EQ(c.elements, 4);
  EXPECT_EQ(c.differing, 2);
  EXPECT_EQ(c.largest, 4);
  EXPECT_TRUE(c.inLsb);
  ASSERT_EQ(c.first.size(), 2u);
  EXPECT_EQ(c.first[1].index, 2);
  EXPECT_EQ(c.first[1].b, 7);
}

TEST(Diff, FloatConstantsBehindAFixOp) {
  const char *text = "graph @g() {\n  %w = const dense(0.25, 0.5) : f32<2>\n"
                     "  %f = xir.fix(%w) {round_mode = \"STD_ROUND\"} : q8.4<2>\n  return %f\n}\n";
  EXPECT_EQ(diff(text, replaced(text, "0.25", "0.375"))[0].substr(0, 57),
            "constants w: 1 of 2 elements differ, by at most 2 LSB: ha");
}

TEST(Diff, SplatsAreNotExpanded) {
  const char *big = "graph @g() {\n  %w = const splat(0.5) : f32<2000000000>\n  return %w\n}\n";
  auto a = parse(big), b = parse(replaced(big, "0.5", "1.5"));
  GraphDiff d = diffGraphs(*a, *b);
  ASSERT_TRUE(d.differences.size() == 1 && d.differences[0].constant);
  EXPECT_EQ(d.differences[0].constant->differing, 2000000000);
}

TEST(Diff, NotANumberIsLikeItself) {
  const char *nan = "graph @g() {\n  %w = const dense(nan, 1.0) : f32<2>\n  return %w\n}\n";
  EXPECT_EQ(diff(nan, nan), Lines{});
}

TEST(Diff, Order) {
  std::string moved = replaced(Net, "  %w2 = const dense(1.0, 2.0) : f32<2>\n", "");
  moved = replaced(moved, "  %b = onnx.Add", "  %w2 = const dense(1.0, 2.0) : f32<2>\n  %b = onnx.Add");
  EXPECT_EQ(diff(Net, moved), Lines{"order w2: number in the list of ops: 1 -> 2"});
  DiffOptions options;
  options.ignored = {DiffKind::Order};
  EXPECT_EQ(diff(Net, moved, options), Lines{});
}

TEST(Diff, OutputsAreOperandsOfTheGraph) {
  EXPECT_EQ(diff(Net, replaced(Net, "return %d, %c", "return %c, %d"), nameless()),
            (Lines{"operands graph: output 0: d -> c", "operands graph: output 1: c -> d"}));
  EXPECT_EQ(diff(Net, replaced(Net, "return %d, %c", "return %d")), Lines{"operands graph: output 1: c -> absent"});
}

TEST(Diff, InputsAndTheGraphItself) {
  EXPECT_EQ(diff(Net, replaced(Net, "(%x: f32<1x2>)", "(%x: f32<1x2>, %z: f32<3>) attributes {k = 1}")),
            (Lines{"only-in-b z: input:  -> f32<3>", "operands graph: number of inputs: 1 -> 2",
                   "attributes graph: attribute 'k': absent -> 1"}));
  EXPECT_EQ(diff(Net, replaced(Net, "@g", "@h")), Lines{"names graph: name: g -> h"});
}

TEST(Diff, SubgraphsByMembers) {
  auto with = [](std::string first, std::string second) {
    return "graph @g() attributes {subgraphs = [" + first + ", " + second +
           "]} {\n  %p = xir.data() {data_type = \"FLOAT32\", shape = [1]} : f32<1>\n"
           "  %q = xir.relu(%p) : f32<1>\n  return %q\n}\n";
  };
  auto s = [](std::string name, std::string device, std::string ops) {
    return "{attrs = {device = \"" + device + "\"}, children = [] : dict, name = \"" + name + "\", ops = [" + ops +
           "]}";
  };
  std::string base = with(s("s", "USER", "\"p\""), s("t", "DPU", "\"q\""));
  EXPECT_EQ(diff(base, with(s("s", "USER", "\"p\""), s("t", "CPU", "\"q\""))),
            Lines{"subgraphs t: device: DPU -> CPU"});
  EXPECT_EQ(diff(base, with(s("s", "USER", "\"p\", \"q\""), s("t", "DPU", "\"q\""))),
            Lines{"subgraphs s: members: 1 ops -> 2 ops, alone with q"});
  EXPECT_EQ(diff(base, with(s("t", "DPU", "\"q\""), s("s", "USER", "\"p\""))),
            Lines{"order graph: 1 of 2 subgraphs come at another place:  -> "});
  EXPECT_EQ(diff(base, with(s("u", "USER", "\"p\""), s("t", "DPU", "\"q\""))), Lines{"names s: subgraph name: s -> u"});
  std::string other = replaced(replaced(with(s("u", "USER", "\"p\""), s("v", "DPU", "\"q\"")), "%p", "%y"), "%q", "%z");
  other = replaced(replaced(other, "\"p\"", "\"y\""), "\"q\"", "\"z\"");
  EXPECT_EQ(diff(base, other, nameless()), Lines{});
}

/// A long chain of equal ops, then one more in the middle: linear, and one difference.
TEST(Diff, LongChains) {
  auto chain = [](unsigned n) {
    std::string text = "graph @g(%v0: f32<1>) {\n";
    for (unsigned i = 0; i < n; ++i)
      text += "  %v" + std::to_string(i + 1) + " = onnx.Relu(%v" + std::to_string(i) + ") : f32<1>\n";
    return text + "  return %v" + std::to_string(n) + "\n}\n";
  };
  EXPECT_EQ(diff(chain(20000), chain(20000), nameless()), Lines{});
  DiffOptions options = nameless();
  options.ignored = {DiffKind::Operands};
  EXPECT_EQ(diff(chain(20000), chain(20001), options).size(), 1u);
}
