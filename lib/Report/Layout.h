//===- Layout.h - where the ops of a graph stand in a picture (internal to lib/Report) --===//
//
// Layers by longest path, order in a layer by the mean place of the neighbours. Close to
// linear: a few sweeps over the edges.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_REPORT_LAYOUT_H
#define DPUOPT_LIB_REPORT_LAYOUT_H

#include <cstddef>
#include <utility>
#include <vector>

namespace dpuopt {

struct Place {
  double x = 0, y = 0; ///< middle of the node
};

/// Nodes 0..n-1 in topological order, edges producer -> consumer. Distances are between the middles of neighbours.
std::vector<Place> layOut(std::size_t nodes, const std::vector<std::pair<unsigned, unsigned>> &edges, double dx, double dy);

} // namespace dpuopt
#endif
