//===- Module.h - what dpuc wants of MPI --------------------------------------------------===//
//
// The C interface of dpuopt-mpi.so, which dpuc loads when it was started by mpirun: MPI's
// library takes longer to load than most commands take to run.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_MPI_MODULE_H
#define DPUOPT_TOOLS_MPI_MODULE_H

#include <cstddef>

extern "C" {
struct DpuoptMpi {
  /// 0: joined; `rank` in [0, size).
  int (*join)(int *rank, int *size);
  /// Each rank's bytes at every rank: calls take(user, bytes, count) for rank 0, 1, ... 0: done.
  int (*exchange)(const char *mine, size_t count, void (*take)(void *user, const char *bytes, size_t count),
                  void *user);
  /// The orderly end of a rank.
  void (*leave)();
  /// Ends all ranks with this exit status.
  void (*abort)(int status);
};
/// The one symbol of the module.
const DpuoptMpi *dpuoptMpi();
}

#endif
