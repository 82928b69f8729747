//===- ProcessTest.cpp - child processes that behave, and others ------------------------===//
#include "dpuopt/Support/Process.h"
#include <gtest/gtest.h>
#include <unistd.h>
#include <vector>

using namespace dpuopt;

TEST(Process, CapturesBothStreams) {
  ProcessResult r = runProcess("/bin/sh", {"-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(r.exitCode, 3);
  EXPECT_EQ(r.out, "out\n");
  EXPECT_EQ(r.err, "err\n");
}
TEST(Process, AnAbortIsReported) {
  ProcessResult r = runProcess("/bin/sh", {"-c", "kill -ABRT $$"});
  EXPECT_EQ(r.exitCode, -2);
  EXPECT_FALSE(r.failure.empty());
}
TEST(Process, AMissingProgramIsReported) {
  ProcessResult r = runProcess("/nonexistent/program", {});
  EXPECT_EQ(r.exitCode, -1);
  EXPECT_FALSE(r.failure.empty());
}

TEST(Process, AFileThatIsNoProgramIsReported) {
  ProcessResult r = runProcess("/etc/passwd", {});
  EXPECT_EQ(r.exitCode, -1);
  EXPECT_EQ(r.failure, "Permission denied");
}
TEST(Process, ArgumentsReachNoShell) { EXPECT_EQ(runProcess("/bin/echo", {"$(id)", "a b;c"}).out, "$(id) a b;c\n"); }
TEST(Process, OneThatHangsIsKilledWithWhatItStarted) {
  ProcessResult r = runProcess("/bin/sh", {"-c", "sleep 1000 & echo $!; sleep 1000"}, {1});
  EXPECT_TRUE(r.timedOut);
  EXPECT_EQ(r.exitCode, -2);
  EXPECT_EQ(r.failure, "timed out after 1 s");
  r.out.pop_back();
  // Killed is not gone yet: it goes in its own time, or is a zombie that nobody has reaped.
  ProcessResult child = runProcess(
      "/bin/sh", {"-c", "while grep -s State /proc/" + r.out + "/status | grep -qv Z; do sleep 0.1; done"}, {60});
  EXPECT_FALSE(child.timedOut);
}
TEST(Process, AnOrphanThatHoldsTheStreamsIsNotWaitedFor) {
  ProcessResult r = runProcess("/bin/sh", {"-c", "sleep 1000 & echo started"}, {600});
  EXPECT_EQ(r.exitCode, 0);
  EXPECT_FALSE(r.timedOut);
  EXPECT_EQ(r.out, "started\n");
}
TEST(Process, AFloodIsCutInTheMiddle) {
  ProcessOptions options;
  options.maxKept = 1000;
  ProcessResult r = runProcess(
      "/bin/sh", {"-c", "echo first; i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo last"},
      options);
  EXPECT_LT(r.out.size(), 1100u);
  EXPECT_EQ(r.out.substr(0, 6), "first\n");
  EXPECT_EQ(r.out.substr(r.out.size() - 5), "last\n");
  EXPECT_NE(r.out.find(std::to_string(r.dropped) + " bytes left out"), std::string::npos);
}
TEST(Process, LinesComeAsTheyAreWritten) {
  std::vector<std::string> lines;
  ProcessOptions options;
  options.onLine = [&](llvm::StringRef line) { lines.push_back(line.str()); };
  runProcess("/bin/sh", {"-c", "printf 'a\\nb'; sleep 0.05; printf 'c\\n\\nd'"}, options);
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "bc", "", "d"}));
}
TEST(Process, RunsWhereItIsTold) {
  ProcessOptions options;
  options.workingDir = "/usr";
  EXPECT_EQ(runProcess("/bin/pwd", {}, options).out, "/usr\n");
  options.workingDir = "/nonexistent";
  EXPECT_EQ(runProcess("/bin/pwd", {}, options).exitCode, -1);
}
TEST(Process, ReadsTheFileItIsGiven) {
  ProcessOptions options;
  options.inputFile = "/proc/version";
  EXPECT_EQ(runProcess("/bin/cat", {}, options).out, runProcess("/bin/cat", {"/proc/version"}).out);
  options.inputFile = "/nonexistent";
  EXPECT_EQ(runProcess("/bin/cat", {}, options).exitCode, -1);
}
TEST(Process, OneAtTheTerminalIsInOurGroup) {
  ProcessOptions options{20};
  options.terminal = true;
  const std::string group = std::to_string(getpgrp());
  EXPECT_EQ(runProcess("/bin/sh", {"-c", "cut -d' ' -f5 /proc/$$/stat"}, options).out, group + "\n");
  EXPECT_TRUE(runProcess("/bin/sleep", {"1000"}, {1, 1000, {}, {}, {}, true}).timedOut);
}
TEST(Process, HasNoInput) { EXPECT_EQ(runProcess("/bin/cat", {}, {20}).exitCode, 0); }
