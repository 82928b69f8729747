// What a user may write behind --target.
#include "dpuopt/Support/File.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "llvm/Support/FileSystem.h"
#include <fmt/format.h>
#include <gtest/gtest.h>

using namespace dpuopt;

namespace {
struct Answer {
  uint64_t fingerprint = 0;
  std::string described, error, rule;
  std::vector<std::string> notes;
};

Answer ask(const std::string &target, const std::string &version = "") {
  DiagEngine diags;
  auto t = makeDpuczdx8gTarget({target, version}, diags);
  Answer a;
  if (t) {
    a.fingerprint = (*t)->fingerprint();
    a.described = (*t)->described();
  } else if (diags.all().size() == 1) {
    a.error = diags.all().front().message;
    a.rule = diags.all().front().rule;
    a.notes = diags.all().front().notes;
  }
  return a;
}

/// A temporary arch.json.
class ArchJson {
public:
  explicit ArchJson(llvm::StringRef text) {
    int fd;
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("arch", "json", fd, path));
    llvm::raw_fd_ostream(fd, true) << text;
  }
  ~ArchJson() { llvm::sys::fs::remove(path); }
  std::string str() const { return path.str().str(); }

private:
  llvm::SmallString<128> path;
};
} // namespace

TEST(Request, BoardsByRelease) {
  for (const char *board : {"kv260", "KV260", "zcu102", "zcu104"}) {
    EXPECT_EQ(ask(board).fingerprint, 0x101000056010407u) << board;
    EXPECT_EQ(ask(board, "3.0").fingerprint, 0x101000056010407u) << board;
    EXPECT_EQ(ask(board, "2.5").fingerprint, 0x101000016010407u) << board;
  }
  EXPECT_EQ(ask("ultra96").fingerprint, 0x101000016010404u);
  EXPECT_EQ(ask("kria-app").fingerprint, 0x101000016010406u);
}

TEST(Request, SaysWhatWasTakenAndTheOthers) {
  EXPECT_EQ(
      ask("kv260").described,
      "kv260 = DPUCZDX8G_ISA1_B4096 0x101000056010407 (Vitis AI 3.0/3.5); also DPUCZDX8G_ISA1_B4096 "
      "0x101000016010407 (Vitis AI 2.5), DPUCZDX8G_ISA1_B3136 0x101000016010406 (Kria applications; alias kria-app)");
  EXPECT_EQ(ask("DPUCZDX8G_ISA1_B4096").described, "DPUCZDX8G_ISA1_B4096 0x101000056010407 (Vitis AI 3.0/3.5); also "
                                                   "DPUCZDX8G_ISA1_B4096 0x101000016010407 (Vitis AI 2.5)");
}

TEST(Request, NamesByRelease) {
  EXPECT_EQ(ask("DPUCZDX8G_ISA1_B2304").fingerprint, 0x101000056010405u);
  EXPECT_EQ(ask("DPUCZDX8G_ISA1_B2304", "2.5").fingerprint, 0x101000016010405u);
  EXPECT_EQ(ask("dpuczdx8g_isa1_b512", "3.5").fingerprint, 0x101000056010200u);
  EXPECT_EQ(ask("DPUCZDX8G_ISA0_B4096_MAX_BG2").fingerprint, 0x1000020f6014407u);
  EXPECT_EQ(ask("DPUCZDX8G_ISA0_B1024_MIN", "1.4").fingerprint, 0x100002022010102u);
  EXPECT_EQ(ask("DPUCZDX8G_ISA1_B2304_0101000016010405").fingerprint, 0x101000016010405u);
}

