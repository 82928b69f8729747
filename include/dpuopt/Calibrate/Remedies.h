//===- Remedies.h - what would make a layer more exact, from its numbers --------------===//
#ifndef DPUOPT_CALIBRATE_REMEDIES_H
#define DPUOPT_CALIBRATE_REMEDIES_H

#include "dpuopt/Calibrate/LayerErrors.h"

namespace dpuopt {

enum class RemedyKind {
  Equalize,    ///< channels of the weights differ: scale them to one range
  BiasCorrect, ///< the error has a mean: take it off the bias
  FineTune,    ///< the weights' own rounding: round them for the sake of the result
  Position,    ///< a position beside this one has less error
  Bound,       ///< a few numbers use most of the range: bound the activation and train
  Images,      ///< one sample decided the position
  Inputs,      ///< no remedy here: the noise comes in with what the layer reads
  None         ///< no remedy: the result's own rounding is what is left
};
/// "equalize", "bias-correct", "finetune", "position", "bound", "images", "inputs", "none".
llvm::StringRef remedyName(RemedyKind kind);

struct Remedy {
  RemedyKind kind;
  double noise = 0;  ///< what of the layer's single.noise goes, at most
  double gain = 0;   ///< the same in decibels
  int positions = 0; ///< Position: by how many it moves; Bound, Images: how many are gained
};

/// Gains below this are no reason to do anything.
constexpr double WorthwhileGain = 0.5;

/// What helps this layer, best first; if nothing is worth it, the one reason why not (Inputs or None).
std::vector<Remedy> remediesFor(const LayerError &layer);
/// The same in words, with the numbers it follows from.
std::string explain(const Remedy &remedy, const LayerError &layer);

} // namespace dpuopt
#endif
