//===- Planner.h - from a graph to the list of what to do -----------------------------------===//
//
// First it decides what runs how (Planner.cpp), then it writes the steps (PlannerSteps.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_EXEC_PLANNER_H
#define DPUOPT_LIB_EXEC_PLANNER_H

#include "Chain.h"
#include "Constants.h"
#include "Steps.h"
#include "llvm/ADT/DenseSet.h"

namespace dpuopt::exec {

class Planner {
public:
  Planner(const Graph &g, const ExecOptions &options, DiagEngine &diags)
      : g(g), options(options), diags(diags), constants(options, diags), floats(g, options, constants) {}
  Result<Program> plan();

private:
  // Which ops, and which of them on integers.
  std::vector<const Op *> neededOps() const;
  Status choose(llvm::ArrayRef<const Op *> ops);
  void chooseRounded(llvm::ArrayRef<const Op *> ops);
  Status chooseCompiled(const Op &op);
  Status chooseChain(const Op &op);
  FixResult makeKernel(const Op &anchor, const Op *activation, const Op &last, bool compiled);
  // Steps.
  Status add(const Op &op);
  Status addFixed(const Op &op, const Op &anchor, std::unique_ptr<FixKernel> kernel);
  Status addFloat(const Op &op);
  Status addAlias(const Op &op, const Op &source);
  Status addView(const Op &op);
  Status addConversion(const Op &op, Form to);
  Status addMade(const Op &op, FloatUnit &unit);
  Status addFloatView(const Op &op, const FloatUnit &unit);
  unsigned view(const Op *op, unsigned from, const Value *v, Form form);
  unsigned changeLayout(unsigned from, const Value *v, Form to);
  unsigned convert(const Op *op, unsigned from, const Value *v, Form to, ElemType fix);
  Result<unsigned> slotFor(const Value *v, Form form);
  Result<unsigned> constantSlot(const Value *v, Form form);
  unsigned newSlot(const Value *v, Form form);

  bool usesIntegers() const { return !options.observer && !options.ignoreFixPoints; }
  /// In which fix type and shape `v` can be kept: see storedType and roundedLater.
  std::optional<Type> storable(const Value *v) const {
    auto it = rounded.find(v);
    return it == rounded.end() ? storedType(v) : std::optional(it->second);
  }
  bool isView(const Op &op) const;
  bool sameBytes(const Value *from, const Value *to) const;

  const Graph &g;
  const ExecOptions &options;
  DiagEngine &diags;
  Constants constants;
  FloatPlan floats;
  Program program;
  llvm::DenseMap<std::pair<const Value *, unsigned>, unsigned> slots; ///< by value and form
  /// What runs on integers, by its last op; a null kernel: an alias.
  struct Fixed {
    const Op *anchor;
    std::unique_ptr<FixKernel> kernel;
  };
  llvm::DenseMap<const Op *, Fixed> fixed;
  llvm::DenseSet<const Op *> swallowed;
  llvm::DenseMap<const Value *, Type> rounded; ///< float values kept as integers
  llvm::DenseSet<const Value *> exact;         ///< those of them that are the same numbers
};

/// Values whose memory the caller fills.
inline bool isFeed(const Op &op) { return op.isOneOf("xir.data", "xir.data-fix"); }

} // namespace dpuopt::exec
#endif
