//===- Partition.h - devices and subgraphs -----------------------------------===//
//
// Predicts what the vendor's compiler will put where: the device of every op, the
// DPU/CPU/USER subgraphs, their names and their order, and the transfer ops between
// them. Deterministic and close to linear. Knows no particular target: legality comes
// through a callback.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_PARTITION_H
#define DPUOPT_TARGET_PARTITION_H

#include "dpuopt/Target/Fusion.h"
#include "llvm/ADT/DenseMap.h"

namespace dpuopt {

/// An upload or download the compiler adds at the edge of a DPU subgraph.
struct TransferOp {
  bool isUpload;
  std::string name, tensor;
  unsigned subgraph; ///< index in Partition::subgraphs
  unsigned source;   ///< the FusedOp whose tensor it moves
};

struct Subgraph {
  std::string name; ///< "subgraph_<byte-wise smallest op name in it>"
  Device device;
  std::vector<unsigned> nodes;    ///< FusedOps, producers first
  std::vector<const Op *> ops;    ///< the graph's ops in it, graph order, constants included
  std::vector<std::string> added; ///< names of the ops the compiler adds in it (fix2float, fix, upload, download)
  std::vector<const Value *> inputs, outputs; ///< values that cross its edge, each once
};

/// Where one op of the graph went, and why not to the DPU.
struct Placement {
  Device device = Device::Cpu;
  int subgraph = -1; ///< index in Partition::subgraphs; -1: an unused constant
  std::vector<BrokenRule> broken;
  std::vector<std::string> reasons; ///< "text [rule.id]"; for ops that only follow another, text alone
};

struct Partition {
  std::unique_ptr<FusedGraph> fused;
  std::vector<Subgraph> subgraphs; ///< in the order of the compiled file
  std::vector<TransferOp> transfers;
  llvm::DenseMap<const Op *, Placement> placement; ///< every op of the graph

  unsigned count(Device d) const;
  const Placement &of(const Op &op) const { return placement.find(&op)->second; }
};

/// What the partitioner asks.
struct PartitionOptions {
  FusionOptions fusion;
  std::function<std::vector<BrokenRule>(const FusedOp &)> check; ///< a fixed op is on the DPU iff this is empty
};
PartitionOptions partitionFor(const Target &target);

Partition partitionGraph(const Graph &g, const PartitionOptions &options);
/// The number of DPU subgraphs of that partition, without its names, transfers and reasons.
unsigned countDpuSubgraphs(const Graph &g, const PartitionOptions &options);
/// What that partition fuses, each op with its device.
std::unique_ptr<FusedGraph> fusedAndPlaced(const Graph &g, const PartitionOptions &options);
/// Is it an op the rules judge (rather than a data, fix or fix2float)?
bool isJudged(const FusedOp &op);

/// Writes graph attribute `subgraphs` (those that have ops of the graph; one made of
/// added ops alone is left out) and op attributes `device` and `reason`.
void annotate(Graph &g, const Partition &p);

/// Grouping alone (exposed for tests and other models): nodes 0..n-1 in topological
/// order, edges producer -> consumer. Returns the group of each node, numbered from 0
/// by first member. Groups have one device, are connected and convex; USER is never merged.
std::vector<unsigned> groupByDevice(llvm::ArrayRef<Device> devices,
                                    llvm::ArrayRef<std::pair<unsigned, unsigned>> edges);

/// Order of subgraphs: reverse postorder of a depth-first walk in ascending byte order of the names.
std::vector<unsigned> orderByName(llvm::ArrayRef<std::string> names,
                                  llvm::ArrayRef<std::pair<unsigned, unsigned>> edges);

} // namespace dpuopt
#endif
