//===- GeneralRules.cpp - why an op has no fixed form -----------------------===//
//
// fuse.*, activation.*, leaky-relu.*, matmul.*, op.*: what the other files' limits are
// not about. A float op is always on the CPU; these say why it is a float op.
//
//===----------------------------------------------------------------------===//
#include "Rules.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::dpuczdx8g;

/// What to do about an op the DPU never runs; null: not a kind we know.
static const char *adviceFor(llvm::StringRef kind) {
  kind.consume_back("-fix");
  return llvm::StringSwitch<const char *>(kind)
      .Case("sigmoid", "use hard-sigmoid instead and retrain (dpuc fix --fix sigmoid=hardsigmoid), or leave it to the "
                       "application if it "
                       "is the last op")
      .Cases("swish", "silu", "mish", "use hard-swish instead: it runs as hard-sigmoid and a product")
      .Case("hard-swish", "write it as hard-sigmoid, a product with 1/6 folded in, and a product with the input")
      .Cases("tanh", "hard-tanh", "use relu or relu6 instead, or 2 * hard-sigmoid - 1")
      .Cases("gelu", "elu", "selu", "celu", "use relu, leaky relu (26/256) or hard-swish instead")
      .Case("softmax",
            "leave it at the end of the network, where it does not cut the DPU part, or run it in the application")
      .Case("transpose",
            "keep the channels last: let the layer behind take permuted weights, or permute in the application")
      .Cases("div", "reciprocal", "multiply by the reciprocal constant, or fold the divisor into the weights")
      .Cases("sub", "neg", "fold the sign into the weights and add")
      .Cases("exp", "log", "sqrt", "rsqrt", "pow", "move it to the application's post-processing")
      .Cases("max", "min", "clamp", "use relu or relu6, or move it to the application")
      .Case("strided_slice", "split the layer in front instead of its result, or slice in the application")
      .Case("reduction_sum", "use a mean (and scale the weights behind), or a 1x1 convolution with weights of one")
      .Cases("reduction_max", "reduction_mean", "reduction_product",
             "reduce over height and width of a 4-D tensor only")
      .Cases("conv1d", "conv3d", "depthwise-conv1d", "depthwise-conv3d", "transposed-conv1d", "transposed-conv3d",
             "transposed-depthwise-conv3d", "use 2-D convolutions: only DPUCVDX8G runs others")
      .Cases("l2_normalize", "instancenorm", "groupnorm", "layernorm",
             "use batch normalization, which folds into the convolution")
      .Cases("argmax", "topk", "priorbox", "take it into the application's post-processing")
      .Cases("stack", "shape", "cast", "identity", "placeholder", "compute shapes at export: fold constants first")
      .Cases("inner-product", "threshold", "scale", "random_standard_normal",
             "express it as a convolution or move it to the application")
      .Default(nullptr);
}

static bool isFloatForm(const FusedOp &op) { return op.unfused == Unfused::NoFixedForm; }
static bool isActivation(const FusedOp &op) { return op.anchor && !activationOf(*op.anchor).empty(); }
static bool isMatmul(const FusedOp &op) { return op.anchor && op.anchor->is("xir.matmul"); }
static std::string kindFound(const FusedOp &op) { return fmt::format("it is of type {}", op.kind); }

/// Fixed types XIR has and this family never runs.
static bool isNeverRun(llvm::StringRef kind) {
  return kind == "reduction_max-fix" || (kind.endswith("-fix") && kind.contains("3d"));
}

/// x * sigmoid(x), which lowering keeps as the two ops.
static bool isSilu(const FusedOp &op) {
  if (!op.anchor || !op.anchor->is("xir.sigmoid"))
    return false;
  const Op *user = op.anchor->result()->soleUser();
  if (!user || !user->is("xir.mul") || user->numOperands() != 2)
    return false;
  const Value *other = user->operand(user->operand(0) == op.anchor->result() ? 1 : 0);
  return other == op.anchor->operand(0);
}

