//===- Exporter.cpp - from a Graph to a ModelProto ----------------------------===//
#include "Exporter.h"
#include "OnnxProto.h"
#include "ShapeContext.h"
#include "TensorDecoder.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

Exporter::Exporter(const Graph &g, std::string externalName, DiagEngine &diags)
    : g(g), externalName(std::move(externalName)), diags(diags) {}

Status Exporter::fail(const Op &op, std::string message) {
  Location loc = op.loc();
  if (loc.node.empty() && op.numResults())
    loc.node = op.result()->name();
  return diags.error(std::move(loc), op.name().str() + ": " + std::move(message));
}

std::string Exporter::freshName(const std::string &hint) {
  std::string name = hint;
  for (unsigned i = 1; g.lookup(name) || !used.insert(name).second; ++i)
    name = hint + "_" + std::to_string(i);
  return name;
}

Status Exporter::build() {
  for (Value *in : g.inputs())
    addValueInfo(field::GraphInput, *in);
  if (failed(addNodes()))
    return failure();
  for (Pieces &p : initializers)
    graphPieces.addMessage(field::Initializer, std::move(p));
  WireWriter name;
  name.bytes(field::GraphName, g.name());
  graphPieces.add(name);
  for (Value *out : g.outputs()) {
    if (!out)
      return diags.error("a graph output is absent");
    addValueInfo(field::GraphOutput, *out);
  }
  addModelFields();
  return success();
}

//===-- Model fields -----------------------------------------------------------------===//

static std::string stringAttr(const Graph &g, llvm::StringRef name) {
  const Attr *a = g.attr(name);
  return a && a->is(AttrKind::String) ? a->asString() : "";
}

static void addOpset(Pieces &model, llvm::StringRef domain, int64_t version) {
  WireWriter entry, outer;
  entry.bytes(field::OpsetDomain, domain);
  entry.varint(field::OpsetVersion, static_cast<uint64_t>(version));
  outer.message(field::OpsetImport, entry);
  model.add(outer);
}

void Exporter::addModelFields() {
  WireWriter head;
  const Attr *ir = g.attr("ir_version");
  head.varint(field::IrVersion, ir && ir->isInt() ? static_cast<uint64_t>(ir->asInt()) : 8);
  if (std::string producer = stringAttr(g, "producer"); !producer.empty())
    head.bytes(field::ProducerName, producer);
  if (std::string version = stringAttr(g, "producer_version"); !version.empty())
    head.bytes(field::ProducerVersion, version);
  modelPieces.add(head);
  modelPieces.addMessage(field::ModelGraph, std::move(graphPieces));
  addOpset(modelPieces, "", opsetOf(g));
  if (const Attr *domains = g.attr("domains"); domains && domains->is(AttrKind::Dict))
    for (auto &[domain, version] : domains->asMap())
      if (version.isInt())
        addOpset(modelPieces, domain, version.asInt());
  if (const Attr *metadata = g.attr("metadata"); metadata && metadata->is(AttrKind::Dict))
    for (auto &[key, value] : metadata->asMap()) {
      WireWriter entry, outer;
      entry.bytes(field::Key, key);
      entry.bytes(field::EntryValue, value.is(AttrKind::String) ? value.asString() : "");
      outer.message(field::Metadata, entry);
      modelPieces.add(outer);
    }
  if (const Attr *functions = g.attr("functions"); functions && functions->is(AttrKind::List))
    for (const Attr &f : functions->asList())
      if (f.is(AttrKind::Bytes))
        modelPieces.addBlob(field::Functions, f.asBytes());
}

//===-- Values -----------------------------------------------------------------------===//

/// The TypeProto of a sequence, map or optional, as it was read; null if none.
static const Attr *otherType(const Graph &g, llvm::StringRef name) {
  const Attr *types = g.attr("value_types");
  if (!types || !types->is(AttrKind::Dict))
    return nullptr;
  auto it = types->asMap().find(std::string_view(name.data(), name.size()));
  return it != types->asMap().end() && it->second.is(AttrKind::Bytes) ? &it->second : nullptr;
}

