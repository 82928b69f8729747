//===- Remap.h - picking elements axis by axis -------------------------------------===//
//
// y[i, j, ...] = x[map0[i], map1[j], ...]: slices, pads, tiles, repeats and gathers
// along axes are all this, with different maps.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_REMAP_H
#define DPUOPT_LIB_EXEC_REMAP_H

#include "Kernel.h"

namespace dpuopt::exec {

/// Source positions along each axis; -1 takes the fill value.
using AxisMaps = std::vector<std::vector<int64_t>>;

/// The maps that copy `shape` as it is.
AxisMaps identityMaps(llvm::ArrayRef<int64_t> shape);

/// Applies the maps (one per axis of x, positions in range). `fill` has one element
/// of x's type, or is null (zero). A splat stays one where the fill does not matter.
Result<Tensor> remap(const Call &call, const Tensor &x, const AxisMaps &maps, const Tensor *fill = nullptr);

/// Positions start, start + step, ... before `end`, clamped to [0, n) as numpy does.
std::vector<int64_t> sliceMap(int64_t n, int64_t start, int64_t end, int64_t step);

/// Position `at` relative to an axis of `n` elements, folded back in by the mode (edge, wrap, reflect, symmetric); -1
/// outside it for any other: fill.
int64_t padSource(int64_t at, int64_t n, llvm::StringRef mode);

/// Index operand `i` as positions in [0, n); negative ones count from the end.
Result<std::vector<int64_t>> positions(const Call &call, unsigned i, int64_t n);

/// GatherElements / ScatterElements: for every element of `index` (operand 1) the
/// position in x that it names along `axis`, the other axes as its own.
Result<std::vector<int64_t>> elementPositions(const Call &call, const Tensor &x, const Tensor &index, int64_t axis);

/// GatherND / ScatterND: where the slice named by each index tuple starts.
Result<std::vector<int64_t>> slicePositions(const Call &call, llvm::ArrayRef<int64_t> shape, const Tensor &index,
                                            int64_t batchDims);

} // namespace dpuopt::exec
#endif
