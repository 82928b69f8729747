//===- LayerErrors.h - how far off each layer of a quantized network is ---------------===//
//
// A layer is what is rounded once: an activation slot with the ops of its group and their
// parameters. Each is measured against the float network, over samples: alone (it reads
// the float network's values, rounded) and in the network as quantized. What would help
// follows from these numbers: Remedies.h. Changes nothing.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_LAYERERRORS_H
#define DPUOPT_CALIBRATE_LAYERERRORS_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Recipe.h"

namespace dpuopt {

/// Decibels of `signal` over `noise`, both sums of squares; infinite without noise.
double snrOf(double signal, double noise);

/// Sums over pairs of numbers, right and wrong; they merge.
struct Fidelity {
  double signal = 0;  ///< squares of the right numbers
  double noise = 0;   ///< squares of the differences
  double product = 0; ///< of right and wrong
  double power = 0;   ///< squares of the wrong numbers

  void add(std::span<const float> right, std::span<const float> wrong);
  Fidelity &operator+=(const Fidelity &o);
  double snr() const { return snrOf(signal, noise); }
  double cosine() const; ///< 1 if both are all zeros
};

/// Numbers, and what rounding them at a position and at the two beside it costs. Not for more than 8 bits: see
/// expectedError().
struct Placed {
  FixPos pos;
  Rounding rounding = Rounding::HalfUp;
  ValueHistogram values;

  /// Squared error at fix point + `delta`.
  double noise(int delta) const;
  double snr(int delta) const { return snrOf(values.squareSum(), noise(delta)); }
  double clippedShare() const { return saturatedShare(values, pos); }
};

/// Largest magnitudes of the channels of a tensor.
struct ChannelSpread {
  unsigned channels = 0;            ///< 0: it has none
  unsigned dead = 0;                ///< of them all zeros
  unsigned lost = 0;                ///< not zeros, but all of them are rounded to zero
  double smallest = 0, largest = 0; ///< of the channels that are not dead
  double ratio() const { return smallest > 0 ? largest / smallest : 1; }
};

enum class ParamRole { Weights, Bias, Constant };

/// A parameter that a layer reads.
struct ParamError {
  int slot; ///< in Quantization::params
  ParamRole role;
  Placed placed;
  Fidelity fidelity;
  ChannelSpread channels;     ///< output channels; of weights only
  double leftIfEqualized = 1; ///< share of the noise that stays if every channel used the whole range
};

/// Of a tensor over all samples: the sample with the largest magnitude.
struct Decisive {
  std::string sample;
  double largest = 0, nextLargest = 0; ///< its magnitude, and that of all others; 0: there are none
};

struct LayerError {
  int slot;                       ///< in Quantization::activations
  const Value *value;             ///< of Quantization::graph()
  std::vector<const Op *> ops;    ///< of the group, in order; none: a model input
  const Op *linear = nullptr;     ///< the first convolution or matrix product among them that has weights, or null
  std::vector<int> inputs;        ///< activation slots that they read
  std::vector<ParamError> params; ///< weights first
  Placed placed;                  ///< the float network's numbers, at the layer's position

  Fidelity single, entire;
  uint64_t clipped = 0; ///< numbers clipped in the quantized network, of placed.values.count()
  /// The noise of `single` by its origin: the rounding of what the layer reads, of its parameters, of its result.
  struct Parts {
    double inputs = 0, params = 0, output = 0;
  } parts;
  double meanShift = 0; ///< what of single.noise is a constant per channel
  double shiftLeft = 0; ///< ... that the bias, at its position, cannot take away; all of it without a bias
  ChannelSpread channels;
  Decisive decisive;

  const ParamError *param(ParamRole role) const; ///< the first, or null
  double clippedShare() const;
  /// By how many positions the decisive sample alone lowers the position that clips nothing; 0: it does not, or the
  /// position clips that sample anyway.
  int forcedBy() const;
};

/// A result of the network as quantized.
struct OutputFidelity {
  const Value *value; ///< of Quantization::graph()
  Fidelity fidelity;
  double maxAbs = 0; ///< largest difference
  /// Vectors of at least two numbers seen, and how many have their largest number at the same place.
  uint64_t vectors = 0, sameLargest = 0;
};

struct LayerErrors {
  size_t samples = 0;
  std::vector<LayerError> layers; ///< in graph order
  std::vector<OutputFidelity> outputs;
};

/// The largest position of `bits` that does not clip `magnitude`.
int positionFor(double magnitude, int bits);

/// Runs the float network and the quantized one on `count` samples (0: all) of `context`, evenly spread; memory does
/// not grow with their number, and results do not depend on the number of threads. `q` has found its positions (values
/// without are left out) and must outlive the result. Errors: an op that cannot be executed, the data's.
Result<LayerErrors> measureLayers(const Quantization &q, const StepContext &context, size_t count = 0);

} // namespace dpuopt
#endif
