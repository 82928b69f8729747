//===- Requant.h - from an exact sum to an int8, as the DPU does it ------------------===//
//
// A convolution's exact sum `acc` (in units of 2^-(fp_i + fp_w)) becomes its result in
// four steps (UG1414, PG338; both of the vendor's software models agree):
//   t = (acc * 2^guard + bias) / 2^(guard + cut)     exact; cut = fp_i + fp_w - fp_o, may be negative
//   t = activation(t)
//   y = clip(floor(t + 1/2), -128, 127)              DPU_ROUND: half toward +infinity
//   y = table[y], if there is a table                hard sigmoid and hard swish
// `bias` is an integer in units of 2^-guard of the sum. The DPU has one guard bit:
// guard = 1, bias = floor(2 * b * 2^(fp_i + fp_w - fp_b)); real arithmetic has as many as the bias needs.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_KERNELS_REQUANT_H
#define DPUOPT_KERNELS_REQUANT_H

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

namespace dpuopt::kernels {

struct Requant {
  enum class Activation : uint8_t {
    None,
    Relu,  ///< max(0, t)
    Clip,  ///< min(max(0, t), cap)
    Leaky, ///< t < 0: t * slope / 2^slopeShift; 26 / 2^8 on the DPU
  };
  int guard = 1;             ///< 0..24
  int cut = 0;               ///< -64..64
  std::vector<int64_t> bias; ///< one per output channel; empty: none. Magnitudes below 2^40.
  Activation activation = Activation::None;
  int cap = 127;                                ///< Clip only: what the cap rounds to, in result units
  int slope = 26, slopeShift = 8;               ///< Leaky only
  std::optional<std::array<int8_t, 256>> table; ///< indexed by y + 128

  /// The definition, for one sum; what every kernel must give.
  int8_t apply(int64_t acc, size_t channel) const;
};

/// floor(numerator / 2^shift + 1/2) for any shift in -62..62, clipped to int8; a negative shift multiplies.
int8_t roundShift(int64_t numerator, int shift);

} // namespace dpuopt::kernels
#endif
