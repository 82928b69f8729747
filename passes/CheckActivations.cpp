//===- CheckActivations.cpp - pass `check-activations` ----------------------------===//
//
// Before, after: an onnx.* graph, unchanged. A copy is cleaned up, lowered with
//   placeholder fix points and partitioned, so where an activation runs is what the rule
//   table says of it, on its engine and with the target's fingerprint. One warning per
//   kind and cause, with the number of nodes and the first of them.
// Conditions: none; a graph that cannot be lowered is an error of the passes that do it.
//
//===----------------------------------------------------------------------===//
#include "Activations.h"
#include "dpuopt/Quant/LeakySlope.h"
#include "Patterns.h"
#include "dpuopt/Pass/PassManager.h"
#include "dpuopt/Passes/Registry.h"
#include "dpuopt/Target/Dpuczdx8g.h"
#include "dpuopt/Target/Partition.h"
#include <cmath>
#include <fmt/format.h>

namespace dpuopt {
namespace {

/// Activations of one kind that meet the same fate.
struct Group {
  std::string kind, engine, found, rule;
  std::vector<std::string> notes;
  std::string first;
  unsigned count = 0;
};

/// The engine of the layer that gives `v`.
const char *engineBehind(const Value *v) {
  const Op *op = v ? v->def() : nullptr;
  if (!op)
    return "none";
  if (onnx::Conv::matches(*op))
    return onnx::Conv(*op).isDepthwise() ? "depthwise" : "conv";
  return op->is("onnx.Gemm") ? "conv" : op->isOneOf("onnx.Add", "onnx.Mul", "onnx.Sum") ? "eltwise" : "none";
}

/// The fingerprint bit that gives an engine an activation, as a remedy; "" if there is none or it is set.
std::string missingBit(llvm::StringRef kind, llvm::StringRef engine, const Limits &l) {
  bool isa1 = l.has("alu.dwconv") || l.has("alu.max_pool");
  auto bit = [&](int n, const char *what) {
    return fmt::format("fingerprint bit {} ({}) is not set: a DPU built with it runs them", n, what);
  };
  if (kind == "leaky-relu" && engine == "conv" && !l.has("conv.nonlinear.leaky_relu"))
    return bit(28, "leaky ReLU behind convolutions");
  if (kind == "leaky-relu" && engine == "depthwise" && isa1 && !l.has("alu.nonlinear.leaky_relu"))
    return bit(29, "leaky ReLU behind depthwise convolutions");
  if (kind == "relu6" && engine == "conv" && !isa1 && !l.has("conv.nonlinear.relu_six"))
    return bit(29, "ReLU6 behind convolutions");
  if (kind == "relu6" && engine == "depthwise" && !isa1 && !l.has("dwconv.nonlinear.relu_six"))
    return bit(31, "ReLU6 behind depthwise convolutions");
  return "";
}

/// What to do about a kind the DPU has no engine for.
std::string remedy(llvm::StringRef kind) {
  if (kind == "silu" || kind == "mish" || kind == "gelu")
    return fmt::format("replace-activation<from={},to=hardswish> (or to=relu), then retrain", kind);
  if (kind == "hardsigmoid")
    return "the DPU's hard sigmoid has alpha 1/6 and beta 1/2: train with torch's Hardsigmoid";
  if (kind == "sigmoid")
    return "use HardSigmoid with alpha 1/6 (torch's Hardsigmoid), then retrain";
  if (kind == "prelu")
    return "train with LeakyReLU(26/256) or ReLU instead";
  if (kind == "leaky-relu" || kind == "relu6")
    return "use ReLU, which every engine has";
  return "use ReLU or HardSwish instead";
}

class Check {
public:
  explicit Check(const Target &target) : target(target) {}

