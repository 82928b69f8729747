//===- InputTest.cpp - what a model is fed with ---------------------------------------===//
#include "Helpers.h"
#include "dpuopt/Data/InputSource.h"
#include "dpuopt/Data/TensorFiles.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

const ElemType q6 = ElemType::fix(8, 6);
const InputWanted stored{"x", Type(q6, {1, 2, 2, 2}), true}, real{"x", Type(ElemKind::F32, {1, 2, 2, 2}), false};
const std::string eight = "\1\2\3\4\5\6\7\xff";

class Input : public Folder {
protected:
  Sample load(const std::string &spec, const InputWanted &wanted, size_t i = 0, const DataOptions &defaults = {}) {
    DiagEngine diags(&llvm::errs());
    auto source = openInput({spec}, wanted, defaults, diags);
    EXPECT_TRUE(bool(source)) << spec;
    auto s = source ? (*source)->load(i, diags) : failure();
    EXPECT_TRUE(bool(s)) << spec;
    return s ? *s : Sample();
  }
  size_t count(const std::vector<std::string> &specs, const InputWanted &wanted) {
    DiagEngine diags(&llvm::errs());
    auto source = openInput(specs, wanted, {}, diags);
    return source ? (*source)->size() : 0;
  }
  std::string fails(const std::string &spec, const InputWanted &wanted) {
    DiagEngine diags;
    auto source = openInput({spec}, wanted, {}, diags);
    bool loaded = source && (*source)->load(0, diags);
    EXPECT_FALSE(loaded) << spec;
    EXPECT_EQ(diags.errors(), 1u);
    return diags.all().empty() ? "" : diags.all()[0].message;
  }
  std::string npy(const std::string &name, const Tensor &t) {
    DiagEngine diags(&llvm::errs());
    EXPECT_TRUE(succeeded(writeTensorFile(path(name), t, TensorFormat::Npy, diags)));
    return path(name);
  }
  std::string floats(const std::string &name, std::vector<float> v) {
    return write(name, llvm::StringRef(reinterpret_cast<const char *>(v.data()), v.size() * 4));
  }
};

