//===- SupportTest.cpp - blobs, files and child processes --------------------------===//
#include "dpuopt/Support/Blob.h"
#include "dpuopt/Support/File.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

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