  Status lower(const Graph &cleaned) {
    lowered = cleaned.clone();
    DiagEngine silent;
    auto steps = parsePipeline("assume-fix-points,lower-to-xir", allPasses(), silent);
    if (!steps || failed(runPipeline(lowered, *steps, {}, silent)))
      return failure();
    partition = partitionGraph(*lowered, partitionFor(target));
    for (const Op &op : lowered->ops())
      if (!op.isConst() && !op.loc().node.empty())
        byNode[op.loc().node].push_back(&op);
    return success();
  }

  void judge(const Op &op) {
    std::string kind = activationKind(op).str();
    if (kind.empty() || (kind == "sigmoid" && endsModel(op)))
      return;
    ++counts[kind];
    Group group{kind, engineBehind(op.operand(0)), "", "activation." + kind, {}, "", 0};
    double alpha = op.getFloat("alpha", 0.01);
    if (kind == "leaky-relu" && static_cast<float>(alpha) != DpuSlope) {
      group.found = fmt::format("alpha is {}, the DPU computes with 26/256", static_cast<float>(alpha));
      group.rule = "leaky-relu.alpha";
      group.notes = {"fix-leaky-alpha; train with negative_slope=26/256"};
      add(group, op);
      return;
    }
    if (onDpu(op, group))
      return;
    if (group.found.empty())
      group.found = "no engine has it";
    if (kind == "relu" || kind == "relu6" || kind == "leaky-relu")
      group.rule = group.engine == "none" ? "activation.standalone" : group.rule;
    if (std::string bit = missingBit(kind, group.engine, target.limits()); !bit.empty())
      group.notes.push_back(bit);
    group.notes.push_back(group.rule == "activation.standalone"
                              ? "put it in front of the op before it (hoist-activations), directly behind a convolution"
                              : remedy(kind));
    add(group, op);
  }

  void report(DiagEngine &diags) const {
    for (const Group &g : groups) {
      const char *place = g.rule == "leaky-relu.alpha" ? "" : " on the CPU";
      DiagBuilder d = diags.warning({g.first, 0}, fmt::format("{} {}{}{}: {}", g.count, activationTitle(g.kind),
                                                              where(g.engine), place, g.found));
      d.rule(g.rule);
      for (const std::string &note : g.notes)
        d.note(note);
      if (g.kind == "silu" && g.count > 8 && counts.size() == 1)
        d.note("every activation of the network is one: was another asked for? YOLOv5 reads the key 'activation:' of "
               "its yaml, 'act:' is ignored");
    }
    std::string all;
    for (const auto &[kind, n] : counts)
      all += fmt::format("{}{} {}", all.empty() ? "" : ", ", n, activationTitle(kind));
    diags.remark("activations: " + (all.empty() ? "none" : all));
  }

  /// Kinds other than those in `expected`.
  bool expect(llvm::StringRef expected, DiagEngine &diags) const {
    llvm::SmallVector<llvm::StringRef, 4> wanted;
    expected.split(wanted, ';', -1, false);
    for (const auto &[kind, n] : counts)
      if (!wanted.empty() && !llvm::is_contained(wanted, kind)) {
        diags.error(fmt::format("the network has {} {}, expected is only {}", n, activationTitle(kind), expected))
            .rule("activation.expected")
            .note("the training script did not use what was asked for; YOLOv5 reads 'activation:', not 'act:'");
        return false;
      }
    return true;
  }

private:
  static std::string where(llvm::StringRef engine) {
    return engine == "none" ? ""
                            : fmt::format(" behind {}", engine == "conv"        ? "convolutions"
                                                        : engine == "depthwise" ? "depthwise convolutions"
                                                                                : "elementwise ops");
  }

  /// A sigmoid at the end is the application's, and cuts nothing.
  static bool endsModel(const Op &op) {
    return llvm::all_of(op.result()->uses(), [](const Use &u) {
      return u.user->isReturn() || u.user->isOneOf("onnx.Reshape", "onnx.Transpose", "onnx.Concat", "onnx.Split");
    });
  }

