//===- Recipe.h - what quantizing does, and what its steps run on ----------------------===//
#ifndef DPUOPT_CALIBRATE_RECIPE_H
#define DPUOPT_CALIBRATE_RECIPE_H

#include "dpuopt/Calibrate/Samples.h"
#include "dpuopt/Quant/FixPlan.h"
#include "dpuopt/Quant/PositionSearch.h"

namespace dpuopt {

/// Joint search of positions (JointSearch.h).
struct JointSearchOptions {
  bool on = false;
  size_t images = 128;      ///< of the samples, at most
  size_t evaluations = 300; ///< moves tried, at most
};

/// Bias correction (BiasCorrection.h).
struct BiasCorrectOptions {
  bool on = false;
  size_t images = 1024; ///< of the samples, at most; the last quarter judges
  unsigned passes = 24; ///< over the samples, at most; with more layers several are corrected in one
};

/// Fine tuning (FineTuning.h).
struct FineTuneOptions {
  bool on = false;
  size_t images = 1024; ///< of the samples, at most; the last quarter judges
  unsigned passes = 24; ///< over the samples, about; with more layers several are tuned in one
  size_t rows = 16384;  ///< output positions of a layer that are looked at, about; at least one of each sample
  double ridge = 0.05; ///< how much weights are held where the float numbers are, relative to their inputs' mean square
};

struct Recipe {
  int bits = 8; ///< of every value
  /// Diffs is the vendor's. The others see the float network's values on all samples at once; with Percentile and
  /// Entropy parameters get the position of Mse, and model inputs always that of MaxMin.
  SearchMethod method = SearchMethod::Diffs;
  int searchRange = SearchRange;    ///< positions that Diffs tries; 1: the vendor's diffs_mode maxmin
  double percentile = 0.9999;       ///< share of the values that Percentile must not clip
  bool averageApproximation = true; ///< averages as the DPU computes them (n / 2^m), as vai_q_pytorch does
  AdjustOptions adjust;
  JointSearchOptions search; ///< the steps, in this order
  BiasCorrectOptions biasCorrect;
  FineTuneOptions fineTune;
};

/// How steps are run, whatever they do.
struct StepContext {
  const Samples &samples;
  DiagEngine &diags;
  unsigned threads = 1;
  uint64_t seed = 0;
  StageProgress progress = {};
};

} // namespace dpuopt
#endif
