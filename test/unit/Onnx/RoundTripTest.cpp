//===- RoundTripTest.cpp - real models there and back --------------------------===//
//
// Every model of the shared collection: import, export, import again, and print
// and parse; each gives the same graph. And Debian's ONNX operator tests, when
// installed: our types never contradict the declared ones.
//
//===----------------------------------------------------------------------===//
#include "ModelBuilder.h"
#include "dpuopt/IR/Verifier.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace dpuopt;
using namespace dpuopt::test;
namespace fs = llvm::sys::fs;

/// All .onnx files below `folder`, sorted.
static std::vector<std::string> modelsIn(const std::string &folder) {
  std::vector<std::string> out;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(folder, ec), end; it != end && !ec; it.increment(ec))
    if (llvm::sys::path::extension(it->path()) == ".onnx")
      out.push_back(it->path());
  std::sort(out.begin(), out.end());
  return out;
}

static std::string printed(const Graph &g, SideData *side = nullptr) {
  std::string s;
  llvm::raw_string_ostream os(s);
  printGraph(g, os, side);
  return os.str();
}

static void expectRoundTrip(const std::string &path, const std::string &temporary) {
  SCOPED_TRACE(path);
  DiagEngine diags(nullptr);
  auto g = importOnnx(path, {}, diags);
  ASSERT_TRUE(g) << diags.all().back().message;
  EXPECT_TRUE(succeeded(verify(**g, diags)));
  std::string text = printed(**g);
  ASSERT_TRUE(succeeded(exportOnnx(**g, temporary, {}, diags)));
  auto again = importOnnx(temporary, {}, diags);
  ASSERT_TRUE(again) << diags.all().back().message;
  EXPECT_TRUE(printed(**again) == text);
}

TEST(OnnxRoundTrip, SharedModels) {
  std::vector<std::string> models = modelsIn(DPUOPT_SHARED_DATA "/models");
  if (models.empty())
    GTEST_SKIP() << "no models in " DPUOPT_SHARED_DATA "/models";
  llvm::SmallString<128> temporary;
  ASSERT_FALSE(fs::createTemporaryFile("dpuopt-roundtrip", "onnx", temporary));
  for (const std::string &path : models) {
    expectRoundTrip(path, temporary.str().str());
    DiagEngine diags(nullptr);
    auto g = importOnnx(path, {}, diags);
    ASSERT_TRUE(g);
    EXPECT_EQ(diags.errors() + diags.warnings(), 0u) << path << ": " << diags.all().front().message;
    SideData side;
    std::string text = printed(**g, &side);
    auto parsed = parseGraph(text, path, side, diags);
    ASSERT_TRUE(parsed) << diags.all().back().message;
    EXPECT_TRUE(printed(**parsed) == text) << path;
  }
  fs::remove(temporary);
}

TEST(OnnxRoundTrip, OperatorTestsOfTheDistribution) {
  const char *folder = "/usr/share/libonnx-testdata/data";
  std::vector<std::string> models = modelsIn(folder);
  if (models.empty())
    GTEST_SKIP() << "libonnx-testdata is not installed (no models in " << folder << ")";
  llvm::SmallString<128> temporary;
  ASSERT_FALSE(fs::createTemporaryFile("dpuopt-roundtrip", "onnx", temporary));
  for (const std::string &path : models) {
    expectRoundTrip(path, temporary.str().str());
    DiagEngine diags(nullptr);
    ASSERT_TRUE(importOnnx(path, {}, diags)) << path;
    for (const Diagnostic &d : diags.all())
      EXPECT_FALSE(llvm::StringRef(d.message).contains("is declared as")) << path << ": " << d.message;
  }
  fs::remove(temporary);
}
