//===- Chains.h - which ops fuse into one (internal to lib/Target) ----------===//
//
// A chain is `op [+ scale mul] [+ activation] [+ fix]`. Found in one forward pass,
// decided in one backward pass (a producer of an unfixed concat input depends on the
// concat behind it). No device, no naming: that is Fusion.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_TARGET_CHAINS_H
#define DPUOPT_LIB_TARGET_CHAINS_H

#include "dpuopt/Target/Fusion.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace dpuopt {

struct Chain {
  const Op *head;
  std::string candidate;                    ///< fixed type, or ""
  llvm::SmallVector<const Op *, 4> members; ///< head first
  const Op *scaleMul = nullptr, *activation = nullptr, *fix = nullptr;
  std::string activationName;
  const Value *end = nullptr; ///< result of the last member
  bool compiled = false;      ///< a `*-fix`, data-fix... op of a compiled graph
  bool inputsQuantized = false;
  bool ownFix = false; ///< the compiler puts a fix of its own behind it
  bool fused = false;
  bool excused = false; ///< waived: taken to run on the DPU
  Unfused why = Unfused::No;
  std::string because;

  /// Does it run as a 2-D op over an image that its operands are not?
  bool runsAsImage() const;
  /// A pool over one element that neither moves nor rounds.
  bool isUnchanged() const;
};

class Chains {
public:
  Chains(const Graph &g, const FusionOptions &options);

  std::vector<Chain> all;     ///< in the order of their heads
  bool assumed = false;       ///< no fix point in the graph: every result counts as quantized
  bool compiledGraph = false; ///< it has ops only the compiler makes
  bool isConst(const Op *op) const { return constants.contains(op); }
  const Chain *byHead(const Op *op) const;
  /// Does the chain stand for a fixed op that keeps its result in a fix op or an inserted one?
  bool quantized(const Value *v) const;

private:
  void findConstants(const Graph &g);
  bool hasFixPoints(const Graph &g) const;
  void build(const Op &op);
  void extend(Chain &c);
  void takeScale(Chain &c);
  void takeActivation(Chain &c);
  bool takeFix(Chain &c);
  void judgeInputs(Chain &c);
  void noteResult(Chain &c);
  bool readByWaived(const Chain &c) const;
  void decide(Chain &c);
  bool resultFixed(const Chain &c, std::string &because) const;

  const FusionOptions &options;
  llvm::DenseSet<const Op *> constants, taken;
  llvm::DenseMap<const Op *, unsigned> heads;
  llvm::DenseSet<const Value *> quantizedValues, fixableValues;
};

} // namespace dpuopt
#endif
