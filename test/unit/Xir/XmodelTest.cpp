//===- XmodelTest.cpp - xmodel in and out, and libxir's opinion --------------------===//
#include "dpuopt/IR/Text.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Wire.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace dpuopt;
namespace fs = llvm::sys::fs;

namespace {

struct Xmodel : testing::Test {
  llvm::SmallString<128> dir;
  DiagEngine diags;
  void SetUp() override { ASSERT_FALSE(fs::createUniqueDirectory("dpuopt-xir", dir)); }
  void TearDown() override { fs::remove_directories(dir); }

  std::string file(llvm::StringRef name) const { return (dir + "/" + name).str(); }
  std::string write(llvm::StringRef name, llvm::StringRef bytes) {
    EXPECT_TRUE(succeeded(writeFileAtomically(file(name), diags, [&](auto &os) { return os << bytes, success(); })));
    return file(name);
  }
  std::unique_ptr<Graph> parse(llvm::StringRef text) {
    DiagEngine loud(&llvm::errs());
    auto g = parseGraph(text, "test", {}, loud);
    return g ? std::move(*g) : nullptr;
  }
  /// The only error that importing gives.
  std::string importError(const std::string &path) {
    DiagEngine d;
    EXPECT_FALSE(importXmodel(path, d));
    EXPECT_EQ(d.errors(), 1u);
    EXPECT_EQ(d.all().empty() ? "" : d.all()[0].file, path);
    return d.all().empty() ? "" : d.all()[0].message;
  }
  std::string exportError(const Graph &g) {
    DiagEngine d;
    EXPECT_TRUE(failed(exportXmodel(g, file("out.xmodel"), d)));
    EXPECT_FALSE(fs::exists(file("out.xmodel")));
    return d.all().empty() ? "" : d.all()[0].message;
  }
};

std::string text(const Graph &g) {
  std::string s;
  llvm::raw_string_ostream os(s);
  printGraph(g, os);
  return os.str();
}

/// A small quantized graph: data, fix, conv with weights and bias, relu, fix.
const char *const SmallNet = R"(graph @net() {
  %x = xir.data() {data_type = "FLOAT32", shape = [1, 4, 4, 2]} : f32<1x4x4x2>
  %x_fix = xir.fix(%x) {round_mode = "DPU_ROUND"} : q8.7<1x4x4x2>
  %w = const rand(1) : f32<3x1x1x2>
  %w_fix = xir.fix(%w) {round_mode = "DPU_ROUND"} : q8.6<3x1x1x2>
  %b = const splat(0.5) : f32<3>
  %b_fix = xir.fix(%b) {round_mode = "DPU_ROUND"} : q8.5<3>
  %c = xir.conv2d(%x_fix, %w_fix, %b_fix) {dilation = [1, 1], group = 1, kernel = [1, 1], pad = [0, 0, 0, 0], pad_mode = "FLOOR", stride = [1, 1]} : f32<1x4x4x3>
  %y = xir.relu(%c) : f32<1x4x4x3>
  %y_fix = xir.fix(%y) {round_mode = "DPU_ROUND"} : q8.4<1x4x4x3>
  return %y_fix
}
)";

} // namespace

TEST_F(Xmodel, RoundTripGivesTheSameText) {
  auto g = parse(SmallNet);
  ASSERT_TRUE(g);
  DiagEngine loud(&llvm::errs());
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), loud)));
  auto again = importXmodel(file("a.xmodel"), loud);
  ASSERT_TRUE(again);
  std::string expected = text(*g), got = text(**again);
  // A splat is written out: the file has no such thing.
  size_t at = expected.find("splat(0.5)");
  expected.replace(at, 10, "dense(0.5, 0.5, 0.5)");
  EXPECT_EQ(got, expected);
}

TEST_F(Xmodel, SameGraphSameBytes) {
  auto g = parse(SmallNet);
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), diags)));
  ASSERT_TRUE(succeeded(exportXmodel(*g->clone(), file("b.xmodel"), diags)));
  EXPECT_EQ(*readFile(file("a.xmodel"), diags), *readFile(file("b.xmodel"), diags));
}

TEST_F(Xmodel, LibxirLoadsWhatWeWrite) {
  auto g = parse(SmallNet);
  DiagEngine loud(&llvm::errs());
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), loud)));
  auto verdict = judgeXmodel(file("a.xmodel"), nullptr, loud);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->graphName, "net");
  std::vector<std::string> ours;
  for (Op &op : g->ops())
    ours.push_back(op.result()->name());
  std::vector<std::string> theirs = verdict->opNames;
  llvm::sort(ours);
  llvm::sort(theirs);
  EXPECT_EQ(theirs, ours);
}

