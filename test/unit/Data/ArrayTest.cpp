//===- ArrayTest.cpp - .npy and raw files as samples ------------------------------------===//
#include "Helpers.h"
#include <cstring>

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

template <class T> std::string bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)};
}

/// A version 1 .npy file.
std::string npy(const std::string &descr, const std::string &shape, const std::string &data,
                const std::string &order = "False") {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
  header.resize((10 + header.size() + 64) / 64 * 64 - 11, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 255);
  out += static_cast<char>(header.size() >> 8);
  return out + header + data;
}

using Floats = std::vector<float>;
const Floats Six = {1, 2, 3, 4, 5, 6};

struct Arrays : Folder {
  std::string six(const std::string &shape) { return write("six.npy", npy("<f4", shape, bytesOf(Six))); }
};

} // namespace

TEST_F(Arrays, OneSampleWithoutBatch) { EXPECT_EQ(values(six("(1, 2, 3)"), {1, 1, 2, 3}), Six); }
TEST_F(Arrays, LeadingDimensionCountsSamples) {
  std::string file = six("(2, 1, 1, 3)");
  EXPECT_EQ(size(file, {1, 1, 1, 3}), 2u);
  EXPECT_EQ(values(file, {1, 1, 1, 3}, 1), (Floats{4, 5, 6}));
  EXPECT_HAS(sample(file, {1, 1, 1, 3}, 1).name, "six.npy[1]");
}
TEST_F(Arrays, Nhwc) { EXPECT_EQ(values(six("(1, 3, 2)") + ":nhwc", {1, 2, 1, 3}), (Floats{1, 3, 5, 2, 4, 6})); }
TEST_F(Arrays, NotNormalizedByDefault) { EXPECT_EQ(values(six("(6,)"), {1, 6})[5], 6); }
TEST_F(Arrays, NormalizedOnDemand) {
  EXPECT_EQ(values(six("(2, 1, 3)") + ":divide=2:mean=0.5/1", {1, 2, 1, 3}), (Floats{0, 0.5f, 1, 1, 1.5f, 2}));
}
TEST_F(Arrays, ChannelsReversed) {
  EXPECT_EQ(values(six("(2, 1, 3)") + ":bgr", {1, 2, 1, 3}), (Floats{4, 5, 6, 1, 2, 3}));
}
TEST_F(Arrays, OtherElementTypes) {
  struct Case {
    const char *descr;
    std::string data;
  };
  const Case cases[] = {{"|u1", bytesOf<uint8_t>({200, 1})}, {"|i1", bytesOf<int8_t>({-56, 1})},
                        {"<i2", bytesOf<int16_t>({200, 1})}, {"<u2", bytesOf<uint16_t>({200, 1})},
                        {"<i4", bytesOf<int32_t>({200, 1})}, {"<i8", bytesOf<int64_t>({200, 1})},
                        {"<f8", bytesOf<double>({200, 1})},  {"<f2", bytesOf<uint16_t>({0x5a40, 0x3c00})}};
  for (const Case &c : cases) {
    write("t.npy", npy(c.descr, "(2,)", c.data));
    EXPECT_EQ(values(path("t.npy"), {1, 2}), (Floats{std::string(c.descr) == "|i1" ? -56.0f : 200.0f, 1})) << c.descr;
  }
}
TEST_F(Arrays, FolderOfNpy) {
  write("b.npy", npy("<f4", "(2,)", bytesOf<float>({3, 4})));
  write("a.npy", npy("<f4", "(2, 2)", bytesOf<float>({1, 2, 5, 6})));
  EXPECT_EQ(size(folder.str().str(), {1, 2}), 3u);
  EXPECT_EQ(values(folder.str().str(), {1, 2}, 1), (Floats{5, 6}));
  EXPECT_EQ(values(folder.str().str(), {1, 2}, 2), (Floats{3, 4}));
}

TEST_F(Arrays, WrongShapeIsNamed) {
  std::string message = failing(six("(1, 2, 3)"), {1, 1, 28, 28});
  EXPECT_HAS(message, "array of shape 1x2x3 does not hold samples of 1x28x28");
  EXPECT_HAS(message, "six.npy");
}
TEST_F(Arrays, FortranOrder) {
  write("f.npy", npy("<f4", "(6,)", bytesOf(Six), "True"));
  EXPECT_HAS(failing(path("f.npy"), {1, 6}), "Fortran order");
}
TEST_F(Arrays, BigEndian) {
  write("f.npy", npy(">f4", "(6,)", bytesOf(Six)));
  EXPECT_HAS(failing(path("f.npy"), {1, 6}), "'>f4'");
}
TEST_F(Arrays, TooShort) {
  write("f.npy", npy("<f4", "(7,)", bytesOf(Six)));
  EXPECT_HAS(failing(path("f.npy"), {1, 7}), "needs 28 bytes, the file has 24");
}
TEST_F(Arrays, AbsurdShape) {
  write("f.npy", npy("<f4", "(9223372036854775807, 9223372036854775807)", bytesOf(Six)));
  EXPECT_HAS(failing(path("f.npy"), {1, 7}), "f.npy");
}
TEST_F(Arrays, MalformedShape) {
  write("f.npy", npy("<f4", "(6, -1)", bytesOf(Six)));
  EXPECT_HAS(failing(path("f.npy"), {1, 7}), "'shape' is malformed");
}
TEST_F(Arrays, NotNpy) {
  write("f.npy", "hello, I am text");
  EXPECT_HAS(failing(path("f.npy"), {1, 7}), "not a .npy file");
}
TEST_F(Arrays, TruncationsNeverCrash) {
  std::string file = npy("<f4", "(6,)", bytesOf(Six));
  for (size_t n = 0; n < file.size(); ++n) {
    write("cut.npy", file.substr(0, n));
    EXPECT_HAS(failing(path("cut.npy"), {1, 6}), "cut.npy");
  }
}

TEST_F(Arrays, RawFloats) {
  write("x.bin", bytesOf(Six));
  EXPECT_EQ(size(path("x.bin"), {1, 3}), 2u);
  EXPECT_EQ(values(path("x.bin"), {1, 3}, 1), (Floats{4, 5, 6}));
}
TEST_F(Arrays, RawBytes) {
  write("x.bin", bytesOf<uint8_t>({200, 1}));
  EXPECT_EQ(values(path("x.bin") + ":dtype=u8:divide=2", {1, 2}), (Floats{100, 0.5f}));
  EXPECT_EQ(values(path("x.bin") + ":dtype=i8", {1, 2}), (Floats{-56, 1}));
}
TEST_F(Arrays, RawNhwc) {
  write("x.bin", bytesOf(Six));
  EXPECT_EQ(values(path("x.bin") + ":nhwc", {1, 2, 1, 3}), (Floats{1, 3, 5, 2, 4, 6}));
}
TEST_F(Arrays, RawRemainder) {
  write("x.bin", "12345");
  EXPECT_HAS(failing(path("x.bin"), {1, 1}), "5 bytes are not a whole number of samples of 4 bytes");
}
TEST_F(Arrays, RawEmpty) {
  write("x.bin", "");
  EXPECT_HAS(failing(path("x.bin"), {1, 1}), "x.bin");
}
