//===- CompiledGraph.h - what a compiler makes of a quantized graph ----------------===//
//
// The vendor's compiled form of a predicted partition: fused `*-fix` ops, fix2float, uploads
// and downloads, devices, subgraphs with their attributes, numbers in parameter blobs. There
// is no machine code in it. For tests: as good as our model of the compiler, no better.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TEST_COMPILER_COMPILEDGRAPH_H
#define DPUOPT_TEST_COMPILER_COMPILEDGRAPH_H

#include "dpuopt/Target/Partition.h"
#include "dpuopt/Target/Target.h"

namespace dpuopt {

struct CompilerInput {
  const Graph &graph;
  const Target &target;
  std::string path, md5; ///< of the quantized xmodel
};

/// `p` is of `input.graph`.
std::unique_ptr<Graph> compiledGraph(const CompilerInput &input, const Partition &p);

} // namespace dpuopt
#endif
