//===- Importer.cpp - from a decoded ModelProto to a Graph --------------------===//
#include "Importer.h"
#include "Captures.h"
#include "OpTable.h"
#include "ShapeContext.h"
#include "dpuopt/IR/QdqOps.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

Result<std::unique_ptr<Graph>> Importer::run(const ModelProto &m) {
  model = &m;
  const GraphProto &g = m.graph;
  graph = std::make_unique<Graph>(g.name.empty() ? "main" : g.name.str());
  auto table = NameTable::build(g, diags);
  if (!table)
    return failure();
  names = std::move(*table);
  if (failed(setGraphAttrs()) || failed(decodeAttributes()))
    return failure();
  auto order = names.order(g, captures, diags);
  if (!order || failed(addInputs()))
    return failure();
  for (unsigned node : *order)
    if (failed(addNode(node)))
      return failure();
  if (failed(setOutputs()))
    return failure();
  reportOpaque();
  return std::move(graph);
}

//===-- Graph attributes ---------------------------------------------------------===//

Status Importer::setGraphAttrs() {
  AttrMap &out = graph->attrs();
  AttrMap domains, metadata;
  std::optional<int64_t> opset;
  for (auto &[domain, version] : model->opsets) {
    if (version < 1 || version > INT32_MAX)
      return diags.error(fmt::format("the opset of domain '{}' must be positive, is {}", domain, version));
    if (domain.empty())
      opset = std::max(opset.value_or(0), version);
    else
      domains[domain] = Attr::i64(version);
  }
  if (!opset)
    diags.warning("the model names no opset of the default domain; 13 is assumed");
  else if (*opset > NewestOpset)
    diags.warning(fmt::format("opset {} is newer than {}, the newest this program knows; operators are read as of {}",
                              *opset, NewestOpset, NewestOpset));
  if (model->hasTraining)
    diags.warning("the model's training information is ignored");
  if (!model->functions.empty())
    diags.warning(fmt::format("{} model-local functions are kept as they are; nodes that call them stay opaque",
                              model->functions.size()));
  out["opset"] = Attr::i64(opset.value_or(13));
  out["ir_version"] = Attr::i64(model->irVersion);
  if (!model->producer.empty())
    out["producer"] = Attr::string(model->producer);
  if (!model->producerVersion.empty())
    out["producer_version"] = Attr::string(model->producerVersion);
  for (auto &[key, value] : model->metadata)
    metadata[key.str()] = Attr::string(value);
  if (!domains.empty())
    out["domains"] = Attr::dict(std::move(domains));
  if (!metadata.empty())
    out["metadata"] = Attr::dict(std::move(metadata));
  std::vector<Attr> functions;
  for (llvm::StringRef f : model->functions)
    functions.push_back(Attr::bytes(tensors.view(f)));
  if (!functions.empty())
    out["functions"] = Attr::list(AttrKind::Bytes, std::move(functions));
  return success();
}

//===-- Nodes ------------------------------------------------------------------------===//

Status Importer::decodeAttributes() {
  const std::vector<NodeProto> &nodes = model->graph.nodes;
  attrs.resize(nodes.size());
  captures.resize(nodes.size());
  for (unsigned i = 0; i < nodes.size(); ++i) {
    std::string owner = fmt::format("node '{}'", locationOf(nodes[i]).node);
    for (llvm::StringRef message : nodes[i].attributes) {
      auto a = decodeAttr(message, tensors, owner, diags);
      if (!a)
        return failure();
      for (llvm::StringRef body : a->graphs)
        if (failed(collectCaptures(body, captures[i], owner, diags)))
          return failure();
      if (!attrs[i].try_emplace(a->name, std::move(a->value)).second)
        return diags.error(locationOf(nodes[i]), fmt::format("attribute '{}' is given twice", a->name));
    }
    if (!captures[i].empty())
      attrs[i]["captures"] = Attr::strings(captures[i]);
  }
  return success();
}

