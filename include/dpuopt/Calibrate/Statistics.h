//===- Statistics.h - what samples say of a network's values ---------------------------===//
//
// Found sample by sample or part by part, on one machine or many, merged into what one
// run over all samples finds. With DiffS: the positions each sample found, and those it
// was rounded with, for a merge to see whether they are what a single run would have had
// (PositionHistory.h). With the other methods: histograms, whose merge is exact.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_STATISTICS_H
#define DPUOPT_CALIBRATE_STATISTICS_H

#include "dpuopt/Calibrate/PositionHistory.h"
#include "dpuopt/Calibrate/Recipe.h"
#include <map>

namespace dpuopt {

/// Samples [first, last).
struct SampleRange {
  uint64_t first = 0, last = 0;
};
/// Those that part `index` (0-based) of `count` runs.
SampleRange rangeOfPart(uint64_t total, unsigned index, unsigned count);

/// Which sample held the largest magnitude of an activation; the first of equal ones.
struct Extreme {
  float magnitude = -1; ///< -1: none seen
  uint64_t sample = 0;
  std::string name;
  void see(float found, uint64_t from, llvm::StringRef called);
};

struct Statistics {
  std::map<uint64_t, SamplePositions> positions; ///< DiffS: by sample
  std::vector<ValueHistogram> histograms;        ///< others: by activation slot; of the samples in `ranges`
  std::vector<SampleRange> ranges;               ///< disjoint, sorted
  std::vector<Extreme> extremes;                 ///< by activation slot

  /// Adds what another part found. False, and nothing done: it has some of the same samples.
  bool merge(const Statistics &other);
};

/// What one machine contributes: the samples of `range`. DiffS has a guess of the history before them from the first
/// few samples.
Result<Statistics> gather(const Quantization &q, const Recipe &recipe, const StepContext &context, SampleRange range);
/// What a run over all samples finds: `known`, and runs of the samples that are not in it, or (DiffS) were run on
/// another history than they should have been.
Result<Statistics> complete(const Quantization &q, const Recipe &recipe, const StepContext &context, Statistics known);

/// A part in a file.
struct PartHeader {
  unsigned index = 0, count = 1;
  std::string identity; ///< of the network, the data and the recipe: parts of different ones do not merge
};
/// Of what positions depend on: the graph with its parameters, the text of the samples, the recipe.
std::string identityOf(const Quantization &q, const Recipe &recipe, const StepContext &context);
std::string printPart(const PartHeader &header, const Statistics &statistics);
/// Errors [calibrate.part]: a text that is none, or has other numbers of values than `slots`.
Result<std::pair<PartHeader, Statistics>> parsePart(llvm::StringRef text, size_t slots, llvm::StringRef file,
                                                    DiagEngine &diags);

} // namespace dpuopt
#endif
