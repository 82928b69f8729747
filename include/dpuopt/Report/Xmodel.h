//===- Xmodel.h - what the vendor's tool on the board says of an xmodel -----------------===//
//
// `xdputil xmodel` without a board: the same bytes from the graph of a file, whoever made
// it. Nothing here judges the file.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_REPORT_XMODEL_H
#define DPUOPT_REPORT_XMODEL_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt {

/// What `xdputil xmodel -l` (3.0) prints: the subgraphs with a device in libxir's order; of those for the DPU also
/// fingerprint, architecture, workload, inputs, outputs, registers and bytes of instructions. Inputs and outputs are
/// in the order of their names: the vendor's outputs come in no order. What the file does not say is null.
std::string xmodelList(const Graph &g);

/// What `xdputil xmodel -m` prints: the attributes of the graph.
std::string xmodelMeta(const Graph &g);

/// The graph coloured by device, the DPU's ops outlined.
std::string xmodelSvg(const Graph &g);
/// The same for Graphviz, the subgraphs of the DPU as clusters.
std::string xmodelDot(const Graph &g);

} // namespace dpuopt
#endif
