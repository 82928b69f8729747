//===- Equalize.cpp - pass `equalize`: cross-layer equalization ---------------------===//
//
// With A and B convolutions, per channel c between them:
//   range_A = max(|W_A[c, ...]|, |b_A[c]| / shrink), range_B = max |W_B[..., c]|,
//   s = range_A / sqrt(range_A * range_B); 1 if the root is 0 or range_A + range_B < 0.5
// Before: B(act(A(x))). After: the same with W_A / s, b_A / s, W_B * s: both ranges are
//   then the root, and one fix point for the whole tensor fits every channel better.
// shrink (numbers f = |b_A| / |W_A| over all weights of A): with max |b_A| < 10 and
//   max |b_A| < 20 max |W_A|: 5 if median f > 100 or mean f > 1000, else 2. Otherwise 20
//   if median f > 30 or mean f > 500, 10 if median f > 15 or mean f > 100, else 5.
// Conditions: act is a chain of Relu, MaxPool, AveragePool and GlobalAveragePool over two
//   axes, or nothing; every value from A to B has one user and does not round; A and B
//   are Conv or ConvTranspose over two or three axes with constant finite f32 weights and
//   biases. Nothing else commutes with a positive factor per channel: ReLU6 does not.
// Arithmetic: f32, rounded at each step, in the order of vai_q_pytorch (which does this
//   behind its fusion of batch norms), so that the results have the same bits.
// This is method=vendor. For method=dfq see ChannelFactors.h (what may be scaled) and
//   RangeEqualizer.cpp (by how much).
//
//===----------------------------------------------------------------------===//
#include "LinearOp.h"
#include "Patterns.h"
#include "RangeEqualizer.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

struct Pair {
  Op *a, *b;
};

/// Smaller weights count as this where a bias is divided by them.
constexpr float TinyWeight = 1e-7f;
/// A channel whose two ranges together are less is left alone.
constexpr float TinyRange = 0.5f;

/// Layers with more are left alone: a file of a few bytes can claim any number of equal ones.
constexpr int64_t MaxWeights = int64_t(1) << 28;

//===-- Pairs ----------------------------------------------------------------===//

bool isLayer(const Op &op) {
  const Value *w = op.isOneOf("onnx.Conv", "onnx.ConvTranspose") ? op.operand(1) : nullptr;
  return w && w->type().elemType() == ElemKind::F32 && (w->type().rank() == 4 || w->type().rank() == 5) &&
         w->type().numElements() > 0 && w->type().numElements() <= MaxWeights;
}

/// f(s * x) == s * f(x) for s > 0, channel by channel.
bool commutes(const Op &op) {
  if (op.is("onnx.Relu"))
    return true;
  return op.isOneOf("onnx.MaxPool", "onnx.AveragePool", "onnx.GlobalAveragePool") && onlyFirstResultUsed(op) &&
         op.operand(0) && op.operand(0)->type().hasRank() && op.operand(0)->type().rank() == 4;
}

/// The convolution whose result `b` reads through nothing but ops that commute; null: there is none.
Op *layerBefore(const Op &b) {
  for (const Value *v = b.operand(0); v && v->def() && v->index() == 0 && v->hasOneUse() && !v->type().isFix();
       v = v->def()->operand(0)) {
    if (isLayer(*v->def()))
      return v->def();
    if (!commutes(*v->def()))
      return nullptr;
  }
  return nullptr;
}

std::vector<Pair> collectPairs(Graph &g) {
  std::vector<Pair> pairs;
  for (Op &op : g.ops())
    if (isLayer(op))
      if (Op *a = layerBefore(op))
        pairs.push_back({a, &op});
  return pairs;
}

//===-- Ranges ---------------------------------------------------------------===//

/// Largest magnitude; NaN if there is one.
float largest(llvm::ArrayRef<float> x) {
  float m = 0;
  for (float v : x)
    if (float a = std::fabs(v); a > m || std::isnan(a))
      m = a;
  return m;
}

std::vector<float> rangesOf(llvm::ArrayRef<float> rows, size_t channels) {
  size_t width = rows.size() / channels;
  std::vector<float> ranges(channels);
  for (size_t c = 0; c < channels; ++c)
    ranges[c] = largest(rows.slice(c * width, width));
  return ranges;
}

float medianOf(std::vector<float> &x) {
  auto middle = x.begin() + x.size() / 2;
  std::nth_element(x.begin(), middle, x.end());
  return x.size() % 2 ? *middle : (*middle + *std::max_element(x.begin(), middle)) / 2;
}

