//===- PackedConv.h - convolutions as products of windows and weights -------------------===//
//
// An ordinary convolution, or one phase of a transposed one (Axis.h). The work is cut into
// units: a rectangle of results times a group of panels of output channels. A unit copies
// its input (Band.h) and then calls the ISA's panel kernel (Microkernel.h) panel by panel.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_PACKEDCONV_H
#define DPUOPT_LIB_KERNELS_PACKEDCONV_H

#include "AlignedBytes.h"
#include "Band.h"
#include "Fold.h"
#include "dpuopt/Kernels/Conv.h"

namespace dpuopt::kernels {

class PackedConv final : public Conv {
public:
  PackedConv(const ConvGeometry &g, const Axis &ys, const Axis &xs, const int8_t *weights, const Requant &requant,
             const KernelTable &kernels);
  size_t scratchBytes(unsigned threads) const override { return memberBytes() * threads; }
  size_t packedBytes() const override;
  void run(const ConvBuffers &b, Team &team) const override;

private:
  /// Channels [first, first + channels), and where their weights and starts begin.
  struct Panel {
    int64_t first;
    int vectors, channels;
    size_t weights, lane;
  };
  /// How the work is cut.
  struct Plan {
    int64_t rows, columns, panels; ///< of a unit
    int64_t rowBands, columnBands, groups;
  };
  struct Unit;

  void layOutSegments();
  void layOutPanels();
  void packWeights(const int8_t *weights);
  void packLanes(const Fold &fold);
  bool readsRaw() const;
  Plan plan() const;
  size_t memberBytes() const;
  size_t sumBytes() const;
  Rect rectOf(int64_t band) const;
  void placePixels(const Unit &u, const ConvBuffers &b) const;
  void runUnit(const Unit &u, const ConvBuffers &b) const;
  void runPanel(const Unit &u, const Panel &p, PanelJob &job) const;

  ConvGeometry g;
  Axis ys, xs;
  Requant requant;
  const KernelTable &kernels;
  Band band;
  bool raw;               ///< windows are read where they are
  bool wholeRows;         ///< a window's row is one run
  int64_t run_, segments; ///< elements in a run, and runs
  size_t steps;           ///< dwords in a run
  std::vector<Panel> panels;
  AlignedBytes packed, lanes;
  Fold::Way way;
  Finish finish;
  Plan cut;
};

} // namespace dpuopt::kernels
#endif
