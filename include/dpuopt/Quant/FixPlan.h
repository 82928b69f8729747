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

/// The vendor's tools that repair positions, each in its way (FixRules.h).
enum class FixTool : uint8_t { VaiQPytorch, VaiQOnnx, VaiQTensorflow2 };
constexpr size_t NumFixTools = 3;
const char *fixToolName(FixTool tool); ///< "vai_q_pytorch"

/// One repair: `formula` has the numbers in it ("shift_cut = fp_w + fp_i - fp_o = 7 + 6 - 14 = -1, must be in 0..16").
struct FixChange {
  Value *value;
  FixPos before, after;
  std::string formula;
  std::string rule; ///< "quant.shift-cut", ...
  Location loc;     ///< of the op that asked for it
  std::string message() const;
};

/// Options of vai_q_pytorch: those of its first adjustment pass are off by default there too.
struct AdjustOptions {
  bool alignConcat = false;            ///< Concat inputs take the output's position
  bool alignAdd = false;               ///< Add inputs take the output's position
  bool alignPool = false;              ///< pool inputs take the output's position
  bool samePosition = true;            ///< rule quant.same-position is on
  FixTool tool = FixTool::VaiQPytorch; ///< the options above are of this one only
};

/// Repairs `plan` as the tool does when it exports; the rules and who moves what: FixRules.h. vai_q_pytorch goes from
/// tail to head if the options ask for it (quant.align-*), then from head to tail, op by op; a shift_bias is judged
/// with the shift_cut from before its repair. The others go rule by rule.
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
/// (rounded half away from zero, in one pass when they are read; splats stay splats).
void applyFixPlan(const FixPlan &plan);

/// Everything with a q type, in graph order, as it would be written to a file.
QuantInfo collectQuantInfo(const Graph &g);

/// The position `v`'s data really sits at in a graph with fix points: its type's, or that of
/// the value its movement ops read. nullopt: float (inside a group, or not quantized).
std::optional<ElemType> effectiveFix(const Value *v);

} // namespace dpuopt
#endif
