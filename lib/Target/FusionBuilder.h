//===- FusionBuilder.h - from chains to compiled ops (internal to lib/Target) ===//
//
// Fusion.cpp emits ops, names them and adds fix2float; Reshaped.cpp has those that run in
// another shape than the graph gives them: matrix products and 1-D windows, as 2-D ones.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_TARGET_FUSIONBUILDER_H
#define DPUOPT_LIB_TARGET_FUSIONBUILDER_H

#include "Chains.h"
#include "dpuopt/Target/Releases.h"
#include <fmt/format.h>

namespace dpuopt {

inline bool isFixedKind(llvm::StringRef kind) { return kind.endswith("-fix"); }

/// Turns chains into FusedOps in topological order, then adds fix2float.
class FusionBuilder {
public:
  FusionBuilder(const Graph &g, const FusionOptions &options) : g(g), options(options), chains(g, options) {}
  std::unique_ptr<FusedGraph> run();

private:
  struct Node : FusedOp {
    llvm::SmallVector<unsigned, 4> from; ///< producers
  };

  void absorbReshapes();
  const Value *throughAbsorbed(const Value *v) const;
  void emit(const Chain &c);
  void emitMatmul(const Chain &c, Node node);
  void emitAsImage(const Chain &c, Node node);
  bool vanishes(const Chain &c);
  void emitOwnFix(const Chain &c, unsigned producer);
  void emitApart(const Chain &c);
  Node nodeFor(const Chain &c);
  void nameNode(const Chain &c, Node &node);
  void connect(Node &node, const Value *v);
  void claimConstants(const Chain &c, Node &node);
  void claim(const Op *op, Node &node, bool named, bool fused, llvm::StringRef suffix);
  unsigned add(Node node);
  bool isReadByOthers(const Value *v) const;
  std::string tensorOf(const Value *v) const;
  bool needsReshape(const Chain &c, const Value *source) const;
  void settleFixes();
  void insertFix2Float(FusedGraph &out);
  std::string inserted(const std::string &base) { return fmt::format("{}_inserted_fix_{}", base, insertedFixes++); }

  const Graph &g;
  const FusionOptions &options;
  Chains chains;
  std::vector<Node> nodes;
  llvm::DenseMap<const Value *, unsigned> producer;   ///< node whose tensor stands for the value
  llvm::DenseMap<const Value *, unsigned> unreshaped; ///< what makes the value as an image, before its reshape
  llvm::DenseMap<const Op *, const Op *> absorbed;    ///< reshape or transpose that vanishes in front of a matmul
  llvm::DenseSet<const Op *> claimed;
  unsigned insertedFixes = 0;
};

} // namespace dpuopt
#endif