void Exporter::addValueInfo(uint32_t field, llvm::StringRef name, const Type &type) {
  WireWriter tensorType, typeProto, value, outer;
  value.bytes(field::ValueName, name);
  bool known = type.elemType().kind != ElemKind::None || type.hasRank();
  if (known) {
    tensorType.varint(field::ElemTypeField, elemTypeToOnnx(type.elemType()));
    if (type.hasRank()) {
      WireWriter shape;
      for (int64_t d : type.shape()) {
        WireWriter dim;
        if (d >= 0)
          dim.varint(field::DimValue, static_cast<uint64_t>(d));
        shape.message(field::Dim, dim);
      }
      tensorType.message(field::ShapeField, shape);
    }
    typeProto.message(field::TensorType, tensorType);
    value.message(field::ValueType, typeProto);
  } else if (const Attr *other = otherType(g, name)) {
    value.bytes(field::ValueType, other->asBytes().str());
  } else if (field == field::ValueInfo) {
    return; // nothing to say
  }
  outer.message(field, value);
  graphPieces.add(outer);
}

//===-- Tensors ----------------------------------------------------------------------===//

/// Tensors below this stay inside the model: readers want shapes at hand.
static constexpr uint64_t MinExternalBytes = 1024;
/// Offsets are multiples of the page size, so that readers can map each tensor.
static constexpr uint64_t ExternalAlignment = 4096;

static WireWriter externalEntry(llvm::StringRef key, llvm::StringRef value) {
  WireWriter w;
  w.bytes(field::Key, key);
  w.bytes(field::EntryValue, value);
  return w;
}

Pieces Exporter::tensor(llvm::StringRef name, const Tensor &original, bool mayBeExternal) {
  Tensor t = original.elemType().isFix() ? original.toFloat() : original;
  Pieces out;
  WireWriter head;
  head.packedVarints(field::Dims, t.shape());
  head.varint(field::DataType, elemTypeToOnnx(t.elemType()));
  if (!name.empty())
    head.bytes(field::TensorName, name);
  if (t.elemType().kind == ElemKind::String)
    for (llvm::StringRef s : unpackStrings(t.storage()))
      head.bytes(field::StringData, s);
  uint64_t repeat = t.isSplat() ? static_cast<uint64_t>(t.numElements()) : 1;
  uint64_t size = t.storage().size() * repeat;
  if (mayBeExternal && !externalName.empty() && size >= MinExternalBytes) {
    externalSize = (externalSize + ExternalAlignment - 1) / ExternalAlignment * ExternalAlignment;
    head.message(field::ExternalData, externalEntry("location", externalName));
    head.message(field::ExternalData, externalEntry("offset", std::to_string(externalSize)));
    head.message(field::ExternalData, externalEntry("length", std::to_string(size)));
    head.varint(field::DataLocation, 1);
    out.add(head);
    external.push_back({externalSize, t.storage(), repeat});
    externalSize += size;
    return out;
  }
  out.add(head);
  if (t.elemType().kind != ElemKind::String)
    out.addBlob(field::RawData, t.storage(), repeat);
  return out;
}

/// Before IR version 4 an initializer is the default value of an input.
void Exporter::addInitializer(llvm::StringRef name, const Tensor &t, bool mayBeExternal) {
  const Attr *ir = g.attr("ir_version");
  if (ir && ir->isInt() && ir->asInt() < 4)
    addValueInfo(field::GraphInput, name, t.type());
  initializers.push_back(tensor(name, t, mayBeExternal));
}

void Exporter::writeExternal(llvm::raw_ostream &os) const {
  uint64_t at = 0;
  for (const External &e : external) {
    os.write_zeros(static_cast<unsigned>(e.offset - at));
    writeRepeated(os, e.bytes, e.repeat);
    at = e.offset + e.bytes.size() * e.repeat;
  }
}
