//===- PositionHistory.h - DiffS over samples -----------------------------------------===//
//
// vai_q_pytorch keeps, per activation, the positions that DiffS found on each sample, and
// takes the most frequent; every sample is rounded with what is the most frequent up to
// it. So what one sample finds depends on all before it. A run that was made with a
// guess of those is right if, once they are known, each value was rounded as it should be.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_POSITIONHISTORY_H
#define DPUOPT_CALIBRATE_POSITIONHISTORY_H

#include "dpuopt/Calibrate/Quantization.h"
#include "dpuopt/Calibrate/Recipe.h"

namespace dpuopt {

/// What one sample found, by activation slot.
struct SamplePositions {
  static constexpr int16_t None = INT16_MIN; ///< the value was not computed, or is no float
  std::vector<int16_t> found;                ///< by DiffS
  std::vector<int16_t> used;                 ///< what the value was rounded with
  std::vector<float> extreme;                ///< largest magnitude; -1 if not computed
  std::string name;                          ///< of the sample
  const Value *nonFinite = nullptr;          ///< the first value with a NaN or infinity
};

class PositionHistory {
public:
  explicit PositionHistory(size_t slots) : counts(slots) {}
  /// The most frequent position of a slot, the smallest on ties; `with`: as if that had been found once more.
  std::optional<int> mode(size_t slot) const;
  int modeWith(size_t slot, int with) const;
  /// Was the sample rounded as the samples added so far ask for?
  bool agrees(const SamplePositions &sample) const;
  void add(const SamplePositions &sample);

private:
  using Count = std::pair<int16_t, uint32_t>;      ///< position, how often
  std::vector<llvm::SmallVector<Count, 4>> counts; ///< sorted by position
};

/// A visitor that finds positions on one sample of `flow` as `history` stands (it keeps a copy).
class DiffsVisitor : public SampleVisitor {
public:
  /// `searchRange`: how many positions are tried; model inputs have InputSearchRange.
  DiffsVisitor(const Quantization &q, const FlowGraph &flow, PositionHistory history, int searchRange);
  void feed(unsigned k, const Value &input, Tensor &t) override;
  void observe(unsigned k, const Value &v, Tensor &t) override;
  SamplePositions positions;

private:
  const Quantization &q;
  const FlowGraph &flow;
  PositionHistory history;
  int searchRange;
};

} // namespace dpuopt
#endif
