//===- DiffTest.cpp - diffGraphs on the vendor's files -----------------------------===//
#include "dpuopt/IR/Diff.h"
#include "Helpers.h"

using namespace dpuopt;
using namespace dpuopt::test;

/// A file against itself with every value renamed by number: all ops pair up, whatever
/// the structure.
TEST(XmodelDiff, VendorFilesPairUpModuloNames) {
  std::vector<std::string> files = vendorFiles(".xmodel");
  if (files.empty())
    GTEST_SKIP() << "0 vendor files checked: the shared data folder is not here";
  DiffOptions options;
  options.ignoreNames = true;
  options.ignored = {DiffKind::Subgraphs}; // they name the ops
  for (const std::string &path : files) {
    DiagEngine loud(&llvm::errs());
    auto g = importXmodel(path, loud);
    ASSERT_TRUE(g) << path;
    std::unique_ptr<Graph> renamed = (*g)->clone();
    unsigned n = 0;
    for (Op &op : renamed->ops()) {
      op.removeAttr("op_name");
      op.result()->setName("v" + std::to_string(n++ * 7919 % 100003));
    }
    GraphDiff d = diffGraphs(**g, *renamed, options);
    EXPECT_EQ(d.pairedByStructure, (*g)->size()) << path;
    EXPECT_TRUE(d.same()) << path << ": " << d.differences[0].where << ": " << d.differences[0].what;
  }
}
