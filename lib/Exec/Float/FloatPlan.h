//===- FloatPlan.h - which ops have float kernels, and which of them run as one ----------------===//
//
// Decides layouts too: images follow the convolutions, which want their channels last.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_FLOAT_FLOATPLAN_H
#define DPUOPT_LIB_EXEC_FLOAT_FLOATPLAN_H

#include "../Constants.h"
#include "FloatKernel.h"
#include "llvm/ADT/DenseSet.h"

namespace dpuopt::exec {

/// One op, or a chain whose inner values nobody reads, as one step.
struct FloatUnit {
  const Op *anchor = nullptr;
  FloatKernelPtr kernel;                ///< null: the same bytes under another name
  std::vector<const Value *> inputs;    ///< of the kernel, and the addend behind them
  bool addend = false;                  ///< the result's memory must hold the last input first
  bool inLast = false, outLast = false; ///< layout of inputs and results
};

/// Ops that follow an anchor and are done with it.
struct FloatChain {
  const Op *last = nullptr;
  std::optional<Affine> affine;
  PostOps post;
  const Value *addend = nullptr;
  std::vector<const Op *> ops; ///< after the anchor
};

class FloatPlan {
public:
  FloatPlan(const Graph &g, const ExecOptions &options, Constants &constants);
  using Taken = llvm::function_ref<bool(const Op &)>;
  /// True if `op` needs no other kernel. `taken` are those that somebody else computes.
  bool choose(const Op &op, Taken taken);
  /// Is its result part of another op's?
  bool swallows(const Op &op) const { return swallowed.count(&op); }
  /// What computes the results of `op`; null: not this plan.
  FloatUnit *unitOf(const Op &op);

private:
  bool isReal(const Value *v) const;
  bool suits(const Op &op) const;
  bool chooseAlias(const Op &op);
  bool chooseKernel(const Op &op, const FloatEntry &entry, Taken taken);
  bool make(const Op &op, const FloatEntry &entry, const FloatChain &chain, bool channelsLast);
  bool follows(const Op &op) const;
  // Chains.
  FloatChain grow(const Op &anchor, Taken taken, bool withSum);
  bool extend(FloatChain &chain, const Op &anchor, const Value &v, bool withSum);
  bool takeAffine(FloatChain &chain, const Op &anchor, const Op &user, const Value &v);
  bool takeSum(FloatChain &chain, const Op &anchor, const Op &user, const Value &v);
  bool takePost(FloatChain &chain, const Op &user, const Value &v);
  bool takeGate(FloatChain &chain, const Value &v);
  bool takeGelu(FloatChain &chain, const Value &v);
  bool free(const Op &op) const { return !units.count(&op) && !swallowed.count(&op); }
  std::optional<float> scalar(const Value *v) const;
  std::vector<const Tensor *> constantsOf(const Op &op, std::vector<Tensor> &held) const;

  const ExecOptions &options;
  Constants &constants;
  bool enabled, fusing, exactOnly;
  llvm::DenseMap<const Op *, std::unique_ptr<FloatUnit>> units; ///< by the last op
  llvm::DenseSet<const Op *> swallowed;
  llvm::DenseSet<const Value *> last; ///< values whose channels are last
};

/// Has an image of its own layout: onnx values of rank above 2.
inline bool hasLayout(const Value &v) { return v.type().hasRank() && v.type().rank() > 2; }

} // namespace dpuopt::exec
#endif
