//===- Causes.h - why a model is not one DPU subgraph, and what to change first ----===//
//
// Groups the CPU ops of a partition by root cause, and asks the partitioner what would
// become of the model if some causes were gone. Knows no particular target and no
// rewrite: a cause is waived (see Waived), not fixed.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_CAUSES_H
#define DPUOPT_TARGET_CAUSES_H

#include "dpuopt/Target/Partition.h"

namespace dpuopt {

/// The rule id of a head: several kinds of post-processing behind the last layers, taken as one cause.
constexpr const char *HeadCause = "head.post-processing";

/// Ops that are on the CPU for one reason of their own.
struct Cause {
  std::string id;    ///< rule ids it breaks, "conv2d.kernel conv2d.stride"; HeadCause
  std::string title; ///< "SiLU", "conv2d", "add + relu6", "post-processing (sigmoid 3, transpose 3)"
  bool isHead = false;
  bool atEnd = false;                ///< only post-processing is behind it: the application can do it
  std::vector<const Op *> ops;       ///< those with a reason of their own, in graph order
  std::vector<const Op *> followers; ///< those on the CPU only because of them
  std::vector<BrokenRule> rules;     ///< of the first op
  std::vector<const Value *> cut;    ///< at the end: what the DPU would hand over instead
  unsigned dpuIfFixed = 0;           ///< DPU subgraphs if this cause alone were gone
  Waivers waivers;                   ///< what "gone" means to the partitioner
};

/// What stands between a model and the expected number of DPU subgraphs.
struct Diagnosis {
  std::vector<Cause> causes;         ///< those that help most first
  unsigned dpu = 0;                  ///< DPU subgraphs as it is
  unsigned expected = 1;             ///< wanted
  unsigned dpuIfAllFixed = 0;        ///< without any of the causes
  bool reachable = false;            ///< can the expected number be reached at all?
  std::vector<unsigned> first;       ///< the smallest set of causes that reaches it
  bool exact = true;                 ///< no smaller set does, for certain
  std::vector<std::string> harmless; ///< outputs whose conversion to float is all the CPU has to do there
};

/// Finds causes and what to change first. `p` is the partition of `g` under `options`.
Diagnosis diagnose(const Graph &g, const Partition &p, const PartitionOptions &options, unsigned expected = 1);

} // namespace dpuopt
#endif
