//===- PositionSearch.h - fix points from all values at once ------------------===//
//
// The searches that look at the values of the whole calibration set (ValueHistogram.h)
// instead of one sample at a time. DiffS is not one of them (FixPoint.h).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_POSITIONSEARCH_H
#define DPUOPT_QUANT_POSITIONSEARCH_H

#include "dpuopt/Quant/ValueHistogram.h"

namespace dpuopt {

enum class SearchMethod {
  Diffs,      ///< the vendor's: per sample, then the mode; not for searchFixPoint()
  Mse,        ///< least sum of squared errors
  MaxMin,     ///< the largest position at which nothing overflows
  Percentile, ///< the same for the smallest threshold that covers a share of all values
  Entropy     ///< least Kullback-Leibler divergence
};

/// "diffs", "mse", ...; nullopt for other names.
llvm::StringRef searchMethodName(SearchMethod method);
std::optional<SearchMethod> parseSearchMethod(llvm::StringRef name);

struct SearchOptions {
  Rounding rounding = Rounding::HalfUp;
  int range = 9;              ///< positions tried: the MaxMin one and those above it (Mse, Entropy)
  double percentile = 0.9999; ///< share of all values, zeros included, in 0..1 (Percentile)
};

/// The position for values of `bits` bits, at most maxFixPoint(bits), and that if there are only zeros. The first
/// best one wins.
/// - MaxMin: maxMinFixPoint() of the exact range.
/// - Percentile: the same of the range clipped to [-T, T], T the least bin edge with |x| <= T for the share.
/// - Mse: of MaxMin's p, p+1, ..., the least expectedError().
/// - Entropy: of the same, the least divergence of what the bins say (values that saturate put into the outermost
///   bin that does not) from what is left of it: each integer's share spread evenly over the bins that round to it,
///   and 1/10000 of everything spread evenly over all bins, so that nothing is impossible. Zeros do not take part.
int searchFixPoint(const ValueHistogram &h, SearchMethod method, int bits, const SearchOptions &options = {});

/// Sum of squared errors, rounding and saturation, if all finite values were rounded at `pos`. Up to 8 bits exact but
/// for the spread of values within one bin, which is assumed (Bin::variance) and the same at all positions that do
/// not clip the bin.
double expectedError(const ValueHistogram &h, FixPos pos, Rounding rounding);

/// Share (0..1) of the finite values that lie beyond the largest or smallest number of `pos` by half a step or more.
double saturatedShare(const ValueHistogram &h, FixPos pos);

} // namespace dpuopt
#endif
