//===- RegressionCase.h - where a compiler does something else, to attach to a report -===//
//
// The piece of a quantized model around the ops that became something else than predicted,
// and what is needed to see it again. Whether the piece alone shows it is not known here:
// only that we predict of it what we predicted of the whole.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_TOOLS_DPUC_REGRESSIONCASE_H
#define DPUOPT_TOOLS_DPUC_REGRESSIONCASE_H

#include "CompiledCheck.h"

namespace dpuopt {

struct CasePiece {
  std::unique_ptr<Graph> graph;
  unsigned ops = 0, of = 0;           ///< of the compiled form, without what the compiler adds
  unsigned dpuSubgraphs = 0;          ///< predicted of the piece
  std::vector<std::string> differing; ///< ops of the compiled form, as the prediction calls them, and their ONNX nodes
};

struct CaseOptions {
  bool keepWeights = false; ///< else: random numbers of the same range, of the same fix points
};

/// The smallest piece (so many steps around the ops that differ) of which the same is predicted. Nullopt: what differs
/// is no op.
std::optional<CasePiece> caseOf(const Graph &quantized, const Target &target, const CompiledCheck &check,
                                const CaseOptions &options);

} // namespace dpuopt
#endif
