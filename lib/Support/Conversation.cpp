//===- Conversation.cpp - a child process that stays and is asked things ---------------===//
#include "dpuopt/Support/Conversation.h"
#include "Child.h"
#include <deque>

using namespace dpuopt;

/// For a child to end by itself when nobody will ask it any more: it has hardware to give back.
constexpr auto Farewell = std::chrono::seconds(5);
/// Kept of what it has said on standard output, for messages.
constexpr size_t KeptAnswers = 4096;

class Conversation::Parts {
public:
  explicit Parts(ProcessOptions options)
      : errors(std::move(options)), answers{.maxKept = KeptAnswers, .workingDir = errors.workingDir},
        child(answers, errors) {
    answers.onLine = [this](llvm::StringRef line) { heard.push_back(line.str()); };
  }
  bool start(llvm::StringRef program, llvm::ArrayRef<std::string> args) {
    return running = child.start(program, args, /*input=*/true, result);
  }
  std::optional<std::string> hear(unsigned timeoutSeconds);
  const ProcessResult &end(bool atOnce);
  Child &asked() { return child; }

private:
  ProcessOptions errors, answers;
  Child child;
  std::deque<std::string> heard;
  ProcessResult result;
  bool running = false;
};

std::optional<std::string> Conversation::Parts::hear(unsigned timeoutSeconds) {
  const auto start = Clock::now();
  while (running && heard.empty()) {
    const bool late = Clock::now() - start >= std::chrono::seconds(timeoutSeconds);
    if (late || (errors.stop && errors.stop())) {
      result.timedOut = true;
      result.failure = "said nothing for " + std::to_string(timeoutSeconds) + " s";
      end(/*atOnce=*/true);
    } else if (!child.out.isOpen()) {
      end(/*atOnce=*/false);
    } else {
      child.poll(50);
    }
  }
  if (heard.empty())
    return std::nullopt;
  std::string line = std::move(heard.front());
  heard.pop_front();
  return line;
}

const ProcessResult &Conversation::Parts::end(bool atOnce) {
  if (!running)
    return result;
  running = false;
  answers.onLine = {}; // nobody will hear it
  child.in.close(1);
  child.toSay.clear();
  if (!atOnce)
    child.listen(Farewell, {});
  child.kill();
  const std::string late = std::move(result.failure);
  child.collect(result);
  if (result.timedOut) {
    result.exitCode = -2;
    result.failure = late;
  }
  return result;
}

Conversation::Conversation(ProcessOptions options) : parts(std::make_unique<Parts>(std::move(options))) {}
Conversation::~Conversation() { end(); }

bool Conversation::start(llvm::StringRef program, llvm::ArrayRef<std::string> args) {
  return parts->start(program, args);
}
std::optional<std::string> Conversation::ask(llvm::StringRef line, unsigned timeoutSeconds) {
  parts->asked().toSay += line.str() + "\n";
  return parts->hear(timeoutSeconds);
}
std::optional<std::string> Conversation::hear(unsigned timeoutSeconds) { return parts->hear(timeoutSeconds); }
const ProcessResult &Conversation::end(bool atOnce) { return parts->end(atOnce); }
