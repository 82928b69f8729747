//===- Constants.h - what is the same in every run ------------------------------------------===//
//
// Constants and what ops make of them (a weight's `fix`), computed when a step asks and
// not before: weights exist in one form at a time.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_CONSTANTS_H
#define DPUOPT_LIB_EXEC_CONSTANTS_H

#include "dpuopt/Exec/Executor.h"
#include "llvm/ADT/DenseMap.h"

namespace dpuopt::exec {

class Constants {
public:
  Constants(const ExecOptions &options, DiagEngine &diags) : options(options), diags(diags) {}
  /// `op` depends on constants alone. False marks nothing.
  bool mark(const Op &op);
  bool contains(const Value *v) const { return known.count(v); }
  /// The value as kernels see it: f32 for reals.
  Result<Tensor> real(const Value &v);
  /// The same, but an f32 constant comes as it lies in its file, aligned or not.
  Result<Tensor> raw(const Value &v);
  /// The integers of a value on the grid of `fix`, dense.
  Result<Tensor> stored(const Value &v, ElemType fix);

private:
  Result<Tensor> compute(const Value &v);

  const ExecOptions &options;
  DiagEngine &diags;
  llvm::DenseMap<const Value *, bool> known;
  llvm::DenseMap<const Value *, Tensor> kept; ///< those with several readers
};

/// f32 numbers as the stored integers of a fix type of at most 8 bits, rounded half up.
Tensor storedForm(const Tensor &real, ElemType fix);

} // namespace dpuopt::exec
#endif
