//===- FixLeakyAlpha.cpp - pass `fix-leaky-alpha` --------------------------------===//
//
// Before: LeakyRelu(alpha). After: LeakyRelu(26/256), the DPU's only slope. Conditions:
//   alpha is not 26/256 already, and rounds to it as a multiple of 1/256, or `any`.
// Proof: exact-after-quantization where alpha rounds to 26/256, for the DPU and the
//   quantizer compute with that anyway; retrain elsewhere.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Quant/LeakySlope.h"
#include "Patterns.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

bool rounds(double alpha) { return std::lround(alpha * 256) == 26; }

PassResult run(Graph &g, PassContext &ctx) {
  unsigned near = 0, far = 0, left = 0;
  rewriteOps(g, [&](Op &op) {
    if (!op.is("onnx.LeakyRelu"))
      return false;
    auto alpha = static_cast<float>(op.getFloat("alpha", 0.01));
    if (alpha == DpuSlope)
      return false;
    if (!rounds(alpha) && !ctx.flag("any"))
      return ++left, false;
    ++(rounds(alpha) ? near : far);
    op.setAttr("alpha", Attr::f32(DpuSlope));
    return true;
  });
  if (near)
    ctx.diags.remark(fmt::format("{} LeakyReLU: alpha becomes 26/256, which it is rounded to anyway", near))
        .rule("proof.exact-after-quantization");
  if (far)
    ctx.diags.remark(fmt::format("{} LeakyReLU: another alpha becomes 26/256", far)).rule("proof.retrain");
  if (left)
    ctx.diags.warning(fmt::format("{} LeakyReLU keep an alpha that does not round to 26/256", left))
        .rule("leaky-relu.alpha")
        .note("the option any changes them too; train with negative_slope=26/256 then");
  return near + far ? PassResult::Changed : PassResult::Unchanged;
}

} // namespace

extern const PassInfo FixLeakyAlphaPass;
const PassInfo FixLeakyAlphaPass = {
    "fix-leaky-alpha",
    "Give every LeakyRelu the DPU's slope",
    "**Before:** LeakyRelu(alpha). **After:** LeakyRelu(26/256). **Conditions:** alpha rounds to 26/256 as a multiple "
    "of 1/256 (0.1 does), or `any`. **Proof**, in a remark: `exact-after-quantization` where it rounds, `retrain` "
    "elsewhere.",
    Preserves::Meaning,
    {{"any", nullptr, "change every other alpha too"}},
    run,
};

} // namespace dpuopt
