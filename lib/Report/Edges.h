//===- Edges.h - which reported op feeds which (internal to lib/Report) -----------------===//
#ifndef DPUOPT_LIB_REPORT_EDGES_H
#define DPUOPT_LIB_REPORT_EDGES_H

#include "dpuopt/Report/Report.h"

namespace dpuopt {

/// Pairs of indices into r.ops, producer -> consumer, through fixes and other ops that only carry.
std::vector<std::pair<unsigned, unsigned>> edgesOf(const ModelReport &r, const Graph &lowered);

} // namespace dpuopt
#endif