TEST_F(Xmodel, LibxirCountsPlannedSubgraphs) {
  auto g = parse(SmallNet);
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), diags)));
  auto subgraph = [](const char *name, const char *device, std::vector<std::string> ops) {
    AttrMap attrs, dict;
    attrs["device"] = Attr::string(device);
    dict["name"] = Attr::string(name);
    dict["attrs"] = Attr::dict(attrs);
    dict["ops"] = Attr::strings(ops);
    return Attr::dict(dict);
  };
  g->attrs()["subgraphs"] = Attr::list(AttrKind::Dict, {subgraph("s0", "USER", {"x"}),
                                                        subgraph("s1", "DPU", {"x_fix", "w", "w_fix", "b", "b_fix", "c", "y", "y_fix"})});
  DiagEngine loud(&llvm::errs());
  auto verdict = judgeXmodel(file("a.xmodel"), g.get(), loud);
  ASSERT_TRUE(verdict);
  ASSERT_EQ(verdict->subgraphs.size(), 2u);
  EXPECT_EQ(verdict->subgraphs[1], (std::pair<std::string, std::string>("s1", "DPU")));
}

TEST_F(Xmodel, AnAbortOfLibxirIsAnError) {
  auto g = parse(SmallNet);
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), diags)));
  std::string bytes = *readFile(file("a.xmodel"), diags);
  write("cut.xmodel", bytes.substr(0, bytes.size() / 2));
  DiagEngine d;
  EXPECT_FALSE(judgeXmodel(file("cut.xmodel"), nullptr, d));
  EXPECT_NE(d.all()[0].message.find("libxir refuses the file"), std::string::npos);
}

TEST_F(Xmodel, MatmulWithoutBiasKeepsItsSlots) {
  auto g = parse("graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
                 "  %w = const rand(1) : f32<3x2>\n"
                 "  %y = xir.matmul(%x, %w, _) {transpose_a = false, transpose_b = true} : f32<1x3>\n  return %y\n}\n");
  ASSERT_TRUE(g);
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), diags)));
  auto again = importXmodel(file("a.xmodel"), diags);
  ASSERT_TRUE(again);
  EXPECT_EQ(text(**again), text(*g));
}

TEST_F(Xmodel, CustomOpsTravelWithTheirArguments) {
  auto g = parse("graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
                 "  %y = xir.Mylayer(%x, %x) {arg_names = [\"input\", \"other\"], data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
                 "  return %y\n}\n");
  ASSERT_TRUE(g);
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), diags)));
  auto again = importXmodel(file("a.xmodel"), diags);
  ASSERT_TRUE(again);
  EXPECT_EQ(text(**again), text(*g));
}

TEST_F(Xmodel, EveryAttributeKindSurvives) {
  auto g = parse("graph @g() attributes {m = map<bytes>{k = bytes(\"01\")}, n = map<list i32>{k = [1, -2]}, s = [\"a\"]} {\n"
                 "  %x = xir.custom() {a = true, b = -3, c = 3 : u32, d = -4 : i64, data_type = \"FLOAT32\", e = 18446744073709551615 : u64, "
                 "f = 0.5, g = 0.1 : f64, h = \"t\", i = bytes(\"00ff\"), j = [true, false], k = [-1, 2], l = [0.5, 1.5], m = [0.1] : f64, "
                 "n = [] : string, o = map<i32>{R = -1}, p = map<string>{a = \"b\", c = \"\"}, shape = [1]} : f32<1>\n  return %x\n}\n");
  ASSERT_TRUE(g);
  DiagEngine loud(&llvm::errs());
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), loud)));
  auto again = importXmodel(file("a.xmodel"), loud);
  ASSERT_TRUE(again);
  EXPECT_EQ(text(**again), text(*g));
}

//===-- Refusals -----------------------------------------------------------------===//

