// Fingerprint bits against the vendor's published target descriptions and its library.
#include "../../../targets/dpuczdx8g/Fingerprint.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Support/Process.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

static std::string refusal(uint64_t fingerprint) {
  DiagEngine diags;
  Result<Config> c = decodeFingerprint(fingerprint, diags);
  if (c || diags.all().size() != 1)
    return "accepted";
  return diags.all().front().message;
}

TEST(Fingerprint, SizesOfTheTable) {
  struct {
    uint64_t fp;
    unsigned pp, cp, peak;
    const char *name;
    bool argmax;
  } rows[] = {{0x101000016010200, 4, 8, 512, "DPUCZDX8G_ISA1_B512", false},
              {0x101000056010200, 4, 8, 512, "DPUCZDX8G_ISA1_B512", true},
              {0x101000016010201, 4, 10, 800, "DPUCZDX8G_ISA1_B800", false},
              {0x101000056010201, 4, 10, 800, "DPUCZDX8G_ISA1_B800", true},
              {0x101000016010402, 8, 8, 1024, "DPUCZDX8G_ISA1_B1024", false},
              {0x101000056010402, 8, 8, 1024, "DPUCZDX8G_ISA1_B1024", true},
              {0x101000016010203, 4, 12, 1152, "DPUCZDX8G_ISA1_B1152", false},
              {0x101000056010203, 4, 12, 1152, "DPUCZDX8G_ISA1_B1152", true},
              {0x101000016010404, 8, 10, 1600, "DPUCZDX8G_ISA1_B1600", false},
              {0x101000056010404, 8, 10, 1600, "DPUCZDX8G_ISA1_B1600", true},
              {0x101000016010405, 8, 12, 2304, "DPUCZDX8G_ISA1_B2304", false},
              {0x101000056010405, 8, 12, 2304, "DPUCZDX8G_ISA1_B2304", true},
              {0x101000016010406, 8, 14, 3136, "DPUCZDX8G_ISA1_B3136", false},
              {0x101000056010406, 8, 14, 3136, "DPUCZDX8G_ISA1_B3136", true},
              {0x101000016010407, 8, 16, 4096, "DPUCZDX8G_ISA1_B4096", false},
              {0x101000056010407, 8, 16, 4096, "DPUCZDX8G_ISA1_B4096", true},
              {0x1000020f6014407, 8, 16, 4096, "DPUCZDX8G_ISA0_B4096_MAX_BG2", false},
              {0x1000020f6014406, 8, 14, 3136, "DPUCZDX8G_ISA0_B3136_MAX_BG2", false},
              {0x100002022010103, 4, 12, 1152, "DPUCZDX8G_ISA0_B1152_MIN", false},
              {0x101000056010408, 4, 4, 128, "DPUCZDX8G_ISA1_B128_0101000056010408", true}};
  for (const auto &row : rows) {
    DiagEngine diags(&llvm::errs());
    Result<Config> c = decodeFingerprint(row.fp, diags);
    ASSERT_TRUE(bool(c)) << std::hex << row.fp;
    EXPECT_EQ(c->pixelParallel, row.pp) << row.name;
    EXPECT_EQ(c->channelParallel, row.cp) << row.name;
    EXPECT_EQ(c->peak, row.peak) << row.name;
    EXPECT_EQ(c->name, row.name);
    EXPECT_EQ(c->limits.has("save.argmax"), row.argmax) << row.name;
    EXPECT_EQ(c->limits.get("CONVW.bank_depth"), 2048) << row.name;
  }
}

TEST(Fingerprint, NewAndOldDifferInArgmaxOnly) {
  DiagEngine diags;
  Limits now = decodeFingerprint(0x101000056010407, diags)->limits,
         before = decodeFingerprint(0x101000016010407, diags)->limits;
  auto expected = now.all();
  expected.erase("save.argmax");
  EXPECT_EQ(before.all(), expected);
}

TEST(Fingerprint, Isa0EnginesFollowTheirBits) {
  DiagEngine diags;
  Limits most = decodeFingerprint(0x1000020f7014407, diags)->limits,
         least = decodeFingerprint(0x100002022010107, diags)->limits,
         multiply = decodeFingerprint(0x1000030f7014407, diags)->limits;
  EXPECT_TRUE(most.has("pool.avg"));
  EXPECT_TRUE(most.has("conv.nonlinear.leaky_relu"));
  EXPECT_TRUE(most.has("VB2.bank_num"));
  EXPECT_FALSE(most.has("eltwise.mult"));
  EXPECT_TRUE(multiply.has("eltwise.mult"));
  EXPECT_FALSE(least.has("pool.avg"));
  EXPECT_FALSE(least.has("dwconv.kernel"));
  EXPECT_FALSE(least.has("DWCONVW.bank_num"));
  EXPECT_FALSE(least.has("conv.nonlinear.leaky_relu"));
  EXPECT_FALSE(least.has("conv.channel_augmentation"));
}

