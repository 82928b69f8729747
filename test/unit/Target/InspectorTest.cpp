// Reports of the vendor's inspector: both forms, and texts that are none.
#include "dpuopt/Target/Inspector.h"
#include "Build.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
const std::string Line(160, '=');

/// One node as a report writes it.
std::string node(const std::string &name, const std::string &type, const std::string &inputs, const std::string &shape,
                 const std::string &device, const std::string &attrs = "", const std::string &constraint = "") {
  std::string text = fmt::format("node name: {}\ninput nodes: [{}]\noutput nodes: []\nop type: {}\noutputs shape: {}\n"
                                 "op attributes:\n{}assigned device: {}\n",
                                 name, inputs, type, shape, attrs, device);
  if (!constraint.empty())
    text += "hardware constraints: " + constraint + "\n";
  return text + "source range:\n/model.py(3): forward\n\n" + Line + "\n";
}

std::string report(const std::string &nodes, const std::string &target = "DPUCZDX8G_ISA1_B4096") {
  return "# graph name: the name\n" + Line + "\ntarget info:\n" + Line + "\n" + target + "\n\n" + Line +
         "\ninspection summary:\n" + Line + "\nnothing\n" + Line + "\ngraph name: Net\n" + Line + "\n" + nodes;
}

const char *Kernel = "  kernel: [3, 3]\n  stride: [1, 1]\n  pad: [1, 1, 1, 1]\n";

struct Read {
  DiagEngine diags;
  std::optional<InspectorReport> report;
  std::optional<InspectedGraph> graph;
  std::string error() const { return diags.all().empty() ? "" : diags.all().front().message; }
};

std::unique_ptr<Read> read(const std::string &text) {
  auto r = std::make_unique<Read>();
  if (auto report = readInspectorReport(text, r->diags)) {
    r->report = std::move(*report);
    if (auto graph = graphOfReport(*r->report, r->diags))
      r->graph = std::move(*graph);
  }
  return r;
}

Conformance compare(const std::string &text) {
  auto r = read(text);
  EXPECT_TRUE(r->graph) << r->error();
  return r->graph
             ? compareWithInspector(*r->report, *r->graph, *target(r->report->target, vitisAiStr(r->report->release)))
             : Conformance();
}
} // namespace

TEST(Inspector, NodesOfAReport) {
  auto r = read(report(node("N::x", "nndct_input", "", "[1, 8, 8, 16]", "user") +
                       node("N::c", "nndct_conv2d", "'N::x'", "[1, 8, 8, 32]", "dpu", Kernel)));
  ASSERT_TRUE(r->report) << r->error();
  EXPECT_EQ(r->report->target, "DPUCZDX8G_ISA1_B4096");
  EXPECT_EQ(r->report->graph, "Net");
  EXPECT_EQ(r->report->release, 30);
  ASSERT_EQ(r->report->nodes.size(), 2u);
  const InspectedNode &c = r->report->nodes[1];
  EXPECT_EQ(c.type + " " + c.device + " " + c.inputs.at(0) + " " + c.attrs.at("kernel"), "conv2d dpu N::x [3, 3]");
  EXPECT_EQ(c.shapes, std::vector<Shape>{Shape({1, 8, 8, 32})});
  EXPECT_TRUE(looksLikeInspectorReport(report(node("a", "nndct_input", "", "[1]", "user"))));
  EXPECT_FALSE(looksLikeInspectorReport("target info: graph name: node name:"));
}

TEST(Inspector, TheOldForm) {
  auto r = read(report(node("x", "input", "", "[(1, 8, 8, 16)]", "dpu") +
                           node("m", "aten::meshgrid", "'x'", "[8, 8],[8, 8]", "cpu") +
                           node("s", "tanh", "\"m\"", "[[1, 8], []]", "cpu"),
                       "name: \"DPUCZDX8G_ISA1_B4096\"\ntype: \"DPUCZDX8G\"\nisa_version: 1"));
  ASSERT_TRUE(r->report) << r->error();
  EXPECT_EQ(r->report->release, 25);
  EXPECT_EQ(r->report->target, "DPUCZDX8G_ISA1_B4096");
  EXPECT_EQ(r->report->nodes[0].shapes, std::vector<Shape>{Shape({1, 8, 8, 16})});
  EXPECT_EQ(r->report->nodes[1].shapes, (std::vector<Shape>{Shape({8, 8}), Shape({8, 8})}));
  EXPECT_EQ(r->report->nodes[2].shapes, (std::vector<Shape>{Shape({1, 8}), Shape()}));
}

TEST(Inspector, DevicesAgree) {
  Conformance c = compare(report(node("x", "nndct_input", "", "[1, 8, 8, 16]", "user") +
                                 node("c", "nndct_conv2d", "'x'", "[1, 8, 8, 16]", "dpu", Kernel) +
                                 node("r", "nndct_leaky_relu", "'c'", "[1, 8, 8, 16]", "dpu", "  alpha: 0.1015625\n") +
                                 node("h", "nndct_hswish", "'r'", "[1, 8, 8, 16]", "dpu") +
                                 node("s", "nndct_sigmoid", "'h'", "[1, 8, 8, 16]", "cpu") +
                                 node("k", "nndct_const", "", "[1, 8, 8, 16]", "dpu") +
                                 node("a", "nndct_elemwise_add", "'s', 'k'", "[1, 8, 8, 16]", "dpu") +
                                 node("p", "nndct_permute", "'a'", "[1, 8, 8, 16]", "cpu", "  order: [0, 2, 1, 3]\n") +
                                 node("f", "nndct_reshape", "'p'", "[1, 1024]", "cpu", "  shape: [1, -1]\n",
                                      "The input of reshape is not on DPU.")));
  EXPECT_EQ(c.ops, 9u);
  for (const Disagreement &d : c.differences)
    ADD_FAILURE() << d.subject << ": " << d.expected << ", not " << d.got << " " << d.rule;
  EXPECT_TRUE(c.expected == (SubgraphCounts{1, 5, 3}));
}

