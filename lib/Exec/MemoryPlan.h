//===- MemoryPlan.h - buffers that never live at once share memory ------------------------===//
//
// Knows no graph: lifetimes in, offsets out.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_MEMORYPLAN_H
#define DPUOPT_LIB_EXEC_MEMORYPLAN_H

#include "llvm/ADT/ArrayRef.h"
#include <cstddef>
#include <vector>

namespace dpuopt::exec {

/// A buffer that must keep its bytes from step `first` to step `last`, both included.
struct Lifetime {
  size_t bytes;
  unsigned first, last;
  bool overlaps(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

struct MemoryPlan {
  static constexpr size_t Alignment = 64; ///< of every offset
  std::vector<size_t> offsets;            ///< one per lifetime
  size_t bytes = 0;                       ///< of the arena that holds them all
};

/// Largest buffers first, each into the smallest gap among those that live at the same time.
MemoryPlan planMemory(llvm::ArrayRef<Lifetime> lifetimes);

/// What no plan can do without: the most bytes that live at one step.
size_t leastMemory(llvm::ArrayRef<Lifetime> lifetimes);

} // namespace dpuopt::exec
#endif
