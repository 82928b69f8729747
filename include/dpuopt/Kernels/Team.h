//===- Team.h - the threads that work on one kernel at a time ---------------------===//
//
// A run calls some hundred kernels of a few microseconds each, so the members wait for
// the next one spinning (a bounded time, then asleep). One user at a time.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_KERNELS_TEAM_H
#define DPUOPT_KERNELS_TEAM_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstddef>
#include <memory>

namespace dpuopt::kernels {

class Team {
public:
  /// `threads` of them, the caller included (at least 1, at most 256).
  explicit Team(unsigned threads);
  ~Team();
  Team(const Team &) = delete;
  unsigned size() const;
  /// Calls work(unit, member) for every unit in [0, units), each once, in any order; member < size().
  /// Returns when all are done. With one member: in order, in the caller.
  void run(size_t units, llvm::function_ref<void(size_t unit, unsigned member)> work);

private:
  struct State;
  std::unique_ptr<State> state; ///< null for a team of one
};

} // namespace dpuopt::kernels
#endif