TEST(Inspector, ADifferenceHasItsRule) {
  Conformance c = compare(report(node("x", "nndct_input", "", "[1, 8, 8, 16]", "user") +
                                 node("c", "nndct_conv2d", "'x'", "[1, 8, 8, 16]", "dpu", "  kernel: [17, 3]\n")));
  ASSERT_EQ(c.differences.size(), 1u);
  EXPECT_EQ(c.differences[0].subject, "c (conv2d)");
  EXPECT_EQ(c.differences[0].rule, "conv2d.kernel");
  EXPECT_FALSE(c.conforms());
}

TEST(Inspector, AnActivationThatIsRefusedLeavesItsOp) {
  Conformance c = compare(report(node("x", "nndct_input", "", "[1, 8, 8, 16]", "user") +
                                 node("c", "nndct_conv2d", "'x'", "[1, 8, 8, 16]", "dpu", Kernel) +
                                 node("r", "nndct_leaky_relu", "'c'", "[1, 8, 8, 16]", "cpu", "  alpha: 0.1\n")));
  EXPECT_TRUE(c.differences.empty());
}

TEST(Inspector, KnownMistakesOfTheInspector) {
  Conformance c = compare(
      report(node("x", "nndct_input", "", "[1, 8, 8, 16]", "user") +
             node("m", "tensor_mul", "'x', 'x'", "[1, 8, 8, 16]", "cpu", "", "tensor_mul can't be converted to XIR.")));
  ASSERT_EQ(c.differences.size(), 1u);
  EXPECT_NE(c.differences[0].known, "");
  EXPECT_TRUE(c.conforms());
}

TEST(Inspector, TextsThatAreNoReports) {
  std::string x = node("x", "nndct_input", "", "[1, 8]", "user");
  const std::pair<std::string, const char *> cases[] = {
      {"", "has a line 'graph name:'"},
      {report("node name: a\nassigned device: dpu\n"), "has a line 'op type:'"},
      {report("node name: a\nop type: nndct_relu\n"), "has a line 'assigned device:'"},
      {report(x + x), "two nodes 'x'"},
      {report(node("a", "t", "'x", "[1]", "cpu")), "column 15: a name in quotes"},
      {report(node("a", "t", "", "[1, 2", "cpu")), "the list does not end"},
      {report(node("a", "t", "", "1]", "cpu")), "a dimension is expected"},
      {report(node("a", "t", "", "[]]", "cpu")), "a list ends that did not begin"},
      {report(node("a", "t", "", "[1, x]", "cpu")), "column 20: a dimension is expected"},
      {report(node("a", "t", "", "[-1]", "cpu")), "a dimension is expected"},
      {report(node("a", "t", "", "[99999999999, 99999999999]", "cpu")), "too large"},
      {report(node("a", "t", "", "[99999999999999999999]", "cpu")), "a dimension is expected"},
      {report(node("a", "t", "", "[1]", "npu")), "found 'npu'"},
      {report(node("a", "t", "'b'", "[1]", "cpu")), "reads 'b', which is no node"},
      {report(node("a", "t", "'b'", "[1]", "cpu") + node("b", "t", "'a'", "[1]", "cpu")), "depends on itself"},
  };
  for (auto &[text, message] : cases) {
    auto r = read(text);
    EXPECT_FALSE(r->graph) << message;
    EXPECT_NE(r->error().find(message), std::string::npos) << message << "\n found: " << r->error();
  }
}

TEST(Inspector, OddNodesDoNotCrash) {
  for (const char *type : {"nndct_conv2d", "nndct_dense", "nndct_concat", "nndct_resize", "nndct_permute", "nndct_mean",
                           "nndct_hswish", "nndct_elemwise_mul", "nndct_reshape", "nndct_const", "nndct_maxpool1d"})
    for (const char *shape : {"", "[]", "[0, 0, 0, 0]", "[1, 2, 3, 4],[1]", "[[]]"})
      for (const char *inputs : {"", "'x'", "'x', 'x', 'x'"})
        for (const char *attrs : {"", "  kernel: [0, -9]\n  stride: (0,)\n  axis: [99]\n  order: [7]\n  mode: 3\n"}) {
          auto r =
              read(report(node("x", "nndct_input", "", shape, "user") + node("t", type, inputs, shape, "dpu", attrs)));
          ASSERT_TRUE(r->graph) << r->error();
          EXPECT_EQ(compareWithInspector(*r->report, *r->graph, *target("kv260", "3.0")).ops, 2u);
        }
}

TEST(Inspector, EveryPrefixIsReadOrRefused) {
  std::string text = report(node("x", "nndct_input", "", "[1, 8, 8, 16]", "user") +
                            node("c", "nndct_conv2d", "'x'", "[1, 8, 8, 16]", "dpu", Kernel, "none"));
  for (size_t n = 0; n < text.size(); ++n) {
    auto r = read(text.substr(0, n));
    EXPECT_TRUE(r->graph || !r->error().empty()) << n;
  }
}
