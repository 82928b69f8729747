//===- BindSites.cpp - nodes and parameters of onnx.* and of xir.* graphs --------===//
#include "BindSites.h"
#include "dpuopt/IR/OnnxViews.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include <map>
#include <queue>

namespace dpuopt {
namespace {

std::vector<std::string> dotted(llvm::StringRef name) {
  llvm::SmallVector<llvm::StringRef, 8> parts;
  name.split(parts, '.');
  std::vector<std::string> out;
  for (llvm::StringRef part : parts)
    out.push_back(part.str());
  return out;
}

/// Module of an ONNX file that the quantizer exported: module_2 is node 2 of its graph, and no module of the user's.
std::optional<unsigned> exportedModule(llvm::StringRef name) {
  unsigned number = 0;
  bool is = name.consume_front("module_") && !name.split('.').first.split('/').first.getAsInteger(10, number);
  return is ? std::optional(number) : std::nullopt;
}

bool isStateDictName(llvm::StringRef name) {
  return !exportedModule(name) && !name.contains(':') && !name.contains('/') &&
         (name.endswith(".weight") || name.endswith(".bias"));
}

//===-- onnx.* -------------------------------------------------------------===//

class OnnxSites {
public:
  OnnxSites(const Graph &g, const QuantGroups &groups) : g(g), groups(groups) {}

  BindSites collect() {
    for (Value *input : g.inputs())
      sites.nodes.push_back(
          {nullptr, input, groups.holder(input), OpKind::Input, std::nullopt, std::nullopt, "", "nndct_input"});
    for (const Op &op : g.ops())
      if (!op.isConst() && op.numResults())
        addNode(op);
    for (Value *v : groups.params)
      addParam(v);
    return std::move(sites);
  }

private:
  void addNode(const Op &op) {
    const auto number = numberOf(op);
    const Op *matmul = biasOf(op);
    // A linear layer's bias, or the second of several ops an exported module consists of: the node ends here.
    auto whole = matmul ? nodeOf.find(matmul) : nodeOf.end();
    auto exported = number ? nodeOfNumber.find(*number) : nodeOfNumber.end();
    if (whole != nodeOf.end() || exported != nodeOfNumber.end()) {
      NodeSite &node = sites.nodes[whole != nodeOf.end() ? whole->second : exported->second];
      node.output = op.result();
      node.holder = groups.holder(op.result());
      if (!matmul)
        node.kind = OpKind::Unknown;
      return;
    }
    nodeOf[&op] = sites.nodes.size();
    if (number)
      nodeOfNumber[*number] = sites.nodes.size();
    sites.nodes.push_back(
        {&op, op.result(), groups.holder(op.result()), opKindOf(op.name()), pathOf(op), number, "", quantizerType(op)});
  }

  static const Op *biasOf(const Op &op) {
    for (const Value *v : op.operands())
      if (v && v->def() && op.is("onnx.Add") && linearBias(*v->def()) == &op)
        return v->def();
    return nullptr;
  }

  static std::optional<unsigned> numberOf(const Op &op) {
    llvm::StringRef node = op.loc().node;
    if (node.consume_front("/"))
      return exportedModule(node);
    return constantOf(op.operand(1)) ? exportedModule(op.operand(1)->name()) : std::nullopt;
  }

  /// By the node's name, else by the state_dict name of its weight.
  static std::optional<ModulePath> pathOf(const Op &op) {
    if (numberOf(op))
      return std::nullopt;
    if (auto path = modulePathOf(op.loc().node))
      return path;
    const Value *weight = constantOf(op.operand(1)) ? op.operand(1) : nullptr;
    if (!weight || !isStateDictName(weight->name()))
      return std::nullopt;
    ModulePath path = dotted(weight->name());
    path.pop_back();
    return path;
  }

  /// One site per layer that reads it: exporters write equal biases once.
  void addParam(Value *v) {
    const size_t before = sites.params.size();
    for (const Use &use : v->uses())
      if (isQuantizable(*use.user))
        addParamOf(v, use);
    if (sites.params.size() == before)
      sites.params.push_back({v, nullptr, ParamSite::Operand, false, {dotted(v->name())}});
  }

