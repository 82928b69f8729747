//===- ReplayTest.cpp - every input in fuzz/corpus through its harness -----------------===//
//
// What a fuzzer found once stays found: its input is in the corpus, and this runs it
// without a fuzzer. A broken promise ends the process, which is a failure of the run.
//
//===----------------------------------------------------------------------===//
#include "Harness.h"
#include "dpuopt/Support/Blob.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {
using Entry = void (*)(llvm::StringRef);

void replay(llvm::StringRef folder, Entry entry) {
  std::error_code ec;
  std::vector<std::string> files;
  for (llvm::sys::fs::directory_iterator it(DPUOPT_SOURCE_DIR "/fuzz/corpus/" + folder, ec), end; !ec && it != end;
       it.increment(ec))
    files.push_back(it->path());
  llvm::sort(files);
  ASSERT_FALSE(files.empty()) << "no inputs in fuzz/corpus/" << folder.str();
  for (const std::string &path : files) {
    SCOPED_TRACE(path);
    DiagEngine diags;
    auto bytes = Blob::mapFile(path, diags);
    ASSERT_TRUE(bytes);
    fprintf(stderr, "%s\n", llvm::sys::path::filename(path).str().c_str()); // the last one is the culprit
    entry(bytes->str());
  }
}
} // namespace

#define HARNESS(Name, folder)                                                                                          \
  TEST(Replay, Name) { replay(#folder, fuzz::fuzz##Name); }
#include "Harnesses.def"
