//===- Alignment.h - two sequences, laid side by side at least cost -------------===//
//
// The edit distance, asked for more than its value: which pairs are certain.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_ALIGNMENT_H
#define DPUOPT_QUANT_ALIGNMENT_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>
#include <vector>

namespace dpuopt {

/// Sequences `a` and `b` keep their order; an element either has a partner or is skipped.
struct AlignmentCosts {
  llvm::function_ref<std::optional<int>(size_t, size_t)> match; ///< of a[i] with b[j]; nullopt: never partners
  llvm::function_ref<int(size_t)> skipA, skipB;
};

/// Cells of the table above which align() gives up (32 MB).
constexpr size_t MaxAlignmentCells = 4'000'000;

struct Alignment {
  /// For each element of `a` its partner in b, if it is the same in ALL alignments of least cost.
  std::vector<std::optional<size_t>> partners;
  /// Elements of `a` that some alignment of least cost skips.
  std::vector<bool> skipped;
};

/// nullopt if the sequences are too long.
std::optional<Alignment> align(size_t sizeA, size_t sizeB, const AlignmentCosts &costs);

} // namespace dpuopt
#endif
