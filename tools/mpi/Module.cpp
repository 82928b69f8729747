//===- Module.cpp - what dpuc wants of MPI ------------------------------------------------===//
#include "Module.h"
#include <climits>
#include <cstdlib>
#include <mpi.h>
#include <vector>

namespace {

int join(int *rank, int *size) {
  int threads = 0;
  if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &threads) != MPI_SUCCESS)
    return 1;
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, size);
  return 0;
}

/// One after the other: what is exchanged is small beside what it took to find.
int exchange(const char *mine, size_t count, void (*take)(void *, const char *, size_t), void *user) {
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  std::vector<char> bytes;
  for (int from = 0; from < size; ++from) {
    unsigned long long n = count;
    if (MPI_Bcast(&n, 1, MPI_UNSIGNED_LONG_LONG, from, MPI_COMM_WORLD) != MPI_SUCCESS)
      return 1;
    bytes.resize(n);
    if (from == rank)
      bytes.assign(mine, mine + count);
    for (unsigned long long at = 0; at < n; at += INT_MAX) {
      int piece = static_cast<int>(n - at < INT_MAX ? n - at : INT_MAX);
      if (MPI_Bcast(bytes.data() + at, piece, MPI_CHAR, from, MPI_COMM_WORLD) != MPI_SUCCESS)
        return 1;
    }
    take(user, bytes.data(), n);
  }
  return 0;
}

void leave() { MPI_Finalize(); }

void abortAll(int status) { MPI_Abort(MPI_COMM_WORLD, status); }

const DpuoptMpi table = {join, exchange, leave, abortAll};

} // namespace

const DpuoptMpi *dpuoptMpi() { return &table; }