/// Smallest magnitude but 0; 0 if there are only zeros.
float smallestNonZero(llvm::ArrayRef<float> x) {
  float m = 0;
  for (float v : x)
    if (v != 0 && (m == 0 || std::fabs(v) < m))
      m = std::fabs(v);
  return m;
}

/// The biases of channels without a weight do not count: set to 0 in `bias`.
float chooseShrink(llvm::ArrayRef<float> rows, std::vector<float> &bias) {
  const float largestBias = largest(bias);
  size_t width = rows.size() / bias.size();
  float largestWeight = 0;
  double sum = 0;
  std::vector<float> ratios;
  ratios.reserve(rows.size());
  for (size_t c = 0; c < bias.size(); ++c) {
    llvm::ArrayRef<float> row = rows.slice(c * width, width);
    float stand = smallestNonZero(row); // zeros are counted as this
    if (stand == 0)
      bias[c] = 0;
    for (float w : row) {
      float magnitude = std::max(std::fabs(w == 0 ? stand : w), TinyWeight);
      largestWeight = std::max(largestWeight, magnitude);
      ratios.push_back(std::fabs(bias[c]) / magnitude);
      sum += ratios.back();
    }
  }
  double mean = sum / static_cast<double>(ratios.size()), median = medianOf(ratios);
  if (largestBias < 10 && largestBias / largestWeight < 20)
    return median > 100 || mean > 1000 ? 5 : 2;
  if (median > 30 || mean > 500)
    return 20;
  return median > 15 || mean > 100 ? 10 : 5;
}

//===-- One pair -------------------------------------------------------------===//

/// What the formula gives for one pair.
struct Plan {
  std::vector<float> rangeA, rangeB;
  std::vector<double> s;
  float shrink = 0; ///< 0: A has no bias
};

float scaleOf(float rangeA, float rangeB) {
  float root = std::sqrt(rangeA * rangeB);
  return root == 0 || rangeA + rangeB < TinyRange ? 1 : rangeA / root;
}

Plan planFor(const LinearOp &a, const LinearOp &b) {
  Plan plan;
  const size_t channels = a.outChannels();
  std::vector<float> rows = a.outputRows(), bias(a.biases().begin(), a.biases().end());
  plan.rangeA = rangesOf(rows, channels);
  plan.rangeB = rangesOf(b.inputRows(), channels);
  bool finite = llvm::all_of(plan.rangeA, [](float r) { return std::isfinite(r); });
  if (!bias.empty() && finite && std::isfinite(largest(bias)))
    plan.shrink = chooseShrink(rows, bias);
  for (size_t c = 0; c < channels; ++c) {
    if (!bias.empty()) // a NaN must stay one
      plan.rangeA[c] = largest({plan.rangeA[c], bias[c] / (plan.shrink == 0 ? 1 : plan.shrink)});
    plan.s.push_back(scaleOf(plan.rangeA[c], plan.rangeB[c]));
  }
  return plan;
}

std::string rangeText(llvm::ArrayRef<float> x) {
  auto [low, high] = std::minmax_element(x.begin(), x.end());
  return fmt::format("{:.4g}..{:.4g}", *low, *high);
}

void report(const Pair &pair, const Plan &plan, DiagEngine &diags) {
  std::vector<float> afterA = plan.rangeA, afterB = plan.rangeB;
  size_t scaled = 0;
  for (size_t c = 0; c < afterA.size(); ++c) {
    float s = static_cast<float>(plan.s[c]);
    afterA[c] /= s, afterB[c] *= s;
    scaled += s != 1;
  }
  const Location &b = pair.b->loc();
  diags
      .remark(pair.a->loc(),
              fmt::format("equalized with '{}': {} of {} channels, ranges {} and {} become {} and {}{}",
                          b.node.empty() ? pair.b->result()->name() : b.node, scaled, afterA.size(),
                          rangeText(plan.rangeA), rangeText(plan.rangeB), rangeText(afterA), rangeText(afterB),
                          plan.shrink == 0 ? "" : fmt::format(", bias / {} counted", plan.shrink)))
      .rule("quant.equalize");
}

/// Did it change anything?
bool equalize(const Pair &pair, DiagEngine &diags) {
  auto a = LinearOp::match(pair.a), b = LinearOp::match(pair.b);
  if (!a || !b || a->outChannels() != b->inChannels())
    return false;
  if (Value *bias = pair.a->operand(2); bias && bias->type().elemType() != ElemKind::F32)
    return false;
  Plan plan = planFor(*a, *b);
  if (!llvm::all_of(plan.s, [](double s) { return std::isfinite(s) && s > 0; })) {
    diags.remark(pair.a->loc(), "not equalized: weights or biases are too large or not finite").rule("quant.equalize");
    return false;
  }
  if (llvm::all_of(plan.s, [](double s) { return s == 1; }))
    return false;
  a->divideOutputs(plan.s);
  b->scaleInputs(plan.s, {});
  report(pair, plan, diags);
  return true;
}

