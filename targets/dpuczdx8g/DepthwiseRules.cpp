//===- DepthwiseRules.cpp - dwconv.*, tdwconv.*, depthwise.* ----------------===//
//
// ISA1 runs them on the ALU engine, ISA0 on an optional depthwise engine.
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include <algorithm>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

static const char *engineOf(const Limits &l) {
  return l.has("alu.dwconv") ? "alu" : l.has("dwconv.kernel") ? "dwconv" : "";
}
static bool hasEngine(const Limits &l) { return *engineOf(l) != 0; }
static std::string key(const Limits &l, const char *what) { return std::string(engineOf(l)) + "." + what; }

/// Rules but `*.engine` say nothing where there is no engine.
static Rule windowRule(const char *id, const char *kind, std::function<std::string(const Limits &)> text,
                       bool (*holds)(const Window &, const Limits &), std::string (*found)(const Window &),
                       const char *fix) {
  return rule(
      id, {kind}, std::move(text),
      [holds](const FusedOp &op, const Limits &l) { return !hasEngine(l) || holds(windowOf(op), l); },
      [found](const FusedOp &op) { return found(windowOf(op)); }, fix);
}

static Rule engineRule(const char *id, const char *kind) {
  return rule(
      id, {kind}, "the DPU has a depthwise engine (ALU or dwconv)",
      [](const FusedOp &, const Limits &l) { return hasEngine(l); },
      [](const FusedOp &) { return "this configuration was built without one"; },
      "use an ordinary convolution, or a DPU configuration with the engine");
}

static bool fitsPads(const Window &w, const Limits &l) {
  if (l.has("alu.pad_left"))
    return l.contains("alu.pad_left", w.left) && l.contains("alu.pad_right", w.right) &&
           l.contains("alu.pad_top", w.top) && l.contains("alu.pad_bottom", w.bottom);
  return std::min({w.left, w.right, w.top, w.bottom}) >= 0 && std::max(w.left, w.right) <= (w.kw - 1) * w.dw &&
         std::max(w.top, w.bottom) <= (w.kh - 1) * w.dh;
}

static std::string padLimits(const Limits &l) {
  if (!l.has("alu.pad_left"))
    return "pads are from 0 to (kernel - 1) x dilation";
  return fmt::format("pads are left {}, right {}, top {}, bottom {}", l.text("alu.pad_left"), l.text("alu.pad_right"),
                     l.text("alu.pad_top"), l.text("alu.pad_bottom"));
}

static std::string padsText(const Window &w) {
  return fmt::format("pads are left {}, right {}, top {}, bottom {}", w.left, w.right, w.top, w.bottom);
}

static void addCommon(Rules &out, const char *channels, const char *pad, const char *kind) {
  out.push_back(windowRule(
      channels, kind, [](const Limits &l) { return fmt::format("there are at most {} channels", maxChannels(l)); },
      [](const Window &w, const Limits &l) { return std::max(w.ic, w.oc) <= maxChannels(l); },
      [](const Window &w) { return fmt::format("there are {} in and {} out", w.ic, w.oc); },
      "split the channels into several ops and concatenate"));
  out.push_back(windowRule(pad, kind, padLimits, fitsPads, padsText, "pad by less, or use a Pad op in front"));
}

/// One axis of a transposed depthwise convolution runs as kernels of k/s and k/s + 1.
static bool splitsWell(int64_t k, int64_t s, const Limits &l) {
  std::string limit = key(l, "kernel");
  return s > 0 && l.contains(limit, k / s) && (k % s == 0 || l.contains(limit, k / s + 1));
}

void dpuczdx8g::addDepthwiseRules(Rules &out) {
  const char *dw = "depthwise-conv2d-fix", *tdw = "transposed-depthwise-conv2d-fix";
  out.push_back(engineRule("dwconv.engine", dw));
  out.push_back(windowRule(
      "dwconv.kernel", dw, [](const Limits &l) { return "kernel width and height are in " + l.text(key(l, "kernel")); },
      [](const Window &w, const Limits &l) {
        return l.contains(key(l, "kernel"), w.kw) && l.contains(key(l, "kernel"), w.kh);
      },
      [](const Window &w) { return "kernel is " + pair(w.kw, w.kh); }, "use a smaller kernel"));
  out.push_back(windowRule(
      "dwconv.stride", dw,
      [](const Limits &l) {
        return "strides are in " + l.text(key(l, "stride")) + " unless the kernel covers the whole input";
      },
      [](const Window &w, const Limits &l) {
        return w.covers() || (l.contains(key(l, "stride"), w.sw) && l.contains(key(l, "stride"), w.sh));
      },
      [](const Window &w) { return "stride is " + pair(w.sw, w.sh); }, "use a smaller stride"));
  out.push_back(windowRule(
      "dwconv.weights-depth", dw,
      [](const Limits &l) {
        return fmt::format("kernel area x {} is at most {} (the depthwise weight memory)",
                           ceilDiv(channelParallel(l), l.get("DWCONVW.bank_width")), l.get("DWCONVW.bank_depth"));
      },
      [](const Window &w, const Limits &l) {
        return w.kw * w.kh * ceilDiv(channelParallel(l), l.get("DWCONVW.bank_width")) <= l.get("DWCONVW.bank_depth");
      },
      [](const Window &w) { return fmt::format("kernel is {}", pair(w.kw, w.kh)); }, "use a smaller kernel"));
  addCommon(out, "dwconv.channels", "dwconv.pad", dw);

  out.push_back(engineRule("tdwconv.engine", tdw));
  out.push_back(windowRule(
      "tdwconv.kernel", tdw,
      [](const Limits &l) {
        return fmt::format("kernel / stride is in {}, and kernel / stride + 1 too where it does not divide",
                           l.text(key(l, "kernel")));
      },
      [](const Window &w, const Limits &l) { return splitsWell(w.kw, w.sw, l) && splitsWell(w.kh, w.sh, l); },
      [](const Window &w) { return fmt::format("kernel is {} with stride {}", pair(w.kw, w.kh), pair(w.sw, w.sh)); },
      "use a kernel that is a multiple of the stride"));
  addCommon(out, "tdwconv.channels", "tdwconv.pad", tdw);

  Rule alu = engineRule("depthwise.engine", "depthwise-fix");
  alu.text = [](const Limits &) { return "the DPU has an ALU (ISA1)"; };
  alu.holds = [](const FusedOp &, const Limits &l) { return l.has("alu.dwconv"); };
  alu.fix = "multiply tensors of equal shape, or use an ISA1 configuration";
  alu.source = "seen on ISA1 only";
  out.push_back(std::move(alu));
}
