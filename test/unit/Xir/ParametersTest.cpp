//===- ParametersTest.cpp - constants in the parameters of DPU subgraphs -----------===//
#include "Helpers.h"
#include <cmath>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {
/// A const-fix `name` of four int8 without data, at `address` of register `reg`.
FileOp constant(std::string name, int64_t reg, int64_t address, Attrs more = {}) {
  FileOp op{
      name, "const-fix", {{"shape", attr::i32s({4})}, {"data_type", attr::string("XINT8")}, {"data", attr::bytes("")}},
      {},   {4},         2,
      8};
  op.tensorAttrs = {{"fix_point", attr::i32(5)},
                    {"bit_width", attr::i32(8)},
                    {"if_signed", attr::boolean(true)},
                    {"reg_id", attr::i32(reg)},
                    {"ddr_addr", attr::i32(address)}};
  op.tensorAttrs.insert(op.tensorAttrs.end(), more.begin(), more.end());
  return op;
}

/// map<string, bytes> with one entry.
std::string blobs(std::string reg, std::string bytes) {
  return field(27, field(1, field(1, reg) + field(2, field(1, bytes))));
}

std::string subgraph(std::string name, std::vector<std::string> ops, std::string parameters,
                     Attrs dpu = {{"dpu_name", attr::string("DPUCZDX8G_ISA1_B4096")}}) {
  std::string out = field(1, name);
  for (const std::string &op : ops)
    out += field(3, op);
  Attrs list = {{"device", attr::string("DPU")}};
  list.insert(list.end(), dpu.begin(), dpu.end());
  if (!parameters.empty())
    list.push_back({"reg_id_to_parameter_value", parameters});
  return field(10, out + attrs(5, list));
}

std::string file(const std::vector<FileOp> &ops, const std::string &children) {
  std::string out = field(1, "g");
  for (const FileOp &op : ops)
    out += field(5, op.bytes());
  return out + field(10, field(1, "root") + children);
}

struct Read {
  std::unique_ptr<Graph> graph;
  std::string said;

  /// The constant's numbers; empty if it has none.
  std::vector<int64_t> numbers(llvm::StringRef name) const {
    const Tensor *t = constantOf(graph->lookup(name));
    return t ? t->toInts() : std::vector<int64_t>();
  }
};

Read read(const std::string &bytes) {
  TemporaryFolder folder;
  DiagEngine diags;
  auto g = importXmodel(folder.write("a.xmodel", bytes), diags);
  EXPECT_TRUE(static_cast<bool>(g)) << textOf(diags);
  return {g ? std::move(*g) : nullptr, textOf(diags)};
}

using Ints = std::vector<int64_t>;
const std::string EightBytes("\x01\x02\x03\x04\xff\xfe\x80\x7f", 8);
} // namespace

TEST(XmodelParameters, AConstantIsASliceOfItsSubgraphsBlob) {
  Read r =
      read(file({constant("w", 0, 4), constant("b", 0, 0)}, subgraph("s", {"w", "b"}, blobs("REG_0", EightBytes))));
  ASSERT_TRUE(r.graph);
  EXPECT_EQ(r.numbers("w"), (Ints{-1, -2, -128, 127}));
  EXPECT_EQ(r.numbers("b"), (Ints{1, 2, 3, 4}));
  EXPECT_EQ(r.graph->lookup("w")->type().str(), "q8.5<4>");
  const Blob &w = constantOf(r.graph->lookup("w"))->storage(), &b = constantOf(r.graph->lookup("b"))->storage();
  EXPECT_EQ(w.bytes().data(), b.bytes().data() + 4); // nothing was copied
  EXPECT_EQ(r.said, "");
}

