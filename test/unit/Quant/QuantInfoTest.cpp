//===- QuantInfoTest.cpp - every layout of quant_info.json, and what is wrong with it ---===//
#include "Helpers.h"
#include "dpuopt/Support/File.h"
#include "llvm/Support/FileSystem.h"

using namespace dpuopt;
using namespace dpuopt::test;

namespace {

QuantInfo good(const std::string &json) {
  DiagEngine diags(&llvm::errs());
  auto info = parseQuantInfo(json, "q.json", diags);
  EXPECT_TRUE(bool(info));
  return info ? *info : QuantInfo();
}

std::string bad(const std::string &json) {
  DiagEngine diags;
  EXPECT_FALSE(bool(parseQuantInfo(json, "q.json", diags))) << json;
  EXPECT_EQ(diags.errors(), 1u);
  EXPECT_HAS(text(diags), "q.json");
  return text(diags);
}

std::string badEntry(const std::string &entry) { return bad(R"({"param":{"the.key":)" + entry + R"(},"output":{}})"); }

QuantEntry entry(const std::string &json) {
  return *good(R"({"param":{"k":)" + json + R"(},"output":{}})").params.find("k");
}

} // namespace

TEST(QuantInfo, FlatPairs) { EXPECT_EQ(entry("[8,7]"), (QuantEntry{FixPos{8, 7}})); }
TEST(QuantInfo, NestedPairs) { EXPECT_EQ(entry("[[8,7],[8,-4]]"), (QuantEntry{FixPos{8, 7}, FixPos{8, -4}})); }
TEST(QuantInfo, SixteenBits) { EXPECT_EQ(entry("[16,15]"), (QuantEntry{FixPos{16, 15}})); }
TEST(QuantInfo, NullEntry) { EXPECT_EQ(entry("null"), (QuantEntry{std::nullopt})); }
TEST(QuantInfo, NullFixPoint) { EXPECT_EQ(entry("[8,null]"), (QuantEntry{QuantSlot::uncalibrated(8)})); }
TEST(QuantInfo, NullFixPointNested) { EXPECT_EQ(entry("[[8,null]]"), (QuantEntry{QuantSlot::uncalibrated(8)})); }
TEST(QuantInfo, NullElements) {
  EXPECT_EQ(entry("[null,[8,3],null]"), (QuantEntry{std::nullopt, FixPos{8, 3}, std::nullopt}));
}
TEST(QuantInfo, NullAndPair) { EXPECT_EQ(entry("[[8,3],null]"), (QuantEntry{FixPos{8, 3}, std::nullopt})); }
TEST(QuantInfo, OneNullElement) { EXPECT_EQ(entry("[null]"), (QuantEntry{std::nullopt})); }
TEST(QuantInfo, TwoNullElements) { EXPECT_EQ(entry("[null,null]"), (QuantEntry{std::nullopt, std::nullopt})); }
TEST(QuantInfo, NullFirstOfTwo) { EXPECT_EQ(entry("[null,[8,2]]"), (QuantEntry{std::nullopt, FixPos{8, 2}})); }

TEST(QuantInfo, Layout12) {
  QuantInfo info = good(R"({"params":{"w":[8,7]},"blobs":{"y":[8,5]},"input_blobs":{}})");
  EXPECT_EQ(*info.params.find("w"), (QuantEntry{FixPos{8, 7}}));
  EXPECT_EQ(*info.outputs.find("y"), (QuantEntry{FixPos{8, 5}}));
  EXPECT_TRUE(info.version.empty());
}

TEST(QuantInfo, VersionAndFlags) {
  QuantInfo info = good(R"({"param":{},"output":{},"input":{"i":[[8,1]]},"fast_finetuned":true,"bias_corrected":true,
                            "version":"3.5.0","graph_md5":"abc"})");
  EXPECT_TRUE(info.fastFinetuned && info.biasCorrected);
  EXPECT_EQ(info.version, "3.5.0");
  EXPECT_EQ(info.graphMd5, "abc");
  EXPECT_EQ(info.inputs.size(), 1u);
}

TEST(QuantInfo, MissingFlagsAreFalse) { EXPECT_FALSE(good(R"({"param":{},"output":{}})").biasCorrected); }

TEST(QuantInfo, FileOrderIsKept) {
  QuantInfo info = good(R"({"param":{"z":[8,1],"a":[8,2],"m":[8,3]},"output":{}})");
  std::string order;
  for (const auto &[key, value] : info.params)
    order += key;
  EXPECT_EQ(order, "zam");
}

