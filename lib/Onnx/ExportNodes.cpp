//===- ExportNodes.cpp - ops and constants to NodeProto and TensorProto -------===//
#include "Exporter.h"
#include "OnnxProto.h"
#include "ShapeContext.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

/// What our passes note on ops; it is not part of the operator.
static bool isInternal(llvm::StringRef attr) { return attr == "captures" || attr == "device" || attr == "reason"; }

//===-- Attributes -------------------------------------------------------------------===//

/// Adds a list attribute's elements; false if the kind has no ONNX equivalent.
static bool addList(WireWriter &w, const Attr &a, AttrTypeCode &code) {
  if (a.elementKind() == AttrKind::String) {
    code = AttrTypeCode::Strings;
    for (const Attr &e : a.asList())
      w.bytes(field::AttrStrings, e.asString());
  } else if (a.isFloatList() && (a.elementKind() == AttrKind::F32 || a.elementKind() == AttrKind::F64)) {
    code = AttrTypeCode::Floats;
    for (const Attr &e : a.asList())
      w.f32(field::AttrFloats, static_cast<float>(e.asFloat()));
  } else if (a.isIntList()) {
    code = AttrTypeCode::Ints;
    for (const Attr &e : a.asList())
      w.varint(field::AttrInts, static_cast<uint64_t>(e.asInt()));
  } else {
    return false;
  }
  return true;
}

/// Adds a value that fits into a few bytes; false if it is not one.
static bool addScalar(WireWriter &w, const Attr &a, AttrTypeCode &code) {
  if (a.isInt() || a.is(AttrKind::Bool)) {
    code = AttrTypeCode::Int;
    w.varint(field::AttrI, static_cast<uint64_t>(a.asInt()));
  } else if (a.isFloat()) {
    code = AttrTypeCode::Float;
    w.f32(field::AttrF, static_cast<float>(a.asFloat()));
  } else if (a.is(AttrKind::String)) {
    code = AttrTypeCode::String;
    w.bytes(field::AttrS, a.asString());
  } else {
    return false;
  }
  return true;
}

static void addType(Pieces &out, AttrTypeCode code) {
  WireWriter w;
  w.varint(field::AttrType, static_cast<uint64_t>(code));
  out.add(w);
}

Result<Pieces> Exporter::attribute(const Op &op, llvm::StringRef name, const Attr &a) {
  Pieces out;
  WireWriter w;
  w.bytes(field::AttrName, name);
  AttrTypeCode code = AttrTypeCode::Undefined;
  bool small = addScalar(w, a, code);
  bool isTensors = a.is(AttrKind::List) && a.elementKind() == AttrKind::Tensor;
  if (!small && a.is(AttrKind::List) && !isTensors)
    small = addList(w, a, code);
  out.add(w);
  if (small) {
    addType(out, code);
  } else if (a.is(AttrKind::Tensor)) {
    out.addMessage(field::AttrT, tensor("", a.asTensor(), false));
    addType(out, AttrTypeCode::Tensor);
  } else if (isTensors) {
    for (const Attr &t : a.asList())
      out.addMessage(field::AttrTensors, tensor("", t.asTensor(), false));
    addType(out, AttrTypeCode::Tensors);
  } else {
    return fail(op, fmt::format("attribute '{}' cannot be written to ONNX", name.str()));
  }
  return out;
}

//===-- Nodes ------------------------------------------------------------------------===//

/// "com.acme.Fused" -> {"com.acme", "Fused"}; the domains the model names decide
/// where a type that contains dots begins.
static std::pair<llvm::StringRef, llvm::StringRef> splitName(const Op &op) {
  llvm::StringRef name = op.name(), best;
  if (op.isOnnx())
    return {"", name.drop_front(5)};
  if (const Attr *domains = op.graph().attr("domains"); domains && domains->is(AttrKind::Dict))
    for (auto &[domain, version] : domains->asMap())
      if (name.size() > domain.size() && name.startswith(domain) && name[domain.size()] == '.' &&
          domain.size() > best.size())
        best = name.take_front(domain.size());
  return best.empty() ? name.rsplit('.') : std::pair(best, name.drop_front(best.size() + 1));
}

static void addNodeHead(WireWriter &w, llvm::StringRef type, llvm::StringRef domain, const Location &loc) {
  if (!loc.node.empty())
    w.bytes(field::NodeName, loc.node);
  w.bytes(field::OpType, type);
  if (!domain.empty())
    w.bytes(field::NodeDomain, domain);
}

static unsigned numCaptures(const Op &op) {
  const Attr *a = op.attr("captures");
  return a && a->isStringList() && a->asList().size() <= op.numOperands() ? a->asList().size() : 0;
}