TEST(XmodelParameters, ExportingWritesTheEmptyDataAndTheBlobAgain) {
  std::string bytes = file({constant("w", 0, 4)}, subgraph("s", {"w"}, blobs("REG_0", EightBytes)));
  Read r = read(bytes);
  TemporaryFolder folder;
  DiagEngine loud(&llvm::errs());
  ASSERT_TRUE(succeeded(exportXmodel(*r.graph, folder.file("b.xmodel"), loud)));
  auto again = readFile(folder.file("b.xmodel"), loud);
  ASSERT_TRUE(static_cast<bool>(again));
  EXPECT_EQ(llvm::StringRef(*again).count(EightBytes), 1u);
  EXPECT_EQ(textOf(*read(*again).graph), textOf(*r.graph));
}

TEST(XmodelParameters, EverySubgraphHasItsOwn) {
  Read r = read(file({constant("v", 0, 0), constant("w", 0, 0)},
                     subgraph("s", {"v"}, blobs("REG_0", "abcd")) + subgraph("t", {"w"}, blobs("REG_0", "ABCD"))));
  EXPECT_EQ(r.numbers("v"), (Ints{'a', 'b', 'c', 'd'}));
  EXPECT_EQ(r.numbers("w"), (Ints{'A', 'B', 'C', 'D'}));
}

TEST(XmodelParameters, OfTheParentSubgraph) {
  std::string leaf = field(10, field(1, "leaf") + field(3, "w"));
  std::string parent = field(10, field(1, "s") + leaf +
                                     attrs(5, {{"dpu_name", attr::string("DPUCZDX8G_ISA1_B512")},
                                               {"reg_id_to_parameter_value", blobs("REG_0", "abcd")}}));
  EXPECT_EQ(read(file({constant("w", 0, 0)}, parent)).numbers("w"), (Ints{'a', 'b', 'c', 'd'}));
}

TEST(XmodelParameters, OtherRegisters) {
  Read r = read(file({constant("w", 2, 0)}, subgraph("s", {"w"}, blobs("REG_2", "abcd"))));
  EXPECT_EQ(r.numbers("w"), (Ints{'a', 'b', 'c', 'd'}));
}

TEST(XmodelParameters, OverlappingConstantsShareBytes) {
  Read r =
      read(file({constant("v", 0, 0), constant("w", 0, 2)}, subgraph("s", {"v", "w"}, blobs("REG_0", EightBytes))));
  EXPECT_EQ(r.numbers("v"), (Ints{1, 2, 3, 4}));
  EXPECT_EQ(r.numbers("w"), (Ints{3, 4, -1, -2}));
}

/// A constant that stays without numbers, and the warning that says why.
static void expectWithout(const std::string &bytes, const char *why) {
  Read r = read(bytes);
  ASSERT_TRUE(r.graph);
  EXPECT_TRUE(r.graph->lookup("w")->def()->is("xir.const-fix"));
  EXPECT_NE(r.said.find("constants without numbers: 1; the first is 'w'"), std::string::npos) << r.said;
  EXPECT_NE(r.said.find(why), std::string::npos) << r.said;
}

TEST(XmodelParameters, BlobThatIsTooShort) {
  expectWithout(file({constant("w", 0, 5)}, subgraph("s", {"w"}, blobs("REG_0", EightBytes))),
                "it needs 4 bytes at 5, the parameters have 8");
  expectWithout(file({constant("w", 0, INT32_MAX)}, subgraph("s", {"w"}, blobs("REG_0", EightBytes))), "at 2147483647");
  expectWithout(file({constant("w", 0, -1)}, subgraph("s", {"w"}, blobs("REG_0", EightBytes))), "at -1");
}

TEST(XmodelParameters, MissingBlob) {
  expectWithout(file({constant("w", 0, 0)}, subgraph("s", {"w"}, "")), "its subgraph has no parameters");
  expectWithout(file({constant("w", 1, 0)}, subgraph("s", {"w"}, blobs("REG_0", EightBytes))),
                "its subgraph has no parameters for REG_1");
}

