// Real files: what the vendor's compiler did against what is predicted.
#include "Build.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/Support/FileSystem.h"
#include <set>

using namespace dpuopt;
using namespace dpuopt::test;

static const std::string Vendor = DPUOPT_SHARED_DATA "/vendor/";

namespace {
struct Row {
  std::string file, fingerprint, version;
};

/// The compiled files of INDEX.tsv.
std::vector<Row> compiledFiles() {
  std::vector<Row> rows;
  DiagEngine diags;
  if (!llvm::sys::fs::exists(Vendor + "INDEX.tsv"))
    return rows;
  Result<std::string> text = readFile(Vendor + "INDEX.tsv", diags);
  llvm::SmallVector<llvm::StringRef, 64> lines;
  llvm::StringRef(*text).split(lines, '\n');
  for (llvm::StringRef line : lines) {
    llvm::SmallVector<llvm::StringRef, 16> cells;
    line.split(cells, '\t');
    if (cells.size() > 5 && cells[2] == "compiled_dpuczdx8g")
      rows.push_back({cells[0].str(), cells[4].str(), cells[5].drop_front(10).take_front(3).str()}); // xcompiler.3.0.0
  }
  return rows;
}

/// "DPU subgraph_x" of the children of a compiled file's root.
std::vector<std::string> realSubgraphs(const Graph &g) {
  std::vector<std::string> lines;
  if (const Attr *list = g.attr("subgraphs"))
    for (const Attr &s : list->asList())
      lines.push_back(s.asMap().at("attrs").asMap().at("device").asString() + " " + s.asMap().at("name").asString());
  return lines;
}

std::vector<std::string> subgraphs(const Partition &p) {
  std::vector<std::string> lines;
  for (const Subgraph &s : p.subgraphs)
    lines.push_back(std::string(deviceName(s.device)) + " " + s.name);
  return lines;
}

std::unique_ptr<Graph> import(const std::string &file) {
  DiagEngine diags(&llvm::errs());
  auto g = importXmodel(Vendor + file, diags);
  EXPECT_TRUE(bool(g)) << file;
  return g ? std::move(*g) : nullptr;
}
} // namespace

TEST(Vendor, CompiledFilesRegroupToThemselves) {
  std::vector<Row> rows = compiledFiles();
  if (rows.empty())
    GTEST_SKIP() << "no vendor files in the shared data";
  EXPECT_EQ(rows.size(), 20u);
  for (const Row &row : rows) {
    auto g = import(row.file);
    ASSERT_TRUE(g);
    auto t = target(row.fingerprint, row.version);
    PartitionOptions options = partitionFor(*t);
    options.keepDevices = true;
    EXPECT_EQ(subgraphs(partitionGraph(*g, options)), realSubgraphs(*g)) << row.file;
  }
}

TEST(Vendor, RulesAgreeWithEveryDevice) {
  std::vector<Row> rows = compiledFiles();
  if (rows.empty())
    GTEST_SKIP() << "no vendor files in the shared data";
  unsigned fixedOps = 0, onCpu = 0;
  for (const Row &row : rows) {
    auto g = import(row.file);
    ASSERT_TRUE(g);
    auto t = target(row.fingerprint, row.version);
    PartitionOptions options = partitionFor(*t);
    options.keepDevices = true;
    Partition p = partitionGraph(*g, options);
    for (const FusedOp &op : p.fused->ops) {
      if (!llvm::StringRef(op.kind).endswith("-fix") || op.kind == "data-fix")
        continue;
      ++fixedOps;
      onCpu += op.device == Device::Cpu;
      std::vector<BrokenRule> broken = t->check(op);
      EXPECT_EQ(broken.empty(), op.device == Device::Dpu)
          << row.file << ": " << op.name << " is on " << deviceName(op.device)
          << (broken.empty() ? "" : ", but " + broken.front().str());
    }
  }
  EXPECT_GT(fixedOps, 450u);
  EXPECT_GT(onCpu, 5u);
}

namespace {
struct Source {
  const char *quantized, *compiled;
};

/// "DPU conv2d-fix name" of the ops of a compiled file, constants aside.
std::set<std::string> realOps(const Graph &g) {
  std::set<std::string> lines;
  auto isConst = [](const Op &op) { return op.isConst() || op.is("xir.const-fix"); };
  for (const Op &op : g.ops())
    if (!isConst(op) && !(op.is("xir.fix") && isConst(*op.operand(0)->def())))
      lines.insert(fmt::format("{} {} {}", op.getString("device"), xirType(op).str(), xirName(op)));
  return lines;
}

std::set<std::string> predictedOps(const Partition &p) {
  std::set<std::string> lines;
  for (const FusedOp &op : p.fused->ops)
    lines.insert(fmt::format("{} {} {}", deviceName(op.device), op.kind, op.name));
  for (const TransferOp &t : p.transfers)
    lines.insert(fmt::format("DPU {} {}", t.isUpload ? "upload" : "download", t.name));
  return lines;
}
} // namespace

TEST(Vendor, QuantizedFilesPartitionAsTheCompilerDid) {
  const Source sources[] = {
      {"zerodce/ZeroDCEQ_int.xmodel", "zerodce/zdce.xmodel"},
      {"mnist_cnn/CNN_int.xmodel", "mnist_cnn/CNN_kv260.xmodel"},
      {"cifar_net/Net_int.xmodel", "cifar_net/CNN_kv260.xmodel"},
      {"effnet_block/ResidualBlock_int.xmodel",
       "effnet_block/ResidualBlock-in_136x14x14-out_136-k_3-s_1-act_h_swish-use_se_True.pth.xmodel"},
      {"pointpillars/VoxelNet_int.xmodel", "pointpillars/pointpillars_custom_op.xmodel"},
      {"pointpillars/VoxelNet_int.xmodel", "pointpillars/pointpillars_custom_op_3.0.0.xmodel"}};
  std::vector<Row> rows = compiledFiles();
  if (rows.empty())
    GTEST_SKIP() << "no vendor files in the shared data";
  for (const Source &s : sources) {
    auto row = llvm::find_if(rows, [&](const Row &r) { return r.file == s.compiled; });
    ASSERT_NE(row, rows.end()) << s.compiled;
    auto quantized = import(s.quantized), compiled = import(s.compiled);
    ASSERT_TRUE(quantized && compiled);
    auto t = target(row->fingerprint, row->version);
    Partition p = partitionGraph(*quantized, partitionFor(*t));
    EXPECT_EQ(subgraphs(p), realSubgraphs(*compiled)) << s.compiled;
    EXPECT_EQ(predictedOps(p), realOps(*compiled)) << s.compiled;
  }
}
