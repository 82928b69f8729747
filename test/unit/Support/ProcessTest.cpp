//===- ProcessTest.cpp - child processes that behave, and others ------------------------===//
#include "dpuopt/Support/Process.h"
#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
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

//===-- Supervised -----------------------------------------------------------------------===//

static ProcessResult runSupervised(const std::string &script, unsigned seconds = 60) {
  ProcessOptions options;
  options.supervised = true;
  options.timeoutSeconds = seconds;
  return runProcess("/bin/sh", {"-c", script}, options);
}

/// Is there such a process, and is it more than what is left to be reaped?
static bool isAlive(const std::string &pid) {
  return runProcess("/bin/sh", {"-c", "grep -s State /proc/" + pid + "/status | grep -qv Z"}).exitCode == 0;
}

TEST(Process, ASupervisedProgramEndsAsItDoes) {
  ProcessResult r = runSupervised("echo out; echo err >&2; exit 3");
  EXPECT_EQ(r.exitCode, 3);
  EXPECT_EQ(r.out, "out\n");
  EXPECT_EQ(r.err, "err\n");
  r = runSupervised("kill -ABRT $$");
  EXPECT_EQ(r.exitCode, -2);
  EXPECT_EQ(r.failure, "Aborted");
}
TEST(Process, ASupervisedProgramThatIsMissingIsReported) {
  ProcessOptions options;
  options.supervised = true;
  ProcessResult r = runProcess("/nonexistent/program", {}, options);
  EXPECT_EQ(r.exitCode, -1);
  EXPECT_EQ(r.failure, "No such file or directory");
}
TEST(Process, ASupervisorEndsWhatIsInASessionOfItsOwn) {
  ProcessResult r = runSupervised("f=$(mktemp); setsid sh -c \"echo \\$\\$ > $f; exec sleep 1000\" & "
                                  "while [ ! -s $f ]; do sleep 0.05; done; cat $f; rm $f");
  EXPECT_EQ(r.exitCode, 0);
  ASSERT_GT(r.out.size(), 1u);
  EXPECT_FALSE(isAlive(r.out.substr(0, r.out.size() - 1)));
}
TEST(Process, ASupervisorThatIsToldEndsAll) {
  ProcessResult r = runSupervised("setsid sh -c 'echo $$; exec sleep 1000' & sleep 1000", 1);
  EXPECT_TRUE(r.timedOut);
  ASSERT_GT(r.out.size(), 1u);
  EXPECT_FALSE(isAlive(r.out.substr(0, r.out.size() - 1)));
}
TEST(Process, ASupervisorEndsAllWhenWeAreKilled) {
  // This program in the part of the one that is killed.
  const pid_t victim = fork();
  const std::string note = testing::TempDir() + "/supervised-" + std::to_string(victim ? victim : getpid());
  if (victim == 0) {
    signal(SIGTERM, SIG_IGN); // which must not make it deaf
    runSupervised("setsid sh -c 'echo $$ > " + note + ".new; mv " + note + ".new " + note +
                  "; exec sleep 1000' & sleep 1000");
    _exit(0);
  }
  const std::string wait = "while [ ! -e " + note + " ]; do sleep 0.05; done; cat " + note;
  const std::string pid = runProcess("/bin/sh", {"-c", wait}, {60}).out;
  ASSERT_GT(pid.size(), 1u);
  kill(victim, SIGKILL);
  waitpid(victim, nullptr, 0);
  ProcessResult gone = runProcess(
      "/bin/sh",
      {"-c", "while grep -s State /proc/" + pid.substr(0, pid.size() - 1) + "/status | grep -qv Z; do sleep 0.1; done"},
      {60});
  EXPECT_FALSE(gone.timedOut);
  unlink(note.c_str());
}
