//===- PackedConv.h - convolutions as products of windows and weights -------------------===//
//
// An ordinary convolution, or one phase of a transposed one (Axis.h). The work is cut into
// units: a rectangle of results times a group of panels of output channels. A unit copies
// its input (Band.h) and then calls the ISA's panel kernel (Microkernel.h) panel by panel.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_PACKEDCONV_H
#define DPUOPT_LIB_KERNELS_PACKEDCONV_H

#include "Band.h"
#include "PackedWeights.h"

namespace dpuopt::kernels {

class PackedConv final : public Conv {
public:
  PackedConv(const ConvGeometry &g, const Axis &ys, const Axis &xs, const int8_t *weights, const Requant &requant,
             const KernelTable &kernels);
  size_t scratchBytes(unsigned threads) const override { return memberBytes(plan(threads)) * threads; }
  size_t packedBytes() const override { return weights.bytes(); }
  void run(const ConvBuffers &b, Team &team) const override;

private:
  /// How the work is cut for a team.
  struct Plan {
    int64_t rows, columns, panels; ///< of a unit
    int64_t rowBands, columnBands, groups;
  };
  struct Places;

  bool readsRaw() const;
  Plan plan(unsigned threads) const;
  size_t sumBytes(const Plan &p) const;
  size_t memberBytes(const Plan &p) const;
  Places placesIn(uint8_t *scratch, const Plan &p) const;
  Rect rectOf(const Plan &p, int64_t band) const;
  PixelAt *placeRow(const Rect &r, int64_t y, int64_t left, int64_t right, int64_t batch, const ConvBuffers &b,
                    PixelAt *p) const;
  void place(const Rect &r, int64_t batch, const ConvBuffers &b, Places &at) const;
  void runPanel(const PackedWeights::Panel &p, const Places &at, int64_t batch, const ConvBuffers &b) const;
  void finishOneByOne(const PackedWeights::Panel &p, const PanelJob &job) const;

  ConvGeometry g;
  Axis ys, xs;
  Requant requant;
  const KernelTable &kernels;
  Band band;
  PackedWeights weights;
  bool raw; ///< windows are read where they are
};

} // namespace dpuopt::kernels
#endif