bool equalizePairs(Graph &g, int64_t iterations, DiagEngine &diags) {
  bool changed = false;
  const std::vector<Pair> pairs = collectPairs(g);
  for (int64_t i = 0; i < iterations; ++i)
    for (const Pair &pair : pairs)
      changed |= equalize(pair, diags);
  return changed;
}

bool equalizeRegions(Graph &g, int64_t iterations, DiagEngine &diags) {
  ChannelFactors factors = findChannelFactors(g, /*throughClips=*/false);
  return applyFactors(factors, equalizedFactors(factors, {iterations}), diags);
}

PassResult run(Graph &g, PassContext &ctx) {
  const bool dfq = ctx.option("method") == "dfq";
  if (!dfq && ctx.option("method") != "vendor")
    return ctx.diags.error(fmt::format("equalize has the methods vendor and dfq, not '{}'", ctx.option("method")))
               .rule("equalize.method"),
           PassResult::Failure;
  auto iterations =
      ctx.option("iterations").empty() ? (dfq ? RangeSettings().iterations : 1) : ctx.intOption("iterations");
  if (!iterations)
    return PassResult::Failure;
  if (*iterations < 0 || *iterations > 1000)
    return ctx.diags.error(fmt::format("equalize needs iterations in 0-1000, found {}", *iterations))
               .rule("equalize.iterations"),
           PassResult::Failure;
  bool changed = (dfq ? equalizeRegions : equalizePairs)(g, *iterations, ctx.diags);
  return changed ? PassResult::Changed : PassResult::Unchanged;
}

} // namespace

extern const PassInfo EqualizePass;
const PassInfo EqualizePass = {
    "equalize",
    "Give the weights of neighbouring layers equal ranges, channel by channel",
    "**Before:** B(act(A(x))), A and B layers. **After:** the same with W_A / s, b_A / s and W_B * s, one s per "
    "channel "
    "between them. Each layer or pair is a remark with the ranges before and after.\n\n"
    "**method=vendor** (vai_q_pytorch's cross-layer equalization, its arithmetic in float32 step by step): range_A = "
    "max(abs W_A[c, ...], abs b_A[c] / shrink), range_B = max abs W_B[..., c], s = range_A / sqrt(range_A * range_B), "
    "and "
    "1 where the root is 0 or range_A + range_B < 0.5. shrink is 2, 5, 10 or 20 by the statistics of abs b / abs W "
    "(docs/lowering.md). Pairs are taken from front to back. **Conditions:** act is nothing, or Relu, MaxPool, "
    "AveragePool, GlobalAveragePool (over two axes) in any number; every value between A and B has one user and does "
    "not "
    "round; A and B are Conv or ConvTranspose over two or three axes, grouped and depthwise ones too, with constant, "
    "finite f32 weights and biases. ReLU6 and LeakyRelu end a chain, as they do for the vendor. Run it behind "
    "`fold-batchnorm` and, for the vendor's numbers, before `fold-pad` and `fold-mul-add`: its quantizer does not see "
    "across a Pad. The pipeline `clean-up-equalized` has that order.\n\n"
    "**method=dfq** (as data-free quantization does, and further; run it behind `clean-up`): the same ranges with "
    "shrink "
    "2, relative to the largest of their layer, are made equal in all layers around a tensor, in sweeps over the graph "
    "until nothing moves by more than 0.1 %: in sequence through depthwise convolutions, and at once where a tensor "
    "has "
    "several makers (additions) or readers. **Conditions:** layers are Conv, ConvTranspose and Gemm with constant, "
    "finite "
    "f32 weights and biases. Between them: Relu, LeakyRelu, PRelu, pools, Resize and zero padding of spatial axes, "
    "Reshape and Flatten behind the batch axis, Concat and Split of channels, Add, Sub, Max, Min of equal shapes, "
    "products with what is not scaled, in any number and with any number of users. Whatever else makes or reads a "
    "channel keeps it as it is: other ops, graph inputs and outputs, values that round. ReLU6 too: see "
    "`equalize-on-data` and `relax-relu6`.",
    Preserves::Closely,
    {{"method", "NAME", "vendor: pairs, as vai_q_pytorch does; dfq: all layers around a tensor", "vendor"},
     {"iterations", "N", "Go over the graph N times (0: do nothing; vendor: 1, dfq: at most 100)"}},
    run,
};

} // namespace dpuopt
