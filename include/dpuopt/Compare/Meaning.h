//===- Meaning.h - what the numbers of a tensor are -------------------------------===//
//
// Fix points that a tensor has without its type saying so, and class scores. Knows no
// file and executes nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_COMPARE_MEANING_H
#define DPUOPT_COMPARE_MEANING_H

#include "dpuopt/IR/Graph.h"
#include <optional>

namespace dpuopt {

/// The fix type whose integers `v` holds exactly: its own, or that of the tensor which reshapes, transposes, downloads
/// and conversions to float made it of. None: real numbers.
std::optional<ElemType> fixOf(const Value &v);

/// The fix type a model rounds its input `feed` to: its own, or that of the first `fix` that reads it.
std::optional<ElemType> inputFixOf(const Value &feed);

/// `t` (numbers) as the stored integers of `fix`; exact for a value of which fixOf() says so.
Tensor storedIntegers(const Tensor &t, ElemType fix);

/// The value whose element order and numbers are those of `v` one step before it (what a reshape, an upload, a
/// conversion to float reads), or null.
Value *copiedFrom(const Value &v);

/// How scores of classes are written.
enum class ScoreKind { Raw, Softmax };
/// One vector of at least two numbers: are they probabilities (not negative, sum 1) or raw scores? None: not a vector.
std::optional<ScoreKind> scoreKind(const Tensor &t);

struct ClassScore {
  int64_t index;
  double score, probability; ///< probability: the score itself, or softmax of all of them
};
/// The `k` largest, the first of equal ones first.
std::vector<ClassScore> topScores(const Tensor &t, size_t k);

} // namespace dpuopt
#endif