/// A constant factor or offset that is all there is in front of a hard-sigmoid: lowering writes alpha x + beta so.
static bool scalesHardSigmoid(const Op *op) {
  if (!op || !op->isOneOf("xir.mul", "xir.add") || !constantOf(op->operand(1)))
    return false;
  const Op *user = op->result()->soleUser();
  return user &&
         (user->is("xir.hard-sigmoid") || (op->is("xir.mul") && user->is("xir.add") && scalesHardSigmoid(user)));
}

static std::string foundScale(const FusedOp &op) {
  const Tensor &t = *constantOf(op.anchor->operand(1));
  double number = t.numElements() > 0 ? t.at(0) : 0;
  return op.anchor->is("xir.mul") ? fmt::format("alpha is {:.4g}", number / 6)
                                  : fmt::format("beta is {:.4g}", (number + 3) / 6);
}

static bool isSupportedKind(const FusedOp &op, const Limits &) {
  if (isSilu(op))
    return true; // has a rule of its own
  if (isNeverRun(op.candidate.empty() ? op.kind : op.candidate))
    return false;
  return !isFloatForm(op) || isActivation(op) || isMatmul(op) || !adviceFor(op.kind);
}

static bool isKnownKind(const FusedOp &op, const Limits &) {
  return !isFloatForm(op) || isActivation(op) || isMatmul(op) || adviceFor(op.kind);
}

/// The activation of an op whose engine lacks it is explained there.
static bool isExplainedByProducer(const FusedOp &op) {
  return llvm::any_of(op.inputs, [&](unsigned n) { return op.graph->ops[n].activationOp == op.anchor; });
}

static bool hasDpuAlpha(const FusedOp &op, const Limits &) {
  const Op *a = op.activationOp;
  return op.activation != "LEAKYRELU" || !a || !a->hasAttr("alpha") ||
         std::abs(a->getFloat("alpha") - 26.0 / 256) < 1e-6;
}

static void addActivationRules(Rules &out) {
  out.push_back(rule(
      "fuse.activation", {}, "its engine can apply the activation behind it",
      [](const FusedOp &op, const Limits &) { return op.unfused != Unfused::Activation; },
      [](const FusedOp &op) {
        return fmt::format("'{}' is a {}, which it cannot", op.because, xirType(*op.activationOp));
      },
      "use relu, which every engine has, or put the activation behind a convolution",
      "seen: add + relu6 on the CPU (3)"));
  out.push_back(rule(
      "activation.standalone", {}, "an activation stands directly behind a convolution (relu also behind an addition)",
      [](const FusedOp &op, const Limits &) { return !isActivation(op) || isExplainedByProducer(op); },
      [](const FusedOp &op) {
        const Op *from = op.anchor->operand(0) ? op.anchor->operand(0)->def() : nullptr;
        return from ? fmt::format("this {} stands behind a {}", op.kind, xirType(*from))
                    : fmt::format("this {} stands alone", op.kind);
      },
      "put it in front of the op before it (a concat's inputs, a pool), or move a convolution between",
      "seen: leaky relu behind a concat on the CPU (61)"));
  out.push_back(rule(
      "activation.silu", {}, "no activation is SiLU (x * sigmoid(x), also called swish)",
      [](const FusedOp &op, const Limits &) { return !isSilu(op); },
      [](const FusedOp &) { return std::string("this one is"); },
      "use hard-swish (it runs as a hard-sigmoid and a product) or relu, and train a few epochs with it; dpuc fix "
      "--fix silu=hardswish",
      "XIR has no fixed sigmoid; the inspector puts all 57 of a YOLOv5 on the CPU"));
  out.back().title = "SiLU";
  out.push_back(rule(
      "activation.hardsigmoid", {}, "a hard-sigmoid has alpha 1/6 and beta 1/2 (torch's)",
      [](const FusedOp &op, const Limits &) { return !scalesHardSigmoid(op.anchor); }, foundScale,
      "dpuc fix --fix exact folds the difference into the layer in front; or train with alpha 1/6",
      "documented: the DPU computes relu6(x + 3) / 6"));
  out.back().title = "HardSigmoid";
  out.push_back(rule(
      "leaky-relu.alpha",
      {"conv2d-fix", "depthwise-conv2d-fix", "transposed-conv2d-fix", "transposed-depthwise-conv2d-fix"},
      "the alpha of a leaky relu is 26/256 = 0.1015625", hasDpuAlpha,
      [](const FusedOp &op) {
        return fmt::format("alpha is {}", static_cast<float>(op.activationOp->getFloat("alpha")));
      },
      "use alpha 0.1015625 (train with it or accept the difference)", "documented"));
}

