//===- LeakySlope.cpp - the one slope the DPU's leaky ReLU has ---------------===//
#include "dpuopt/Quant/LeakySlope.h"
#include <fmt/format.h>

namespace dpuopt {

/// ONNX's default slope.
constexpr double DefaultSlope = 0.01;

void sayDpuSlope(const Op &op, DiagEngine &diags) {
  auto alpha = static_cast<float>(op.getFloat("alpha", DefaultSlope));
  if (alpha == DpuSlope)
    return;
  std::string text =
      fmt::format("the slope of LeakyRelu becomes {}, the only one the DPU has, it was {}", DpuSlope, alpha);
  constexpr char rule[] = "lower.leaky-slope";
  // Detectors have sixty of them: one is enough to warn.
  bool warned = llvm::any_of(diags.all(), [&](const Diagnostic &d) { return d.rule == rule; });
  if (warned)
    diags.remark(op.loc(), text).rule(rule);
  else
    diags.warning(op.loc(), text)
        .rule(rule)
        .note(
            "train with negative_slope 26/256 (0.1015625), so that nothing changes here; --remarks names all of them");
}

void useDpuSlopes(Graph &g) {
  for (Op &op : g.ops())
    if (op.is("onnx.LeakyRelu"))
      op.setAttr("alpha", Attr::f32(DpuSlope));
}

} // namespace dpuopt
