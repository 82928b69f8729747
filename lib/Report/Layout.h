//===- Layout.h - where the ops of a graph stand in a picture (internal to lib/Report) --===//
//
// Layers by longest path, order in a layer by the mean place of the neighbours. An edge
// over several layers has a bend in each, which takes part as a narrow node: so it passes
// beside the nodes there. Close to linear: a few sweeps over the edges.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_REPORT_LAYOUT_H
#define DPUOPT_LIB_REPORT_LAYOUT_H

#include <cstddef>
#include <utility>
#include <vector>

namespace dpuopt {

struct Place {
  double x = 0, y = 0; ///< the middle
};

struct Drawing {
  std::vector<Place> nodes;
  std::vector<std::vector<Place>> bends; ///< by edge, from top to bottom; none if there would be too many in all
  double width = 0, height = 0;
};

/// Nodes 0..n-1 in topological order, edges producer -> consumer. Distances are between the middles of neighbours.
Drawing layOut(std::size_t nodes, const std::vector<std::pair<unsigned, unsigned>> &edges, double dx, double dy);

} // namespace dpuopt
#endif