static void addMatmulRules(Rules &out) {
  out.push_back(rule(
      "matmul.constant", {"matmul"}, "the right operand of a matrix product is a constant",
      [](const FusedOp &op, const Limits &) { return !isMatmul(op) || !isFloatForm(op); },
      [](const FusedOp &) { return std::string("both operands are computed, or the constant is on the left"); },
      "replace attention-like products, or run them in the application",
      "documented: dense layers become convolutions"));
  out.push_back(rule(
      "matmul.rank", {"conv2d-fix"}, "a dense layer reads one row: its input is 1 x features",
      [](const FusedOp &op, const Limits &) { return !isMatmul(op) || op.anchor->operand(0)->type().rank() == 2; },
      [](const FusedOp &op) { return "input is " + shapeStr(op.anchor->operand(0)->type().shape()); },
      "write it as a 1x1 convolution", "no file shows another form"));
}

static void addOpRules(Rules &out) {
  out.push_back(rule(
      "op.float-input", {}, "every input is quantized",
      [](const FusedOp &op, const Limits &) { return op.unfused != Unfused::FloatInput; },
      [](const FusedOp &op) { return fmt::format("'{}' is not", op.because); },
      "see why the op in front is on the CPU, or give that tensor a fix point",
      "seen: concat of float tensors, relu and mul on float inputs (9)"));
  out.back().follows = true;
  out.push_back(rule(
      "op.not-quantized", {}, "the result is quantized",
      [](const FusedOp &op, const Limits &) { return op.unfused != Unfused::FloatResult; },
      [](const FusedOp &op) {
        return op.because.empty() ? std::string("no fix point is given for it")
                                  : fmt::format("it goes to '{}' as a float", op.because);
      },
      "give the result a fix point (quant_info.json, calibrate)", "seen: unfixed results stay float"));
  out.back().aboutResult = true;
  Rule unsupported = rule("op.unsupported", {}, "the DPU has an engine for it", isSupportedKind, kindFound,
                          "replace it by ops the DPU runs, or move it to the application's pre- or post-processing",
                          "XIR has no fixed form of it, or no DPUCZDX8G runs that");
  unsupported.remedy = [](const FusedOp &op) {
    const char *advice = adviceFor(op.candidate.empty() ? op.kind : op.candidate);
    return std::string(advice ? advice : "replace it by ops the DPU runs");
  };
  out.push_back(std::move(unsupported));
  out.push_back(rule("op.unknown", {}, "the op is one XIR defines", isKnownKind, kindFound,
                     "the compiler keeps it as a custom op on the CPU: register an implementation, or rewrite it",
                     "seen: custom ops on the CPU (9)"));
}

void dpuczdx8g::addGeneralRules(Rules &out) {
  addActivationRules(out);
  addMatmulRules(out);
  addOpRules(out);
}

llvm::ArrayRef<Rule> dpuczdx8g::ruleTable() {
  static const Rules table = [] {
    Rules out;
    addConvRules(out);
    addDepthwiseRules(out);
    addPoolRules(out);
    addTensorRules(out);
    addGeneralRules(out);
    return out;
  }();
  return table;
}
