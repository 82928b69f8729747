//===- RoundTripTest.cpp - what goes in comes out ------------------------------------===//
//
// Text to file to text for what our own graphs hold; file to graph to file for the
// vendor's, compared message by message with a reader that shares nothing with the
// library's but the wire format.
//
//===----------------------------------------------------------------------===//
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
/// The text of `g` after a trip through a file.
std::string afterFile(const Graph &g) {
  TemporaryFolder folder;
  DiagEngine loud(&llvm::errs());
  if (failed(exportXmodel(g, folder.file("a.xmodel"), loud)))
    return "not exported";
  auto again = importXmodel(folder.file("a.xmodel"), loud);
  return again ? textOf(**again) : "not imported";
}

void expectSame(llvm::StringRef text) {
  auto g = parse(text);
  ASSERT_TRUE(g);
  EXPECT_EQ(afterFile(*g), textOf(*g));
}

std::string bytesOf(const Graph &g) {
  TemporaryFolder folder;
  DiagEngine loud(&llvm::errs());
  EXPECT_TRUE(succeeded(exportXmodel(g, folder.file("a.xmodel"), loud)));
  auto bytes = readFile(folder.file("a.xmodel"), loud);
  return bytes ? *bytes : "";
}

std::unique_ptr<Graph> load(llvm::StringRef bytes) {
  TemporaryFolder folder;
  DiagEngine loud(&llvm::errs());
  auto g = importXmodel(folder.write("a.xmodel", bytes), loud);
  return g ? std::move(*g) : nullptr;
}

//===-- Messages in one form whatever the order of their maps -----------------------===//

std::string counted(llvm::StringRef bytes) { return std::to_string(bytes.size()) + ":" + bytes.str() + ";"; }

/// The entries of a map field, each {1: key, 2: value}, sorted.
std::string sorted(std::vector<std::string> entries) {
  llvm::sort(entries);
  std::string out;
  for (const std::string &e : entries)
    out += counted(e);
  return out;
}

/// An Attr whose value is a map (fields 22 to 32) has its entries sorted.
std::string canonicalAttr(llvm::StringRef message) {
  std::string out;
  for (WireReader r(message); r.next();) {
    out += std::to_string(r.field()) + "=";
    if (r.field() >= 22 && r.field() <= 32) {
      std::vector<std::string> entries;
      for (WireReader map(r.bytes()); map.next();)
        entries.push_back(map.bytes().str());
      out += sorted(std::move(entries));
    } else if (r.type() == WireReader::Bytes) {
      out += counted(r.bytes());
    } else {
      out += r.type() == WireReader::Varint    ? std::to_string(r.u64())
             : r.type() == WireReader::Fixed32 ? std::to_string(r.f32())
                                               : std::to_string(r.f64());
    }
  }
  return out;
}

std::string canonicalEntry(llvm::StringRef entry) {
  std::string out;
  for (WireReader r(entry); r.next();)
    out += r.field() == 1 ? counted(r.bytes()) : canonicalAttr(r.bytes());
  return out;
}

/// A message whose map<string, Attr> is at `attrField` and whose sub-messages of its own
/// kind (subgraphs) are at `childField`; tensors of ops are at 5.
std::string canonical(llvm::StringRef message, uint32_t attrField, uint32_t childField = 0, uint32_t tensorField = 0) {
  std::string out;
  std::vector<std::string> entries;
  for (WireReader r(message); r.next();) {
    if (r.field() == attrField)
      entries.push_back(canonicalEntry(r.bytes()));
    else if (r.field() == childField)
      out += "child{" + canonical(r.bytes(), attrField, childField) + "}";
    else if (r.field() == tensorField)
      out += "tensor{" + canonical(r.bytes(), 10) + "}";
    else
      out += std::to_string(r.field()) + "=" +
             (r.type() == WireReader::Bytes ? counted(r.bytes()) : std::to_string(r.u64()));
  }
  return out + "attrs{" + sorted(std::move(entries)) + "}";
}

/// One line per op, for the root, and for the graph's attributes; definitions left out.
std::vector<std::string> canonicalFile(llvm::StringRef bytes) {
  std::vector<std::string> out, attrs;
  for (WireReader r(bytes); r.next();) {
    if (r.field() == 1)
      out.push_back(r.bytes().str());
    else if (r.field() == 5)
      out.push_back(canonical(r.bytes(), 3, 0, 5));
    else if (r.field() == 10)
      out.push_back(canonical(r.bytes(), 5, 10));
    else if (r.field() == 11)
      attrs.push_back(canonicalEntry(r.bytes()));
  }
  out.push_back(sorted(std::move(attrs)));
  return out;
}
} // namespace

//===-- Our graphs -----------------------------------------------------------------------===//

TEST(XmodelRoundTrip, QuantizedGraph) { expectSame(SmallNet); }