TEST_F(Input, StoredIntegers) {
  Sample s = load(write("x.i8", eight), stored);
  EXPECT_EQ(s.input.type(), stored.type);
  EXPECT_EQ(s.input.toInts(), (std::vector<int64_t>{1, 2, 3, 4, 5, 6, 7, -1}));
}
TEST_F(Input, BinIsWhatItsSizeSays) {
  EXPECT_EQ(load(write("x.bin", eight), stored).input.elemType(), q6);
  EXPECT_EQ(load(floats("f.bin", std::vector<float>(8, 0.5f)), stored).input.elemType(), ElemKind::F32);
  EXPECT_HAS(fails(write("odd.bin", "abc"), stored), "8 bytes of integers or 32 bytes of f32, the file has 3");
}
TEST_F(Input, ManySamples) {
  std::string file = write("x.i8", eight + eight + eight);
  EXPECT_EQ(count({file}, stored), 3u);
  EXPECT_EQ(count({file + ":skip=1"}, stored), 2u);
  EXPECT_EQ(count({file + ":1", file}, stored), 4u);
  EXPECT_EQ(load(file, stored, 2).name, file + "[2]");
}
TEST_F(Input, LayoutOfRawFiles) {
  // Channels first in the file, last in the model.
  EXPECT_EQ(load(write("x.i8", eight) + ":nchw", stored).input.toInts(),
            (std::vector<int64_t>{1, 5, 2, 6, 3, 7, 4, -1}));
}
TEST_F(Input, ShapeOfNpySaysTheLayout) {
  InputWanted wide{"x", Type(ElemKind::F32, {1, 2, 2, 3}), true};
  Tensor first = Tensor::fromFloats({1, 3, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  EXPECT_EQ(load(npy("x.npy", first), wide).input, withChannels(first, true));
  EXPECT_EQ(load(npy("y.npy", first.reshaped({3, 2, 2})), wide).input, withChannels(first, true));
  EXPECT_HAS(fails(npy("z.npy", first.reshaped({12, 1})), wide),
             "input 'x': 1x2x2x3 (NHWC) of f32; the file has 12x1 of f32");
}
TEST_F(Input, IntegersOfNpy) {
  Tensor bytes = Tensor(Type(ElemKind::I8, {1, 2, 2, 2}), Blob::copy(llvm::StringRef(eight)));
  EXPECT_EQ(load(npy("x.npy", bytes), stored).input.elemType(), q6);
  EXPECT_HAS(fails(npy("x.npy", bytes), real), "the file has stored integers of i8");
  EXPECT_EQ(load(npy("x.npy", bytes) + ":fix=1", real).input.at(1), 1.0);
  Tensor pixels = Tensor(Type(ElemKind::U8, {1, 2, 2, 2}), Blob::copy(llvm::StringRef(eight)));
  EXPECT_EQ(load(npy("u.npy", pixels), stored).input.at(7), 255); // numbers
}
TEST_F(Input, NormalizedPixels) {
  std::string file = write("x.u8", std::string(8, '\x80'));
  EXPECT_EQ(load(file + ":mean=128", stored).input.at(0), 0);
  DataOptions defaults;
  defaults.divide = 1, defaults.bgr = true;
  defaults.mean = {100, 120}, defaults.scale = {1, 2};
  Tensor bgr = load(file, stored, 0, defaults).input, rgb = load(file + ":rgb", stored, 0, defaults).input;
  EXPECT_EQ(bgr.at(0), 28);
  EXPECT_EQ(bgr.at(1), 16);
  EXPECT_EQ(rgb.at(0), 16); // the list is in BGR order
  EXPECT_EQ(load(floats("f.f32", std::vector<float>(8, 1)), stored, 0, defaults).input.at(0),
            1); // numbers are left alone
}
TEST_F(Input, NumbersMustBeFinite) {
  EXPECT_HAS(fails(floats("x.f32", {0, 0, 0, INFINITY, 0, 0, 0, 0}), real), "the file has infinity at index 3");
}
TEST_F(Input, RangeOfOddWidths) {
  InputWanted narrow{"x", Type(ElemType::fix(4, 0), {1, 8}), false};
  EXPECT_HAS(fails(write("x.i8", std::string("\1\2\3\4\5\6\7\x9", 8)), narrow), "the file has 9 at index 7");
}
TEST_F(Input, FoldersAreOneRunPerFile) {
  write("b.i8", eight), write("a.i8", std::string(8, '\0'));
  EXPECT_EQ(count({folder.str().str()}, stored), 2u);
  EXPECT_EQ(load(folder.str().str(), stored, 0).input.intAt(0), 0); // by name
}
TEST_F(Input, Generated) {
  EXPECT_EQ(load("random:5", stored).input, load("random:5", stored).input);
  EXPECT_FALSE(load("random:5", stored).input == load("random:6", stored).input);
  EXPECT_EQ(load("zeros", real).input.at(3), 0);
}

class Files : public Folder {};

TEST_F(Files, SafeNames) {
  EXPECT_EQ(safeFileName("net/conv.1:0"), "net_conv.1_0");
  EXPECT_EQ(safeFileName("../x"), "_.._x");
  EXPECT_EQ(safeFileName(""), "_");
  std::string lengthy(500, 'a');
  EXPECT_LE(safeFileName(lengthy).size(), 180u);
  EXPECT_NE(safeFileName(lengthy), safeFileName(lengthy + "b"));
}
TEST_F(Files, WhatIsWrittenIsRead) {
  DiagEngine diags(&llvm::errs());
  Tensor t = Tensor(stored.type, Blob::copy(llvm::StringRef(eight)));
  for (TensorFormat format : {TensorFormat::Raw, TensorFormat::Npy}) {
    auto writer = TensorFolderWriter::create(path("d"), format, diags);
    ASSERT_TRUE(bool(writer));
    ASSERT_TRUE(bool(writer->add("a/b", t, false, diags)));
    ASSERT_TRUE(bool(writer->add("a:b", t, true, diags))); // the same file name otherwise
    ASSERT_TRUE(succeeded(writer->finish("title", diags)));
    auto files = listTensorFolder(path("d"), diags);
    ASSERT_TRUE(bool(files));
    ASSERT_EQ(files->size(), 2u);
    EXPECT_EQ((*files)[1].name, "a:b");
    EXPECT_EQ(*(*files)[0].type, t.type());
    for (const TensorFile &f : *files) {
      auto read = readTensorFile(f, f.name, t.type(), diags);
      ASSERT_TRUE(bool(read));
      EXPECT_EQ(*read, t);
    }
  }
}
TEST_F(Files, WithoutAnIndex) {
  DiagEngine diags;
  write("x_fix.bin", eight), write("notes.txt", "no tensor");
  auto files = listTensorFolder(folder, diags);
  ASSERT_TRUE(bool(files));
  ASSERT_EQ(files->size(), 1u);
  EXPECT_FALSE((*files)[0].type);
  EXPECT_FALSE(bool(readTensorFile((*files)[0], "x_fix", Type(q6, {9}), diags)));
  EXPECT_HAS(diags.all()[0].message, "tensor 'x_fix' is 9 of q8.6, 9 bytes, the file has 8");
}

} // namespace
