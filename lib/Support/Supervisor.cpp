//===- Supervisor.cpp - ends all that a child has started ------------------------===//
#include "Supervisor.h"
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace dpuopt;

/// In steps: for what the program left behind to end by itself (its last words), and for what was killed to be gone.
static constexpr int GraceSteps = 20, KillSteps = 200;

static void waitOneStep() {
  timespec time = {0, 10'000'000};
  nanosleep(&time, nullptr);
}

/// Others' pipes would not end while we hold them.
static void closeAll() {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, 0, ~0U, 0) == 0)
    return;
#endif
  for (int fd = 0; fd < 4096; ++fd)
    close(fd);
}

/// Reaps who has ended, and notes how the program did. True: nobody is left.
static bool reap(pid_t program, int &status, bool &ended) {
  for (;;) {
    int how = 0;
    const pid_t pid = waitpid(-1, &how, WNOHANG);
    if (pid <= 0)
      return pid < 0;
    if (pid == program)
      status = how, ended = true;
  }
}

/// Our children as the kernel has them; those of theirs that are killed become ours. Where the kernel does not have
/// that file our parent's kill of the process group has to do.
static void killChildren() {
  const int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  char text[4096];
  const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
  close(fd);
  pid_t pid = 0;
  for (ssize_t i = 0; i < n; ++i)
    if (text[i] >= '0' && text[i] <= '9') {
      pid = 10 * pid + (text[i] - '0');
    } else if (pid > 0) { // a number that was cut off is of the next time
      kill(pid, SIGKILL);
      pid = 0;
    }
}

[[noreturn]] static void endAs(int status) {
  if (WIFSIGNALED(status)) {
    rlimit none = {0, 0}; // one core file is enough
    setrlimit(RLIMIT_CORE, &none);
    signal(WTERMSIG(status), SIG_DFL);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, nullptr);
    raise(WTERMSIG(status));
  }
  _exit(WEXITSTATUS(status));
}

[[noreturn]] static void watch(pid_t program, const sigset_t &signals) {
  int status = SIGKILL;
  bool ended = false, alone = false, told = false;
  while (!(alone = reap(program, status, ended)) && !ended && !told)
    told = sigwaitinfo(&signals, nullptr) == SIGTERM;
  for (int i = 0; !alone && !told && i < GraceSteps; ++i) {
    waitOneStep();
    alone = reap(program, status, ended);
  }
  for (int i = 0; !alone && i < KillSteps; ++i) {
    killChildren();
    waitOneStep();
    alone = reap(program, status, ended);
  }
  endAs(status);
}

bool dpuopt::supervise(pid_t parent) {
  sigset_t ours, before;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGCHLD);
  const auto ofChild = signal(SIGCHLD, SIG_DFL), ofTerm = signal(SIGTERM, SIG_DFL); // one that is ignored never comes
  sigprocmask(SIG_BLOCK, &ours, &before);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) // it was killed before it could have told
    _exit(127);
  const pid_t us = getpid(), program = fork();
  if (program > 0) {
    closeAll();
    watch(program, ours);
  }
  if (program < 0)
    return false;
  signal(SIGCHLD, ofChild);
  signal(SIGTERM, ofTerm);
  sigprocmask(SIG_SETMASK, &before, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != us)
    _exit(127);
  return true;
}
