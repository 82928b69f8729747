//===- Helpers.h - small files of every kind for the Data tests -------------------===//
#ifndef DPUOPT_TEST_DATA_HELPERS_H
#define DPUOPT_TEST_DATA_HELPERS_H

#include "dpuopt/Data/DataSource.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>

namespace dpuopt::test {

/// A folder that disappears with the test.
class Folder : public testing::Test {
protected:
  void SetUp() override { ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("dpuopt-data", folder)); }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(const std::string &name) const { return (folder + "/" + name).str(); }
  std::string write(const std::string &name, llvm::StringRef content) const {
    std::error_code ec;
    llvm::raw_fd_ostream os(path(name), ec);
    os << content;
    return path(name);
  }

  /// Opens and loads sample `i`, which must work.
  Sample sample(const std::string &spec, llvm::ArrayRef<int64_t> shape, size_t i = 0) {
    DiagEngine diags(&llvm::errs());
    auto source = openDataSource(spec, shape, diags);
    EXPECT_TRUE(bool(source)) << spec;
    if (!source)
      return {};
    auto loaded = (*source)->load(i, diags);
    EXPECT_TRUE(bool(loaded)) << spec;
    return loaded ? *loaded : Sample();
  }
  std::vector<float> values(const std::string &spec, llvm::ArrayRef<int64_t> shape, size_t i = 0) {
    Sample s = sample(spec, shape, i);
    EXPECT_EQ(s.input.shape(), shape);
    llvm::ArrayRef<float> v = s.input.as<float>();
    return {v.begin(), v.end()};
  }
  size_t size(const std::string &spec, llvm::ArrayRef<int64_t> shape) {
    DiagEngine diags(&llvm::errs());
    auto source = openDataSource(spec, shape, diags);
    return source ? (*source)->size() : 0;
  }
  /// Opens and loads sample 0, one of which must fail; what was said.
  std::string failing(const std::string &spec, llvm::ArrayRef<int64_t> shape) {
    DiagEngine diags;
    auto source = openDataSource(spec, shape, diags);
    bool loaded = source && (*source)->load(0, diags);
    EXPECT_FALSE(loaded) << spec;
    EXPECT_EQ(diags.errors(), 1u) << spec;
    std::string out;
    llvm::raw_string_ostream os(out);
    for (const Diagnostic &d : diags.all())
      d.print(os);
    return os.str();
  }

  llvm::SmallString<128> folder;
};

#define EXPECT_HAS(haystack, needle)                                                                                   \
  EXPECT_NE((haystack).find(needle), std::string::npos) << "'" << (needle) << "' is not in:\n" << (haystack)

} // namespace dpuopt::test
#endif
