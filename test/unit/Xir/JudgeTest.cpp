//===- JudgeTest.cpp - libxir's opinion of what we write -----------------------------===//
#include "dpuopt/Support/Process.h"
#include "Helpers.h"
#include "llvm/Support/Program.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct XmodelJudge : testing::Test {
  TemporaryFolder folder;
  DiagEngine loud{&llvm::errs()};

  void SetUp() override {
    if (findHelper("dpuopt-xir-judge").empty())
      GTEST_SKIP() << "dpuopt-xir-judge is not built";
  }
  /// Writes `text` as a graph and returns the file's path.
  std::string write(llvm::StringRef text) {
    auto g = parse(text);
    EXPECT_TRUE(g && succeeded(exportXmodel(*g, folder.file("a.xmodel"), loud)));
    return folder.file("a.xmodel");
  }
  /// The one error of judging `path`.
  std::string objection(const std::string &path, const Graph *plan = nullptr) {
    DiagEngine diags;
    EXPECT_FALSE(static_cast<bool>(judgeXmodel(path, plan, diags)));
    EXPECT_EQ(diags.errors(), 1u);
    return diags.all().empty() ? "" : diags.all()[0].message;
  }
};

Attr subgraph(const char *name, const char *device, std::vector<std::string> ops) {
  return Attr::dict({{"name", Attr::string(name)},
                     {"attrs", Attr::dict({{"device", Attr::string(device)}})},
                     {"children", Attr::list(AttrKind::Dict, {})},
                     {"ops", Attr::strings(ops)}});
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  llvm::sort(names);
  return names;
}

const char *const Relu =
    "graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n  %y = xir.relu(%x) : ";
} // namespace

TEST_F(XmodelJudge, LoadsWhatWeWrite) {
  auto verdict = judgeXmodel(write(SmallNet), nullptr, loud);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->graphName, "net");
  EXPECT_EQ(sorted(verdict->opNames),
            (std::vector<std::string>{"b", "b_fix", "c", "w", "w_fix", "x", "x_fix", "y", "y_fix"}));
  EXPECT_TRUE(verdict->subgraphs.empty());
}

TEST_F(XmodelJudge, BuildsThePlannedSubgraphs) {
  auto plan = parse(SmallNet);
  plan->attrs()["subgraphs"] =
      Attr::list(AttrKind::Dict, {subgraph("s0", "USER", {"x"}),
                                  subgraph("s1", "DPU", {"x_fix", "w", "w_fix", "b", "b_fix", "c", "y", "y_fix"})});
  auto verdict = judgeXmodel(write(SmallNet), plan.get(), loud);
  ASSERT_TRUE(verdict);
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(verdict->subgraphs, (std::vector<Pair>{{"s0", "USER"}, {"s1", "DPU"}}));
}

TEST_F(XmodelJudge, SeesTheTreeWeWrite) {
  auto g = parse(SmallNet);
  g->attrs()["subgraphs"] =
      Attr::list(AttrKind::Dict, {subgraph("s0", "USER", {"x"}),
                                  subgraph("s1", "DPU", {"x_fix", "w", "w_fix", "b", "b_fix", "c", "y", "y_fix"})});
  ASSERT_TRUE(succeeded(exportXmodel(*g, folder.file("tree.xmodel"), loud)));
  auto verdict = judgeXmodel(folder.file("tree.xmodel"), nullptr, loud);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->subgraphs.size(), 2u);
}

TEST_F(XmodelJudge, PlanOfAnOpThatIsNotThere) {
  auto plan = parse(SmallNet);
  plan->attrs()["subgraphs"] = Attr::list(AttrKind::Dict, {subgraph("s0", "USER", {"nowhere"})});
  EXPECT_NE(objection(write(SmallNet), plan.get()).find("the plan names an op that the file does not have: nowhere"),
            std::string::npos);
}

TEST_F(XmodelJudge, PlanOfAnotherForm) {
  auto plan = parse(SmallNet);
  plan->attrs()["subgraphs"] = Attr::string("all");
  EXPECT_NE(objection(write(SmallNet), plan.get()).find("must be a list of dictionaries"), std::string::npos);
}

