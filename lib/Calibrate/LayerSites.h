//===- LayerSites.h - the layers of a quantized network (internal to lib/Calibrate) ---===//
#ifndef DPUOPT_LIB_CALIBRATE_LAYERSITES_H
#define DPUOPT_LIB_CALIBRATE_LAYERSITES_H

#include "dpuopt/Calibrate/LayerErrors.h"

namespace dpuopt {

/// The layers of `q` that have a position, in graph order, with their parameters measured; all else is still empty.
std::vector<LayerError> layersOf(const Quantization &q);

/// The dimension of a layer's result that counts channels, and how the tensor lies around it; 0 channels: it has none.
struct ChannelView {
  size_t channels = 0, inner = 1;
  ChannelView() = default;
  ChannelView(const LayerError &layer, llvm::ArrayRef<int64_t> shape);
};

} // namespace dpuopt
#endif
