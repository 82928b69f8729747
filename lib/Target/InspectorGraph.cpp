//===- InspectorGraph.cpp - an inspector report as a graph of xir.* ops -----===//
//
// What vai_q_pytorch exports for each op of its own vocabulary, as far as placement is
// concerned: weights are not in a report and only stood in for where a rule asks for them.
//
//===----------------------------------------------------------------------===//
#include "dpuopt/Target/Inspector.h"
#include "llvm/ADT/StringMap.h"
#include <fmt/format.h>

using namespace dpuopt;

/// Ops that are one op of XIR.
static constexpr struct {
  const char *nndct, *xir;
} Types[] = {
    {"input", "data"},
    {"conv1d", "conv1d"},
    {"conv2d", "conv2d"},
    {"conv3d", "conv3d"},
    {"depthwise_conv1d", "depthwise-conv1d"},
    {"depthwise_conv2d", "depthwise-conv2d"},
    {"depthwise_conv3d", "depthwise-conv3d"},
    {"conv_transpose_2d", "transposed-conv2d"},
    {"convtranspose2d", "transposed-conv2d"},
    {"conv_transpose_3d", "transposed-conv3d"},
    {"depthwise_conv_transpose_2d", "transposed-depthwise-conv2d"},
    {"depthwise_convtranspose2d", "transposed-depthwise-conv2d"},
    {"dense", "matmul"},
    {"maxpool1d", "maxpool1d"},
    {"maxpool", "maxpool2d"},
    {"avgpool", "avgpool2d"},
    {"adaptive_avg_pool2d", "avgpool2d"},
    {"relu", "relu"},
    {"relu6", "relu6"},
    {"leaky_relu", "leaky-relu"},
    {"prelu", "prelu"},
    {"sigmoid", "sigmoid"},
    {"tanh", "tanh"},
    {"softmax", "softmax"},
    {"hsigmoid", "hard-sigmoid"},
    {"GELU", "gelu"},
    {"elemwise_add", "add"},
    {"elemwise_sub", "sub"},
    {"elementwise_sub", "sub"},
    {"elemwise_mul", "mul"},
    {"tensor_mul", "mul"},
    {"elemwise_div", "div"},
    {"concat", "concat"},
    {"resize", "resize"},
    {"pad", "pad"},
    {"permute", "transpose"},
    {"reshape", "reshape"},
    {"flatten", "flatten"},
    {"squeeze", "squeeze"},
    {"unsqueeze", "reshape"},
    {"mean", "reduction_mean"},
    {"max", "reduction_max"},
    {"sum", "reduction_sum"},
    {"batch_norm", "scale"},
    {"strided_slice", "strided_slice"},
    {"pixel_shuffle", "pixel-shuffle"},
    {"argmax", "argmax"},
    {"stack", "stack"},
};

static std::string xirTypeOf(const std::string &nndct) {
  for (auto &t : Types)
    if (nndct == t.nndct)
      return t.xir;
  return nndct; // unknown to XIR too: stays what it is
}

/// "[3, 3]" or "(1, 2)" as numbers.
static bool readInts(llvm::StringRef text, std::vector<int64_t> &out) {
  if (text.size() < 2 || !llvm::StringRef("[(").contains(text.front()) || !llvm::StringRef("])").contains(text.back()))
    return false;
  text = text.drop_front().drop_back();
  llvm::SmallVector<llvm::StringRef, 8> parts;
  text.split(parts, ',', 64, false);
  for (llvm::StringRef part : parts) {
    int64_t v;
    if (part.trim().getAsInteger(10, v))
      return false;
    out.push_back(std::clamp<int64_t>(v, INT32_MIN, INT32_MAX));
  }
  return true;
}

/// The text of a Python value as an attribute.
static Attr attrOf(llvm::StringRef text) {
  std::vector<int64_t> ints;
  int64_t v;
  double d;
  if (text == "True" || text == "False")
    return Attr::boolean(text == "True");
  if (!text.getAsInteger(10, v))
    return Attr::i32(static_cast<int32_t>(std::clamp<int64_t>(v, INT32_MIN, INT32_MAX)));
  if (readInts(text, ints))
    return Attr::i32s(ints);
  if (!text.empty() && text.find_first_not_of("0123456789.eE+-") == llvm::StringRef::npos && !text.getAsDouble(d))
    return Attr::f32(static_cast<float>(d));
  return Attr::string(text.trim("'\""));
}

