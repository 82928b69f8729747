//===- ConvRules.cpp - conv2d.* and tconv.* ---------------------------------===//
#include "Rules.h"
#include <algorithm>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

namespace {

using WindowTest = bool (*)(const Window &, const Limits &);
using WindowText = std::string (*)(const Window &);

/// A rule over the window of an op.
Rule windowRule(const char *id, std::vector<const char *> ops, std::function<std::string(const Limits &)> text,
                WindowTest holds, WindowText found, const char *fix, const char *source = Documented) {
  return rule(
      id, std::move(ops), std::move(text),
      [holds](const FusedOp &op, const Limits &l) { return holds(windowOf(op), l); },
      [found](const FusedOp &op) { return found(windowOf(op)); }, fix, source);
}

int64_t weightDepth(const Window &w, const Limits &l) {
  return w.kw * w.kh * ceilDiv(w.ic, l.get("CONVW.bank_width")) *
         ceilDiv(l.get("conv.output_channel_parallel"), l.get("CONVW.bank_num"));
}

bool padsFit(const Window &w, const Limits &) {
  return std::min({w.left, w.right, w.top, w.bottom}) >= 0 && std::max(w.left, w.right) <= (w.kw - 1) * w.dw &&
         std::max(w.top, w.bottom) <= (w.kh - 1) * w.dh;
}

std::string padsText(const Window &w) {
  return fmt::format("pads are left {}, right {}, top {}, bottom {} around a {} kernel{}", w.left, w.right, w.top,
                     w.bottom, pair(w.kw, w.kh), w.dw * w.dh > 1 ? " with dilation " + pair(w.dw, w.dh) : "");
}

std::string kernelText(const Window &w) { return "kernel is " + pair(w.kw, w.kh); }
std::string strideText(const Window &w) { return "stride is " + pair(w.sw, w.sh); }
std::string inputText(const Window &w) { return fmt::format("input has {} channels", w.ic); }
std::string outputText(const Window &w) { return fmt::format("output has {} channels", w.oc); }
std::string weightsText(const Window &w) {
  return fmt::format("kernel is {} over {} input channels", pair(w.kw, w.kh), w.ic);
}

/// One axis of a transposed convolution runs as convolutions of k/s, and of k/s + 1 if it does not divide.
bool splitsWell(int64_t k, int64_t s, const Limits &l) {
  return s > 0 && l.contains("conv.kernel", k / s) && (k % s == 0 || l.contains("conv.kernel", k / s + 1));
}

bool noOutputPadding(const FusedOp &op) {
  return !op.anchor || llvm::all_of(op.anchor->getInts("output_padding"), [](int64_t p) { return p == 0; });
}
} // namespace

static void addChannelRules(Rules &out, const char *input, const char *output, const char *depth, const char *pad,
                            const char *kind) {
  out.push_back(windowRule(
      input, {kind}, [](const Limits &l) { return fmt::format("input has at most {} channels", maxChannels(l)); },
      [](const Window &w, const Limits &l) { return w.ic <= maxChannels(l); }, inputText,
      "reduce the number of channels or split the convolution into groups of channels that are added"));
  out.push_back(windowRule(
      output, {kind}, [](const Limits &l) { return fmt::format("output has at most {} channels", maxChannels(l)); },
      [](const Window &w, const Limits &l) { return w.oc <= maxChannels(l); }, outputText,
      "reduce the number of channels or split the convolution and concatenate the results"));
  out.push_back(windowRule(
      depth, {kind},
      [](const Limits &l) {
        return fmt::format(
            "kernel area x ceil(input channels / {}) x {} is at most {} (the weight memory)", l.get("CONVW.bank_width"),
            ceilDiv(l.get("conv.output_channel_parallel"), l.get("CONVW.bank_num")), l.get("CONVW.bank_depth"));
      },
      [](const Window &w, const Limits &l) { return weightDepth(w, l) <= l.get("CONVW.bank_depth"); }, weightsText,
      "use a smaller kernel or fewer input channels"));
  out.push_back(windowRule(
      pad, {kind}, [](const Limits &) { return "pads are from 0 to (kernel - 1) x dilation"; }, padsFit, padsText,
      "pad by less than the kernel, or use a Pad op in front"));
}

static void addConv2dRules(Rules &out) {
  out.push_back(windowRule(
      "conv2d.kernel", {"conv2d-fix"},
      [](const Limits &l) { return "kernel width and height are in " + l.text("conv.kernel"); },
      [](const Window &w, const Limits &l) {
        return l.contains("conv.kernel", w.kw) && l.contains("conv.kernel", w.kh);
      },
      kernelText, "replace it by a stack of smaller convolutions"));
  out.push_back(windowRule(
      "conv2d.stride", {"conv2d-fix"},
      [](const Limits &l) {
        return "strides are in " + l.text("conv.stride") + " unless the kernel covers the whole input";
      },
      [](const Window &w, const Limits &l) {
        return w.covers() || (l.contains("conv.stride", w.sw) && l.contains("conv.stride", w.sh));
      },
      strideText, "use a smaller stride, or two strided layers"));
  out.push_back(windowRule(
      "conv2d.dilation", {"conv2d-fix"},
      [](const Limits &l) { return fmt::format("dilation x input channels is at most {}", maxChannels(l)); },
      [](const Window &w, const Limits &l) { return std::max(w.dw, w.dh) * w.ic <= maxChannels(l); },
      [](const Window &w) { return fmt::format("dilation is {} over {} input channels", pair(w.dw, w.dh), w.ic); },
      "use a smaller dilation or fewer input channels"));
  out.push_back(windowRule(
      "conv2d.group", {"conv2d-fix"}, [](const Limits &) { return "group is 1"; },
      [](const Window &w, const Limits &) { return w.group == 1; },
      [](const Window &w) { return fmt::format("group is {}", w.group); },
      "split it into one convolution per group and concatenate (dpuc fix --fix exact), or use a depthwise "
      "convolution"));
  addChannelRules(out, "conv2d.input-channels", "conv2d.output-channels", "conv2d.weights-depth", "conv2d.pad",
                  "conv2d-fix");
}

static Rule outputPaddingRule() {
  return rule(
      "tconv.output-padding", {"transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"}, "output padding is 0",
      [](const FusedOp &op, const Limits &) { return noOutputPadding(op); },
      [](const FusedOp &op) { return "output padding is " + shapeStr(op.anchor->getInts("output_padding")); },
      "choose kernel and pads so that no output padding is needed (kernel = stride is the usual form)");
}

void dpuczdx8g::addConvRules(Rules &out) {
  addConv2dRules(out);
  out.push_back(windowRule(
      "tconv.kernel", {"transposed-conv2d-fix"},
      [](const Limits &l) {
        return fmt::format("kernel / stride is in {}, and kernel / stride + 1 too where it does not divide",
                           l.text("conv.kernel"));
      },
      [](const Window &w, const Limits &l) { return splitsWell(w.kw, w.sw, l) && splitsWell(w.kh, w.sh, l); },
      [](const Window &w) { return fmt::format("kernel is {} with stride {}", pair(w.kw, w.kh), pair(w.sw, w.sh)); },
      "use a kernel that is a multiple of the stride"));
  out.push_back(outputPaddingRule());
  addChannelRules(out, "tconv.input-channels", "tconv.output-channels", "tconv.weights-depth", "tconv.pad",
                  "transposed-conv2d-fix");
}