TEST(XmodelRoundTrip, SameGraphSameBytes) {
  auto g = parse(SmallNet);
  std::string first = bytesOf(*g);
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, bytesOf(*g->clone()));
  EXPECT_EQ(first, bytesOf(*load(first)));
}

TEST(XmodelRoundTrip, AFixOpsTensorIsFloatInTheFile) {
  std::string bytes = bytesOf(*parse(SmallNet));
  unsigned tensors = 0;
  for (WireReader r(bytes); r.next();) {
    if (r.field() != 5)
      continue;
    for (WireReader op(r.bytes()); op.next();) {
      if (op.field() != 5)
        continue;
      for (WireReader tensor(op.bytes()); tensor.next();)
        tensors += tensor.field() == 5 && tensor.u64() == 4;
    }
  }
  EXPECT_EQ(tensors, 9u);
}

TEST(XmodelRoundTrip, SplatIsWrittenOut) {
  auto g = parse("graph @g() {\n  %w = const splat(0.5) : f32<300x1000>\n  return %w\n}\n");
  auto again = load(bytesOf(*g));
  ASSERT_TRUE(again);
  EXPECT_TRUE(*constantOf(again->lookup("w")) == *constantOf(g->lookup("w")));
}

TEST(XmodelRoundTrip, ConstantsStayInTheMappedFile) {
  TemporaryFolder folder;
  DiagEngine loud(&llvm::errs());
  std::string path = folder.write("a.xmodel", bytesOf(*parse(SmallNet)));
  auto g = importXmodel(path, loud);
  ASSERT_TRUE(g);
  const Blob &w = constantOf((*g)->lookup("w"))->storage();
  EXPECT_EQ(w.size(), 24u);
  auto file = Blob::mapFile(path, loud);
  EXPECT_TRUE(file->str().contains(w.str()));
}

TEST(XmodelRoundTrip, MatmulWithoutBias) {
  expectSame("graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
             "  %w = const dense(1.0, 2.0, 3.0, 4.0, 5.0, 6.0) : f32<3x2>\n"
             "  %y = xir.matmul(%x, %w, _) {transpose_a = false, transpose_b = true} : f32<1x3>\n  return %y\n}\n");
}

TEST(XmodelRoundTrip, CustomOp) {
  expectSame(
      "graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
      "  %y = xir.Mylayer(%x, %x) {data_type = \"FLOAT32\", shape = [1, 2], size = 3} : f32<1x2>\n  return %y\n}\n");
}

TEST(XmodelRoundTrip, CustomOpWithNamedArguments) {
  const char *text = "graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
                     "  %y = xir.Mylayer(%x, %x) {arg_names = [\"input\", \"grid\"], data_type = \"FLOAT32\", shape = "
                     "[1, 2]} : f32<1x2>\n"
                     "  return %y\n}\n";
  expectSame(text);
  // libxir takes a custom op's arguments under the name `input` alone.
  std::string bytes = bytesOf(*parse(text)), arg = field(4, field(1, "input") + field(2, "x") + field(2, "x"));
  EXPECT_NE(bytes.find(arg), std::string::npos);
}

TEST(XmodelRoundTrip, OpOfALaterRelease) {
  expectSame("graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
             "  %y = xir.gelu(%x) : f32<1x2>\n  return %y\n}\n");
}

TEST(XmodelRoundTrip, CustomOpGetsShapeAndDataType) {
  auto g = parse("graph @g() {\n  %x = xir.data() {data_type = \"FLOAT32\", shape = [1, 2]} : f32<1x2>\n"
                 "  %y = xir.Mylayer(%x) : f32<1x3>\n  return %y\n}\n");
  auto again = load(bytesOf(*g));
  ASSERT_TRUE(again);
  const Op &op = *again->lookup("y")->def();
  EXPECT_EQ(op.getString("data_type"), "FLOAT32");
  EXPECT_EQ(op.getInts("shape"), (std::vector<int64_t>{1, 3}));
}

TEST(XmodelRoundTrip, CompiledForm) {
  expectSame(
      "graph @g() attributes {root_attrs = {workload = 7 : u64}, subgraphs = [{attrs = {device = \"USER\"}, children = "
      "[] : dict, "
      "name = \"u\", ops = [\"x\"]}, {attrs = {device = \"DPU\"}, children = [{attrs = {workload = 1 : u64}, children "
      "= [] : dict, name = "
      "\"leaf\", ops = [\"w\", \"up\"]}], name = \"d\", ops = [\"w\", \"up\"]}]} {\n"
      "  %x_fix = xir.data-fix() {data_type = \"XINT8\", op_name = \"x\", shape = [1, 4]} : q8.6<1x4>\n"
      "  %w = const dense(1, -2, 3, -128) : q8.3<4>\n"
      "  %up = xir.upload(%x_fix) {device = \"DPU\", tensor_attrs = {ddr_addr = 16, stride = [4, 1]}} : q8.6<1x4>\n"
      "  return %w, %up\n}\n");
}