  bool onDpu(const Op &op, Group &group) const {
    auto it = byNode.find(op.loc().node);
    if (it == byNode.end())
      return true;
    for (const Op *part : it->second) {
      const Placement &p = partition.of(*part);
      if (p.device == Device::Dpu)
        continue;
      for (const BrokenRule &b : p.broken)
        if (!b.rule->follows && b.rule->id != llvm::StringRef("op.not-quantized")) {
          // The table has a rule of its own for some kinds: that says it all.
          bool own = group.rule == b.rule->id;
          group.found = own ? "no engine has it" : fmt::format("{} [{}]", b.found, b.rule->id);
          if (b.rule->id == llvm::StringRef("activation.standalone"))
            group.found = b.found, group.rule = b.rule->id;
          return false;
        }
    }
    return llvm::all_of(it->second, [&](const Op *part) { return partition.of(*part).device == Device::Dpu; });
  }

  void add(Group &group, const Op &op) {
    // What was found names the neighbour: the first one stands for all.
    auto it = llvm::find_if(groups, [&](const Group &g) {
      return g.kind == group.kind && g.engine == group.engine && g.rule == group.rule &&
             (g.rule != "leaky-relu.alpha" || g.found == group.found);
    });
    if (it == groups.end()) {
      group.first = op.loc().node;
      groups.push_back(group);
      it = std::prev(groups.end());
    }
    ++it->count;
  }

  const Target &target;
  std::unique_ptr<Graph> lowered;
  Partition partition;
  std::map<std::string, std::vector<const Op *>> byNode;
  std::vector<Group> groups;
  std::map<std::string, unsigned> counts;
};

PassResult run(Graph &g, PassContext &ctx) {
  auto target = makeDpuczdx8gTarget({ctx.option("target"), ctx.option("vitis-ai")}, ctx.diags);
  auto cleanUp = parsePipeline("clean-up", allPasses(), ctx.diags);
  std::unique_ptr<Graph> cleaned = g.clone();
  if (!target || !cleanUp || failed(runPipeline(cleaned, *cleanUp, {}, ctx.diags)))
    return PassResult::Failure;
  Check check(**target);
  if (failed(check.lower(*cleaned))) {
    ctx.diags.error("check-activations: the graph cannot be lowered").note("lower-to-xir says why");
    return PassResult::Failure;
  }
  for (const Op &op : cleaned->ops())
    check.judge(op);
  check.report(ctx.diags);
  return check.expect(ctx.option("expect"), ctx.diags) ? PassResult::Unchanged : PassResult::Failure;
}

} // namespace

extern const PassInfo CheckActivationsPass;
const PassInfo CheckActivationsPass = {
    "check-activations",
    "Warn of activations that the target's engines cannot apply",
    "**Before, after:** an `onnx.*` graph, unchanged. Activations are recognised in whatever form exporters give them, "
    "and placed by the rule table of the target. One warning per kind, engine (convolution, depthwise convolution, "
    "elementwise op, none) and cause, with the number of nodes: `activation.silu`, `.gelu`, `.mish`, `.prelu`, "
    "`.hardsigmoid`, `.relu6`, `.leaky-relu`, ...; `leaky-relu.alpha` for another slope than 26/256; "
    "`activation.standalone` where no op is in front that could apply it. Where a fingerprint bit would help, the note "
    "says "
    "which. With `expect`, other activations than those are an error (`activation.expected`): a configuration that the "
    "training ignored shows. A sigmoid at the end of the network is the application's.",
    Preserves::Exactly,
    {{"target", "NAME", "board alias, target name, fingerprint or arch.json", "kv260"},
     {"vitis-ai", "VERSION", "release of the compiler: 2.5, 3.0, 3.5 (default: 3.5)", ""},
     {"expect", "A;B", "the only activations there may be: relu, leaky-relu, hardswish, ...", ""}},
    run,
};

} // namespace dpuopt