TEST(XmodelParameters, AttributesOfOtherKinds) {
  expectWithout(file({constant("w", 0, 0)}, subgraph("s", {"w"}, attr::string("blob"))), "is no map of bytes");
  FileOp odd = constant("w", 0, 0);
  odd.tensorAttrs[3].second = attr::string("0");
  expectWithout(file({odd}, subgraph("s", {"w"}, blobs("REG_0", EightBytes))), "no integers");
}

TEST(XmodelParameters, OtherDpusArrangeThemInOtherWays) {
  auto with = [](Attrs dpu) {
    return file({constant("w", 0, 0)}, subgraph("s", {"w"}, blobs("REG_0", EightBytes), dpu));
  };
  std::string named = attr::string("DPUCVDX8G_ISA3_C32B6");
  expectWithout(with({{"dpu_name", named}}), "how the parameters of 'DPUCVDX8G_ISA3_C32B6' are arranged is not known");
  expectWithout(with({{"dpu_fingerprint", number(8, 0x0603000B16013831)}}), "'unknown DPU'");
  expectWithout(with({}), "'unknown DPU'");
  // The fingerprint knows better than the name.
  EXPECT_EQ(read(with({{"dpu_name", named}, {"dpu_fingerprint", number(8, 0x01000020F6012203)}})).numbers("w"),
            (Ints{1, 2, 3, 4}));
}

TEST(XmodelParameters, Strides) {
  std::string children = subgraph("s", {"w"}, blobs("REG_0", EightBytes));
  EXPECT_EQ(read(file({constant("w", 0, 0, {{"stride", attr::i32s({1})}})}, children)).numbers("w"),
            (Ints{1, 2, 3, 4}));
  expectWithout(file({constant("w", 0, 0, {{"stride", attr::i32s({2})}})}, children), "not next to each other");
  expectWithout(file({constant("w", 0, 0, {{"stride", attr::i32s({1, 1})}})}, children), "not next to each other");
}

TEST(XmodelParameters, WithoutAddressThereIsNothingToSay) {
  FileOp op = constant("w", 0, 0);
  op.tensorAttrs.resize(3);
  Read r = read(file({op}, subgraph("s", {"w"}, blobs("REG_0", EightBytes))));
  EXPECT_TRUE(r.graph->lookup("w")->def()->is("xir.const-fix"));
  EXPECT_EQ(r.said, "");
}

TEST(XmodelParameters, ChangedNumbersAreNotLostInSilence) {
  Read r = read(file({constant("w", 0, 0)}, subgraph("s", {"w"}, blobs("REG_0", "abcd"))));
  Op &w = *r.graph->lookup("w")->def();
  w.setAttr("value", Attr::tensor(Tensor(w.result()->type(), Blob::copy(llvm::StringRef("abce")))));
  DiagEngine diags;
  EXPECT_TRUE(failed(checkExportable(*r.graph, diags)));
  EXPECT_NE(textOf(diags).find("is not what its subgraph's parameters have"), std::string::npos);
  r.graph->attrs().erase("subgraphs");
  DiagEngine again;
  EXPECT_TRUE(failed(checkExportable(*r.graph, again)));
  EXPECT_NE(textOf(again).find("should be in its subgraph's parameters"), std::string::npos);
}

//===-- The vendor's compiled files and what they were made from -----------------------===//

namespace {
struct Twin {
  const char *quantized, *compiled;
};

/// The fixed constants of a quantized file, by the name of the float constant.
std::map<std::string, Tensor> fixedConstants(const Graph &g) {
  std::map<std::string, Tensor> out;
  for (const Op &op : g.ops()) {
    const Tensor *t = op.is("xir.fix") ? constantOf(op.operand(0)) : nullptr;
    ElemType e = op.result()->type().elemType();
    if (!t || !e.isFix() || e.bits != 8)
      continue;
    std::vector<int8_t> q;
    for (int64_t i = 0; i < t->numElements(); ++i)
      q.push_back(static_cast<int8_t>(std::lround(std::ldexp(t->at(i), e.fixPoint))));
    out.emplace(op.operand(0)->name(), Tensor(op.result()->type(), Blob::adopt(std::move(q))));
  }
  return out;
}
} // namespace

