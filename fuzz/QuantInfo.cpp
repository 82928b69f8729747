//===- QuantInfo.cpp - any bytes as a quant_info.json: read, bind, write, read ----------===//
#include "Harness.h"
#include "dpuopt/IR/Text.h"
#include "dpuopt/Quant/FixPlan.h"

using namespace dpuopt;

static std::string print(const QuantInfo &info) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printQuantInfo(info, os);
  return os.str();
}

/// Two of everything the binding rules look at: scopes, reuse, a residual, a constant operand, opaque names.
static const char floatNet[] = R"(graph @net(%x: f32<1x2x4x4>, %y: f32<1x2x4x4>) {
  %conv1.weight = const splat(0.5) : f32<2x2x1x1>
  %conv1.bias = const splat(0.25) : f32<2>
  %c1 = onnx.Conv(%x, %conv1.weight, %conv1.bias) : f32<1x2x4x4> @"/conv1/Conv"
  %r1 = onnx.Relu(%c1) : f32<1x2x4x4> @"/relu/Relu"
  %"onnx::Conv_7" = const splat(0.5) : f32<2x2x1x1>
  %c2 = onnx.Conv(%r1, %"onnx::Conv_7", _) : f32<1x2x4x4> @"Conv_3"
  %r2 = onnx.Relu(%c2) : f32<1x2x4x4> @"/relu_1/Relu"
  %a = onnx.Add(%r2, %y) : f32<1x2x4x4> @"/Add"
  %k = const splat(2.0) : f32<1x2x4x4>
  %m = onnx.Mul(%a, %k) : f32<1x2x4x4> @"/module_9/Mul"
  %f = onnx.Flatten(%m) : f32<1x32> @"/Flatten"
  return %f
})";
static const char quantizedNet[] = R"(graph @Net() {
  %Net__input_0 = xir.data() {data_type = "FLOAT32", shape = [1, 4, 4, 2]} : f32<1x4x4x2>
  %Net__input_0_fix = xir.fix(%Net__input_0) {round_mode = "DPU_ROUND"} : q8.6<1x4x4x2>
  %Net__Net_ReLU_relu__input_7 = xir.relu(%Net__input_0_fix) : f32<1x4x4x2>
  %Net__Net_ReLU_relu__input_7_fix = xir.fix(%Net__Net_ReLU_relu__input_7) {round_mode = "DPU_ROUND"} : q8.5<1x4x4x2>
  return %Net__Net_ReLU_relu__input_7_fix
})";

static void bindTo(const char *net, const QuantInfo &info) {
  DiagEngine diags;
  auto g = parseGraph(net, "net.dpuir", {}, diags);
  fuzz::require(static_cast<bool>(g), "the harness's graph is one");
  QuantGroups groups = quantGroups(**g);
  auto bindings = bindKeys(**g, groups, info, {}, "fuzz.json", diags);
  fuzz::require(bindings && bindings->rows.size() == info.params.size() + info.outputs.size() + info.inputs.size(),
                "every key is reported");
  for (const QuantBinding &b : bindings->rows)
    fuzz::require(!b.rule.empty() || !b.problem.empty(), "each with a rule or a problem");
  std::string text;
  llvm::raw_string_ostream os(text);
  printBindings(*bindings, os);
  os << bindingsJson(*bindings);
  unsigned before = diags.errors();
  auto plan = planFixPoints(*bindings, {}, "fuzz.json", diags);
  fuzz::require(plan || diags.errors() > before, "a failure is explained");
  if (!plan)
    plan = planFixPoints(*bindings, {.allowMissing = true, .allowUnbound = true}, "fuzz.json", diags);
  if (plan)
    fuzz::requireLint(**g, *plan);
  if (plan && (*g)->inputs().size())
    adjustFixPoints(**g, groups, *plan), applyFixPlan(*plan);
}

void fuzz::fuzzQuantInfo(llvm::StringRef bytes) {
  DiagEngine diags;
  auto info = parseQuantInfo(bytes, "fuzz.json", diags);
  require(static_cast<bool>(info) || diags.errors(), "a failure is explained");
  if (!info)
    return;
  bindTo(floatNet, *info);
  bindTo(quantizedNet, *info);
  std::string text = print(*info);
  auto again = parseQuantInfo(text, "printed.json", diags);
  require(static_cast<bool>(again), "what is written can be read");
  require(print(*again) == text, "writing what is written gives the same text");
}