  void addParamOf(Value *v, const Use &use) {
    const Op *matmul = biasOf(*use.user);
    const bool layer = use.user->isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm", "onnx.MatMul");
    ParamSite site{v, matmul ? matmul : use.user, ParamSite::Operand, isStateDictName(v->name()), {dotted(v->name())}};
    if (matmul || (layer && use.index == 2))
      site.role = ParamSite::Bias;
    else if (layer && use.index == 1)
      site.role = ParamSite::Weight;
    auto path = site.role == ParamSite::Operand ? std::nullopt : pathOf(*site.user);
    if (path && !path->empty()) {
      path->push_back(site.role == ParamSite::Weight ? "weight" : "bias");
      site.names.push_back(*path);
    }
    sites.params.push_back(std::move(site));
  }

  const Graph &g;
  const QuantGroups &groups;
  BindSites sites;
  llvm::DenseMap<const Op *, size_t> nodeOf;
  std::map<unsigned, size_t> nodeOfNumber;
};

//===-- xir.* --------------------------------------------------------------===//

/// The fix op that rounds `v`, or null.
Value *fixOf(const Value *v) {
  for (const Use &use : v->uses())
    if (use.user->is("xir.fix"))
      return use.user->result();
  return nullptr;
}

/// Is `op` one piece of several that stand for one node? They are named after it with a suffix: X_i0 (pool, mean,
/// hard-sigmoid) and, in a hard-swish, X_mul behind that.
bool isPiece(const Op &op) {
  llvm::StringRef name = op.result()->name();
  auto [base, digits] = name.rsplit("_i");
  if (!digits.empty() && llvm::all_of(digits, llvm::isDigit))
    return true;
  const Op *before = op.operand(0) ? op.operand(0)->def() : nullptr;
  return op.is("xir.mul") && name.endswith("_mul") && before && before->is("xir.hard-sigmoid");
}

/// What `op`, the last of its pieces, does together with them.
OpKind kindWithPieces(const Op &op) {
  const Op *before = op.operand(0) ? op.operand(0)->def() : nullptr;
  if (before && before->is("xir.fix"))
    before = before->operand(0) ? before->operand(0)->def() : nullptr;
  if (!op.is("xir.mul") || !before || !before->numResults() || !isPiece(*before) ||
      !llvm::StringRef(xirName(before->result()->name())).startswith(op.result()->name() + "_"))
    return opKindOf(op.name());
  return before->is("xir.mul") ? OpKind::HardSwish : opKindOf(before->name());
}

/// Added by the exporter: no node of the quantizer.
bool isHelper(const Op &op) {
  llvm::StringRef name = op.result()->name();
  return op.isConst() || op.isOneOf("xir.fix", "xir.stack", "xir.const") || isPiece(op) || name.contains("swim_tran") ||
         name.contains("sink_tran") || name.contains("neighbor_tran");
}

/// The number a tracer gave a value (`ret_35`, `3774`, `input_7`), and what stands before it; values of one stem
/// are numbered in the order they are computed, and the last may have none.
std::pair<llvm::StringRef, unsigned> tracedName(llvm::StringRef name) {
  unsigned number = ~0u;
  auto [before, digits] = name.rsplit('_');
  if (!digits.empty() && !digits.getAsInteger(10, number))
    name = before;
  return {name.endswith("_") ? "" : name.rsplit('_').second, number};
}

/// Ops of an XIR file in the order the quantizer's graph had: files have them in any order that data allows.
std::vector<const Op *> tracedOrder(const Graph &g) {
  std::vector<const Op *> ops;
  llvm::DenseMap<const Op *, size_t> place;
  llvm::StringMap<std::vector<std::pair<unsigned, size_t>>> chains;
  for (const Op &op : g.ops()) {
    if (op.numResults() && !isHelper(op)) {
      auto [stem, number] = tracedName(op.result()->name());
      chains[stem].push_back({number, ops.size()});
    }
    place[&op] = ops.size();
    ops.push_back(&op);
  }
  std::vector<std::vector<size_t>> next(ops.size());
  std::vector<unsigned> waits(ops.size());
  auto add = [&](size_t a, size_t b) { next[a].push_back(b), ++waits[b]; };
  for (auto &chain : chains) {
    llvm::sort(chain.second);
    for (size_t i = 1; i < chain.second.size(); ++i)
      add(chain.second[i - 1].second, chain.second[i].second);
  }
  for (size_t i = 0; i < ops.size(); ++i)
    for (const Value *v : ops[i]->operands())
      if (v && v->def())
        add(place[v->def()], i);
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < ops.size(); ++i)
    if (!waits[i])
      ready.push(i);
  std::vector<const Op *> order;
  while (!ready.empty()) {
    size_t i = ready.top();
    ready.pop();
    order.push_back(ops[i]);
    for (size_t user : next[i])
      if (!--waits[user])
        ready.push(user);
  }
  return order.size() == ops.size() ? order : ops; // names that contradict the data say nothing
}

/// A node without a fix of its own has the position of the node it alone goes into.
void shareHolders(BindSites &sites) {
  llvm::DenseMap<const Op *, const NodeSite *> nodeOf;
  for (NodeSite &node : llvm::reverse(sites.nodes)) {
    const Op *user = node.holder ? nullptr : node.output->soleUser();
    if (const NodeSite *next = nodeOf.lookup(user))
      node.holder = next->holder;
    nodeOf[node.op] = &node;
  }
}

BindSites xirSites(const Graph &g) {
  BindSites sites;
  sites.isXir = true;
  for (const Op *opPtr : tracedOrder(g)) {
    const Op &op = *opPtr;
    if (!op.numResults())
      continue;
    Value *out = op.result(), *fix = fixOf(out);
    if (op.isConst() && fix) {
      ParamSite site;
      site.value = fix;
      site.user = fix->uses().empty() ? nullptr : fix->uses().front().user;
      site.names.push_back({out->name()});
      sites.params.push_back(std::move(site));
    }
    if (isHelper(op))
      continue;
    sites.nodes.push_back(
        {&op, fix ? fix : out, fix, kindWithPieces(op), std::nullopt, std::nullopt, out->name(), quantizerType(op)});
  }
  shareHolders(sites);
  return sites;
}

} // namespace

