//===- IntegerDescent.h - least squares over integers ---------------------------------===//
//
// Minimizes d'Hd - 2g'd over d = (q - q0) * step, q integers with limits: one number
// after the other goes where it is best, until none moves. Every move makes the sum
// smaller, so what comes out is never worse than what went in.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_INTEGERDESCENT_H
#define DPUOPT_CALIBRATE_INTEGERDESCENT_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace dpuopt {

/// One unknown: an integer, what a step of it means, and a pull of strength `ridge` that is already in the gradient.
struct IntegerUnknown {
  int q, low, high;
  double step;
  double ridge = 0;
};

/// H: rows of `stride` numbers, symmetric. `gradient` is g of the objective as `q` stands, and is kept so.
/// Unknowns whose diagonal is 0 or no number stay. Returns how much smaller the objective has become.
double descend(const float *h, size_t stride, llvm::MutableArrayRef<IntegerUnknown> unknowns,
               llvm::MutableArrayRef<double> gradient, unsigned sweeps);

} // namespace dpuopt
#endif