TEST(Fingerprint, RefusalsNameTheBits) {
  EXPECT_EQ(refusal(0), "fingerprint 0x0 is not one of a DPUCZDX8G: bits 63-56 are 1 for DPUCZDX8G, found 0");
  EXPECT_NE(refusal(0x603000b16011831).find("DPUCVDX8G, another family"), std::string::npos);
  EXPECT_NE(refusal(0x102000016010407).find("bits 55-48 (ISA version)"), std::string::npos);
  EXPECT_NE(refusal(0x10100001601040c).find("bits 3-0 (size) are 0-11, found 12"), std::string::npos);
  EXPECT_NE(refusal(0x1010000160104f7).find("bits 0xf0 are zero"), std::string::npos);
  EXPECT_NE(refusal(0x101000014010407).find("bits 25-24"), std::string::npos);
  EXPECT_NE(refusal(0x101000016000407).find("bit 16 is one"), std::string::npos);
  EXPECT_NE(refusal(0x101000016010007).find("bits 11-8"), std::string::npos);
  EXPECT_NE(refusal(~uint64_t(0)).find("found 255"), std::string::npos);
}

static std::vector<std::string> publishedTargets() {
  std::vector<std::string> files;
  std::error_code ec;
  for (llvm::sys::fs::directory_iterator it(DPUOPT_SHARED_DATA "/targets", ec), end; it != end && !ec; it.increment(ec))
    if (llvm::StringRef(it->path()).endswith(".prototxt"))
      files.push_back(it->path());
  llvm::sort(files);
  return files;
}

TEST(Fingerprint, DecodesToThePublishedDescriptions) {
  std::vector<std::string> files = publishedTargets();
  if (files.empty())
    GTEST_SKIP() << "no target descriptions in the shared data";
  EXPECT_EQ(files.size(), 28u);
  for (const std::string &file : files) {
    DiagEngine diags(&llvm::errs());
    Result<Config> published = parseTargetText(*readFile(file, diags), diags);
    ASSERT_TRUE(bool(published)) << file;
    Result<Config> ours = decodeFingerprint(published->fingerprint, diags);
    ASSERT_TRUE(bool(ours)) << file;
    EXPECT_EQ(ours->name, published->name);
    EXPECT_EQ(ours->limits.all(), published->limits.all()) << file;
  }
}

TEST(Fingerprint, LibraryAgrees) {
  // The helper lies in the build tree of this very test program.
  std::string exe = llvm::sys::fs::getMainExecutable("", reinterpret_cast<void *>(&publishedTargets));
  llvm::SmallString<128> helper(
      llvm::sys::path::parent_path(llvm::sys::path::parent_path(llvm::sys::path::parent_path(exe))));
  llvm::sys::path::append(helper, "libexec", "dpuopt", "dpuopt-target-dump");
  if (!llvm::sys::fs::exists(helper))
    GTEST_SKIP() << "dpuopt-target-dump is not built";
  std::vector<uint64_t> fingerprints = {0x101000356010407, 0x101000c16010407, 0x101000017010407, 0x101000012010407,
                                        0x101000036010407, 0x101000016010408, 0x101000016010409, 0x1010000160104b};
  fingerprints.back() = 0x10100001601040b;
  for (const KnownTarget &k : knownTargets())
    fingerprints.push_back(k.fingerprint);
  for (uint64_t fp : fingerprints) {
    ProcessResult r = runProcess(helper, {fmt::format("0x{:x}", fp)}, {60});
    ASSERT_EQ(r.exitCode, 0) << std::hex << fp << r.err;
    DiagEngine diags(&llvm::errs());
    Result<Config> theirs = parseTargetText(r.out, diags), ours = decodeFingerprint(fp, diags);
    ASSERT_TRUE(theirs && ours) << std::hex << fp;
    EXPECT_EQ(theirs->fingerprint, fp);
    auto expected = ours->limits.all();
    expected.erase("save.argmax"); // unknown to 2.5
    EXPECT_EQ(theirs->limits.all(), expected) << std::hex << fp;
  }
}

TEST(TargetText, MalformedIsAnError) {
  for (const char *text : {"", "hello", "name: \"x\"", "name: \"DPU", "conv_engine {", "}", "type: \"DPUCZDX8G\" }",
                           "type: \"DPUCZDX8G\" conv_engine { conv_limit { kernel_size: \"16-1\" } }",
                           "type: \"DPUCZDX8G\" conv_engine { conv_limit { kernel_size: \"1-99999999\" } }",
                           "type: \"DPUCZDX8G\" bank_group { bank_num: 1 }", "type: \"DPUCVDX8G\"",
                           "type: \"DPUCZDX8G\" a { b { c { d { e { f: 1 } } } } }"}) {
    DiagEngine diags;
    EXPECT_FALSE(bool(parseTargetText(text, diags))) << text;
    EXPECT_EQ(diags.errors(), 1u) << text;
  }
}
