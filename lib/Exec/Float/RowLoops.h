//===- RowLoops.h - arithmetic on rows of floats -----------------------------------------------===//
//
// Compiled for several instruction sets, chosen at run time; each gives the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FLOAT_ROWLOOPS_H
#define DPUOPT_LIB_EXEC_FLOAT_ROWLOOPS_H

#include "PostOp.h"
#include <array>
#include <limits>

namespace dpuopt::exec {

enum class Arithmetic : uint8_t { Add, Subtract, Multiply, Divide, Max, Min };

/// y = min(max(y, low), high), if `on`; NaN stays.
struct Limits {
  bool on = false;
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
  /// Takes a post op in, if it is one.
  bool take(const PostOp &op);
};

/// Elements next to each other (step 1) or all the same one (step 0).
struct RowOperand {
  const float *data;
  int64_t step;
};
void arithmeticRow(Arithmetic what, RowOperand a, RowOperand b, float *y, int64_t n, const Limits &limits);
/// y = x * scale + shift, element by element.
void affineRow(const float *x, const float *scale, const float *shift, float *y, int64_t n, const Limits &limits);

/// A result of two broadcast operands as rows; the shapes have the same rank.
class BroadcastRows {
public:
  BroadcastRows(llvm::ArrayRef<int64_t> out, llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b);
  int64_t length() const { return dims.back(); }
  int64_t count() const { return rowCount; }
  int64_t step(unsigned operand) const { return strides[operand].back(); } ///< 0 or 1
  /// Where a row of each operand begins.
  std::array<int64_t, 2> offsets(int64_t row) const;

private:
  llvm::SmallVector<int64_t, 6> dims; ///< adjacent axes merged
  std::array<llvm::SmallVector<int64_t, 6>, 2> strides;
  int64_t rowCount = 1;
};

} // namespace dpuopt::exec
#endif
