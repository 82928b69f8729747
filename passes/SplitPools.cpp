//===- SplitPools.cpp - pass `split-pools` ----------------------------------------===//
//
// Before: a pool whose kernel the target does not have (pool.kernel), or an average over
//   more pixels than it can hold (pool.window).
// After: MaxPool: several of stride 1 and smaller kernels, the last with its stride: 13 as
//   7, 7 where 8 is the limit. AveragePool over whole tiles, GlobalAveragePool:
//   two, the second over the means of the first.
// Conditions: MaxPool: no padding, or an odd kernel with half of it on both sides; square
//   windows and strides, no dilation, no ceil_mode, indices unused. Averages: stride =
//   kernel (or the whole image), no padding; both factors within the limits.
// Formula: a maximum of maxima, a mean of means of equal size: exact in real arithmetic.
//
//===----------------------------------------------------------------------===//
#include "Patterns.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include <fmt/format.h>

namespace dpuopt {
namespace {

struct PoolLimits {
  std::vector<int64_t> max, average; ///< kernels that there are
  int64_t window;                    ///< most pixels of an average
};

PoolLimits limitsOf(const Limits &l, int64_t kernel) {
  bool alu = l.has("alu.max_pool") || l.has("alu.avg_pool");
  PoolLimits p;
  p.max = l.list(alu ? "alu.kernel" : "pool.max.kernel");
  p.average = l.list(alu ? "alu.kernel" : "pool.avg.kernel");
  p.window = l.get("VB0.bank_num") * l.get("VB0.bank_depth");
  if (kernel) {
    p.window = std::min(p.window, kernel * kernel);
    for (auto *list : {&p.max, &p.average})
      llvm::erase_if(*list, [&](int64_t k) { return k > kernel; });
  }
  return p;
}

AttrMap window(llvm::ArrayRef<int64_t> kernel, llvm::ArrayRef<int64_t> strides, int64_t pad) {
  AttrMap a;
  a["kernel_shape"] = Attr::i64s(kernel);
  a["strides"] = Attr::i64s(strides);
  a["pads"] = Attr::i64s({pad, pad, pad, pad});
  return a;
}

/// More are no use to anybody.
constexpr size_t MostSteps = 16;

/// Kernels of a cascade that is as wide as `k`, each odd if `odd`; empty if there is none.
std::vector<int64_t> cascade(int64_t k, llvm::ArrayRef<int64_t> have, bool odd) {
  std::vector<int64_t> out;
  int64_t left = k - 1; // what the windows still have to add
  while (left > 0) {
    int64_t best = 0;
    for (int64_t h : have)
      if (h > 1 && h - 1 <= left && (!odd || h % 2))
        best = std::max(best, h);
    if (!best || out.size() == MostSteps)
      return {};
    out.push_back(best);
    left -= best - 1;
  }
  return out;
}

bool splitMax(Op &op, const PoolLimits &limits) {
  onnx::Window w(op);
  if (!w.valid || !op.operand(0)->type().isStatic() || w.spatial != 2 || w.ceilMode || !onlyFirstResultUsed(op) ||
      op.result()->type().isFix() || w.kernel[0] != w.kernel[1] || w.strides[0] != w.strides[1] ||
      llvm::is_contained(limits.max, w.kernel[0]))
    return false;
  const int64_t k = w.kernel[0], pad = w.padsBegin[0], stride = w.strides[0];
  bool same = w.padsBegin == w.padsEnd && w.padsBegin[0] == w.padsBegin[1] && w.dilations[0] * w.dilations[1] == 1;
  bool half = k % 2 && pad == k / 2;
  std::vector<int64_t> kernels = cascade(k, limits.max, half);
  if (!same || (pad && !half) || kernels.size() < 2)
    return false;
  Value *x = op.operand(0);
  for (size_t i = 0; i + 1 < kernels.size(); ++i) {
    int64_t p = half ? kernels[i] / 2 : 0, less = half ? 0 : kernels[i] - 1;
    Type type =
        x->type().withShape({x->type().dim(0), x->type().dim(1), x->type().dim(2) - less, x->type().dim(3) - less});
    OpSpec spec{"onnx.MaxPool",
                {x},
                {{op.result()->name() + "_part", type}},
                window({kernels[i], kernels[i]}, {1, 1}, p),
                op.loc()};
    x = op.graph().create(std::move(spec), &op)->result();
  }
  int64_t last = kernels.back();
  replaceOp(op, "onnx.MaxPool", {x}, window({last, last}, {stride, stride}, half ? last / 2 : 0));
  return true;
}

/// k = first * second, both there; the largest second. {1, k} where k needs no split.
std::optional<std::pair<int64_t, int64_t>> factors(int64_t k, const PoolLimits &limits) {
  if (limits.average.empty())
    return std::nullopt;
  int64_t largest = *std::max_element(limits.average.begin(), limits.average.end());
  for (int64_t second = std::min(k / 2, largest); second > 1; --second)
    if (k % second == 0 && llvm::is_contained(limits.average, second) && llvm::is_contained(limits.average, k / second))
      return std::pair(k / second, second);
  return std::nullopt;
}

bool splitAverage(Op &op, const PoolLimits &limits) {
  const Type &in = op.operand(0)->type();
  if (!in.isStatic() || in.rank() != 4 || op.result()->type().isFix())
    return false;
  std::vector<int64_t> k{in.dim(2), in.dim(3)};
  if (op.is("onnx.AveragePool")) {
    onnx::Window w(op);
    bool tiles = w.valid && w.strides == w.kernel && !w.ceilMode && w.padsBegin == std::vector<int64_t>{0, 0} &&
                 w.padsEnd == w.padsBegin && in.dim(2) % w.kernel[0] == 0 && in.dim(3) % w.kernel[1] == 0;
    if (!tiles)
      return false;
    k = w.kernel;
  }
  bool fits = llvm::is_contained(limits.average, k[0]) && llvm::is_contained(limits.average, k[1]) &&
              k[0] * k[1] <= limits.window;
  auto h = factors(k[0], limits), w = factors(k[1], limits);
  if (fits || !h || !w || h->first * w->first > limits.window || h->second * w->second > limits.window)
    return false;
  Type type = in.withShape({in.dim(0), in.dim(1), in.dim(2) / h->first, in.dim(3) / w->first});
  OpSpec spec{"onnx.AveragePool",
              {op.operand(0)},
              {{op.result()->name() + "_part", type}},
              window({h->first, w->first}, {h->first, w->first}, 0),
              op.loc()};
  Value *part = op.graph().create(std::move(spec), &op)->result();
  replaceOp(op, "onnx.AveragePool", {part}, window({h->second, w->second}, {h->second, w->second}, 0));
  return true;
}

PassResult run(Graph &g, PassContext &ctx) {
  auto target = makeDpuczdx8gTarget({ctx.option("target"), ctx.option("vitis-ai")}, ctx.diags);
  auto kernel = ctx.intOption("kernel");
  if (!target || !kernel)
    return PassResult::Failure;
  PoolLimits limits = limitsOf((*target)->limits(), *kernel);
  unsigned split = 0;
  rewriteOps(g, [&](Op &op) {
    bool done = op.is("onnx.MaxPool")
                    ? splitMax(op, limits)
                    : op.isOneOf("onnx.AveragePool", "onnx.GlobalAveragePool") && splitAverage(op, limits);
    split += done;
    return done;
  });
  if (!split)
    return PassResult::Unchanged;
  ctx.diags.remark(fmt::format("{} pools taken in steps", split)).rule("proof.exact");
  return PassResult::Changed;
}

} // namespace

extern const PassInfo SplitPoolsPass;
const PassInfo SplitPoolsPass = {
    "split-pools",
    "Take pools that are too large in several steps",
    "**Before:** a pool with a kernel that the target does not have (pool.kernel) or an average over too many pixels "
    "(pool.window). **After:** MaxPool: a cascade of smaller ones, the last with the stride; AveragePool, "
    "GlobalAveragePool: a mean of means. **Conditions:** MaxPool: square, no dilation, no `ceil_mode`, indices unused, "
    "no "
    "padding or half an odd kernel all around. Averages: windows tile the image, no padding, sizes have two factors "
    "within the limits. Exact in real arithmetic; on the DPU each average rounds.",
    Preserves::Closely,
    {{"target", "NAME", "board alias, target name, fingerprint or arch.json", "kv260"},
     {"vitis-ai", "VERSION", "release of the compiler: 2.5, 3.0, 3.5 (default: 3.5)", ""},
     {"kernel", "N", "also split what is larger than this (0: the target's limits alone)", "0"}},
    run,
};

} // namespace dpuopt
