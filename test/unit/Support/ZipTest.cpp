//===- ZipTest.cpp - archives that others can open ---------------------------------===//
#include "dpuopt/Support/Zip.h"
#include "dpuopt/Support/Process.h"
#include "llvm/Support/FileSystem.h"
#include <fstream>
#include <gtest/gtest.h>

using namespace dpuopt;

static std::string zipOf(llvm::ArrayRef<ZipFile> files) {
  std::string text;
  llvm::raw_string_ostream os(text);
  EXPECT_TRUE(writeZip(files, os));
  return os.str();
}

TEST(Zip, PythonReadsIt) {
  if (!llvm::sys::fs::exists("/usr/bin/python3"))
    GTEST_SKIP() << "no Python";
  const std::string file = testing::TempDir() + "/dpuopt-zip-test.zip";
  std::ofstream(file, std::ios::binary) << zipOf({{"case/a b.txt", Blob::copy(llvm::StringRef("hello\n"))},
                                                  {"case/empty", Blob()},
                                                  {"case/\xc3\xa4", Blob::zeros(70000)}});
  ProcessResult r = runProcess("/usr/bin/python3",
                               {"-c",
                                "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nprint(z.testzip(), "
                                "[(i.filename.encode(), i.file_size) for i in z.infolist()], z.read('case/a b.txt'))",
                                file});
  EXPECT_EQ(r.out, "None [(b'case/a b.txt', 6), (b'case/empty', 0), (b'case/\\xc3\\xa4', 70000)] b'hello\\n'\n")
      << r.err;
  llvm::sys::fs::remove(file);
}
TEST(Zip, SameFilesSameBytes) {
  const std::vector<ZipFile> files = {{"a", Blob::copy(llvm::StringRef("x"))}};
  EXPECT_EQ(zipOf(files), zipOf(files));
}
TEST(Zip, WhatDoesNotFitIsRefused) {
  std::string text;
  llvm::raw_string_ostream os(text);
  EXPECT_FALSE(writeZip({ZipFile{std::string(65536, 'n'), Blob()}}, os));
  EXPECT_TRUE(os.str().empty());
}
