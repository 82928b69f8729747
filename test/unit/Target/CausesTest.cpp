// Root causes, what follows them, and which to change first.
#include "dpuopt/Target/Causes.h"
#include "Build.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct Case {
  std::unique_ptr<Graph> graph;
  std::shared_ptr<const Target> on;
  Partition p;
  Diagnosis d;
};

Case ask(const std::string &body, unsigned expected = 1, const std::string &name = "kv260") {
  Case c;
  c.graph = parse(body);
  c.on = target(name, "3.5");
  c.p = partitionGraph(*c.graph, partitionFor(*c.on));
  c.d = diagnose(*c.graph, c.p, partitionFor(*c.on), expected);
  return c;
}

std::vector<std::string> names(llvm::ArrayRef<const Op *> ops) {
  std::vector<std::string> list;
  for (const Op *op : ops)
    list.push_back(xirName(*op));
  return list;
}

using Names = std::vector<std::string>;

std::string unary(const std::string &type, const std::string &name, const std::string &from) {
  return op(name, type, "%" + from + "_f", "", "1x8x8x16");
}

/// NAME_f = FROM * sigmoid(FROM), as lowering writes it.
std::string silu(const std::string &name, const std::string &from) {
  return fmt::format("  %{0}_s = xir.sigmoid(%{1}_f) : f32<1x8x8x16>\n", name, from) +
         op(name, "mul", fmt::format("%{}_s, %{}_f", name, from), "", "1x8x8x16");
}

std::string reshape(const std::string &name, const std::string &from, const std::string &shape) {
  return op(name, "reshape", "%" + from + "_f", "", shape);
}
} // namespace

TEST(Causes, NoneWhereAllIsOnTheDpu) {
  Case c = ask(data("x", "1x8x8x16") + conv("c", "x") + "  return %c_f\n");
  EXPECT_TRUE(c.d.causes.empty());
  EXPECT_TRUE(c.d.first.empty());
  EXPECT_EQ(c.d.harmless, Names{"c_f"});
}

TEST(Causes, OpsOfOneKindAreOne) {
  Case c = ask(data("x", "1x8x8x16") + conv("a", "x") + sigmoid("s", "a") + conv("b", "s") + sigmoid("t", "b") +
               conv("c", "t") + "  return %c_f\n");
  ASSERT_EQ(c.d.causes.size(), 1u);
  EXPECT_EQ(c.d.causes[0].id, "op.unsupported");
  EXPECT_EQ(c.d.causes[0].title, "sigmoid");
  EXPECT_EQ(names(c.d.causes[0].ops), (Names{"s", "t"}));
  EXPECT_EQ(c.d.dpu, 3u);
  EXPECT_EQ(c.d.causes[0].dpuIfFixed, 1u);
  EXPECT_EQ(c.d.first, std::vector<unsigned>{0});
  EXPECT_TRUE(c.d.exact);
}

TEST(Causes, SiluIsTheSigmoidAndTheProductFollows) {
  Case c = ask(data("x", "1x8x8x16") + conv("a", "x") + silu("s", "a") + conv("b", "s") + "  return %b_f\n");
  ASSERT_EQ(c.d.causes.size(), 1u);
  EXPECT_EQ(c.d.causes[0].title, "SiLU");
  EXPECT_EQ(c.d.causes[0].id, "activation.silu");
  EXPECT_EQ(names(c.d.causes[0].followers), Names{"s"});
  EXPECT_EQ(c.d.causes[0].dpuIfFixed, 1u);
}

TEST(Causes, ReshapeBetweenCpuOpsFollows) {
  Case c =
      ask(data("x", "1x8x8x16") + conv("a", "x") + unary("tanh", "t", "a") + reshape("r", "t", "1x64x16") +
          op("e", "exp", "%r_f", "", "1x64x16") + reshape("q", "e", "1x8x8x16") + conv("b", "q") + "  return %b_f\n");
  ASSERT_EQ(c.d.causes.size(), 2u);
  EXPECT_EQ(names(c.d.causes[0].ops), Names{"t"});
  EXPECT_EQ(names(c.d.causes[1].ops), Names{"e"});
  EXPECT_EQ(c.d.causes[0].followers.size() + c.d.causes[1].followers.size(), 1u); // r; q goes with b
  EXPECT_EQ(c.d.first, (std::vector<unsigned>{0, 1}));
}

TEST(Causes, EveryBrokenRuleIsNamed) {
  Case c = ask(data("x", "1x64x64x16") + weights("w", "16x17x3x16") +
               op("c", "conv2d", "%x_f, %w_f", "kernel = [3, 17], stride = [9, 9]", "1x6x7x16") + "  return %c_f\n");
  ASSERT_EQ(c.d.causes.size(), 1u);
  EXPECT_EQ(c.d.causes[0].id, "conv2d.kernel conv2d.stride");
  EXPECT_EQ(c.d.causes[0].rules.size(), 2u);
}

