//===- OnnxProto.cpp - the parts of onnx.proto we read, as plain structs ------===//
#include "OnnxProto.h"
#include "ShapeContext.h"
#include "dpuopt/Support/Wire.h"

using namespace dpuopt;
using namespace dpuopt::onnx;

llvm::StringRef onnx::canonicalDomain(llvm::StringRef domain) { return domain == "ai.onnx" ? "" : domain; }

//===-- Types --------------------------------------------------------------------===//

/// A dimension without a value (or with a name) is -1.
static bool parseDimension(llvm::StringRef bytes, int64_t &out) {
  out = -1;
  WireReader r(bytes);
  while (r.next())
    if (r.field() == field::DimValue)
      out = r.i64();
  return r.ok();
}

static bool parseShape(llvm::StringRef bytes, Shape &out) {
  WireReader r(bytes);
  bool good = true;
  while (good && r.next())
    if (r.field() == field::Dim)
      good = parseDimension(r.bytes(), out.emplace_back());
  return good && r.ok();
}

static bool parseTensorType(llvm::StringRef bytes, Type &out) {
  ElemType elem;
  Shape shape;
  bool ranked = false, good = true;
  WireReader r(bytes);
  while (good && r.next())
    if (r.field() == field::ElemTypeField)
      elem = elemTypeFromOnnx(r.i32());
    else if (r.field() == field::ShapeField)
      good = ranked = parseShape(r.bytes(), shape);
  out = ranked ? Type(elem, std::move(shape)) : Type::unranked(elem);
  return good && r.ok();
}

static bool parseValueInfo(llvm::StringRef bytes, ValueInfoProto &out) {
  WireReader r(bytes);
  while (r.next()) {
    if (r.field() == field::ValueName) {
      out.name = r.bytes();
    } else if (r.field() == field::ValueType) {
      out.typeMessage = r.bytes();
      WireReader type(out.typeMessage);
      while (type.next())
        if (type.field() == field::TensorType && (out.isTensor = true) && !parseTensorType(type.bytes(), out.type))
          return false;
      if (!type.ok())
        return false;
    }
  }
  return r.ok();
}

//===-- Graph ----------------------------------------------------------------------===//

static bool parseNode(llvm::StringRef bytes, NodeProto &out) {
  WireReader r(bytes);
  while (r.next()) {
    switch (r.field()) {
    case field::NodeInput:
      out.inputs.push_back(r.bytes());
      break;
    case field::NodeOutput:
      out.outputs.push_back(r.bytes());
      break;
    case field::NodeName:
      out.name = r.bytes();
      break;
    case field::OpType:
      out.opType = r.bytes();
      break;
    case field::NodeAttribute:
      out.attributes.push_back(r.bytes());
      break;
    case field::NodeDomain:
      out.domain = canonicalDomain(r.bytes());
      break;
    default:
      break;
    }
  }
  return r.ok();
}

/// Only the name of a tensor.
static bool parseTensorName(llvm::StringRef bytes, llvm::StringRef &name) {
  WireReader r(bytes);
  while (r.next())
    if (r.field() == field::TensorName)
      name = r.bytes();
  return r.ok();
}

static bool parseInitializer(llvm::StringRef bytes, bool sparse, InitializerProto &out) {
  out.message = bytes;
  out.sparse = sparse;
  if (!sparse)
    return parseTensorName(bytes, out.name);
  WireReader r(bytes);
  while (r.next())
    if (r.field() == field::SparseValues && !parseTensorName(r.bytes(), out.name))
      return false;
  return r.ok();
}

bool onnx::parseGraph(llvm::StringRef bytes, GraphProto &out, std::string &where) {
  WireReader r(bytes);
  auto damaged = [&](const char *what, size_t number) {
    where = std::string(what) + " " + std::to_string(number) + " of the graph";
    return false;
  };
  while (r.next()) {
    switch (r.field()) {
    case field::GraphNode:
      if (!parseNode(r.bytes(), out.nodes.emplace_back()))
        return damaged("node", out.nodes.size());
      break;
    case field::GraphName:
      out.name = r.bytes();
      break;
    case field::Initializer:
    case field::SparseInitializer:
      if (!parseInitializer(r.bytes(), r.field() == field::SparseInitializer, out.initializers.emplace_back()))
        return damaged("initializer", out.initializers.size());
      break;
    case field::GraphInput:
      if (!parseValueInfo(r.bytes(), out.inputs.emplace_back()))
        return damaged("input", out.inputs.size());
      break;
    case field::GraphOutput:
      if (!parseValueInfo(r.bytes(), out.outputs.emplace_back()))
        return damaged("output", out.outputs.size());
      break;
    case field::ValueInfo:
      if (!parseValueInfo(r.bytes(), out.valueInfo.emplace_back()))
        return damaged("value_info", out.valueInfo.size());
      break;
    default:
      break;
    }
  }
  if (!r.ok())
    where = "the graph";
  return r.ok();
}

//===-- Model ------------------------------------------------------------------------===//

static bool parseOpset(llvm::StringRef bytes, std::pair<std::string, int64_t> &out) {
  WireReader r(bytes);
  while (r.next())
    if (r.field() == field::OpsetDomain)
      out.first = canonicalDomain(r.bytes()).str();
    else if (r.field() == field::OpsetVersion)
      out.second = r.i64();
  return r.ok();
}

static bool parseEntry(llvm::StringRef bytes, std::pair<llvm::StringRef, llvm::StringRef> &out) {
  WireReader r(bytes);
  while (r.next())
    if (r.field() == field::Key)
      out.first = r.bytes();
    else if (r.field() == field::EntryValue)
      out.second = r.bytes();
  return r.ok();
}

bool onnx::parseModel(llvm::StringRef bytes, ModelProto &out, std::string &where) {
  where = "the model";
  WireReader r(bytes);
  bool good = true;
  while (good && r.next()) {
    switch (r.field()) {
    case field::IrVersion:
      out.irVersion = r.i64();
      break;
    case field::ProducerName:
      out.producer = r.bytes();
      break;
    case field::ProducerVersion:
      out.producerVersion = r.bytes();
      break;
    case field::ModelGraph:
      out.hasGraph = true;
      good = parseGraph(r.bytes(), out.graph, where);
      break;
    case field::OpsetImport:
      good = parseOpset(r.bytes(), out.opsets.emplace_back());
      break;
    case field::Metadata:
      good = parseEntry(r.bytes(), out.metadata.emplace_back());
      break;
    case field::TrainingInfo:
      out.hasTraining = true;
      break;
    case field::Functions:
      out.functions.push_back(r.bytes());
      break;
    default:
      break;
    }
  }
  if (good && !r.ok())
    where = "the model";
  return good && r.ok();
}
