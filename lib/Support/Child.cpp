//===- Child.cpp - a child process and its streams ---------------------------------===//
#include "Child.h"
#include "Supervisor.h"
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vector>

using namespace dpuopt;

/// Longer lines are handed over in pieces.
constexpr size_t MaxLine = size_t(1) << 16;
/// How long a stream may stay open in the hands of others when the program itself has ended.
constexpr auto Linger = std::chrono::milliseconds(200);

bool Pipe::open() { return pipe2(ends, O_CLOEXEC) == 0; }
bool Pipe::openSockets() { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0; }

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

/// In the child, after fork: nothing but system calls.
void Child::become(const char *program, char *const *argv) {
  if (!options.terminal)
    setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  const bool alive = !options.supervised || supervise(parent);
  const char *file = options.inputFile.empty() ? "/dev/null" : options.inputFile.c_str();
  const int input = in.ends[0] >= 0 ? in.ends[0] : open(file, O_RDONLY);
  if (alive && input >= 0 && dup2(input, 0) >= 0 && dup2(out.pipe.ends[1], 1) >= 0 && dup2(err.pipe.ends[1], 2) >= 0 &&
      (options.workingDir.empty() || chdir(options.workingDir.c_str()) == 0))
    execv(program, argv);
  int code = errno;
  [[maybe_unused]] ssize_t told = write(problem.ends[1], &code, sizeof code);
  _exit(127);
}

bool Child::start(llvm::StringRef program, llvm::ArrayRef<std::string> args, bool input, ProcessResult &result) {
  std::string name = program.str();
  std::vector<char *> argv = {name.data()};
  for (const std::string &a : args)
    argv.push_back(const_cast<char *>(a.c_str()));
  argv.push_back(nullptr);
  parent = getpid();
  if ((input && !in.openSockets()) || !out.pipe.open() || !err.pipe.open() || !problem.open() || (pid = fork()) < 0) {
    result.failure = std::strerror(errno);
    return false;
  }
  if (pid == 0)
    become(name.c_str(), argv.data());
  if (!options.terminal)
    setpgid(pid, pid); // whoever is first
  in.close(0), out.pipe.close(1), err.pipe.close(1), problem.close(1);
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

/// A child that does not read any more is found out by what it says, or does not.
void Child::say() {
  const ssize_t n = send(in.ends[1], toSay.data(), toSay.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n > 0)
    toSay.erase(0, static_cast<size_t>(n));
  else if (n < 0 && errno != EAGAIN && errno != EINTR)
    toSay.clear();
}

void Child::poll(int milliseconds) {
  pollfd waiting[3];
  nfds_t n = 0;
  for (Stream *s : {&out, &err})
    if (s->isOpen())
      waiting[n++] = {s->pipe.ends[0], POLLIN, 0};
  if (!toSay.empty())
    waiting[n++] = {in.ends[1], POLLOUT, 0};
  if (::poll(waiting, n, milliseconds) <= 0)
    return;
  for (const pollfd &w : llvm::makeArrayRef(waiting, n))
    if (w.revents && w.fd == in.ends[1])
      say();
    else if (w.revents)
      (w.fd == out.pipe.ends[0] ? out : err).read();
}

bool Child::listen(std::chrono::seconds time, const std::function<bool()> &stop) {
  const auto start = Clock::now();
  Clock::time_point end;
  for (;;) {
    const bool open = out.isOpen() || err.isOpen(), wasEnded = reaped;
    if (ended() && !wasEnded)
      end = Clock::now();
    if (reaped && (!open || Clock::now() - end > Linger))
      return true;
    if ((time.count() && Clock::now() - start >= time) || (stop && stop()))
      return false;
    poll(open && !reaped ? 50 : 1);
  }
}

/// A supervisor is told first, so that it can end what is not in the group.
void Child::kill() {
  if (options.supervised && !reaped) {
    ::kill(pid, SIGTERM);
    for (const auto start = Clock::now(); !ended() && Clock::now() - start < std::chrono::seconds(5);)
      usleep(5000);
  }
  if (!options.terminal || !reaped)
    ::kill(options.terminal ? pid : -pid, SIGKILL);
  if (!reaped)
    reaped = waitpid(pid, &status, 0) == pid;
}

void Child::collect(ProcessResult &result) {
  result.out = out.text(result.dropped);
  result.err = err.text(result.dropped);
  if (WIFSIGNALED(status)) {
    result.exitCode = -2;
    result.failure = strsignal(WTERMSIG(status));
  } else {
    result.exitCode = WEXITSTATUS(status);
  }
}