std::string quantizerType(const Op &op) {
  static const llvm::StringMap<const char *> names = {{"conv", "conv2d"},
                                                      {"depthwise-conv2d", "depthwise_conv2d"},
                                                      {"convtranspose", "conv_transpose_2d"},
                                                      {"transposed-conv2d", "conv_transpose_2d"},
                                                      {"gemm", "dense"},
                                                      {"matmul", "dense"},
                                                      {"clip", "relu6"},
                                                      {"leakyrelu", "leaky_relu"},
                                                      {"leaky-relu", "leaky_relu"},
                                                      {"maxpool2d", "maxpool"},
                                                      {"averagepool", "avgpool"},
                                                      {"avgpool2d", "avgpool"},
                                                      {"globalaveragepool", "adaptive_avg_pool2d"},
                                                      {"reducemean", "mean"},
                                                      {"reduction_mean", "mean"},
                                                      {"add", "elemwise_add"},
                                                      {"sub", "elemwise_sub"},
                                                      {"mul", "elemwise_mul"},
                                                      {"div", "elemwise_div"},
                                                      {"data", "input"},
                                                      {"upsample", "resize"},
                                                      {"hardsigmoid", "hsigmoid"},
                                                      {"hard-sigmoid", "hsigmoid"},
                                                      {"hardswish", "hswish"},
                                                      {"transpose", "permute"},
                                                      {"slice", "strided_slice"},
                                                      {"depthtospace", "pixel_shuffle"}};
  std::string name = op.name().split('.').second.lower();
  auto found = names.find(name);
  bool depthwise = op.is("onnx.Conv") && onnx::Conv(op).isDepthwise();
  return "nndct_" + (depthwise ? "depthwise_conv2d" : found == names.end() ? name : std::string(found->second));
}

BindSites collectBindSites(const Graph &g, const QuantGroups &groups) {
  bool isXir = llvm::any_of(g.ops(), [](const Op &op) { return op.isXir(); });
  return isXir ? xirSites(g) : OnnxSites(g, groups).collect();
}

} // namespace dpuopt