TEST(XmodelRoundTrip, EveryAttributeKind) {
  expectSame(
      "graph @g() attributes {m = map<bytes>{k = bytes(\"01\")}, n = map<list i32>{k = [1, -2]}, s = [\"a\"]} {\n"
      "  %x = xir.custom() {a = true, b = -3, c = 3 : u32, d = -4 : i64, data_type = \"FLOAT32\", e = "
      "18446744073709551615 : u64, "
      "f = 0.5, g = 0.1 : f64, h = \"t\", i = bytes(\"00ff\"), j = [true, false], k = [-1, 2], l = [0.5, 1.5], m = "
      "[0.1] : f64, "
      "n = [] : string, o = map<i32>{R = -1}, p = map<string>{a = \"b\", c = \"\"}, q = [3] : u64, shape = [1]} : "
      "f32<1>\n"
      "  return %x\n}\n");
}

TEST(XmodelRoundTrip, ElementTypes) {
  for (const char *type : {"FLOAT64 f64", "INT8 i8", "UINT8 u8", "INT16 i16", "INT32 i32", "UINT32 u32", "INT64 i64",
                           "XINT8 q8.0", "XUINT8 uq8.0"}) {
    auto [name, elem] = llvm::StringRef(type).split(' ');
    expectSame("graph @g() {\n  %x = xir.data() {data_type = \"" + name.str() + "\", shape = [1, 2]} : " + elem.str() +
               "<1x2>\n  return %x\n}\n");
  }
}

//===-- Their files, made by hand ----------------------------------------------------------===//

TEST(XmodelImport, PutsFixPointsIntoTypes) {
  FileOp fix{"f",
             "fix",
             {{"fix_point", attr::i32(-3)},
              {"bit_width", attr::i32(16)},
              {"if_signed", attr::boolean(false)},
              {"round_mode", attr::string("DPU_ROUND")}},
             {{"input", {"x"}}}};
  auto g = load(xmodel({input(), fix}));
  ASSERT_TRUE(g);
  EXPECT_EQ(g->lookup("f")->type().str(), "uq16.-3<1x4>");
  EXPECT_EQ(g->lookup("f")->def()->attrs().size(), 1u); // round_mode
}

TEST(XmodelImport, RemembersTensorsWithoutFixAttributes) {
  FileOp op = input();
  op.type = "data-fix", op.dataType = 2, op.bits = 8;
  op.attrs[1].second = attr::string("XINT8");
  op.tensorAttrs = {{"fix_point", attr::i32(5)}};
  std::string some = xmodel({op});
  EXPECT_EQ(load(some)->lookup("x")->type().str(), "q8.5<1x4>");
  EXPECT_EQ(canonicalFile(bytesOf(*load(some))), canonicalFile(some));
  op.tensorAttrs = {};
  std::string none = xmodel({op});
  EXPECT_EQ(load(none)->lookup("x")->type().str(), "q8.0<1x4>");
  EXPECT_EQ(canonicalFile(bytesOf(*load(none))), canonicalFile(none));
}

TEST(XmodelImport, KeepsTensorFixAttributesThatContradict) {
  FileOp op = input();
  op.type = "data-fix", op.dataType = 2, op.bits = 8;
  op.attrs[1].second = attr::string("XINT8");
  op.tensorAttrs = {{"bit_width", attr::i32(16)}, {"fix_point", attr::i32(5)}, {"if_signed", attr::boolean(true)}};
  std::string bytes = xmodel({op});
  EXPECT_EQ(canonicalFile(bytesOf(*load(bytes))), canonicalFile(bytes));
}

TEST(XmodelImport, KeepsArgumentsWithoutProducers) {
  FileOp op = relu("r", "x");
  op.args.push_back({"size", {}});
  std::string bytes = xmodel({input(), op});
  EXPECT_EQ(canonicalFile(bytesOf(*load(bytes))), canonicalFile(bytes));
}

TEST(XmodelImport, KeepsForeignAttributes) {
  FileOp op = relu("r", "x");
  op.attrs = {{"quant_out_pos", attr::i32(3)}, {"zz", attr::i32s({1, 2})}};
  std::string bytes = xmodel({input(), op}, attrs(11, {{"origin", attr::string("tensorflow2")}}));
  auto g = load(bytes);
  EXPECT_EQ(g->lookup("r")->def()->getInt("quant_out_pos"), 3);
  EXPECT_EQ(canonicalFile(bytesOf(*g)), canonicalFile(bytes));
}

TEST(XmodelImport, SortsOpsThatComeTooEarly) {
  auto g = load(xmodel({relu("r", "x"), input()}));
  ASSERT_TRUE(g);
  EXPECT_EQ(g->ops().front().result()->name(), "x");
}