TEST_F(Xmodel, EmptyFile) { EXPECT_EQ(importError(write("a.xmodel", "")), "not an xmodel: the file is empty"); }
TEST_F(Xmodel, Png) { EXPECT_NE(importError(write("a.xmodel", "\x89PNG\r\n\x1a\n....")).find("PNG"), std::string::npos); }
TEST_F(Xmodel, Text) { EXPECT_NE(importError(write("a.xmodel", "hello, world: this is no model")).find("not an xmodel"), std::string::npos); }
TEST_F(Xmodel, OnnxFile) {
  WireWriter w;
  w.varint(1, 8);
  w.bytes(2, "pytorch");
  EXPECT_NE(importError(write("a.xmodel", w.str())).find("not an xmodel"), std::string::npos);
}
TEST_F(Xmodel, EmptyGraph) {
  WireWriter w;
  w.bytes(1, "net");
  EXPECT_NE(importError(write("a.xmodel", w.str())).find("empty graph"), std::string::npos);
}
TEST_F(Xmodel, EveryTruncationIsRefusedOrWhole) {
  auto g = parse(SmallNet);
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), diags)));
  std::string bytes = *readFile(file("a.xmodel"), diags);
  for (size_t n = 0; n < bytes.size(); ++n) {
    DiagEngine d;
    auto r = importXmodel(write("cut.xmodel", llvm::StringRef(bytes).take_front(n)), d);
    ASSERT_EQ(d.errors(), r ? 0u : 1u) << n; // cut between two messages, the rest may still be a graph
  }
}
TEST_F(Xmodel, FlippedBytesNeverCrash) {
  auto g = parse(SmallNet);
  ASSERT_TRUE(succeeded(exportXmodel(*g, file("a.xmodel"), diags)));
  std::string bytes = *readFile(file("a.xmodel"), diags);
  unsigned refused = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
    DiagEngine d;
    refused += !importXmodel(write("flip.xmodel", damaged), d);
  }
  EXPECT_GT(refused, 0u);
}

/// One op message: name, type, and producers of its argument `input`.
static std::string rawOp(llvm::StringRef name, llvm::StringRef type, std::vector<std::string> producers, std::vector<uint64_t> dims = {1}) {
  WireWriter op, arg, tensor;
  op.bytes(1, name);
  op.bytes(2, type);
  if (!producers.empty()) {
    arg.bytes(1, "input");
    for (const std::string &p : producers)
      arg.bytes(2, p);
    op.message(4, arg);
  }
  tensor.bytes(1, name);
  tensor.packedVarints(2, dims);
  tensor.varint(5, 4);
  tensor.varint(6, 32);
  op.message(5, tensor);
  WireWriter graph;
  graph.bytes(5, op.str());
  return graph.str().str();
}

TEST_F(Xmodel, DuplicateOpNames) {
  EXPECT_EQ(importError(write("a.xmodel", rawOp("a", "relu", {}) + rawOp("a", "relu", {}))), "two ops are named 'a'");
}
TEST_F(Xmodel, DanglingArgument) {
  EXPECT_EQ(importError(write("a.xmodel", rawOp("a", "relu", {"ghost"}))), "argument 'input' names an op that does not exist: 'ghost'");
}
TEST_F(Xmodel, Cycle) {
  EXPECT_EQ(importError(write("a.xmodel", rawOp("a", "relu", {"b"}) + rawOp("b", "relu", {"a"}))), "the ops of the xmodel form a cycle");
}
TEST_F(Xmodel, OutOfOrderIsSorted) {
  auto g = importXmodel(write("a.xmodel", rawOp("b", "relu", {"a"}) + rawOp("a", "Custom", {})), diags);
  ASSERT_TRUE(g);
  EXPECT_EQ((*g)->ops().front().result()->name(), "a");
}
TEST_F(Xmodel, AbsurdShape) {
  EXPECT_NE(importError(write("a.xmodel", rawOp("a", "Custom", {}, {1u << 31, 1u << 31, 1u << 31}))).find("beyond the limit"), std::string::npos);
}
TEST_F(Xmodel, ConstantWithoutData) {
  EXPECT_NE(importError(write("a.xmodel", rawOp("a", "const", {}))).find("'data'"), std::string::npos);
}
TEST_F(Xmodel, FixWithoutPosition) {
  EXPECT_NE(importError(write("a.xmodel", rawOp("x", "Custom", {}) + rawOp("a", "fix", {"x"}))).find("needs fix_point"), std::string::npos);
}

TEST_F(Xmodel, OnnxOpsAreNotWritten) {
  auto g = parse("graph @g(%x: f32<1>) {\n  %y = onnx.Relu(%x) : f32<1>\n  return %y\n}");
  EXPECT_NE(exportError(*g).find("lower-to-xir"), std::string::npos);
}
TEST_F(Xmodel, MissingAttributeIsNotWritten) {
  auto g = parse("graph @g() {\n  %x = xir.data() {shape = [1]} : f32<1>\n  return %x\n}");
  EXPECT_NE(exportError(*g).find("'data_type' is required"), std::string::npos);
}
TEST_F(Xmodel, EmptyGraphIsNotWritten) { EXPECT_NE(exportError(Graph("g")).find("empty graph"), std::string::npos); }
TEST_F(Xmodel, DictionaryAttributeIsNotWritten) {
  auto g = parse("graph @g() {\n  %x = xir.custom() {a = {b = 1}} : f32<1>\n  return %x\n}");
  EXPECT_NE(exportError(*g).find("attribute 'a'"), std::string::npos);
}

