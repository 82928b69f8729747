//===- Helpers.h - samples for the Calibrate tests ---------------------------------------===//
#ifndef DPUOPT_TEST_CALIBRATE_HELPERS_H
#define DPUOPT_TEST_CALIBRATE_HELPERS_H

#include "Quant/Helpers.h"
#include "dpuopt/Calibrate/Samples.h"
#include "llvm/Support/FileSystem.h"
#include <fstream>

namespace dpuopt::test {

/// A test whose samples are numbers in a file.
struct SampleTest : testing::Test {
  SampleTest() { EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("samples", "bin", path)); }
  ~SampleTest() override { llvm::sys::fs::remove(path); }
  /// The samples' numbers, one sample after the other.
  void write(const std::vector<float> &numbers) {
    std::ofstream(path.c_str(), std::ios::binary)
        .write(reinterpret_cast<const char *>(numbers.data()),
               static_cast<std::streamsize>(numbers.size() * sizeof(float)));
  }
  Samples samples(const Graph &g) {
    auto opened = Samples::open(g, (path + ":dtype=f32").str(), 0, diags);
    EXPECT_TRUE(bool(opened)) << text(diags);
    return opened ? *opened : Samples();
  }
  llvm::SmallString<128> path;
  DiagEngine diags;
};

} // namespace dpuopt::test
#endif
