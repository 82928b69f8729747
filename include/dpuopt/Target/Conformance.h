//===- Conformance.h - a predicted partition against a compiled file --------===//
//
// Ground truth for Partition.h: a compiled xmodel says what the vendor's compiler did.
// Its op graph is taken, everything the compiler decided about placement is forgotten,
// and the prediction made from the rest is compared with what the file says. The same
// comparison serves a prediction made from the quantized graph the file was compiled
// from. Works on graphs: finding and reading files is Driver/Conformance.h.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TARGET_CONFORMANCE_H
#define DPUOPT_TARGET_CONFORMANCE_H

#include "dpuopt/Target/Partition.h"

namespace dpuopt {

/// What a compiled graph says of itself.
struct CompiledFacts {
  std::string dpuName;                ///< "DPUCZDX8G_ISA1_B4096"; empty: no DPU subgraph says one
  uint64_t fingerprint = 0;           ///< 0: no DPU subgraph says one
  std::string compiler;               ///< "3.5.0"; empty: the file does not say
  std::vector<std::string> sourceMd5; ///< of the files it was compiled from
};
CompiledFacts compiledFacts(const Graph &g);

/// Has the compiler been over this graph (ops only it makes, or subgraphs with devices)?
bool isCompiledGraph(const Graph &g);

/// The graph before placement: no devices, no subgraphs, no upload, download or fix2float, every
/// float2fix a fix again, tensors under the names they had. Fused ops stay fused.
std::unique_ptr<Graph> forgetPlacement(const Graph &compiled);

struct SubgraphCounts {
  unsigned user = 0, dpu = 0, cpu = 0;
  bool operator==(const SubgraphCounts &o) const { return user == o.user && dpu == o.dpu && cpu == o.cpu; }
};

/// One way in which prediction and file differ.
struct Disagreement {
  /// "device" (of an op), "op" (only on one side, or of another type), "subgraph" (set, name or members), "order".
  std::string kind;
  std::string subject;       ///< the op or subgraph
  std::string expected, got; ///< by the file, by us; empty: not there
  std::string rule, because; ///< the rule that decided for us and why, if one did
  std::string known;         ///< why this is not a fault of the prediction; empty: it is one
};

struct Conformance {
  SubgraphCounts expected, got;
  unsigned ops = 0; ///< compared
  std::vector<Disagreement> differences;
  /// No difference but known ones.
  bool conforms() const {
    return llvm::all_of(differences, [](const Disagreement &d) { return !d.known.empty(); });
  }
};

/// `p` is of forgetPlacement(compiled), or (`fromSource`) of the quantized graph `compiled` was made of: then
/// constants, which the compiler renames, are not compared.
Conformance compareWithCompiled(const Partition &p, const Graph &compiled, bool fromSource);

} // namespace dpuopt
#endif