/// A subgraph refers to outer values by the names it was written with: one that
/// has another name by now gets an Identity.
Status Exporter::addCaptures(const Op &op, unsigned count) {
  std::vector<std::string> names = count ? op.attr("captures")->asStrings() : std::vector<std::string>();
  for (unsigned i = 0; i < count; ++i) {
    const Value *v = op.operand(op.numOperands() - count + i);
    if (!v)
      return fail(op, fmt::format("captured value '{}' is absent", names[i]));
    if (v->name() == names[i])
      continue;
    if (g.lookup(names[i]) || !used.insert(names[i]).second)
      return fail(op, fmt::format("its subgraph uses '{}', which is another value now", names[i]));
    WireWriter w;
    w.bytes(field::NodeInput, v->name());
    w.bytes(field::NodeOutput, names[i]);
    addNodeHead(w, "Identity", "", {});
    Pieces node;
    node.add(w);
    graphPieces.addMessage(field::GraphNode, std::move(node));
  }
  return success();
}

Status Exporter::addNode(const Op &op) {
  if (op.isXir() || !op.name().contains('.'))
    return fail(op, "only onnx operators and those of other ONNX domains can be written to ONNX");
  unsigned captures = numCaptures(op);
  if (failed(addCaptures(op, captures)))
    return failure();
  Pieces node;
  WireWriter w;
  for (Value *v : op.operands().drop_back(captures))
    w.bytes(field::NodeInput, v ? v->name() : "");
  for (Value *r : op.results())
    w.bytes(field::NodeOutput, r->name());
  auto [domain, type] = splitName(op);
  addNodeHead(w, type, domain, op.loc());
  node.add(w);
  for (auto &[name, value] : op.attrs()) {
    if (isInternal(name))
      continue;
    if (value.is(AttrKind::Bytes)) { // a whole AttributeProto, as it was read
      node.addBlob(field::NodeAttribute, value.asBytes());
      continue;
    }
    auto a = attribute(op, name, value);
    if (!a)
      return failure();
    node.addMessage(field::NodeAttribute, std::move(*a));
  }
  graphPieces.addMessage(field::GraphNode, std::move(node));
  for (Value *r : op.results())
    if (!r->isGraphOutput())
      addValueInfo(field::ValueInfo, *r);
  return success();
}

//===-- Constants --------------------------------------------------------------------===//

/// ConstantOfShape, with its shape as an initializer of its own.
void Exporter::addSplat(const Op &op, const Tensor &t) {
  std::vector<int64_t> dims = t.shape().vec();
  std::string shapeName = freshName(op.result()->name() + ".shape");
  addInitializer(shapeName, Tensor::fromInts({static_cast<int64_t>(dims.size())}, dims), false);
  Pieces node, value;
  WireWriter head, name;
  head.bytes(field::NodeInput, shapeName);
  head.bytes(field::NodeOutput, op.result()->name());
  addNodeHead(head, "ConstantOfShape", "", op.loc());
  node.add(head);
  name.bytes(field::AttrName, "value");
  value.add(name);
  value.addMessage(field::AttrT, tensor("", Tensor::splat(t.type().withShape({1}), t.storage()), false));
  addType(value, AttrTypeCode::Tensor);
  node.addMessage(field::NodeAttribute, std::move(value));
  graphPieces.addMessage(field::GraphNode, std::move(node));
}

Status Exporter::addConstant(const Op &op) {
  const Tensor *t = op.getTensor("value");
  if (!t || t->elemType().kind == ElemKind::None)
    return fail(op, "the constant has no value that ONNX can hold");
  // Constants of 16-bit brain floats may be made from opset 20 on only.
  bool asSplat = t->isSplat() && !t->type().isFix() && opsetOf(g) >= 9 &&
                 (t->elemType().kind != ElemKind::BF16 || opsetOf(g) >= 20);
  if (asSplat) {
    addSplat(op, *t);
    return success();
  }
  if (op.loc().node.empty() || !externalName.empty()) {
    addInitializer(op.result()->name(), *t, true);
    return success();
  }
  Pieces node, value;
  WireWriter head, name;
  head.bytes(field::NodeOutput, op.result()->name());
  addNodeHead(head, "Constant", "", op.loc());
  node.add(head);
  name.bytes(field::AttrName, "value");
  value.add(name);
  value.addMessage(field::AttrT, tensor("", *t, false));
  addType(value, AttrTypeCode::Tensor);
  node.addMessage(field::NodeAttribute, std::move(value));
  graphPieces.addMessage(field::GraphNode, std::move(node));
  return success();
}

Status Exporter::addNodes() {
  for (const Op &op : g.ops())
    if (failed(op.isConst() ? addConstant(op) : addNode(op)))
      return failure();
  return success();
}
