//===- WireTest.cpp - the protobuf wire format --------------------------------===//
#include "dpuopt/Support/Wire.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace dpuopt;

TEST(Wire, ReadsWhatItWrites) {
  WireWriter w;
  w.varint(1, 300);
  w.varint(2, static_cast<uint64_t>(int64_t(-5)));
  w.f32(3, 1.5f);
  w.f64(4, -2.25);
  w.bytes(536870911, "abc");
  WireReader r(w.str());
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.u64(), 300u);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.i32(), -5);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.f32(), 1.5f);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.f64(), -2.25);
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.field(), 536870911u);
  EXPECT_EQ(r.bytes(), "abc");
  EXPECT_FALSE(r.next());
  EXPECT_TRUE(r.ok());
}

TEST(Wire, BytesAreViewsIntoTheMessage) {
  WireWriter w;
  w.bytes(1, "payload");
  std::string message = w.str().str();
  WireReader r{llvm::StringRef(message)};
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.bytes().data(), message.data() + 2);
}

TEST(Wire, PackedAndUnpackedListsAreTheSame) {
  std::vector<int64_t> values = {0, -1, 127, 128, INT64_MIN, INT64_MAX};
  WireWriter w;
  w.packedVarints(1, values);
  for (int64_t v : values)
    w.varint(1, static_cast<uint64_t>(v));
  std::vector<int64_t> read;
  WireReader r(w.str());
  while (r.next())
    r.appendVarints(read);
  ASSERT_TRUE(r.ok());
  values.insert(values.end(), values.begin(), values.end());
  EXPECT_EQ(read, values);
}

TEST(Wire, PackedFloatsAndDoubles) {
  WireWriter w;
  w.packedFloats(1, {1.0f, -0.5f});
  w.f32(1, 2.0f);
  w.packedDoubles(2, {3.0});
  std::vector<float> f;
  std::vector<double> d;
  WireReader r(w.str());
  while (r.next())
    r.field() == 1 ? r.appendFloats(f) : r.appendDoubles(d);
  EXPECT_TRUE(r.ok());
  EXPECT_EQ(f, (std::vector<float>{1.0f, -0.5f, 2.0f}));
  EXPECT_EQ(d, std::vector<double>{3.0});
}

TEST(Wire, EveryTruncationIsNoticed) {
  WireWriter w;
  w.varint(1, 1u << 20);
  w.f32(2, 1);
  w.f64(3, 1);
  w.bytes(4, "abcdef");
  std::string whole = w.str().str();
  // Cutting between fields leaves a shorter, well-formed message.
  for (size_t n = 1; n < whole.size(); ++n) {
    if (n == 4 || n == 9 || n == 18)
      continue;
    WireReader r(llvm::StringRef(whole).take_front(n));
    while (r.next()) {
    }
    EXPECT_FALSE(r.ok()) << n;
  }
}

TEST(Wire, RefusesWhatNoMessageCanContain) {
  for (llvm::StringRef bad :
       {llvm::StringRef("\x00\x01", 2), llvm::StringRef("\x0b"), llvm::StringRef("\x0c"), llvm::StringRef("\x0f\x01"),
        llvm::StringRef("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11),
        llvm::StringRef("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11)}) {
    WireReader r(bad);
    EXPECT_FALSE(r.next());
    EXPECT_FALSE(r.ok());
  }
}

TEST(Wire, WrongWireTypeClearsOk) {
  WireWriter w;
  w.varint(1, 7);
  WireReader r(w.str());
  ASSERT_TRUE(r.next());
  EXPECT_EQ(r.bytes(), "");
  EXPECT_FALSE(r.ok());
  EXPECT_FALSE(r.next());
}

TEST(Wire, PackedListCutInsideANumber) {
  WireWriter w;
  w.bytes(1, llvm::StringRef("\x01\x02\x03", 3));
  std::vector<float> out;
  WireReader r(w.str());
  ASSERT_TRUE(r.next());
  r.appendFloats(out);
  EXPECT_FALSE(r.ok());
  EXPECT_TRUE(out.empty());
}

TEST(Wire, VarintSizes) {
  for (uint64_t v : {uint64_t(0), uint64_t(127), uint64_t(128), uint64_t(1) << 35, ~uint64_t(0)}) {
    WireWriter w;
    w.rawVarint(v);
    EXPECT_EQ(w.size(), varintSize(v));
  }
}
