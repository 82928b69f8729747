//===- PoolRules.cpp - pool.* and mean.* ------------------------------------===//
//
// ISA1 pools on the ALU; ISA0 has a pool engine with own limits per type, and a
// max-reduce mode for windows of one or two rows.
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include <algorithm>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

static bool onAlu(const Limits &l) { return l.has("alu.max_pool") || l.has("alu.avg_pool"); }
static bool hasType(const FusedOp &op, const Limits &l) {
  return l.has(isAverage(op) ? (onAlu(l) ? "alu.avg_pool" : "pool.avg") : (onAlu(l) ? "alu.max_pool" : "pool.max"));
}
static std::string key(const FusedOp &op, const Limits &l, const char *what) {
  return onAlu(l) ? std::string("alu.") + what : std::string(isAverage(op) ? "pool.avg." : "pool.max.") + what;
}
static std::string both(const Limits &l, const char *what) {
  if (onAlu(l))
    return "in " + l.text(std::string("alu.") + what);
  std::string text = "in " + l.text(std::string("pool.max.") + what) + " for max";
  if (l.has("pool.avg"))
    text += ", in " + l.text(std::string("pool.avg.") + what) + " for average";
  return text;
}

/// ISA0's max-reduce: up to 100 wide, one or two high.
static bool maxReduces(const FusedOp &op, const Window &w, const Limits &l) {
  return l.has("pool.max_reduce") && !isAverage(op) && w.kw <= 100 && w.kh <= 2;
}

static bool kernelFits(const FusedOp &op, const Limits &l) {
  Window w = windowOf(op);
  std::string limit = key(op, l, "kernel");
  return !hasType(op, l) || maxReduces(op, w, l) || (l.contains(limit, w.kw) && l.contains(limit, w.kh));
}

static bool strideFits(const FusedOp &op, const Limits &l) {
  Window w = windowOf(op);
  std::string limit = key(op, l, "stride");
  return !hasType(op, l) || w.covers() || (l.contains(limit, w.sw) && l.contains(limit, w.sh));
}

static bool padsFit(const FusedOp &op, const Limits &l) {
  Window w = windowOf(op);
  if (l.has("alu.pad_left"))
    return l.contains("alu.pad_left", w.left) && l.contains("alu.pad_right", w.right) &&
           l.contains("alu.pad_top", w.top) && l.contains("alu.pad_bottom", w.bottom);
  return std::min({w.left, w.right, w.top, w.bottom}) >= 0 && std::max(w.left, w.right) < w.kw &&
         std::max(w.top, w.bottom) < w.kh;
}

static int64_t bankPixels(const Limits &l) { return l.get("VB0.bank_num") * l.get("VB0.bank_depth"); }

static std::string kernelText(const FusedOp &op) {
  Window w = windowOf(op);
  return fmt::format("it is {} pool over {}", isAverage(op) ? "an average" : "a max", pair(w.kw, w.kh));
}

static std::string poolTypes(const Limits &l) {
  bool max = l.has("alu.max_pool") || l.has("pool.max"), avg = l.has("alu.avg_pool") || l.has("pool.avg");
  return max && avg ? "the DPU has the pool: maximum and average"
         : max      ? "the DPU has the pool: maximum only"
         : avg      ? "the DPU has the pool: average only"
                    : "the DPU has the pool: none";
}

void dpuczdx8g::addPoolRules(Rules &out) {
  out.push_back(rule("pool.engine", {"pool-fix"}, poolTypes, hasType, kernelText,
                     "use a pool of the other type, a strided convolution, or a DPU configuration with the engine"));
  out.push_back(rule(
      "pool.kernel", {"pool-fix"}, [](const Limits &l) { return "kernel width and height are " + both(l, "kernel"); },
      kernelFits, kernelText, "pool in two steps"));
  out.push_back(rule(
      "pool.square", {"pool-fix"},
      [](const Limits &l) {
        return onAlu(l) ? "an average pool may have any proportion (ALU)" : "the kernel of an average pool is square";
      },
      [](const FusedOp &op, const Limits &l) {
        Window w = windowOf(op);
        return onAlu(l) || !hasType(op, l) || !isAverage(op) || w.kw == w.kh;
      },
      kernelText, "use a square window, or an ISA1 configuration"));
  out.push_back(rule(
      "pool.stride", {"pool-fix"},
      [](const Limits &l) { return "strides are " + both(l, "stride") + " unless the kernel covers the whole input"; },
      strideFits,
      [](const FusedOp &op) {
        Window w = windowOf(op);
        return "stride is " + pair(w.sw, w.sh);
      },
      "use a smaller stride"));
  out.push_back(rule(
      "pool.pad", {"pool-fix"},
      [](const Limits &l) {
        if (!l.has("alu.pad_left"))
          return std::string("pads are from 0 to kernel - 1");
        return fmt::format("pads are left {}, right {}, top {}, bottom {}", l.text("alu.pad_left"),
                           l.text("alu.pad_right"), l.text("alu.pad_top"), l.text("alu.pad_bottom"));
      },
      padsFit,
      [](const FusedOp &op) {
        Window w = windowOf(op);
        return fmt::format("pads are left {}, right {}, top {}, bottom {}", w.left, w.right, w.top, w.bottom);
      },
      "pad by less, or use a Pad op in front"));
  out.push_back(rule(
      "pool.window", {"pool-fix"},
      [](const Limits &l) { return fmt::format("the window of an average pool has at most {} pixels", bankPixels(l)); },
      [](const FusedOp &op, const Limits &l) {
        Window w = windowOf(op);
        return !isAverage(op) || w.kw * w.kh <= bankPixels(l);
      },
      kernelText, "pool in two steps, for instance 2x2 first",
      "seen: 91x68 on the DPU, 182x136 on the CPU (B4096); the exact number is an estimate"));

  Rule mean = rule(
      "mean.shared-input", {"pool-fix"},
      [](const Limits &) { return "a reduction mean is the only reader of its input"; },
      [](const FusedOp &op, const Limits &) { return op.unfused != Unfused::SharedInput; },
      [](const FusedOp &op) { return fmt::format("'{}' has other readers", op.because); },
      "write it as a global average pool", "seen once (3.0); the reason is not known");
  out.push_back(std::move(mean));
}
