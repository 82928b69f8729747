//===- Quantization.h - a float graph on its way to fix points -----------------------===//
//
// The graph, which of its tensors get a fix point, the positions found so far, and the
// numbers that its parameters will be rounded from. Steps (Quantize.h) make positions and
// numbers better; applyTo() writes them into a graph. Activations and parameters are
// counted in "slots": the same in every clone, so that runs and statistics can share them.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_CALIBRATE_QUANTIZATION_H
#define DPUOPT_CALIBRATE_QUANTIZATION_H

#include "dpuopt/Quant/FixPlan.h"

namespace dpuopt {

/// A clone of the graph, made to be run and watched: what happens to a value when it is computed.
struct FlowGraph {
  struct Site {
    int slot = -1;    ///< of the activation whose position this value's is; -1: it has none of its own
    float factor = 1; ///< dpuFactor() of its op
  };
  std::unique_ptr<Graph> graph;
  llvm::DenseMap<const Value *, Site> sites;

  /// Makes `t`, just computed for `v`, f32 and what the DPU's integers would make of it before rounding. Its slot; -1
  /// for values that are not rounded, and for those that are no floats.
  int prepare(const Value &v, Tensor &t) const;
};

/// What a step did to a layer (or to some positions), and what the network's outputs said to it.
struct StepOutcome {
  std::string step;             ///< "bias correction", "fine tuning", "position search"
  std::string subject;          ///< the node, or the positions that move
  double before = 0, after = 0; ///< noise-to-signal ratio at the outputs (OutputError.h)
  bool kept = false;
};

class Quantization {
public:
  /// Of a float graph after clean-up. Every LeakyRelu gets the DPU's slope.
  Quantization(const Graph &g, int bits, bool averageApproximation);

  struct Param {
    Value *value;
    Tensor floats; ///< what is rounded: the constant, or what a step made of it
    FixPos pos;
  };
  struct Activation {
    Value *value;
    std::optional<FixPos> pos; ///< none: not found yet, or no value of floats
    bool isInput() const { return !value->def(); }
    /// Model inputs are rounded half away from zero, all else half up.
    Rounding rounding() const { return isInput() ? Rounding::HalfAway : Rounding::HalfUp; }
  };

  const Graph &graph() const { return *base; } ///< float, with the DPU's slopes; values below are its
  /// The graph as it was given: what the quantized one is compared with.
  const Graph &reference() const { return *exact; }
  const QuantGroups &groups() const { return quantGroups; }
  int bits() const { return width; }
  std::vector<Param> params;
  std::vector<Activation> activations;
  std::vector<StepOutcome> outcomes; ///< in the order in which it happened

  /// Slot of the parameter, activation that is `v` (of graph()); -1: it is none.
  int paramSlot(const Value *v) const { return slotIn(paramSlots, v); }
  int activationSlot(const Value *v) const { return slotIn(activationSlots, v); }

  /// Positions found, as a plan for graph(), and back. Neither touches `floats`.
  FixPlan plan() const;
  void take(const FixPlan &plan);
  /// Repairs the positions (adjustFixPoints()).
  std::vector<FixChange> adjust(const AdjustOptions &options);

  /// A clone whose parameters are rounded at their positions (still f32), or left as they are in `floats`.
  FlowGraph flow(bool roundParams) const;
  /// Writes slopes, parameters and positions into `g`, a graph as the one this was made of: types and integers.
  void applyTo(Graph &g) const;

private:
  static int slotIn(const llvm::DenseMap<const Value *, int> &slots, const Value *v) {
    auto found = slots.find(v);
    return found == slots.end() ? -1 : found->second;
  }

  std::unique_ptr<Graph> exact, base;
  QuantGroups quantGroups;
  int width;
  bool averageApproximation;
  llvm::DenseMap<const Value *, int> paramSlots, activationSlots;
};

} // namespace dpuopt
#endif
