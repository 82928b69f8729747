//===- ConversationTest.cpp - a child that is asked things, and those that misbehave --------===//
#include "dpuopt/Support/Conversation.h"
#include <csignal>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

using namespace dpuopt;

namespace {
/// `script` in a shell, which reads its questions with `read`.
struct Shell : Conversation {
  explicit Shell(const std::string &script, ProcessOptions options = {}) : Conversation(std::move(options)) {
    started = start("/bin/sh", {"-c", script});
  }
  bool started;
};
using Answer = std::optional<std::string>;
} // namespace

TEST(Conversation, AnswersComeOneByOne) {
  Shell s("while read x; do echo \"<$x>\"; done");
  ASSERT_TRUE(s.started);
  EXPECT_EQ(s.ask("a b", 60), Answer("<a b>"));
  EXPECT_EQ(s.ask("$(id)", 60), Answer("<$(id)>"));
}
TEST(Conversation, OneQuestionMayHaveSeveralAnswers) {
  Shell s("read x; echo 1; sleep 0.05; echo 2");
  EXPECT_EQ(s.ask("go", 60), Answer("1"));
  EXPECT_EQ(s.hear(60), Answer("2"));
  EXPECT_EQ(s.hear(60), std::nullopt);
}
TEST(Conversation, TheEndOfTheInputIsTheEnd) {
  Shell s("while read x; do :; done; echo gone >&2; exit 7");
  EXPECT_EQ(s.end().exitCode, 7);
  EXPECT_EQ(s.end().err, "gone\n");
  EXPECT_FALSE(s.end().timedOut);
}
TEST(Conversation, OneThatHangsIsKilled) {
  Shell s("echo $$; read x; exec sleep 1000");
  const Answer pid = s.hear(60);
  ASSERT_TRUE(pid);
  EXPECT_EQ(s.ask("x", 1), std::nullopt);
  EXPECT_TRUE(s.end().timedOut);
  EXPECT_EQ(s.end().exitCode, -2);
  EXPECT_EQ(s.end().failure, "said nothing for 1 s");
  EXPECT_EQ(kill(std::stoi(*pid), 0), -1) << "a zombie, at least, is left";
}
TEST(Conversation, ItMayBeStoppedWhileWaiting) {
  ProcessOptions options;
  options.stop = [] { return true; };
  Shell s("exec sleep 1000", options);
  EXPECT_EQ(s.hear(1000), std::nullopt);
  EXPECT_TRUE(s.end().timedOut);
}
TEST(Conversation, OneThatDiesInTheMiddleIsNoticed) {
  Shell s("read x; echo half; echo why >&2; kill -ABRT $$");
  EXPECT_EQ(s.ask("x", 60), Answer("half"));
  EXPECT_EQ(s.ask("y", 60), std::nullopt);
  EXPECT_EQ(s.end().exitCode, -2);
  EXPECT_EQ(s.end().failure, "Aborted");
  EXPECT_EQ(s.end().err, "why\n");
}
TEST(Conversation, WritingToOneThatHasGoneIsNoSignal) {
  Shell s("exec 0<&-; echo ready; sleep 0.2; exit 3");
  EXPECT_EQ(s.hear(60), Answer("ready"));
  EXPECT_EQ(s.ask(std::string(1 << 20, 'x'), 60), std::nullopt);
  EXPECT_EQ(s.end().exitCode, 3);
}
TEST(Conversation, WhatItSaidBeforeItWentIsHeard) {
  Shell s("echo early; exit 3");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(s.ask("too late", 60), Answer("early"));
  EXPECT_EQ(s.hear(60), std::nullopt);
  EXPECT_EQ(s.end().exitCode, 3);
}
TEST(Conversation, ALongQuestionToOneThatTalksIsNoDeadlock) {
  Shell s("yes | head -c 1000000 >&2; echo; read x; echo ${#x}");
  EXPECT_EQ(s.hear(60), Answer(""));
  EXPECT_EQ(s.ask(std::string(1000000, 'x'), 60), Answer("1000000"));
}
TEST(Conversation, AFloodIsNotKept) {
  ProcessOptions options;
  options.maxKept = 1000;
  Shell s("read x; yes flood | head -c 10000000 >&2; echo done; exec yes", options);
  EXPECT_EQ(s.ask("x", 60), Answer("done"));
  EXPECT_EQ(s.hear(60), Answer("y"));
  EXPECT_LT(s.end(/*atOnce=*/true).err.size(), 1100u);
  EXPECT_LT(s.end().out.size(), 5000u);
}
TEST(Conversation, ALineWithoutAnEndComesInPieces) {
  Shell s("head -c 1000000 /dev/zero | tr '\\0' x; exec sleep 1000");
  const Answer piece = s.hear(60);
  ASSERT_TRUE(piece);
  EXPECT_LT(piece->size(), size_t(1) << 18);
  EXPECT_EQ(s.end(/*atOnce=*/true).exitCode, -2);
}
TEST(Conversation, AMissingProgramIsReported) {
  Conversation c;
  EXPECT_FALSE(c.start("/nonexistent/program", {}));
  EXPECT_EQ(c.ask("x", 60), std::nullopt);
  EXPECT_EQ(c.end().exitCode, -1);
  EXPECT_FALSE(c.end().failure.empty());
}
TEST(Conversation, LeavingItEndsIt) {
  Answer pid;
  {
    Shell s("echo $$; while read x; do :; done");
    pid = s.hear(60);
  }
  ASSERT_TRUE(pid);
  EXPECT_EQ(kill(std::stoi(*pid), 0), -1);
}
