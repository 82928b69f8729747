//===- Gather.h - a tensor made of bytes of another one ---------------------------------===//
//
// Slices, pads, transpositions, blocks to channels and back, nearest neighbours: the result is a box of any
// number of axes, and the place of an element in the source is the sum of one offset per axis.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FIXED_GATHER_H
#define DPUOPT_LIB_EXEC_FIXED_GATHER_H

#include "FixKernel.h"
#include "dpuopt/Kernels/Elementwise.h"

namespace dpuopt::exec {

/// One axis of the result, outermost first.
struct GatherAxis {
  int64_t count = 1, step = 0; ///< element i is at i * step...
  std::vector<int64_t> at;     ///< ...or, if not empty, at at[i]; -1 is the fill value
};

/// Axes that need a list of offsets are not longer.
constexpr int64_t MaxGatherMap = int64_t(1) << 24;

struct Gather {
  int64_t base = 0; ///< where element 0, 0, ... is
  llvm::SmallVector<GatherAxis, 8> axes;
  kernels::ByteTable table; ///< all bytes go through it
  int8_t fill = 0;          ///< of the result
};

/// Refuses if the axes do not make up the result, or an element would come from outside operand 0.
FixResult makeGather(const FixRequest &request, Gather gather);

/// Steps of a dense tensor's axes.
llvm::SmallVector<int64_t, 6> denseSteps(llvm::ArrayRef<int64_t> shape);

} // namespace dpuopt::exec
#endif