TEST(Causes, WhatAnOpHidesIsACauseToo) {
  // The 3-D convolution is never run; the add behind it has operands of two shapes once it is fixed.
  Case c =
      ask(data("x", "1x8x8x16") + conv("a", "x") + unary("tanh", "t", "a") + "  %m = xir.mean(%t_f) : f32<1x8x8x1>\n" +
          op("b", "add", "%a_f, %m", "", "1x8x8x16") + conv("d", "b") + "  return %d_f\n");
  Names ids;
  for (const Cause &cause : c.d.causes)
    ids.push_back(cause.title + " " + cause.id);
  EXPECT_TRUE(llvm::is_contained(ids, "add eltwise.shape"));
  EXPECT_TRUE(llvm::is_contained(ids, "tanh op.unsupported"));
}

TEST(Causes, PostProcessingIsOneCauseWithItsCut) {
  Case c = ask(data("x", "1x8x8x16") + conv("a", "x") + conv("b", "a") + sigmoid("s", "b") +
               op("e", "exp", "%s_f", "", "1x8x8x16") + op("m", "mul", "%e_f, %e_f", "", "1x8x8x16") +
               op("f", "sqrt", "%m_f", "", "1x8x8x16") + "  return %f_f\n");
  ASSERT_EQ(c.d.causes.size(), 1u);
  EXPECT_TRUE(c.d.causes[0].isHead);
  EXPECT_EQ(c.d.causes[0].id, HeadCause);
  EXPECT_EQ(names(c.d.causes[0].ops), (Names{"s", "e", "f"}));
  ASSERT_EQ(c.d.causes[0].cut.size(), 1u);
  EXPECT_EQ(c.d.causes[0].cut[0]->name(), "b");
  EXPECT_EQ(c.d.dpu, 2u); // the product between
  EXPECT_EQ(c.d.causes[0].dpuIfFixed, 1u);
}

TEST(Causes, AnActivationInTheBodyIsNoHead) {
  Case c = ask(data("x", "1x8x8x16") + conv("a", "x") + silu("s", "a") + conv("b", "s") + silu("t", "b") +
               op("p", "softmax", "%t_f", "axis = 3", "1x8x8x16") + "  return %p_f\n");
  ASSERT_EQ(c.d.causes.size(), 2u);
  EXPECT_EQ(c.d.causes[0].title, "SiLU");
  EXPECT_EQ(c.d.causes[0].ops.size(), 2u);
  EXPECT_EQ(c.d.causes[1].title, "softmax");
  EXPECT_TRUE(c.d.causes[1].atEnd);
  EXPECT_FALSE(c.d.causes[1].isHead);
}

TEST(Causes, OnlyWhatSeparatesIsInTheSmallestSet) {
  // The softmax at the end cuts nothing.
  Case c = ask(data("x", "1x8x8x16") + conv("a", "x") + unary("tanh", "t", "a") + conv("b", "t") +
               op("p", "softmax", "%b_f", "axis = 3", "1x8x8x16") + "  return %p_f\n");
  ASSERT_EQ(c.d.causes.size(), 2u);
  ASSERT_EQ(c.d.first.size(), 1u);
  EXPECT_EQ(c.d.causes[c.d.first[0]].title, "tanh");
}

TEST(Causes, AnExpectedNumberOtherThanOne) {
  Case c = ask(data("x", "1x8x8x16") + conv("a", "x") + unary("tanh", "t", "a") + conv("b", "t") +
                   unary("exp", "e", "b") + conv("d", "e") + "  return %d_f\n",
               2);
  EXPECT_EQ(c.d.dpu, 3u);
  EXPECT_EQ(c.d.first.size(), 1u);
  EXPECT_TRUE(c.d.reachable);
}

TEST(Causes, OutOfReachIsSaid) {
  // Two networks that have nothing in common.
  Case c = ask(data("x", "1x8x8x16") + data("y", "1x8x8x16") + conv("a", "x") + conv("b", "y") +
               unary("tanh", "t", "b") + conv("d", "t") + "  return %a_f, %d_f\n");
  EXPECT_EQ(c.d.dpu, 3u);
  EXPECT_FALSE(c.d.reachable);
  EXPECT_EQ(c.d.dpuIfAllFixed, 2u);
}

TEST(Causes, AnActivationItsEngineLacksIsTakenIn) {
  Case c =
      ask(data("x", "1x8x8x16") + conv("a", "x") + conv("b", "a") + "  %t = xir.add(%a_f, %b_f) : f32<1x8x8x16>\n" +
          op("r", "relu6", "%t", "", "1x8x8x16") + conv("d", "r") + "  return %d_f\n");
  ASSERT_EQ(c.d.causes.size(), 1u);
  EXPECT_EQ(c.d.causes[0].title, "add + relu6");
  EXPECT_EQ(c.d.causes[0].dpuIfFixed, 1u);
}

TEST(Causes, MoreThanTwentyCandidatesAreChosenGreedily) {
  // The number of subgraphs wanted is not one, so nothing is known beforehand.
  std::string body = data("x", "1x8x8x16") + conv("c0", "x");
  for (unsigned i = 0; i < 24; ++i)
    body += unary("Custom" + std::to_string(i), "t" + std::to_string(i), "c" + std::to_string(i)) +
            conv("c" + std::to_string(i + 1), "t" + std::to_string(i));
  Case c = ask(body + "  return %c24_f\n", 2);
  EXPECT_EQ(c.d.causes.size(), 24u);
  EXPECT_EQ(c.d.first.size(), 23u);
  EXPECT_FALSE(c.d.exact);
}