TEST_F(XmodelJudge, FilesThatLibxirTakesForGraphs) {
  EXPECT_NE(objection(folder.write("empty.xmodel", "")).find("the file is empty"), std::string::npos);
  EXPECT_NE(objection(folder.write("png.xmodel", "\x89PNG\r\n\x1a\n0000")).find("PNG"), std::string::npos);
}

TEST_F(XmodelJudge, ExplainsAnAbort) {
  // Shape inference of a kernel larger than the input stops libxir.
  std::string path =
      write("graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 4, 4, 2]} : f32<1x4x4x2>\n"
            "  %w = const splat(1.0) : f32<3x9x9x2>\n"
            "  %y = xir.conv2d(%x, %w) {kernel = [9, 9], pad_mode = \"FLOOR\", stride = [1, 1]} : f32<1x1x1x3>\n"
            "  return %y\n}\n");
  std::string words = objection(path);
  EXPECT_NE(words.find("libxir aborted on the file: "), std::string::npos) << words;
  EXPECT_NE(words.find("\"y\""), std::string::npos) << words;
}

TEST_F(XmodelJudge, InferredShapesMustAgree) {
  EXPECT_TRUE(static_cast<bool>(judgeXmodel(write(std::string(Relu) + "f32<1x2>\n  return %y\n}\n"), nullptr, loud)));
  EXPECT_EQ(objection(write(std::string(Relu) + "f32<1x3>\n  return %y\n}\n")),
            "libxir infers the type FLOAT32<1x2>, the file says FLOAT32<1x3>");
}

TEST_F(XmodelJudge, LoadsOpsOfLaterReleasesAndCustomOps) {
  auto verdict =
      judgeXmodel(write("graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
                        "  %s = const splat(0.5) : f32<2>\n  %p = xir.prelu(%x, %s) : f32<1x2>\n"
                        "  %g = xir.gelu(%p) : f32<1x2>\n  %y = xir.Mylayer(%g, %x) {arg_names = [\"input\", "
                        "\"grid\"]} : f32<1x5>\n  return %y\n}\n"),
                  nullptr, loud);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->numOps, 5u);
}

TEST_F(XmodelJudge, AgreesOnTheVendorsFilesAndOurCopies) {
  std::vector<std::string> files = vendorFiles(".xmodel");
  if (files.empty())
    GTEST_SKIP() << "0 vendor files judged: the shared data folder is not here";
  size_t ops = 0, judged = 0;
  for (const std::string &path : files) {
    auto g = importXmodel(path, loud);
    ASSERT_TRUE(g && succeeded(exportXmodel(**g, folder.file("copy.xmodel"), loud))) << path;
    auto original = judgeXmodel(path, nullptr, loud), copy = judgeXmodel(folder.file("copy.xmodel"), nullptr, loud);
    ASSERT_TRUE(original && copy) << path;
    EXPECT_EQ(copy->numOps, (*g)->size()) << path;
    EXPECT_EQ(sorted(copy->opNames), sorted(original->opNames)) << path;
    llvm::sort(original->subgraphs);
    llvm::sort(copy->subgraphs);
    EXPECT_EQ(copy->subgraphs, original->subgraphs) << path;
    ops += copy->numOps;
    ++judged;
  }
  printf("libxir sees the same %zu ops in %zu vendor files and our copies\n", ops, judged);
}

//===-- Debian's tool ---------------------------------------------------------------------===//

TEST_F(XmodelJudge, TheXirToolLoadsOurFiles) {
  auto tool = llvm::sys::findProgramByName("xir");
  if (!tool)
    GTEST_SKIP() << "the xir tool (libxir-utils) is not installed";
  std::string path = write(SmallNet);
  ProcessResult subgraphs = runProcess(*tool, {"subgraph", path}, {60});
  EXPECT_EQ(subgraphs.exitCode, 0) << subgraphs.err;
  EXPECT_NE(subgraphs.out.find("root"), std::string::npos) << subgraphs.out;
  ProcessResult graph = runProcess(*tool, {"graph", path}, {60});
  EXPECT_EQ(graph.exitCode, 0) << graph.err;
  EXPECT_NE((graph.out + graph.err).find("return_ops"), std::string::npos) << graph.out;
}
