//===- Child.h - a child process and its streams -----------------------------------===//
//
// What runProcess() and Conversation share: start without a shell in a process group of its
// own, read both streams within bounds, kill the group.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_SUPPORT_CHILD_H
#define DPUOPT_LIB_SUPPORT_CHILD_H

#include "dpuopt/Support/Process.h"
#include <chrono>
#include <unistd.h>

namespace dpuopt {

using Clock = std::chrono::steady_clock;

struct Pipe {
  int ends[2] = {-1, -1}; ///< read, write
  bool open();
  /// A pair of sockets: writing to one that nobody reads is an error, not a signal.
  bool openSockets();
  void close(int end) {
    if (ends[end] >= 0)
      ::close(ends[end]);
    ends[end] = -1;
  }
  ~Pipe() { close(0), close(1); }
};

/// One stream of the child: its beginning and its end, and the lines in it.
class Stream {
public:
  Stream(const ProcessOptions &options) : options(options) {}
  bool isOpen() const { return pipe.ends[0] >= 0; }
  void read();
  /// What is kept of it; adds what is not to `dropped`.
  std::string text(uint64_t &dropped);
  Pipe pipe;

private:
  void take(llvm::StringRef bytes);
  void takeLines(llvm::StringRef bytes);

  const ProcessOptions &options;
  std::string head, tail, line;
  uint64_t lost = 0;
};

/// A child and its streams. Options must outlive it.
class Child {
public:
  /// `out` and `err`: what is kept of the streams and who gets their lines.
  Child(const ProcessOptions &out, const ProcessOptions &err) : out(out), err(err), options(out) {}
  /// `input`: gets a standard input to write to, `in.ends[1]`. False: `result.failure` says why it could not start.
  bool start(llvm::StringRef program, llvm::ArrayRef<std::string> args, bool input, ProcessResult &result);
  /// Looks at all streams once, and sends what it takes of `toSay`.
  void poll(int milliseconds);
  /// Until it has ended and its streams with it. False: the time (0: none) was over, or `stop` (may be empty) said so.
  bool listen(std::chrono::seconds time, const std::function<bool()> &stop);
  /// Kills what there is of it and its group, and waits for it.
  void kill();
  /// Streams and status into `result`.
  void collect(ProcessResult &result);

  Stream out, err;
  Pipe in;
  std::string toSay; ///< what it has not taken yet of its standard input

private:
  [[noreturn]] void become(const char *program, char *const *argv);
  void say();
  bool ended();

  const ProcessOptions &options;

  Pipe problem; ///< errno of an exec that failed
  pid_t pid = -1, parent = -1;
  bool reaped = false;
  int status = 0;
};

} // namespace dpuopt
#endif
