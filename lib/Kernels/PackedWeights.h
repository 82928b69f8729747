//===- PackedWeights.h - weights in the order the loop wants them -----------------------===//
//
// [panel][segment][step][vector][lane][tap], see Microkernel.h, and what the sums start
// from. At the border of the image some taps only meet padding: results there may leave them out, and
// start from other numbers because of that (zero is not 0 in prepared input).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_PACKEDWEIGHTS_H
#define DPUOPT_LIB_KERNELS_PACKEDWEIGHTS_H

#include "AlignedBytes.h"
#include "Axis.h"
#include "Fold.h"
#include "dpuopt/Kernels/Conv.h"

namespace dpuopt::kernels {

class PackedWeights {
public:
  PackedWeights(const ConvGeometry &g, const Axis &ys, const Axis &xs, const int8_t *weights, const Requant &requant,
                const KernelTable &kernels);

  /// Channels [first, first + channels), and where their weights and lanes begin.
  struct Panel {
    int64_t first;
    int vectors, channels;
    size_t weights, lane;
  };
  /// Which taps count for some results.
  struct Class {
    size_t row, column; ///< in rows, and in columns or columns.size() for all taps
  };

  size_t bytes() const { return packed.size() + lanes.size(); }
  /// Sets weights, starts, segments' steps of a job for results of that class; `job.in` and `segments` are moved on to
  /// the first tap that counts.
  void set(PanelJob &job, const Panel &p, const Class &c) const;

  std::vector<Panel> panels;
  llvm::SmallVector<TapRange, 3> rows, columns;
  bool wholeRows;   ///< a window's row is one run
  int64_t segments; ///< runs
  size_t steps = 0; ///< dwords in a run
  Fold::Way way;
  Finish finish; ///< without its table

private:
  void layOutPanels();
  void pack(const int8_t *weights);
  void packLanes(const int8_t *weights, const Requant &requant);
  const int8_t *tapOf(const int8_t *weights, int64_t channel, int64_t ty, int64_t tx) const;
  const int32_t *startsOf(size_t index) const {
    return reinterpret_cast<const int32_t *>(lanes.data()) + index * perClass;
  }

  ConvGeometry g;
  Axis ys, xs;
  const KernelTable &kernels;
  int64_t run; ///< elements in a run
  AlignedBytes packed, lanes;
  size_t perClass = 0; ///< lanes of all panels; lanes holds the classes' starts and then the biases
};

} // namespace dpuopt::kernels
#endif
