//===- ValueHistogram.h - what values a tensor took, over all samples --------===//
//
// Counts floats by sign, exponent and the first seven bits of the mantissa: bins as
// wide as half a step of the finest 8-bit fix point that does not clip them. Memory is
// bounded, nothing is ever rescaled, and all state is integers and extremes: the same
// values give the same histogram in any order, from any number of threads or machines.
// What is searched in it: PositionSearch.h.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_VALUEHISTOGRAM_H
#define DPUOPT_QUANT_VALUEHISTOGRAM_H

#include "dpuopt/Quant/FixPoint.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <array>
#include <map>

namespace dpuopt {

class ValueHistogram {
public:
  /// Values x with low <= x <= high, of one sign; a zero is in a bin of its own.
  struct Bin {
    double low, high;
    double mean; ///< of the values in it, exact but for the division
    uint64_t count;
    double width() const { return high - low; }
    /// Mean squared distance from the mean, as if the values were spread evenly as far as the mean allows.
    double variance() const;
  };

  void add(std::span<const float> x);
  /// As if everything added to `other` had been added here.
  void merge(const ValueHistogram &other);

  uint64_t count() const { return finite; }      ///< of finite values
  uint64_t nonFinite() const { return strange; } ///< NaNs and infinities; they are in no bin
  uint64_t zeros() const;                        ///< and denormals
  FloatRange range() const;                      ///< exact, of the finite values; 0..0 if there are none
  double squareSum() const;                      ///< of the finite values, to bin accuracy
  /// Each bin that is not empty, from zero upwards, then from zero downwards.
  void forEachBin(llvm::function_ref<void(const Bin &)> visit) const;
  /// How many values are in each of `n` equal parts of [low, high]; a bin is split in proportion.
  std::vector<double> split(double low, double high, size_t n) const;

  /// All of it as numbers, and back; nullopt if `words` was not written by toWords().
  std::vector<uint64_t> toWords() const;
  static std::optional<ValueHistogram> fromWords(llvm::ArrayRef<uint64_t> words);

  friend bool operator==(const ValueHistogram &, const ValueHistogram &) = default;

private:
  static constexpr size_t BinsPerOctave = 128;
  /// Values of one sign and exponent: how many, and the sum of their low mantissa bits.
  struct Octave {
    std::array<uint64_t, BinsPerOctave> counts{}, sums{};
    friend bool operator==(const Octave &, const Octave &) = default;
  };
  struct Scratch;

  void addChunk(std::span<const float> x);
  void see(std::span<const float> x, Scratch &scratch);
  void take(Scratch &scratch);

  std::map<uint16_t, Octave> octaves; ///< by the first nine bits of the float
  uint64_t finite = 0, strange = 0;
  float least = 0, largest = 0; ///< valid if finite > 0
};

} // namespace dpuopt
#endif
