//===- JointSearch.h - positions judged by the network's outputs -----------------------===//
//
// Statistics place each position for itself. Here single positions, and those that an Add
// or Concat ties together, are moved by one and stay where the network's outputs come out
// nearer to the float network's. What the DPU cannot do is repaired after each move.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_JOINTSEARCH_H
#define DPUOPT_CALIBRATE_JOINTSEARCH_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Recipe.h"

namespace dpuopt {

/// Changes positions; never makes the error on its samples larger. Notes the moves it keeps in q.outcomes. Errors: what
/// is not finite [calibrate.non-finite], the data's.
Status searchJointly(Quantization &q, const JointSearchOptions &options, const AdjustOptions &adjust,
                     const StepContext &context);

} // namespace dpuopt
#endif
