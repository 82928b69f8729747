/* KillAt.c - ends a program at its n-th step in the file system.
 *
 * Preloaded into a program with KILL_AT=N: before the N-th call that creates, writes, links, renames or removes a file
 * the process is killed, as by kill -9. Its children are spared. KILL_AT=0 kills nobody.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long left = -1;

__attribute__((constructor)) static void start(void) {
  const char *at = getenv("KILL_AT");
  left = at ? atol(at) : 0;
  if (left == 0)
    left = -1;
  unsetenv("KILL_AT");
  unsetenv("LD_PRELOAD");
}

static void step(void) {
  if (left > 0 && --left == 0)
    kill(getpid(), SIGKILL);
}

#define NEXT(Name) __typeof__(Name) *next = (__typeof__(Name) *)dlsym(RTLD_NEXT, #Name)

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
  va_end(rest);
  if (flags & O_CREAT)
    step();
  NEXT(open);
  return next(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
  va_end(rest);
  if (flags & O_CREAT)
    step();
  NEXT(open64);
  return next(path, flags, mode);
}
ssize_t write(int fd, const void *data, size_t size) {
  if (fd > 2)
    step();
  NEXT(write);
  return next(fd, data, size);
}
int close(int fd) {
  if (fd > 2)
    step();
  NEXT(close);
  return next(fd);
}
int rename(const char *from, const char *to) {
  step();
  NEXT(rename);
  return next(from, to);
}
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
  step();
  NEXT(renameat2);
  return next(a, from, b, to, flags);
}
int linkat(int a, const char *from, int b, const char *to, int flags) {
  step();
  NEXT(linkat);
  return next(a, from, b, to, flags);
}
int mkdir(const char *path, mode_t mode) {
  step();
  NEXT(mkdir);
  return next(path, mode);
}
char *mkdtemp(char *path) {
  step();
  NEXT(mkdtemp);
  return next(path);
}
int unlink(const char *path) {
  step();
  NEXT(unlink);
  return next(path);
}
int remove(const char *path) {
  step();
  NEXT(remove);
  return next(path);
}
int rmdir(const char *path) {
  step();
  NEXT(rmdir);
  return next(path);
}