//===-- Vendor files ----------------------------------------------------------------===//

/// Paths of all xmodels in the shared data.
static std::vector<std::string> vendorModels() {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(DPUOPT_SHARED_DATA "/vendor", ec), end; it != end && !ec; it.increment(ec))
    if (llvm::StringRef(it->path()).endswith(".xmodel"))
      out.push_back(it->path());
  llvm::sort(out);
  return out;
}

TEST_F(Xmodel, VendorFilesRoundTrip) {
  std::vector<std::string> models = vendorModels();
  if (models.empty())
    GTEST_SKIP() << "0 of the vendor xmodels checked: the shared data folder is not here";
  unsigned good = 0;
  for (const std::string &path : models) {
    if (llvm::StringRef(path).contains("empty_graph"))
      continue;
    DiagEngine loud(&llvm::errs());
    auto g = importXmodel(path, loud);
    ASSERT_TRUE(g) << path;
    ASSERT_TRUE(succeeded(exportXmodel(**g, file("again.xmodel"), loud))) << path;
    auto again = importXmodel(file("again.xmodel"), loud);
    ASSERT_TRUE(again) << path;
    EXPECT_EQ(text(**again), text(**g)) << path;
    ++good;
  }
  printf("%u vendor xmodels came back with the same text\n", good);
}

TEST_F(Xmodel, LibxirAgreesOnVendorFilesAndOurCopies) {
  std::vector<std::string> models = vendorModels();
  if (models.empty())
    GTEST_SKIP() << "0 of the vendor xmodels checked: the shared data folder is not here";
  for (const std::string &path : models) {
    if (!llvm::StringRef(path).endswith("_int.xmodel"))
      continue;
    DiagEngine loud(&llvm::errs());
    auto g = importXmodel(path, loud);
    ASSERT_TRUE(g && succeeded(exportXmodel(**g, file("again.xmodel"), loud))) << path;
    auto original = judgeXmodel(path, nullptr, loud), copy = judgeXmodel(file("again.xmodel"), nullptr, loud);
    ASSERT_TRUE(original && copy) << path;
    EXPECT_EQ(original->numOps, (*g)->size()) << path;
    llvm::sort(original->opNames);
    llvm::sort(copy->opNames);
    EXPECT_EQ(original->opNames, copy->opNames) << path;
  }
}

TEST_F(Xmodel, EmptyVendorGraphIsRefused) {
  std::string path = DPUOPT_SHARED_DATA "/vendor/empty_graph/ygan.xmodel";
  if (!fs::exists(path))
    GTEST_SKIP() << "the shared data folder is not here";
  EXPECT_NE(importError(path).find("empty graph"), std::string::npos);
}

//===-- The operator table ------------------------------------------------------------===//

TEST(XirOps, TheTableIsLibxirs) {
  std::string helper = findHelper("dpuopt-xir-judge");
  ASSERT_FALSE(helper.empty());
  ProcessResult r = runProcess(helper, {"--opdefs"}, 60);
  ASSERT_EQ(r.exitCode, 0) << r.err;
  auto theirs = nlohmann::json::parse(r.out, nullptr, false);
  ASSERT_TRUE(theirs.is_object());
  unsigned builtin = 0;
  for (const XirOpDef &def : xirOps()) {
    if (!def.builtin)
      continue;
    ++builtin;
    ASSERT_TRUE(theirs.contains(def.type)) << def.type;
    auto &other = theirs[def.type];
    ASSERT_EQ(other["args"].size(), def.args.size()) << def.type;
    for (size_t i = 0; i < def.args.size(); ++i)
      EXPECT_EQ(other["args"][i]["name"], def.args[i].name) << def.type;
    ASSERT_EQ(other["attrs"].size(), def.attrs.size()) << def.type;
    for (size_t i = 0; i < def.attrs.size(); ++i) {
      EXPECT_EQ(other["attrs"][i]["name"], def.attrs[i].name) << def.type;
      EXPECT_EQ(other["attrs"][i]["required"], def.attrs[i].required) << def.type << " " << def.attrs[i].name;
    }
  }
  EXPECT_EQ(builtin, theirs.size());
}