/// What would make the node mean something else, or nothing, in the IR.
Status Importer::checkNode(const NodeProto &n, const AttrMap &attrs) {
  if (n.opType.empty())
    return diags.error(locationOf(n), "a node has no operator type");
  if (n.domain == "onnx" || n.domain == "xir")
    return diags.error(locationOf(n), fmt::format("operator domain '{}' is reserved", n.domain.str()));
  const OpInfo *info = n.domain.empty() ? findOp(n.opType) : nullptr;
  if (!info)
    return success();
  for (auto &[name, value] : attrs) {
    char kind = info->attrKind(name);
    if (kind && !attrHasKind(value, kind))
      return diags.error(locationOf(n),
                         fmt::format("onnx.{}: attribute '{}' must be {}", n.opType.str(), name, attrKindName(kind)));
  }
  return success();
}

Result<Value *> Importer::value(llvm::StringRef name) {
  if (Value *v = values.lookup(name))
    return v;
  auto pending = constant(name);
  if (!pending)
    return failure();
  if (!*pending) // names are checked and nodes ordered: cannot happen
    return diags.error(fmt::format("tensor '{}' is not defined", name.str()));
  return values[name] = graph->createConst(name, (*pending)->tensor, nullptr, (*pending)->loc);
}

Status Importer::addNode(unsigned index) {
  const NodeProto &n = model->graph.nodes[index];
  if (failed(checkNode(n, attrs[index])))
    return failure();
  auto taken = takeConstant(n, attrs[index]);
  if (!taken || *taken)
    return taken ? success() : failure();

  OpSpec spec{(n.domain.empty() ? "onnx" : n.domain.str()) + "." + n.opType.str(),
              {},
              {},
              std::move(attrs[index]),
              {n.name.str()}};
  std::vector<llvm::StringRef> inputs = n.inputs;
  while (!inputs.empty() && inputs.back().empty())
    inputs.pop_back();
  inputs.insert(inputs.end(), captures[index].begin(), captures[index].end());
  for (llvm::StringRef in : inputs) {
    auto v = in.empty() ? Result<Value *>(nullptr) : value(in);
    if (!v)
      return failure();
    spec.operands.push_back(*v);
  }
  std::vector<llvm::StringRef> outputs = n.outputs;
  while (!outputs.empty() && outputs.back().empty())
    outputs.pop_back();
  for (llvm::StringRef out : outputs)
    spec.results.push_back({out.str(), declaredType(out)});

  Op *op = graph->create(std::move(spec));
  for (unsigned i = 0; i < outputs.size(); ++i)
    if (!outputs[i].empty())
      values[outputs[i]] = op->result(i);
  noteIfOpaque(*op);
  return refineTypes(*op, diags) ? success() : failure();
}

Status Importer::setOutputs() {
  std::vector<Value *> outputs;
  for (const ValueInfoProto &out : model->graph.outputs) {
    if (!names.find(out.name))
      return diags.error(
          fmt::format("graph output '{}' is not defined by any node, input or initializer", out.name.str()));
    auto v = value(out.name);
    if (!v)
      return failure();
    outputs.push_back(*v);
  }
  if (outputs.empty())
    return diags.error("the graph has no outputs");
  graph->setOutputs(outputs);
  return success();
}

//===-- Opaque operators ---------------------------------------------------------===//

void Importer::noteIfOpaque(const Op &op) {
  std::string reason = whyOpaque(op);
  if (reason.empty() || qdqKind(op) != QdqKind::None) // a quantizer's node: import-qdq reads it
    return;
  Opaque &entry = opaque[op.name().str()];
  if (!entry.count++) {
    entry.reason = std::move(reason);
    entry.first = op.loc().node.empty() && op.numResults() ? op.result()->name() : op.loc().node;
  }
}

void Importer::reportOpaque() {
  for (auto &[name, entry] : opaque)
    diags.warning(Location{entry.first}, fmt::format("operator {} is kept as it is: {} ({} node{})", name, entry.reason,
                                                     entry.count, entry.count == 1 ? "" : "s"));
}
