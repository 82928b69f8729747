//===- ImportQdq.h - shared parts of the pass import-qdq ----------------------===//
//
// Private to passes/ImportQdq*.cpp. First the nodes become a plan (which value has
// which fix point), then the plan is compared with what the DPU can do, and applied.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_PASSES_IMPORTQDQ_H
#define DPUOPT_PASSES_IMPORTQDQ_H

#include "dpuopt/Pass/Pass.h"
#include "dpuopt/Quant/FixPlan.h"
#include "dpuopt/Quant/Qdq.h"

namespace dpuopt::qdq {

struct Options {
  bool roundScales = false; ///< take the nearest fix point where the file's numbers are none
  bool groupEnds = false;   ///< drop fix points between a layer and its activation
  bool unrepaired = false;  ///< leave fix points that the shifters cannot combine
};

/// The constant that takes the place of a rounded one.
struct FixedConstant {
  Tensor tensor;          ///< of a q type
  bool lossless = true;   ///< holds exactly the file's numbers
  std::string rule, note; ///< not lossless: why, and what it costs
  bool tolerable = false; ///< not lossless, but what every exporter does (biases of 32 bits)
};

/// Rounds real constant `x` (a Q node's input) or takes the integers `x` (a DQ node's), as `numbers` say.
/// nullopt: the scales do not fit the shape.
std::optional<FixedConstant> fixConstant(const Tensor &x, bool isInteger, const QdqNumbers &numbers);

/// Puts the operators together that vai_q_pytorch spells out with the DPU's constants.
void foldMacros(Graph &g, FixPlan &plan);

/// Compares the plan with the quantization groups: drops what only repeats another fix point
/// (bit for bit the same), names what the DPU will not fuse, gives constants that a quantized
/// layer reads in float a fix point, names values without one, and repairs what the shifters
/// cannot do. Then writes it into the types.
void settle(Graph &g, FixPlan &plan, const Options &options, DiagEngine &diags);

} // namespace dpuopt::qdq
#endif