TEST(QuantInfoErrors, EmptyFile) { EXPECT_HAS(bad(""), "empty"); }
TEST(QuantInfoErrors, TruncatedNamesLineAndColumn) { EXPECT_HAS(bad("{\n \"param\": {\n"), "line 3 column"); }
TEST(QuantInfoErrors, GarbageNamesLineAndColumn) { EXPECT_HAS(bad("{\n \"param\": ?\n}"), "line 2 column 11"); }
TEST(QuantInfoErrors, BinaryFile) { EXPECT_HAS(bad(std::string("\x89PNG\r\n\x1a\n\0\0", 10)), "line 1 column 1"); }
TEST(QuantInfoErrors, NotAnObject) { EXPECT_HAS(bad("[1,2]"), "expected a JSON object"); }
TEST(QuantInfoErrors, AnotherJsonFile) { EXPECT_HAS(bad(R"({"fingerprint":"0x1"})"), "not a quant_info file"); }
TEST(QuantInfoErrors, SectionIsNoObject) { EXPECT_HAS(bad(R"({"param":[]})"), "'param' must be an object"); }
TEST(QuantInfoErrors, RepeatedKey) { EXPECT_HAS(bad(R"({"param":{"a":[8,1],"a":[8,2]}})"), "'a' occurs twice"); }
TEST(QuantInfoErrors, TrailingText) { EXPECT_HAS(bad(R"({"param":{}} x)"), "malformed JSON"); }
TEST(QuantInfoErrors, DeepNesting) { EXPECT_HAS(bad(std::string(100000, '[')), "nested more than"); }
TEST(QuantInfoErrors, VersionIsNoString) {
  EXPECT_HAS(bad(R"({"param":{},"version":3})"), "'version' must be a string");
}
TEST(QuantInfoErrors, FlagIsNoBool) {
  EXPECT_HAS(bad(R"({"param":{},"bias_corrected":1})"), "'bias_corrected' must be");
}

TEST(QuantInfoErrors, EntryNamesTheKey) { EXPECT_HAS(badEntry("\"x\""), "the.key"); }
TEST(QuantInfoErrors, ThreeElements) { EXPECT_HAS(badEntry("[8,7,1]"), "expected [bit width, fix point]"); }
TEST(QuantInfoErrors, EmptyEntry) { EXPECT_HAS(badEntry("[]"), "expected [bit width, fix point]"); }
TEST(QuantInfoErrors, NestedWrong) { EXPECT_HAS(badEntry("[[8,7],[8]]"), "found [8]"); }
TEST(QuantInfoErrors, FloatScale) { EXPECT_HAS(badEntry("[8,0.5,0,1.0]"), "power-of-two"); }
TEST(QuantInfoErrors, BitWidthTooSmall) { EXPECT_HAS(badEntry("[1,7]"), "bit width must be an integer in 2-16, is 1"); }
TEST(QuantInfoErrors, BitWidthTooLarge) { EXPECT_HAS(badEntry("[[17,7]]"), "is 17"); }
TEST(QuantInfoErrors, BitWidthHuge) { EXPECT_HAS(badEntry("[18446744073709551615,7]"), "bit width"); }
TEST(QuantInfoErrors, BitWidthIsFractional) { EXPECT_HAS(badEntry("[8.5,7]"), "bit width"); }
TEST(QuantInfoErrors, BitWidthIsNull) { EXPECT_HAS(badEntry("[null,7]"), "the.key"); }
TEST(QuantInfoErrors, FixPointTooLarge) {
  EXPECT_HAS(badEntry("[8,65]"), "fix point must be null or an integer in -64..64");
}
TEST(QuantInfoErrors, FixPointHugeUnsigned) { EXPECT_HAS(badEntry("[8,18446744073709551615]"), "fix point"); }
TEST(QuantInfoErrors, FixPointIsText) { EXPECT_HAS(badEntry("[8,\"7\"]"), "fix point"); }

TEST(QuantInfo, MissingFileNamesIt) {
  DiagEngine diags;
  EXPECT_FALSE(bool(readQuantInfo("/no/such/quant_info.json", diags)));
  EXPECT_HAS(text(diags), "/no/such/quant_info.json");
}

TEST(QuantInfo, WritesTheVendorsLayout) {
  QuantInfo info;
  info.params.add("conv.weight", {FixPos{8, 7}});
  info.params.add("a \"quoted\"\\name", {FixPos{8, -2}});
  info.outputs.add("x", {FixPos{8, 6}, std::nullopt});
  std::string out;
  llvm::raw_string_ostream os(out);
  printQuantInfo(info, os);
  EXPECT_EQ(os.str(), R"({
  "param":
  {
    "conv.weight":[[8,7]],
    "a \"quoted\"\\name":[[8,-2]]
  },
  "output":
  {
    "x":[[8,6],null]
  },
  "input":
  {

  },
  "fast_finetuned":false,
  "bias_corrected":false,
  "version":"dpuopt-0.1.0"
})");
}

TEST(QuantInfo, WritesFlatPairsAs25) {
  QuantInfo info = good(R"({"param":{"w":[[8,7]],"b":[[8,null]]},"output":{"x":[8,6],"n":null},"version":"3"})");
  std::string out;
  llvm::raw_string_ostream os(out);
  printQuantInfo(info, os, QuantInfoForm::V2_5);
  EXPECT_HAS(os.str(), "\"w\":[8,7],\n    \"b\":[8,null]\n");
  EXPECT_HAS(os.str(), "\"n\":null\n");
  EXPECT_EQ(os.str().find("version"), std::string::npos);
}

