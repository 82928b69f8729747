//===- ExpandGroupConv.cpp - pass `expand-group-conv` -----------------------------===//
//
// Before: Conv with 1 < group, not depthwise; or depthwise on a target without an engine
//   for it. After: Conv with group 1 whose weights are 0 between groups.
// Conditions: weights are constant, f32 and no fix point; input channels, output channels
//   and weight memory stay within the target's limits. MACs grow by the number of groups.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// More do not fit into any layer of a DPU.
constexpr int64_t MostWeights = int64_t(1) << 26;

/// [O, I/g, k...] as [O, I, k...].
Tensor denseWeights(const Tensor &w, int64_t group, int64_t in) {
  Shape shape(w.shape().begin(), w.shape().end());
  const int64_t out = shape[0], perGroup = shape[1], window = w.numElements() / (out * perGroup);
  shape[1] = in;
  Tensor dense = Tensor::zeros(Type(ElemKind::F32, shape));
  Tensor from = w.expanded();
  auto source = from.as<float>();
  auto target = dense.mut<float>();
  for (int64_t o = 0; o < out; ++o) {
    int64_t first = o / (out / group) * perGroup;
    std::copy_n(source.begin() + o * perGroup * window, perGroup * window, target.begin() + (o * in + first) * window);
  }
  return dense;
}

bool fits(const onnx::Conv &c, const Limits &l) {
  int64_t width = l.get("CONVW.bank_width", 1), banks = std::max<int64_t>(l.get("CONVW.bank_num", 1), 1);
  int64_t parallel = l.get("conv.input_channel_parallel"), kernel = 1;
  for (int64_t k : c.window.kernel)
    kernel *= k;
  auto ceil = [](int64_t a, int64_t b) { return (a + b - 1) / std::max<int64_t>(b, 1); };
  return c.inChannels() <= 256 * parallel && c.outChannels() <= 256 * parallel &&
         kernel * ceil(c.inChannels(), width) * ceil(l.get("conv.output_channel_parallel"), banks) <=
             l.get("CONVW.bank_depth");
}

bool expand(Op &op, const Limits &l, bool hasDepthwise) {
  if (!op.is("onnx.Conv"))
    return false;
  onnx::Conv c(op);
  const Tensor *w = constantOf(c.weight());
  bool grouped = c.window.valid && c.group > 1 && c.inChannels() > 0 && c.outChannels() > 0;
  if (!grouped || (c.isDepthwise() && hasDepthwise) || !w || w->elemType().kind != ElemKind::F32 || !fits(c, l) ||
      w->numElements() > MostWeights)
    return false;
  if (w->type().rank() != c.window.spatial + 2 || w->shape()[0] != c.outChannels() || c.outChannels() % c.group ||
      w->shape()[1] * c.group != c.inChannels())
    return false;
  setConstOperand(op, 1, denseWeights(*w, c.group, c.inChannels()), "");
  op.setAttr("group", Attr::i64(1));
  return true;
}

PassResult run(Graph &g, PassContext &ctx) {
  auto target = makeDpuczdx8gTarget({ctx.option("target"), ctx.option("vitis-ai")}, ctx.diags);
  if (!target)
    return PassResult::Failure;
  const Limits &l = (*target)->limits();
  bool hasDepthwise = l.has("alu.dwconv") || l.has("dwconv.kernel");
  unsigned expanded = 0;
  rewriteOps(g, [&](Op &op) { return expand(op, l, hasDepthwise) && ++expanded; });
  if (!expanded)
    return PassResult::Unchanged;
  ctx.diags.remark(fmt::format("{} grouped convolutions get weights of 0 between groups", expanded))
      .rule("proof.exact");
  return PassResult::Changed;
}

} // namespace

extern const PassInfo ExpandGroupConvPass;
const PassInfo ExpandGroupConvPass = {
    "expand-group-conv",
    "Write grouped convolutions as ordinary ones with zeros",
    "**Before:** Conv with a group, other than depthwise; depthwise too where the target has no engine for it "
    "(conv2d.group, dwconv.engine). **After:** Conv with group 1, weights 0 between groups. **Conditions:** weights "
    "are "
    "constant and float; channels and weight memory stay within the target's limits (conv2d.input-channels, "
    "conv2d.output-channels, conv2d.weights-depth). The work grows by the number of groups.",
    Preserves::Closely,
    {{"target", "NAME", "board alias, target name, fingerprint or arch.json", "kv260"},
     {"vitis-ai", "VERSION", "release of the compiler: 2.5, 3.0, 3.5 (default: 3.5)", ""}},
    run,
};

} // namespace dpuopt
