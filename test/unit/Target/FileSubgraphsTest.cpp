// The subgraphs of a file: their order, and what goes in and out.
#include "dpuopt/Target/FileSubgraphs.h"
#include "Build.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
/// Graph text with these subgraphs: {"name", "op, op"}, one op per line in `ops`.
std::unique_ptr<Graph> graphOf(const std::vector<std::pair<std::string, std::string>> &subgraphs,
                               const std::string &body) {
  std::string tree;
  for (const auto &[name, ops] : subgraphs)
    tree += fmt::format("{}{{attrs = {{device = \"dpu\"}}, children = [] : dict, name = \"{}\", ops = [{}]}}",
                        tree.empty() ? "" : ", ", name, ops);
  const std::string text = "graph @g() attributes {subgraphs = [" + tree + "]} {\n" + body + "}\n";
  DiagEngine diags(&llvm::errs());
  auto g = parseGraph(text, "test", {}, diags);
  EXPECT_TRUE(bool(g)) << text;
  return g ? std::move(*g) : std::make_unique<Graph>();
}

std::vector<std::string> order(const Graph &g) {
  std::vector<std::string> names;
  FileSubgraphs all(g);
  for (const FileSubgraph *s : all.sorted())
    names.push_back(s->name);
  return names;
}

std::vector<std::string> names(const std::vector<const Value *> &values) {
  std::vector<std::string> list;
  for (const Value *v : values)
    list.push_back(v->name());
  return list;
}

using Names = std::vector<std::string>;
const char *const chain = "  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
                          "  %b = xir.relu(%x) : f32<1x2>\n"
                          "  %a = xir.relu(%b) : f32<1x2>\n"
                          "  return %a\n";
} // namespace

TEST(FileSubgraphs, ProducersComeFirstWhateverTheFileSays) {
  auto g = graphOf({{"s_a", "\"a\""}, {"s_b", "\"b\""}, {"s_x", "\"x\""}}, chain);
  EXPECT_EQ(order(*g), (Names{"s_x", "s_b", "s_a"}));
}

TEST(FileSubgraphs, IndependentOnesComeInReverseOfTheirNames) {
  auto g = graphOf({{"s_b", "\"b\""}, {"s_a", "\"a\""}},
                   "  %a = xir.data() {data_type = \"FLOAT32\", shape = [1]} : f32<1>\n"
                   "  %b = xir.data() {data_type = \"FLOAT32\", shape = [1]} : f32<1>\n"
                   "  return %a, %b\n");
  EXPECT_EQ(order(*g), (Names{"s_b", "s_a"}));
}

TEST(FileSubgraphs, ACycleBetweenThemEnds) {
  auto g = graphOf({{"outer", "\"x\", \"a\""}, {"inner", "\"b\""}}, chain);
  EXPECT_EQ(order(*g).size(), 2u);
}

TEST(FileSubgraphs, OpsThatTheFileDoesNotHaveAreNobodys) {
  auto g = graphOf({{"s", "\"nothing\", \"a\", \"a\""}, {"again", "\"a\""}}, chain);
  FileSubgraphs all(*g);
  ASSERT_EQ(all.sorted().size(), 2u);
  EXPECT_EQ(all.of(g->lookup("a")->def())->name, "s");
  EXPECT_EQ(all.of(g->lookup("a")->def())->ops.size(), 1u);
  EXPECT_EQ(all.of(g->lookup("b")->def()), nullptr);
}

TEST(FileSubgraphs, OutputsAreReadElsewhereOrByNobody) {
  auto g = graphOf({{"first", "\"x\", \"b\""}, {"second", "\"a\""}}, chain);
  FileSubgraphs all(*g);
  const FileSubgraph &first = *all.of(g->lookup("b")->def()), &second = *all.of(g->lookup("a")->def());
  EXPECT_EQ(names(all.inputs(first)), Names{});
  EXPECT_EQ(names(all.outputs(first)), Names{"b"});
  EXPECT_EQ(names(all.inputs(second)), Names{"b"});
  EXPECT_EQ(names(all.outputs(second)), Names{"a"});
  EXPECT_EQ(first.device, "DPU");
}
