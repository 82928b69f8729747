//===- Supervisor.h - ends all that a child has started (internal) ----------------===//
//
// Programs start others, put them into sessions of their own, and leave them behind; and
// whoever is killed by kill -9 cannot tidy up. So there is a process between us and such a
// program that outlives both: orphans become its children, and when the program ends, or
// we do, it kills them all.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_SUPPORT_SUPERVISOR_H
#define DPUOPT_LIB_SUPPORT_SUPERVISOR_H

#include <sys/types.h>

namespace dpuopt {

/// To be called in a forked child: nothing but system calls. Makes it the supervisor and returns in a child of that,
/// which is to become the program; the supervisor ends as the program does. SIGTERM makes it kill all of them at once.
/// False: it cannot fork, and errno says why. `parent` is whoever forked.
bool supervise(pid_t parent);

} // namespace dpuopt
#endif
