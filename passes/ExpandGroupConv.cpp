//===- ExpandGroupConv.cpp - pass `expand-group-conv` -----------------------------===//
//
// Before: Conv with 1 < group, not depthwise; or depthwise on a target without an engine
//   for it. After: Conv with group 1 whose weights are 0 between groups.
// Conditions: weights are constant, f32 and no fix point; the ordinary convolution breaks
//   none of the target's conv2d.* rules. MACs grow by the number of groups.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Fusion.h"
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

/// Does an ordinary convolution of that window and those channels break none of the target's rules for one?
/// 1-D windows are of height 1.
bool fits(const onnx::Conv &c, const Target &target) {
  auto inXirOrder = [](const std::vector<int64_t> &hw) { return Attr::i32s({hw.back(), hw.size() > 1 ? hw[0] : 1}); };
  const onnx::Window &w = c.window;
  const std::vector<int64_t> &b = w.padsBegin, &e = w.padsEnd;
  auto image = [](const Value *v) { // N, C, (H,) W as N, H, W, C
    Shape s(v->type().shape().begin(), v->type().shape().end());
    return Type(ElemType::fix(8, 0), {s[0], s.size() > 3 ? s[2] : 1, s.back(), s[1]});
  };
  AttrMap attrs = {{"kernel", inXirOrder(w.kernel)},
                   {"stride", inXirOrder(w.strides)},
                   {"dilation", inXirOrder(w.dilations)},
                   {"pad", Attr::i32s({b.back(), e.back(), b.size() > 1 ? b[0] : 0, e.size() > 1 ? e[0] : 0})}};
  Graph g;
  Value *in = g.addInput("x", image(c.input()));
  FusedOp op;
  op.kind = "conv2d-fix";
  op.anchor = g.create({"xir.conv2d", {in}, {{"y", image(c.op.result())}}, std::move(attrs)});
  return llvm::none_of(target.check(op),
                       [](const BrokenRule &r) { return llvm::StringRef(r.rule->id).startswith("conv2d."); });
}

bool expand(Op &op, const Target &target, bool hasDepthwise) {
  if (!op.is("onnx.Conv"))
    return false;
  onnx::Conv c(op);
  const Tensor *w = constantOf(c.weight());
  bool grouped = c.window.valid && c.window.spatial <= 2 && c.group > 1 && c.inChannels() > 0 && c.outChannels() > 0;
  if (!grouped || (c.isDepthwise() && hasDepthwise) || !w || w->elemType().kind != ElemKind::F32 ||
      w->numElements() > MostWeights || !c.input()->type().isStatic() || !op.result()->type().isStatic())
    return false;
  if (w->type().rank() != c.window.spatial + 2 || w->shape()[0] != c.outChannels() || c.outChannels() % c.group ||
      w->shape()[1] * c.group != c.inChannels() || !fits(c, target))
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
  rewriteOps(g, [&](Op &op) { return expand(op, **target, hasDepthwise) && ++expanded; });
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
    "constant and float; the ordinary convolution breaks none of the target's conv2d.* rules. The work grows by the "
    "number of groups.",
    Preserves::Closely,
    {{"target", "NAME", "board alias, target name, fingerprint or arch.json", "kv260"},
     {"vitis-ai", "VERSION", "release of the compiler: 2.5, 3.0, 3.5 (default: 3.5)", ""}},
    run,
};

} // namespace dpuopt
