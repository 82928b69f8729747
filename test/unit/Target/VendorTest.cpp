// Real files: what the vendor's compiler did against what is predicted.
#include "dpuopt/Driver/Conformance.h"
#include "llvm/Support/FileSystem.h"
#include <gtest/gtest.h>

using namespace dpuopt;

static const std::string Vendor = DPUOPT_SHARED_DATA "/vendor";

namespace {
std::string describe(const ConformanceRow &row) {
  std::string text = row.file + " " + row.source + ": " + rowStatusName(row.status) + " " + row.reason;
  for (const Disagreement &d : row.result.differences)
    text += "\n  " + d.kind + " " + d.subject + ": expected '" + d.expected + "', got '" + d.got + "' " + d.rule;
  return text;
}

class VendorFiles : public testing::Test {
protected:
  void SetUp() override {
    if (!llvm::sys::fs::exists(Vendor))
      GTEST_SKIP() << "no vendor files in the shared data";
    DiagEngine diags(&llvm::errs());
    auto all = checkConformance({Vendor}, diags);
    ASSERT_TRUE(bool(all));
    rows = std::move(*all);
  }
  std::vector<ConformanceRow> rows;
};
} // namespace

TEST_F(VendorFiles, AllConform) {
  unsigned compiled = 0, pairs = 0, reports = 0, ops = 0;
  for (const ConformanceRow &row : rows) {
    if (row.status == RowStatus::Skipped || row.status == RowStatus::Error)
      continue;
    EXPECT_EQ(row.status, RowStatus::Conforms) << describe(row);
    ++(row.isReport ? reports : row.source.empty() ? compiled : pairs);
    ops += row.result.ops;
  }
  EXPECT_EQ(compiled, 20u);
  EXPECT_EQ(pairs, 6u);
  EXPECT_EQ(reports, 2u);
  EXPECT_GT(ops, 1500u);
}

TEST_F(VendorFiles, AnEmptyGraphIsARow) {
  auto row = llvm::find_if(rows, [](const ConformanceRow &r) { return r.status == RowStatus::Error; });
  ASSERT_NE(row, rows.end());
  EXPECT_NE(row->file.find("ygan.xmodel"), std::string::npos);
  EXPECT_NE(row->reason.find("empty graph"), std::string::npos);
}