namespace {
class Builder {
public:
  Builder(const InspectorReport &report, DiagEngine &diags) : report(report), diags(diags) {
    out.graph = std::make_unique<Graph>(report.graph);
    out.ops.resize(report.nodes.size());
  }
  Result<InspectedGraph> run();

private:
  Status order(std::vector<unsigned> &sequence);
  void build(unsigned n);
  Op *create(const InspectedNode &node, const std::string &type, std::vector<Value *> operands, AttrMap attrs);

  const InspectorReport &report;
  DiagEngine &diags;
  InspectedGraph out;
  llvm::StringMap<unsigned> byName;
};
} // namespace

/// Producers first.
Status Builder::order(std::vector<unsigned> &sequence) {
  std::vector<std::vector<unsigned>> readers(report.nodes.size());
  std::vector<size_t> open(report.nodes.size());
  for (unsigned n = 0; n < report.nodes.size(); ++n)
    byName[report.nodes[n].name] = n;
  for (unsigned n = 0; n < report.nodes.size(); ++n) {
    const InspectedNode &node = report.nodes[n];
    for (const std::string &input : node.inputs) {
      auto it = byName.find(input);
      if (it == byName.end())
        return diags.error({node.name, node.line}, fmt::format("reads '{}', which is no node of the report", input))
            .rule("inspector.graph");
      readers[it->second].push_back(n);
      ++open[n];
    }
  }
  for (unsigned n = 0; n < open.size(); ++n)
    if (!open[n])
      sequence.push_back(n);
  for (size_t i = 0; i < sequence.size(); ++i)
    for (unsigned reader : readers[sequence[i]])
      if (--open[reader] == 0)
        sequence.push_back(reader);
  if (sequence.size() == report.nodes.size())
    return success();
  auto stuck = llvm::find_if(open, [](size_t n) { return n != 0; });
  const InspectedNode &node = report.nodes[stuck - open.begin()];
  return diags.error({node.name, node.line}, "the node depends on itself").rule("inspector.graph");
}

Op *Builder::create(const InspectedNode &node, const std::string &type, std::vector<Value *> operands, AttrMap attrs) {
  std::vector<std::pair<std::string, Type>> results;
  for (const Shape &s : node.shapes)
    results.push_back({node.name, Type(ElemKind::F32, s)});
  if (results.empty())
    results.push_back({node.name, Type::unranked(ElemKind::F32)});
  return out.graph->create({"xir." + type, std::move(operands), std::move(results), std::move(attrs), {node.name, 0}});
}

void Builder::build(unsigned n) {
  const InspectedNode &node = report.nodes[n];
  Shape shape = node.shapes.empty() ? Shape() : node.shapes.front();
  if (node.type == "const") {
    Value *v = out.graph->createConst(node.name, Tensor::splatFloat(shape, 1), nullptr, {node.name, 0});
    out.ops[n].push_back(v->def());
    return;
  }
  std::vector<Value *> operands;
  for (const std::string &input : node.inputs)
    operands.push_back(out.ops[byName.lookup(input)].back()->result());
  AttrMap attrs;
  for (auto &[key, text] : node.attrs)
    attrs[key] = attrOf(text);
  if (node.type == "hswish") { // exported as the product of the input and its hard sigmoid
    Op *gate = create(node, "hard-sigmoid", operands, {});
    out.ops[n].push_back(gate);
    operands.push_back(gate->result());
    out.ops[n].push_back(create(node, "mul", operands, {}));
    return;
  }
  if (node.type == "dense" && !operands.empty()) {
    int64_t in = operands[0]->type().isStatic() && operands[0]->type().rank() ? operands[0]->type().shape().back() : 1;
    int64_t features = shape.empty() ? 1 : shape.back();
    operands.push_back(out.graph->createConst("", Tensor::splatFloat({features, in}, 1)));
  }
  out.ops[n].push_back(create(node, xirTypeOf(node.type), std::move(operands), std::move(attrs)));
}

Result<InspectedGraph> Builder::run() {
  std::vector<unsigned> sequence;
  if (failed(order(sequence)))
    return failure();
  for (unsigned n : sequence)
    build(n);
  std::vector<Value *> outputs;
  for (auto &ops : out.ops)
    for (Value *v : ops.back()->results())
      if (v->unused())
        outputs.push_back(v);
  out.graph->setOutputs(outputs);
  return std::move(out);
}

Result<InspectedGraph> dpuopt::graphOfReport(const InspectorReport &report, DiagEngine &diags) {
  return Builder(report, diags).run();
}
