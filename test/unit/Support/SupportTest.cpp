//===- SupportTest.cpp - blobs, files and child processes --------------------------===//
#include "dpuopt/Support/Blob.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>
#include <thread>

using namespace dpuopt;

static std::string scratch(llvm::StringRef name) {
  static llvm::SmallString<128> dir = [] {
    llvm::SmallString<128> d;
    (void)llvm::sys::fs::createUniqueDirectory("dpuopt-support", d);
    return d;
  }();
  llvm::SmallString<128> file = dir;
  llvm::sys::path::append(file, name);
  return file.str().str();
}

TEST(Diagnostic, Form) {
  std::string text;
  llvm::raw_string_ostream os(text);
  DiagEngine diags(&os);
  diags.setFile("m.onnx");
  diags.error(Location{"conv1", 0}, "kernel is 17x3, 1-16 is supported").rule("conv2d.kernel").note("split the kernel");
  EXPECT_EQ(os.str(), "m.onnx: node 'conv1': error: kernel is 17x3, 1-16 is supported [conv2d.kernel]\n"
                      "m.onnx: note: split the kernel\n");
}
TEST(Diagnostic, RemarksAreKeptButNotPrinted) {
  std::string text;
  llvm::raw_string_ostream os(text);
  DiagEngine diags(&os);
  diags.remark("x");
  EXPECT_EQ(os.str(), "");
  EXPECT_EQ(diags.all().size(), 1u);
  EXPECT_EQ(diags.errors(), 0u);
}

TEST(Blob, SliceSharesAndWritingCopies) {
  Blob whole = Blob::copy("hello");
  Blob part = whole.slice(1, 3);
  EXPECT_EQ(part.bytes().data(), whole.bytes().data() + 1);
  part.mutableBytes()[0] = 'X';
  EXPECT_EQ(part.str(), "Xll");
  EXPECT_EQ(whole.str(), "hello");
}
/// One more than the source's first byte, when it is read.
static Blob plusOne(const Blob &source, int &computed) {
  return Blob::deferred(1, source, [&computed](const Blob &b) {
    ++computed;
    return Blob::copy(std::vector<uint8_t>{static_cast<uint8_t>(b.bytes()[0] + 1)});
  });
}

TEST(Blob, DeferredBytesAreComputedOnceByManyThreads) {
  int computed = 0;
  Blob later = plusOne(Blob::zeros(1), computed);
  EXPECT_EQ(later.size(), 1u);
  EXPECT_EQ(computed, 0);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([copy = later] { EXPECT_EQ(copy.bytes()[0], 1); });
  for (std::thread &t : readers)
    t.join();
  EXPECT_EQ(computed, 1);
}

TEST(Blob, WritingADeferredBlobLeavesItsCopiesAlone) {
  int computed = 0;
  Blob later = plusOne(Blob::zeros(1), computed), copy = later;
  later.mutableBytes()[0] = 9;
  EXPECT_EQ(later.bytes()[0], 9);
  EXPECT_EQ(copy.slice(0, 1).bytes()[0], 1);
  EXPECT_EQ(computed, 1);
}

TEST(Blob, LongChainsOfDeferredBlobsDoNotRecurseDeeply) {
  int computed = 0;
  Blob b = Blob::zeros(1);
  for (int i = 0; i < 200000; ++i)
    b = plusOne(b, computed);
  EXPECT_EQ(b.bytes()[0], 200000 % 256);
  EXPECT_EQ(computed, 200000);
}

TEST(Blob, MissingFileIsNamed) {
  DiagEngine diags;
  EXPECT_FALSE(Blob::mapFile("/nonexistent/file", diags));
  EXPECT_NE(diags.all()[0].message.find("/nonexistent/file"), std::string::npos);
}
TEST(Blob, DirectoryIsRefused) {
  DiagEngine diags;
  EXPECT_FALSE(Blob::mapFile("/tmp", diags));
}

TEST(WriteFile, AppearsWhole) {
  DiagEngine diags;
  std::string path = scratch("a.txt");
  ASSERT_TRUE(succeeded(writeFileAtomically(path, diags, [](auto &os) { return os << "abc", success(); })));
  EXPECT_EQ(*readFile(path, diags), "abc");
}
TEST(WriteFile, FailureLeavesTheOldFileAndNoTemporary) {
  DiagEngine diags;
  std::string path = scratch("sub");
  ASSERT_FALSE(llvm::sys::fs::create_directory(path));
  path += "/b.txt";
  ASSERT_TRUE(succeeded(writeFileAtomically(path, diags, [](auto &os) { return os << "old", success(); })));
  EXPECT_TRUE(failed(writeFileAtomically(path, diags, [](auto &os) { return os << "new", failure(); })));
  EXPECT_EQ(*readFile(path, diags), "old");
  std::error_code ec;
  unsigned files = 0;
  for (llvm::sys::fs::directory_iterator it(scratch("sub"), ec), end; it != end && !ec; it.increment(ec))
    ++files;
  EXPECT_EQ(files, 1u);
}
TEST(WriteFile, UnwritableFolderIsNamed) {
  DiagEngine diags;
  EXPECT_TRUE(failed(writeFileAtomically("/nonexistent/x", diags, [](auto &) { return success(); })));
  EXPECT_NE(diags.all()[0].message.find("/nonexistent/x"), std::string::npos);
}
