//===- FixPlan.h - the fix points of one graph, adjusted and applied ----------===//
//
// A FixPlan says what position each value will get; nothing is rounded until
// applyFixPlan() writes the plan into the graph's types and constants. Between the
// two, adjustFixPoints() repairs what the DPU's shifters cannot do.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_QUANT_FIXPLAN_H
#define DPUOPT_QUANT_FIXPLAN_H

#include "dpuopt/Quant/QuantBinding.h"
#include "llvm/ADT/MapVector.h"

namespace dpuopt {

/// Positions of the values that have one, in graph order.
using FixPlan = llvm::MapVector<Value *, FixPos>;

/// One repair: `formula` has the numbers in it ("shift_cut = 7 + 6 - 14 = -1 < 0").
struct FixChange {
  Value *value;
  FixPos before, after;
  std::string formula;
  std::string rule; ///< "quant.shift-cut", ...
  Location loc;     ///< of the op that asked for it
  std::string message() const;
};

/// The options of vai_q_pytorch's first adjustment pass; all off by default there too.
struct AdjustOptions {
  bool alignConcat = false; ///< Concat inputs take the output's position
  bool alignAdd = false;    ///< Add inputs take the output's position
  bool alignPool = false;   ///< pool inputs take the output's position
  bool samePosition = true; ///< rule quant.same-position is on
};

/// Repairs `plan`; `plan` then holds what the hardware can do. Tail to head, if the options
/// ask for it: quant.align-concat, quant.align-add, quant.align-pool. Head to tail:
/// - quant.same-position: Slice, Pad and nearest Resize (unless it feeds a Concat): output := input.
/// - quant.hardsigmoid-input >= 0, quant.hardsigmoid-output >= 7,
///   quant.hardswish-input >= 0, quant.hardswish-output <= input + 7.
/// - quant.shift-cut: Conv, ConvTranspose, Gemm, MatMul: shift_cut = fp_w + fp_i - fp_o in
///   [0, 16]: below, fp_o := fp_w + fp_i; above, fp_w is lowered by the excess.
/// - quant.shift-bias: shift_bias = fp_w + fp_i - fp_b in [min(0, shift_cut - 16), 16], with the
///   shift_cut from before its repair: below, fp_b is lowered; above, fp_w is.
std::vector<FixChange> adjustFixPoints(const Graph &g, const QuantGroups &groups, FixPlan &plan,
                                       const AdjustOptions &options = {});

/// Emits each change as a remark.
void reportChanges(llvm::ArrayRef<FixChange> changes, DiagEngine &diags);

struct BindOptions {
  bool allowMissing = false; ///< values without a key, or with a null position, stay float (a warning says which)
  bool allowUnbound = false; ///< keys bound to no value are ignored (a warning says which)
  QuantMap map = {};         ///< the user's word on single keys
};

/// The plan a file gives an onnx.* graph: bindKeys(), then its positions. Errors list values without a key
/// [quant-info.missing-key], keys bound to no value with the nearest candidates [quant-info.unbound-key], null
/// positions [quant-info.null-position], and keys that give one value two positions [quant-info.conflict].
Result<FixPlan> bindQuantInfo(const Graph &g, const QuantGroups &groups, const QuantInfo &info,
                              const BindOptions &options, llvm::StringRef file, DiagEngine &diags);
/// The same for bindings found before.
Result<FixPlan> planFixPoints(const QuantBindings &bindings, const BindOptions &options, llvm::StringRef file,
                              DiagEngine &diags);

/// Writes the plan: op results and inputs get q types, constants become q tensors
/// (rounded half away from zero; one pass; splats stay splats).
void applyFixPlan(const FixPlan &plan);

/// Everything with a q type, in graph order, as it would be written to a file.
QuantInfo collectQuantInfo(const Graph &g);

/// The position `v`'s data really sits at in a graph with fix points: its type's, or that of
/// the value its movement ops read. nullopt: float (inside a group, or not quantized).
std::optional<ElemType> effectiveFix(const Value *v);

} // namespace dpuopt
#endif
