//===- ForeignTest.cpp - files whose ops do not fit libxir's definitions -----------===//
//
// They are read and kept; what libxir would stop at is refused at export, what it does
// not look at is written again.
//
//===----------------------------------------------------------------------===//
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
struct Kept {
  std::unique_ptr<Graph> graph;
  std::string said;    ///< warnings of the import
  std::string export_; ///< errors of the export; empty if it was written
};

Kept keep(llvm::StringRef bytes) {
  TemporaryFolder folder;
  DiagEngine in, out;
  Kept k;
  auto g = importXmodel(folder.write("a.xmodel", bytes), in);
  EXPECT_TRUE(static_cast<bool>(g)) << textOf(in);
  if (!g)
    return k;
  k.graph = std::move(*g);
  k.said = textOf(in);
  if (failed(exportXmodel(*k.graph, folder.file("b.xmodel"), out)))
    k.export_ = textOf(out);
  return k;
}

bool has(const std::string &text, const char *part) { return text.find(part) != std::string::npos; }

FileOp fixed(std::string name, std::string type, Attrs attrs, std::vector<int64_t> shape, std::string from) {
  FileOp op{name, type, std::move(attrs), {}, std::move(shape), 2, 8};
  op.tensorAttrs = {{"fix_point", attr::i32(4)}, {"bit_width", attr::i32(8)}, {"if_signed", attr::boolean(true)}};
  if (!from.empty())
    op.args = {{"input", {from}}};
  return op;
}

FileOp source() {
  return fixed("x", "data-fix", {{"shape", attr::i32s({1, 4, 4, 1})}, {"data_type", attr::string("XINT8")}},
               {1, 4, 4, 1}, "");
}
} // namespace

TEST(XmodelForeign, IntegerScaleIsKeptAndWritten) {
  FileOp op =
      fixed("u", "upsample-fix", {{"scale", attr::i32s({2, 2})}, {"mode", attr::string("NEAREST")}}, {1, 8, 8, 1}, "x");
  Kept k = keep(xmodel({source(), op}));
  ASSERT_TRUE(k.graph);
  EXPECT_TRUE(has(k.said, "1; the first is 'u' (upsample-fix: attribute 'scale' has the wrong kind: [2, 2]"));
  EXPECT_EQ(k.export_, "");
  EXPECT_EQ(k.graph->lookup("u")->def()->getInts("scale"), (std::vector<int64_t>{2, 2}));
}

TEST(XmodelForeign, ModeAsANumberIsKeptAndWritten) {
  FileOp op =
      fixed("p", "pool-fix", {{"type", attr::i32(0)}, {"kernel", attr::i32s({2, 2})}, {"stride", attr::i32s({2, 2})}},
            {1, 2, 2, 1}, "x");
  EXPECT_EQ(keep(xmodel({source(), op})).export_, "");
}

TEST(XmodelForeign, MissingAttributeIsRefusedAtExport) {
  FileOp op =
      fixed("p", "pool-fix", {{"type", attr::string("MAX")}, {"stride", attr::i32s({2, 2})}}, {1, 2, 2, 1}, "x");
  Kept k = keep(xmodel({source(), op}));
  EXPECT_TRUE(has(k.said, "attribute 'kernel' is required"));
  EXPECT_TRUE(has(k.export_, "'p'") && has(k.export_, "libxir would not read this op again")) << k.export_;
}

TEST(XmodelForeign, ListOfAnotherKindIsRefusedAtExport) {
  FileOp op =
      fixed("p", "pool-fix",
            {{"type", attr::string("MAX")}, {"kernel", field(16, packed(1, {2, 2}))}, {"stride", attr::i32s({2, 2})}},
            {1, 2, 2, 1}, "x");
  EXPECT_TRUE(has(keep(xmodel({source(), op})).export_, "attribute 'kernel' has the wrong kind"));
}

TEST(XmodelForeign, UnknownDataTypeIsKeptAndRefusedAtExport) {
  FileOp op = relu("r", "x");
  op.dataType = 0, op.bits = 0;
  Kept k = keep(xmodel({input(), op}));
  ASSERT_TRUE(k.graph);
  EXPECT_EQ(k.graph->lookup("r")->type().str(), "none<1x4>");
  EXPECT_TRUE(has(k.export_, "'r'")) << k.export_;
}

TEST(XmodelForeign, TextFormKeepsTheMark) {
  FileOp op = fixed("p", "pool-fix", {{"type", attr::string("MAX")}}, {1, 2, 2, 1}, "x");
  Kept k = keep(xmodel({source(), op}));
  auto again = parse(textOf(*k.graph));
  ASSERT_TRUE(again);
  EXPECT_EQ(textOf(*again), textOf(*k.graph));
}

TEST(XmodelForeign, OpsOfLaterReleasesDoNotGainAttributes) {
  FileOp op{"g", "gelu", {}, {{"input", {"x"}}}}; // libxir 2.5 would ask for shape and data_type
  Kept k = keep(xmodel({input(), op}));
  ASSERT_TRUE(k.graph);
  EXPECT_EQ(k.export_, "");
  TemporaryFolder folder;
  DiagEngine loud(&llvm::errs());
  ASSERT_TRUE(succeeded(exportXmodel(*k.graph, folder.file("b.xmodel"), loud)));
  auto bytes = readFile(folder.file("b.xmodel"), loud);
  EXPECT_EQ(llvm::StringRef(*bytes).count("data_type"), 1u); // that of x
}
