//===- BindSites.cpp - nodes and parameters of onnx.* and of xir.* graphs --------===//
#include "BindSites.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

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

bool isStateDictName(llvm::StringRef name) {
  return !name.contains(':') && !name.contains('/') && (name.endswith(".weight") || name.endswith(".bias"));
}

//===-- onnx.* -------------------------------------------------------------===//

class OnnxSites {
public:
  OnnxSites(const Graph &g, const QuantGroups &groups) : g(g), groups(groups) {}

  BindSites collect() {
    for (Value *input : g.inputs())
      sites.nodes.push_back({nullptr, input, groups.holder(input), OpKind::Input, std::nullopt, ""});
    for (const Op &op : g.ops())
      if (!op.isConst() && op.numResults())
        addNode(op);
    for (Value *v : groups.params)
      addParam(v);
    return std::move(sites);
  }

private:
  void addNode(const Op &op) {
    if (const Op *matmul = biasOf(op)) { // the linear layer's node ends here
      NodeSite &layer = sites.nodes[nodeOf.lookup(matmul)];
      layer.output = op.result();
      layer.holder = groups.holder(op.result());
      return;
    }
    nodeOf[&op] = sites.nodes.size();
    sites.nodes.push_back({&op, op.result(), groups.holder(op.result()), opKindOf(op.name()), pathOf(op), ""});
  }

  static const Op *biasOf(const Op &op) {
    for (const Value *v : op.operands())
      if (v && v->def() && op.is("onnx.Add") && linearBias(*v->def()) == &op)
        return v->def();
    return nullptr;
  }

  /// By the node's name, else by the state_dict name of its weight.
  static std::optional<ModulePath> pathOf(const Op &op) {
    if (auto path = modulePathOf(op.loc().node))
      return path;
    const Value *weight = constantOf(op.operand(1)) ? op.operand(1) : nullptr;
    if (!weight || !isStateDictName(weight->name()))
      return std::nullopt;
    ModulePath path = dotted(weight->name());
    path.pop_back();
    return path;
  }

  void addParam(Value *v) {
    ParamSite site;
    site.value = v;
    site.names.push_back(dotted(v->name()));
    for (const Use &use : v->uses()) {
      if (!isQuantizable(*use.user))
        continue;
      site.user = use.user;
      const Op *matmul = biasOf(*use.user);
      bool layer = use.user->isOneOf("onnx.Conv", "onnx.ConvTranspose", "onnx.Gemm", "onnx.MatMul");
      site.role = matmul                     ? ParamSite::Bias
                  : !layer || use.index == 0 ? ParamSite::Operand
                  : use.index == 1           ? ParamSite::Weight
                                             : ParamSite::Bias;
      std::optional<ModulePath> path =
          site.role == ParamSite::Operand ? std::nullopt : pathOf(matmul ? *matmul : *use.user);
      if (matmul)
        site.user = matmul;
      if (path && !path->empty()) {
        path->push_back(site.role == ParamSite::Weight ? "weight" : "bias");
        site.names.push_back(*path);
      }
      break;
    }
    sites.params.push_back(std::move(site));
  }

  const Graph &g;
  const QuantGroups &groups;
  BindSites sites;
  llvm::DenseMap<const Op *, size_t> nodeOf;
};

//===-- xir.* --------------------------------------------------------------===//

/// The fix op that rounds `v`, or null.
Value *fixOf(const Value *v) {
  for (const Use &use : v->uses())
    if (use.user->is("xir.fix"))
      return use.user->result();
  return nullptr;
}

/// Is `op` one piece of several that stand for one node? They are named after it with a suffix.
bool isPiece(const Op &op) {
  llvm::StringRef name = op.result()->name();
  size_t bar = name.rfind("_i");
  return bar != llvm::StringRef::npos && !name.drop_front(bar + 2).empty() &&
         llvm::all_of(name.drop_front(bar + 2), llvm::isDigit);
}

/// Added by the exporter: no node of the quantizer.
bool isHelper(const Op &op) {
  llvm::StringRef name = op.result()->name();
  return op.isConst() || op.isOneOf("xir.fix", "xir.stack", "xir.const") || isPiece(op) || name.contains("swim_tran") ||
         name.contains("sink_tran") || name.contains("neighbor_tran");
}

BindSites xirSites(const Graph &g) {
  BindSites sites;
  sites.isXir = true;
  for (const Op &op : g.ops()) {
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
    OpKind kind = opKindOf(op.name());
    // A pool or mean is exported as <name>_i0 and a factor that has the node's own name.
    if (kind == OpKind::Mul && op.operand(0) && op.operand(0)->def() && isPiece(*op.operand(0)->def()))
      kind = opKindOf(op.operand(0)->def()->name());
    sites.nodes.push_back({&op, fix ? fix : out, fix, kind, std::nullopt, out->name()});
  }
  return sites;
}

} // namespace

BindSites collectBindSites(const Graph &g, const QuantGroups &groups) {
  bool isXir = llvm::any_of(g.ops(), [](const Op &op) { return op.isXir(); });
  return isXir ? xirSites(g) : OnnxSites(g, groups).collect();
}

} // namespace dpuopt
