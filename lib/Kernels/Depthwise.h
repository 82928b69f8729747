//===- Depthwise.h - convolutions of each channel with itself ---------------------------===//
//
// Rows of results, a block of channels at a time, straight from the caller's input
// (DepthKernel.h weaves it). Each multiplier is a pass of its own; beyond the first they
// are slower, because their results do not lie side by side.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_KERNELS_DEPTHWISE_H
#define DPUOPT_LIB_KERNELS_DEPTHWISE_H

#include "AlignedBytes.h"
#include "Axis.h"
#include "Fold.h"
#include "dpuopt/Kernels/Conv.h"

namespace dpuopt::kernels {

class DepthwiseConv final : public Conv {
public:
  DepthwiseConv(const ConvGeometry &g, const Axis &ys, const Axis &xs, const int8_t *weights, const Requant &requant,
                const KernelTable &kernels);
  size_t scratchBytes(unsigned threads) const override { return memberBytes() * threads; }
  size_t packedBytes() const override { return packed.size() + lanes.size(); }
  void run(const ConvBuffers &b, Team &team) const override;

private:
  /// Input channels [first, first + channels) times the multiplier's filter `pass`.
  struct Block {
    int64_t pass, first;
    int lanes, channels;
    size_t weights, lane;
    int outputs() const { return 4 * lanes; }
  };
  struct Scratch;

  void layOutBlocks();
  void packWeights(const int8_t *weights);
  void packLanes(const Fold &fold);
  void planUnits();
  size_t memberBytes() const;
  Scratch scratchOf(const ConvBuffers &b, unsigned member) const;
  void runRow(const Block &block, int64_t batch, int64_t y, const ConvBuffers &b, const Scratch &s) const;
  void runChunk(const Block &block, DepthJob &job, int8_t *row, int64_t first, const ConvBuffers &b,
                const Scratch &s) const;
  int64_t outChannel(const Block &block, int64_t i) const { return (block.first + i) * multiplier + block.pass; }

  ConvGeometry g;
  Axis ys, xs;
  Requant requant;
  const KernelTable &kernels;
  int64_t multiplier, groups; ///< groups of tapsPerLane kernel rows
  std::vector<Block> blocks;
  AlignedBytes packed, lanes;
  Fold::Way way;
  Finish finish;
  int64_t chunk = 1;                ///< results woven for at a time
  int64_t rows = 1, unitBlocks = 1; ///< of a unit
};

} // namespace dpuopt::kernels
#endif