static std::vector<uint8_t> sorted(const Blob &b) {
  std::vector<uint8_t> out = b.bytes().vec();
  llvm::sort(out);
  return out;
}

TEST(XmodelParameters, VendorFilesHaveTheNumbersOfTheirSources) {
  static const Twin twins[] = {
      {"zerodce/ZeroDCEQ_int.xmodel", "zerodce/zdce.xmodel"},
      {"mnist_cnn/CNN_int.xmodel", "mnist_cnn/CNN_kv260.xmodel"},
      {"cifar_net/Net_int.xmodel", "cifar_net/CNN_kv260.xmodel"},
      {"pointpillars/VoxelNet_int.xmodel", "pointpillars/pointpillars_custom_op.xmodel"},
      {"pointpillars/VoxelNet_int.xmodel", "pointpillars/pointpillars_custom_op_3.0.0.xmodel"},
      {"effnet_block/ResidualBlock_int.xmodel",
       "effnet_block/ResidualBlock-in_136x14x14-out_136-k_3-s_1-act_h_swish-use_se_True.pth.xmodel"}};
  if (vendorFiles(".xmodel").empty())
    GTEST_SKIP() << "0 vendor files checked: the shared data folder is not here";
  for (const Twin &twin : twins) {
    DiagEngine loud(&llvm::errs());
    std::string folder = DPUOPT_SHARED_DATA "/vendor/";
    auto q = importXmodel(folder + twin.quantized, loud), c = importXmodel(folder + twin.compiled, loud);
    ASSERT_TRUE(q && c) << twin.compiled;
    std::map<std::string, Tensor> sources = fixedConstants(**q);
    unsigned restored = 0, same = 0, permuted = 0, unnamed = 0;
    for (const Op &op : (*c)->ops()) {
      if (!op.getBool("in_parameters"))
        continue;
      ++restored;
      std::string key = op.getString("op_name", op.result()->name());
      // 2.5 appends _new, a flattened weight is (reshaped).
      for (const char *suffix : {"(reshaped)", "_new"})
        if (llvm::StringRef(key).endswith(suffix) && !sources.count(key))
          key.resize(key.size() - strlen(suffix));
      auto it = sources.find(key);
      if (it == sources.end()) {
        ++unnamed;
        continue;
      }
      const Blob &ours = op.getTensor("value")->storage(), &theirs = it->second.storage();
      if (ours == theirs) {
        ++same;
        continue;
      }
      // 1.4 moves the transpose before a flatten into the weight of the matmul after it.
      ++permuted;
      EXPECT_EQ(sorted(ours), sorted(theirs)) << key;
      EXPECT_NE(op.result()->type().rank(), it->second.type().rank()) << key;
      printf("  %s: %s, in the source %s\n", key.c_str(), op.result()->type().str().c_str(),
             it->second.type().str().c_str());
    }
    printf("%s: %u constants restored, %u byte-identical to the source's, %u the same numbers in another order, %u of "
           "other names\n",
           twin.compiled, restored, same, permuted, unnamed);
    EXPECT_GT(same, 0u) << twin.compiled;
    EXPECT_EQ(unnamed, 0u) << twin.compiled;
  }
}

TEST(XmodelParameters, VendorFilesRestoreEveryConstant) {
  std::vector<std::string> files = vendorFiles(".xmodel");
  if (files.empty())
    GTEST_SKIP() << "0 vendor files checked: the shared data folder is not here";
  unsigned restored = 0;
  for (const std::string &path : files) {
    DiagEngine diags;
    auto g = importXmodel(path, diags);
    ASSERT_TRUE(g) << path;
    for (const Op &op : (*g)->ops()) {
      restored += op.getBool("in_parameters");
      EXPECT_FALSE(op.is("xir.const-fix")) << path << ": " << op.result()->name();
    }
  }
  printf("%u constants restored in %zu vendor files\n", restored, files.size());
  EXPECT_GT(restored, 0u);
}
