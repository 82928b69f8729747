//===- Process.cpp - child processes -------------------------------------------===//
#include "dpuopt/Support/Process.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace dpuopt;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;
using Clock = std::chrono::steady_clock;

namespace {

/// How long a stream may stay open in the hands of others when the program itself has ended.
constexpr auto Linger = std::chrono::milliseconds(200);
/// Longer lines are handed over in pieces.
constexpr size_t MaxLine = size_t(1) << 16;

struct Pipe {
  int ends[2] = {-1, -1}; ///< read, write
  bool open() { return pipe2(ends, O_CLOEXEC) == 0; }
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
  std::string text(uint64_t &dropped);
  Pipe pipe;

private:
  void take(llvm::StringRef bytes);
  void takeLines(llvm::StringRef bytes);

  const ProcessOptions &options;
  std::string head, tail, line;
  uint64_t lost = 0;
};

void Stream::read() {
  char buffer[1 << 16];
  ssize_t n = ::read(pipe.ends[0], buffer, sizeof buffer);
  if (n > 0)
    return take({buffer, static_cast<size_t>(n)});
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  pipe.close(0);
  if (!line.empty() && options.onLine)
    options.onLine(line);
}

void Stream::take(llvm::StringRef bytes) {
  if (options.onLine)
    takeLines(bytes);
  const size_t half = options.maxKept / 2, room = half - std::min(half, head.size());
  head += bytes.take_front(room);
  tail += bytes.drop_front(std::min(room, bytes.size()));
  if (tail.size() > 2 * half) { // seldom, so that moving costs nothing
    lost += tail.size() - half;
    tail.erase(0, tail.size() - half);
  }
}

void Stream::takeLines(llvm::StringRef bytes) {
  while (!bytes.empty()) {
    auto [now, rest] = bytes.split('\n');
    const bool ended = now.size() < bytes.size();
    line += now;
    if (ended || line.size() > MaxLine) {
      options.onLine(line);
      line.clear();
    }
    bytes = rest;
  }
}

std::string Stream::text(uint64_t &dropped) {
  const size_t half = options.maxKept / 2;
  if (tail.size() > half) {
    lost += tail.size() - half;
    tail.erase(0, tail.size() - half);
  }
  dropped += lost;
  if (lost)
    head += "\n... " + std::to_string(lost) + " bytes left out ...\n";
  return head + tail;
}

/// A child and its streams.
class Child {
public:
  explicit Child(const ProcessOptions &options) : options(options), out(options), err(options) {}
  ProcessResult run(llvm::StringRef program, llvm::ArrayRef<std::string> args);

private:
  bool start(llvm::StringRef program, llvm::ArrayRef<std::string> args, ProcessResult &result);
  [[noreturn]] void become(const char *program, char *const *argv);
  void listen(ProcessResult &result);
  bool ended();
  void poll(int milliseconds);

  const ProcessOptions &options;
  Stream out, err;
  Pipe problem; ///< errno of an exec that failed
  pid_t pid = -1;
  bool reaped = false;
  int status = 0;
};

/// In the child, after fork: nothing but system calls.
void Child::become(const char *program, char *const *argv) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing >= 0 && dup2(nothing, 0) >= 0 && dup2(out.pipe.ends[1], 1) >= 0 && dup2(err.pipe.ends[1], 2) >= 0 &&
      (options.workingDir.empty() || chdir(options.workingDir.c_str()) == 0))
    execv(program, argv);
  int code = errno;
  [[maybe_unused]] ssize_t told = write(problem.ends[1], &code, sizeof code);
  _exit(127);
}

bool Child::start(llvm::StringRef program, llvm::ArrayRef<std::string> args, ProcessResult &result) {
  std::string name = program.str();
  std::vector<char *> argv = {name.data()};
  for (const std::string &a : args)
    argv.push_back(const_cast<char *>(a.c_str()));
  argv.push_back(nullptr);
  if (!out.pipe.open() || !err.pipe.open() || !problem.open() || (pid = fork()) < 0) {
    result.failure = std::strerror(errno);
    return false;
  }
  if (pid == 0)
    become(name.c_str(), argv.data());
  setpgid(pid, pid); // whoever is first
  out.pipe.close(1), err.pipe.close(1), problem.close(1);
  int code = 0;
  if (::read(problem.ends[0], &code, sizeof code) != sizeof code)
    return true;
  result.failure = std::strerror(code);
  waitpid(pid, &status, 0);
  return false;
}

bool Child::ended() {
  if (!reaped)
    reaped = waitpid(pid, &status, WNOHANG) == pid;
  return reaped;
}

void Child::poll(int milliseconds) {
  pollfd waiting[2];
  Stream *streams[2];
  nfds_t n = 0;
  for (Stream *s : {&out, &err})
    if (s->isOpen())
      streams[n] = s, waiting[n++] = {s->pipe.ends[0], POLLIN, 0};
  if (::poll(waiting, n, milliseconds) <= 0)
    return;
  for (nfds_t i = 0; i < n; ++i)
    if (waiting[i].revents)
      streams[i]->read();
}

/// Until the program has ended and its streams with it, or time is up; then everything it started is killed.
void Child::listen(ProcessResult &result) {
  const auto start = Clock::now();
  Clock::time_point end;
  for (;;) {
    const bool open = out.isOpen() || err.isOpen();
    const bool wasEnded = reaped;
    if (ended() && !wasEnded)
      end = Clock::now();
    if (reaped && (!open || Clock::now() - end > Linger))
      break;
    if ((options.timeoutSeconds && Clock::now() - start >= std::chrono::seconds(options.timeoutSeconds)) ||
        (options.stop && options.stop())) {
      result.timedOut = true;
      break;
    }
    poll(open && !reaped ? 50 : 1);
  }
  kill(-pid, SIGKILL);
  if (!reaped)
    waitpid(pid, &status, 0);
}

ProcessResult Child::run(llvm::StringRef program, llvm::ArrayRef<std::string> args) {
  ProcessResult result;
  if (!start(program, args, result))
    return result;
  listen(result);
  result.out = out.text(result.dropped);
  result.err = err.text(result.dropped);
  if (result.timedOut) {
    result.exitCode = -2;
    result.failure = "timed out after " + std::to_string(options.timeoutSeconds) + " s";
  } else if (WIFSIGNALED(status)) {
    result.exitCode = -2;
    result.failure = strsignal(WTERMSIG(status));
  } else {
    result.exitCode = WEXITSTATUS(status);
  }
  return result;
}

} // namespace

ProcessResult dpuopt::runProcess(llvm::StringRef program, llvm::ArrayRef<std::string> args,
                                 const ProcessOptions &options) {
  return Child(options).run(program, args);
}

std::string dpuopt::findHelper(llvm::StringRef name) {
  std::vector<llvm::SmallString<128>> folders;
  if (const char *env = std::getenv("DPUOPT_LIBEXEC"))
    folders.emplace_back(env);
  std::string self = fs::getMainExecutable(nullptr, nullptr);
  // bin/dpuc, and test/unit/dpuopt-unit-X in the build tree.
  for (llvm::StringRef up : {"../libexec/dpuopt", "../../libexec/dpuopt", "."}) {
    llvm::SmallString<128> folder = path::parent_path(self);
    path::append(folder, up);
    folders.push_back(folder);
  }
  for (llvm::SmallString<128> file : folders) {
    path::append(file, name);
    if (fs::can_execute(file)) {
      path::remove_dots(file, /*remove_dot_dot=*/true);
      return file.str().str();
    }
  }
  return "";
}