TEST(Request, Fingerprints) {
  EXPECT_EQ(ask("0x101000016010406").fingerprint, 0x101000016010406u);
  EXPECT_EQ(ask("0X1000020F6014406").fingerprint, 0x1000020f6014406u);
  EXPECT_EQ(ask("0x101000016010406").described, "fingerprint = DPUCZDX8G_ISA1_B3136 0x101000016010406 (Vitis AI 2.5)");
  EXPECT_NE(ask("0x0").error.find("found 0"), std::string::npos);
  EXPECT_NE(ask("0x12345678901234567").error.find("1 to 16 hexadecimal digits"), std::string::npos);
  EXPECT_NE(ask("0xyz").error.find("1 to 16 hexadecimal digits"), std::string::npos);
  EXPECT_EQ(ask("0x").rule, "target.fingerprint");
}

TEST(Request, UnknownNamesTheNearest) {
  Answer a = ask("kv206");
  EXPECT_EQ(a.error, "unknown target 'kv206'");
  EXPECT_EQ(a.rule, "target.unknown");
  ASSERT_FALSE(a.notes.empty());
  EXPECT_EQ(a.notes.front(), "did you mean 'kv260'?");
  EXPECT_EQ(ask("DPUCZDX8G_ISA1_B4069").notes.front(), "did you mean 'DPUCZDX8G_ISA1_B4096'?");
  EXPECT_EQ(ask("toaster").notes.front().find("boards: kv260"), 0u);
  EXPECT_EQ(ask("").error, "unknown target ''");
}

TEST(Request, OtherFamilies) {
  EXPECT_EQ(ask("DPUCVDX8G_ISA3_C32B6").error, "target 'DPUCVDX8G_ISA3_C32B6' is of another family: only DPUCZDX8G "
                                               "(Zynq UltraScale+) is supported, found DPUCVDX8G");
  EXPECT_NE(ask("0x603000b16011831").error.find("DPUCVDX8G, another family"), std::string::npos);
}

TEST(Request, Release) {
  EXPECT_NE(ask("kv260", "three").error.find("found 'three'"), std::string::npos);
  EXPECT_NE(ask("kv260", "3").error.find("found '3'"), std::string::npos);
}

TEST(Request, ArchJsonForms) {
  struct {
    const char *text;
    uint64_t fingerprint;
  } good[] = {{R"({"fingerprint":"0x1000020F6014406"})", 0x1000020f6014406},
              {"{\n  \"fingerprint\" : \" 0x101000016010407 \"\n}\n", 0x101000016010407},
              {R"({"target": "DPUCZDX8G_ISA1_B4096"})", 0x101000056010407}};
  for (const auto &g : good)
    EXPECT_EQ(ask(ArchJson(g.text).str()).fingerprint, g.fingerprint) << g.text;
  EXPECT_EQ(ask(ArchJson(R"({"target": "DPUCZDX8G_ISA1_B4096"})").str(), "2.5").fingerprint, 0x101000016010407u);
  EXPECT_EQ(ask(ArchJson(R"({"target": "DPUCVDX8G"})").str()).rule, "target.family");
  EXPECT_NE(ask(ArchJson("").str()).error.find("malformed JSON"), std::string::npos);
  EXPECT_NE(ask(ArchJson("{\"fingerprint\":").str()).error.find("malformed JSON"), std::string::npos);
  EXPECT_NE(ask(ArchJson("[]").str()).error.find("something else"), std::string::npos);
  EXPECT_NE(ask(ArchJson("{}").str()).error.find("neither key"), std::string::npos);
  EXPECT_NE(ask(ArchJson(R"({"fingerprint": 17})").str()).error.find("not a string"), std::string::npos);
  EXPECT_FALSE(ask("/nonexistent/arch.json").error.empty());
}

TEST(Request, RealArchFiles) {
  std::string vendor = DPUOPT_SHARED_DATA "/vendor/";
  if (!llvm::sys::fs::exists(vendor))
    GTEST_SKIP() << "no vendor files in the shared data";
  EXPECT_EQ(ask(vendor + "cifar_net/arch.json").fingerprint, 0x1000020f6014406u);
  EXPECT_NE(ask(vendor + "yolov5n_12c/arch.json").fingerprint, 0u);
  EXPECT_EQ(ask(vendor + "lenet/arch.json").rule, "target.family");
}