TEST(QuantInfo, Md5Is35Only) {
  QuantInfo info = good(R"({"param":{},"output":{},"version":"3.5","graph_md5":"abc"})");
  for (QuantInfoForm form : {QuantInfoForm::V3_0, QuantInfoForm::V3_5}) {
    std::string out;
    llvm::raw_string_ostream os(out);
    printQuantInfo(info, os, form);
    EXPECT_EQ(os.str().find("graph_md5") != std::string::npos, form == QuantInfoForm::V3_5);
  }
}

TEST(QuantInfo, SeveralPositionsDoNotFitInto25) {
  DiagEngine diags;
  QuantInfo info = good(R"({"param":{},"output":{"split":[[8,2],[8,3]]}})");
  EXPECT_TRUE(failed(writeQuantInfo(info, "/no/such/folder/q.json", diags, QuantInfoForm::V2_5)));
  EXPECT_HAS(text(diags), "'split' has several positions");
}

/// What the vendor wrote, read and written again, is the same bytes.
TEST(QuantInfo, RealFilesToTheByte) {
  const std::pair<const char *, QuantInfoForm> files[] = {{"mobilenetv2", QuantInfoForm::V2_5},
                                                          {"zerodce", QuantInfoForm::V3_0},
                                                          {"yolov5n_12c", QuantInfoForm::V3_0},
                                                          {"mnist_cnn", QuantInfoForm::V3_5},
                                                          {"lenet", QuantInfoForm::V3_5}};
  if (!llvm::sys::fs::exists(DPUOPT_SHARED_DATA "/vendor"))
    GTEST_SKIP() << "no shared data at " DPUOPT_SHARED_DATA;
  for (const auto &[folder, form] : files) {
    DiagEngine diags(&llvm::errs());
    auto text = readFile(std::string(DPUOPT_SHARED_DATA "/vendor/") + folder + "/quant_info.json", diags);
    ASSERT_TRUE(bool(text));
    auto info = parseQuantInfo(*text, folder, diags);
    ASSERT_TRUE(bool(info));
    std::string out;
    llvm::raw_string_ostream os(out);
    printQuantInfo(*info, os, form);
    EXPECT_EQ(os.str(), *text) << folder;
  }
}

TEST(QuantInfo, ReadsWhatItWrites) {
  QuantInfo info = good(R"({"param":{"ü":[8,1],"b":null},"output":{"o":[[8,2],[16,3]]},"version":"v"})");
  std::string once, twice;
  llvm::raw_string_ostream os1(once), os2(twice);
  printQuantInfo(info, os1);
  printQuantInfo(good(os1.str()), os2);
  EXPECT_EQ(os1.str(), os2.str());
  EXPECT_HAS(once, "ü");
}

TEST(QuantInfo, UnwritableOutputIsNamed) {
  DiagEngine diags;
  EXPECT_TRUE(failed(writeQuantInfo({}, "/no/such/folder/q.json", diags)));
  EXPECT_HAS(text(diags), "/no/such/folder/q.json");
}

/// The real files: all are read; these counts were taken from the files by hand.
TEST(QuantInfo, RealFiles) {
  struct Expected {
    const char *path;
    size_t params, outputs;
    const char *version;
  };
  const Expected files[] = {{"seed/resnet18_quant_info.json", 42, 32, "3.0.0+a44284e+torch1.12.1"},
                            {"vendor/mnist_cnn/quant_info.json", 8, 5, "3.5.0+60df3f1+torch1.13.1"},
                            {"vendor/lenet/quant_info.json", 10, 8, "3.5.0+60df3f1+torch1.13.1"},
                            {"vendor/cifar_net/quant_info.json", 42, 32, ""},
                            {"vendor/mobilenetv2/quant_info.json", 106, 65, ""},
                            {"vendor/yolov5n_12c/quant_info.json", 120, 65, "3.0.0+a44284e+torch1.12.1"},
                            {"vendor/zerodce/quant_info.json", 28, 86, "3.0.0+a44284e+torch1.12.1"}};
  if (!llvm::sys::fs::exists(DPUOPT_SHARED_DATA "/vendor"))
    GTEST_SKIP() << "no shared data at " DPUOPT_SHARED_DATA;
  for (const Expected &file : files) {
    DiagEngine diags(&llvm::errs());
    auto info = readQuantInfo(std::string(DPUOPT_SHARED_DATA "/") + file.path, diags);
    ASSERT_TRUE(bool(info)) << file.path;
    EXPECT_EQ(info->params.size(), file.params) << file.path;
    EXPECT_EQ(info->outputs.size(), file.outputs) << file.path;
    EXPECT_EQ(info->version, file.version) << file.path;
    for (const auto &[key, value] : info->params)
      EXPECT_TRUE(value.size() == 1 && value[0] && value[0]->bits == 8) << file.path << " " << key;
  }
}
