//===- HeadFit.h - which known decoder a head is ---------------------------------===//
//
// Private to passes/Head*.cpp. In three steps, each of which may fail with a reason:
// which rows and columns each channel moves (HeadRoles.cpp), which box decoder has the
// values measured (HeadFit.cpp), which function the scores are of.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_HEADFIT_H
#define DPUOPT_PASSES_HEADFIT_H

#include "HeadProbe.h"

namespace dpuopt {

/// What the score channels of an anchor move.
struct HeadScores {
  bool softmax = false, constantObjectness = false, multiplied = false;
  std::vector<int64_t> columns; ///< all columns but those of the box
};

/// Fills scales, their anchors with box channels, and score channels (all in `classes`, an objectness that is
/// multiplied with all of them in `objectness`). False with `why`.
bool findRoles(DetectHead &head, HeadProbe &probe, HeadScores &scores, std::string &why);
/// Random cut tensors, three times as wide as those of randomTensor.
std::vector<Tensor> randomCut(llvm::ArrayRef<Type> types, uint64_t seed);

} // namespace dpuopt
#endif
