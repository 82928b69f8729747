//===- SpecTest.cpp - data specifications, FashionMNIST, accuracy -------------------------===//
#include "Helpers.h"
#include "dpuopt/Data/DataSource.h"
#include <cstdlib>
#include <zlib.h>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

std::string big(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

/// A FashionMNIST of our own: `images` pictures all of whose pixels are their number, labels 9 - number.
struct Mnist : Folder {
  void SetUp() override {
    Folder::SetUp();
    setenv("DPUOPT_FASHION_MNIST", folder.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("DPUOPT_FASHION_MNIST");
    Folder::TearDown();
  }
  void gz(const std::string &name, const std::string &content) {
    gzFile f = gzopen(path(name).c_str(), "wb");
    gzwrite(f, content.data(), static_cast<unsigned>(content.size()));
    gzclose(f);
  }
  std::string images(uint32_t n) {
    std::string out = big(0x803) + big(n) + big(28) + big(28);
    for (uint32_t i = 0; i < n; ++i)
      out += std::string(784, static_cast<char>(i * 51));
    return out;
  }
  std::string labels(uint32_t n) {
    std::string out = big(0x801) + big(n);
    for (uint32_t i = 0; i < n; ++i)
      out += static_cast<char>(9 - i);
    return out;
  }
  void make(uint32_t n) {
    gz("train-images-idx3-ubyte.gz", images(n)), gz("train-labels-idx1-ubyte.gz", labels(n));
    gz("t10k-images-idx3-ubyte.gz", images(n)), gz("t10k-labels-idx1-ubyte.gz", labels(n));
  }
  const std::vector<int64_t> shape = {1, 1, 28, 28};
};

struct Spec : Folder {};

} // namespace

TEST_F(Spec, UnknownSource) {
  EXPECT_HAS(failing("nowhere/at/all", {1, 3, 4, 4}), "no such data source: 'nowhere/at/all'");
}
TEST_F(Spec, EmptySource) { EXPECT_HAS(failing("", {1, 3, 4, 4}), "empty"); }
TEST_F(Spec, UnknownOption) {
  EXPECT_HAS(failing("fashion-mnist:colour", {1, 1, 28, 28}), "unknown data option 'colour'");
}
TEST_F(Spec, EmptyOption) { EXPECT_HAS(failing("fashion-mnist:", {1, 1, 28, 28}), "whole number"); }
TEST_F(Spec, HugeCount) { EXPECT_HAS(failing("fashion-mnist:99999999999999999999", {1, 1, 28, 28}), "whole number"); }
TEST_F(Spec, NegativeSkip) { EXPECT_HAS(failing("fashion-mnist:skip=-1", {1, 1, 28, 28}), "'skip'"); }
TEST_F(Spec, DivideByZero) { EXPECT_HAS(failing("fashion-mnist:divide=0", {1, 1, 28, 28}), "other than 0"); }
TEST_F(Spec, StdOfZero) { EXPECT_HAS(failing("fashion-mnist:std=1/0", {1, 1, 28, 28}), "other than 0"); }
TEST_F(Spec, MeanIsNotANumber) {
  EXPECT_HAS(failing("fashion-mnist:mean=nan", {1, 1, 28, 28}), "'mean' must be a number");
}
TEST_F(Spec, UnknownFit) { EXPECT_HAS(failing("fashion-mnist:fit=tight", {1, 1, 28, 28}), "stretch, crop or pad"); }
TEST_F(Spec, UnknownDtype) { EXPECT_HAS(failing("fashion-mnist:dtype=f64", {1, 1, 28, 28}), "f32, u8 or i8"); }
TEST_F(Spec, UnknownEnding) {
  write("x.dat", "1234");
  EXPECT_HAS(failing(path("x.dat"), {1, 1}), "must end in");
}
TEST_F(Spec, UnknownInputShape) { EXPECT_HAS(failing("fashion-mnist", {1, 1, -1, 28}), "is not known"); }

TEST_F(Mnist, PixelsAndLabels) {
  make(5);
  Sample s = sample("fashion-mnist:5", shape, 3);
  EXPECT_EQ(s.label, 6);
  EXPECT_FLOAT_EQ(s.input.as<float>()[783], 153 / 255.0f);
  EXPECT_EQ(s.name, "fashion-mnist[3]");
}
TEST_F(Mnist, CountLimits) {
  make(5);
  EXPECT_EQ(size("fashion-mnist:2", shape), 2u);
  EXPECT_EQ(size("fashion-mnist", shape), 5u);
  EXPECT_EQ(size("fashion-mnist-test:4", shape), 4u);
}
TEST_F(Mnist, SkipStartsLater) {
  make(5);
  EXPECT_EQ(sample("fashion-mnist:2:skip=2", shape, 0).label, 7);
}
TEST_F(Mnist, LargerColourInput) {
  make(5);
  Sample s = sample("fashion-mnist", {1, 3, 32, 40}, 5 - 1);
  EXPECT_FLOAT_EQ(s.input.as<float>()[3 * 32 * 40 - 1], 204 / 255.0f);
}
TEST_F(Mnist, MissingPackageIsNamed) {
  std::string message = failing("fashion-mnist", shape);
  EXPECT_HAS(message, "not installed");
  EXPECT_HAS(message, "dataset-fashion-mnist");
}
TEST_F(Mnist, TruncatedImages) {
  make(5);
  gz("train-images-idx3-ubyte.gz", images(5).substr(0, 2000));
  EXPECT_HAS(failing("fashion-mnist", shape), "truncated");
}
TEST_F(Mnist, DamagedGzip) {
  make(5);
  write("train-images-idx3-ubyte.gz", std::string("\x1f\x8b\x08\x00 nonsense nonsense nonsense", 30));
  EXPECT_HAS(failing("fashion-mnist", shape), "train-images-idx3-ubyte.gz");
}
TEST_F(Mnist, WrongMagic) {
  make(5);
  gz("train-images-idx3-ubyte.gz", labels(5) + std::string(100, 'x'));
  EXPECT_HAS(failing("fashion-mnist", shape), "is not an idx file");
}
TEST_F(Mnist, AbsurdDimensions) {
  make(5);
  gz("train-images-idx3-ubyte.gz", big(0x803) + big(5) + big(0xffffffff) + big(0xffffffff));
  EXPECT_HAS(failing("fashion-mnist", shape), "absurd");
}
TEST_F(Mnist, LyingItemCountDoesNotAllocate) {
  make(5);
  gz("train-images-idx3-ubyte.gz", big(0x803) + big(0xffffffff) + big(28) + big(28));
  EXPECT_HAS(failing("fashion-mnist:4000000000", shape), "truncated");
}
TEST_F(Mnist, FewerLabelsThanImages) {
  make(5);
  gz("train-labels-idx1-ubyte.gz", labels(4));
  EXPECT_HAS(failing("fashion-mnist", shape), "one label for each");
}

TEST_F(Spec, TheRealFashionMnist) {
  if (!llvm::sys::fs::exists("/usr/share/datasets/fashion-mnist"))
    GTEST_SKIP() << "Debian's dataset-fashion-mnist is not installed";
  EXPECT_EQ(size("fashion-mnist:3", {1, 1, 28, 28}), 3u);
  EXPECT_EQ(sample("fashion-mnist:1", {1, 1, 28, 28}).label, 9); // the first training image is an ankle boot
}
