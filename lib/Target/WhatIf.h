//===- WhatIf.h - which causes to remove first (internal to lib/Target) -------------===//
#ifndef DPUOPT_LIB_TARGET_WHATIF_H
#define DPUOPT_LIB_TARGET_WHATIF_H

#include "dpuopt/Target/Causes.h"

namespace dpuopt {

/// Fills dpuIfFixed of every cause, dpuIfAllFixed, reachable, first and exact.
void findFirstChanges(const Graph &g, const Partition &p, const PartitionOptions &options, Diagnosis &d);

} // namespace dpuopt
#endif
