//===- IntegerDescent.cpp - least squares over integers -------------------------------===//
#include "IntegerDescent.h"
#include <algorithm>
#include <cmath>

using namespace dpuopt;

/// Where unknown `u` is best with all others as they are.
static int bestOf(const IntegerUnknown &u, double diagonal, double gradient) {
  if (!(diagonal > 0) || !std::isfinite(gradient))
    return u.q;
  const double wanted = u.q + gradient / (diagonal * u.step);
  const int best = static_cast<int>(std::lround(std::clamp<double>(wanted, u.low, u.high)));
  // A tie stays where it is; without this two equal places could take turns for ever.
  return std::fabs(wanted - u.q) > 0.5 + 1e-9 ? best : u.q;
}

double dpuopt::descend(const float *h, size_t stride, llvm::MutableArrayRef<IntegerUnknown> unknowns,
                       llvm::MutableArrayRef<double> gradient, unsigned sweeps) {
  double gained = 0;
  for (unsigned sweep = 0; sweep < sweeps; ++sweep) {
    bool moved = false;
    for (size_t k = 0; k < unknowns.size(); ++k) {
      IntegerUnknown &u = unknowns[k];
      const float *row = h + k * stride;
      const double diagonal = row[k] + u.ridge;
      const int best = bestOf(u, diagonal, gradient[k]);
      if (best == u.q)
        continue;
      const double d = (best - u.q) * u.step;
      gained += 2 * gradient[k] * d - diagonal * d * d;
      u.q = best, moved = true;
      for (size_t j = 0; j < unknowns.size(); ++j)
        gradient[j] -= d * row[j];
      gradient[k] -= d * u.ridge;
    }
    if (!moved)
      break;
  }
  return gained;
}