TEST(XmodelImport, OutputsAreReturnOps) {
  std::vector<FileOp> ops = {input(), relu("a", "x"), relu("b", "a")};
  std::string named = attrs(11, {{"return_ops", field(20, field(1, "b") + field(1, "a"))}});
  auto g = load(xmodel(ops, named));
  ASSERT_EQ(g->outputs().size(), 2u);
  EXPECT_EQ(g->outputs()[0]->name(), "b");
  std::string stale = attrs(11, {{"return_ops", field(20, field(1, "a") + field(1, "gone"))}});
  g = load(xmodel(ops, stale));
  ASSERT_EQ(g->outputs().size(), 1u);
  EXPECT_EQ(g->outputs()[0]->name(), "b");
}

TEST(XmodelImport, KeepsDefinitionsOfCustomOpsInUse) {
  FileOp custom{
      "m", "Mylayer", {{"shape", attr::i32s({1, 4})}, {"data_type", attr::string("FLOAT32")}}, {{"input", {"x"}}}};
  std::string mine = field(101, field(1, "Mylayer") + field(4, "what it does"));
  std::string tail = mine + field(101, field(1, "Unused")) + field(101, field(1, "relu"));
  auto g = load(xmodel({input(), custom}, tail));
  ASSERT_TRUE(g && g->attr("op_defs"));
  EXPECT_EQ(g->attr("op_defs")->asList().size(), 1u);
  EXPECT_TRUE(llvm::StringRef(bytesOf(*g)).endswith(mine));
}

TEST(XmodelImport, WarnsOfFieldsItDoesNotKnow) {
  TemporaryFolder folder;
  DiagEngine diags;
  EXPECT_TRUE(static_cast<bool>(importXmodel(folder.write("a.xmodel", xmodel({input()}, number(55, 1))), diags)));
  EXPECT_EQ(diags.warnings(), 1u);
  EXPECT_NE(textOf(diags).find("1 fields that our schema does not know"), std::string::npos);
}

//===-- The vendor's files --------------------------------------------------------------------===//

TEST(XmodelVendor, EveryFileComesBackMessageByMessage) {
  std::vector<std::string> files = vendorFiles(".xmodel");
  if (files.empty())
    GTEST_SKIP() << "0 vendor files checked: the shared data folder is not here";
  size_t ops = 0, int8 = 0;
  TemporaryFolder folder;
  for (const std::string &path : files) {
    DiagEngine loud(&llvm::errs());
    auto g = importXmodel(path, loud);
    ASSERT_TRUE(g) << path;
    ASSERT_TRUE(succeeded(exportXmodel(**g, folder.file("again.xmodel"), loud))) << path;
    auto theirs = Blob::mapFile(path, loud), ours = Blob::mapFile(folder.file("again.xmodel"), loud);
    EXPECT_TRUE(canonicalFile(theirs->str()) == canonicalFile(ours->str())) << path;
    auto again = importXmodel(folder.file("again.xmodel"), loud);
    ASSERT_TRUE(again) << path;
    EXPECT_TRUE(textOf(**again) == textOf(**g)) << path;
    ops += (*g)->size();
    int8 += llvm::count_if((*g)->ops(), [](const Op &op) { return op.result()->type().isFix(); });
  }
  RecordProperty("files", static_cast<int>(files.size()));
  printf("%zu vendor xmodels, %zu ops (%zu results with a fix point): the same after import and export\n", files.size(),
         ops, int8);
}

TEST(XmodelVendor, TextFormParsesBack) {
  std::vector<std::string> files = vendorFiles(".xmodel");
  if (files.empty())
    GTEST_SKIP() << "0 vendor files checked: the shared data folder is not here";
  for (const std::string &path : files) {
    DiagEngine loud(&llvm::errs());
    auto g = importXmodel(path, loud);
    ASSERT_TRUE(g) << path;
    SideData side;
    std::string text;
    llvm::raw_string_ostream os(text);
    printGraph(**g, os, &side);
    auto again = parseGraph(os.str(), path, side, loud);
    ASSERT_TRUE(again) << path;
    EXPECT_TRUE(textOf(**again) == textOf(**g)) << path;
  }
}

TEST(XmodelVendor, EmptyGraphIsRefused) {
  std::string path = DPUOPT_SHARED_DATA "/vendor/empty_graph/ygan.xmodel";
  if (!llvm::sys::fs::exists(path))
    GTEST_SKIP() << "the shared data folder is not here";
  DiagEngine diags;
  EXPECT_FALSE(static_cast<bool>(importXmodel(path, diags)));
  EXPECT_EQ(diags.errors(), 1u);
  EXPECT_NE(textOf(diags).find("empty graph"), std::string::npos);
}
