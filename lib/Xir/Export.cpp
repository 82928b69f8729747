//===- Export.cpp - graph to .xmodel --------------------------------------------------===//
//
// Ops are written one after the other; the bytes of a constant go from the tensor
// straight to the file, so memory does not grow with the model. Attributes and maps
// are in byte order: the same graph gives the same bytes.
//
//===----------------------------------------------------------------------===//
#include "AttrCodec.h"
#include "Schema.h"
#include "dpuopt/IR/Verifier.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::xmodel;

/// Attributes that are how our IR says something, not part of the file.
static bool isOurs(llvm::StringRef name) {
  return name == "op_name" || name == "arg_names" || name == "tensor_attrs" || name == "tensor_type" || name == "xir_type" ||
         name == "value" || name == "reason";
}

static std::string opName(const Op &op) { return op.getString("op_name", op.result()->name()); }

static std::string opType(const Op &op) {
  if (!op.isConst())
    return op.name().drop_front(4).str();
  return op.getString("xir_type", op.result()->type().isFix() ? "const-fix" : "const");
}

//===-- Tensors ---------------------------------------------------------------===//

/// What the output tensor is in the file: a fix op's reals are floats there.
static ElemType fileElemType(const Op &op) {
  ElemType e = op.result()->type().elemType();
  std::string given = op.getString("tensor_type");
  if (!given.empty())
    return ElemType::parse(given).value_or(e);
  return op.is("xir.fix") ? ElemType(ElemKind::F32) : e;
}

static std::pair<DataType, int> fileDataType(ElemType e) {
  switch (e.kind) {
  case ElemKind::Fix:
    return {e.isSigned ? XInt : XUInt, e.bits};
  case ElemKind::F32:
  case ElemKind::F64:
  case ElemKind::F16:
    return {Float, int(e.byteSize() * 8)};
  case ElemKind::I8:
  case ElemKind::I16:
  case ElemKind::I32:
  case ElemKind::I64:
    return {Int, int(e.byteSize() * 8)};
  case ElemKind::U8:
  case ElemKind::U16:
  case ElemKind::U32:
  case ElemKind::U64:
    return {UInt, int(e.byteSize() * 8)};
  case ElemKind::Bool:
    return {UInt, 1};
  default:
    return {Unknown, 0};
  }
}

static WireWriter encodeTensor(const Op &op) {
  WireWriter out;
  out.bytes(TensorField::Name, op.result()->name());
  if (op.result()->type().rank())
    out.packedVarints(TensorField::Dim, op.result()->type().shape());
  auto [dataType, bits] = fileDataType(fileElemType(op));
  if (dataType)
    out.varint(TensorField::DataType, dataType);
  if (bits)
    out.varint(TensorField::BitWidth, bits);
  if (const Attr *attrs = op.attr("tensor_attrs"))
    for (auto &[name, value] : attrs->asMap())
      encodeAttrEntry(out, TensorField::Attr, name, value);
  return out;
}

//===-- Ops ---------------------------------------------------------------------===//

static std::string dataTypeName(ElemType e) { return e.isFix() ? fmt::format("{}INT{}", e.isSigned ? "X" : "XU", e.bits) : "FLOAT32"; }

/// All attributes of the file's op but `data`.
static AttrMap fileAttrs(const Op &op) {
  AttrMap attrs;
  for (auto &[name, value] : op.attrs())
    if (!isOurs(name))
      attrs[name] = value;
  const Type &type = op.result()->type();
  if (op.isConst()) {
    attrs.emplace("shape", Attr::i32s(type.shape()));
    attrs.emplace("data_type", Attr::string(type.isFix() ? dataTypeName(type.elemType()) : "float32"));
  } else if (op.isOneOf("xir.fix", "xir.float2fix")) {
    attrs.emplace("fix_point", Attr::i32(type.elemType().fixPoint));
    attrs.emplace("bit_width", Attr::i32(type.elemType().bits));
    attrs.emplace("if_signed", Attr::boolean(type.elemType().isSigned));
  } else if (!findXirOp(opType(op))) { // libxir infers nothing for a custom op
    attrs.emplace("shape", Attr::i32s(type.shape()));
    attrs.emplace("data_type", Attr::string(dataTypeName(type.elemType())));
  }
  return attrs;
}

static WireWriter encodeArgs(const Op &op) {
  WireWriter out;
  std::vector<std::string> names = xirArgNames(op);
  for (unsigned i = 0; i < op.numOperands();) {
    WireWriter arg;
    arg.bytes(ArgField::Name, names[i]);
    unsigned first = i, written = 0;
    for (; i < op.numOperands() && names[i] == names[first]; ++i)
      if (Value *v = op.operand(i)) {
        arg.bytes(ArgField::Producer, opName(*v->def()));
        ++written;
      }
    if (written)
      out.message(OpField::Arg, arg);
  }
  return out;
}

/// One op, cut at the constant's bytes: head, then `payload`, then tail.
namespace {
struct EncodedOp {
  std::string head, tail;
  const Tensor *payload = nullptr;
  uint64_t payloadBytes = 0;
};
} // namespace

static EncodedOp encodeOp(const Op &op) {
  EncodedOp out;
  WireWriter head, tail;
  head.bytes(OpField::Name, opName(op));
  head.bytes(OpField::Type, opType(op));
  if (const Tensor *t = op.isConst() ? op.getTensor("value") : nullptr) {
    out.payload = t;
    uint64_t n = out.payloadBytes = t->type().numBytes();
    // Attr entry {1: "data", 2: Attr{12: Bytes{1: payload}}}: lengths from the inside out.
    uint64_t bytesMessage = n ? 1 + varintSize(n) + n : 0;
    uint64_t attrMessage = 1 + varintSize(bytesMessage) + bytesMessage;
    WireWriter entry;
    entry.bytes(1, "data");
    entry.bytesHeader(2, attrMessage);
    entry.bytesHeader(AttrField::Bytes, bytesMessage);
    if (n)
      entry.bytesHeader(1, n);
    head.bytesHeader(OpField::Attr, entry.size() + n);
    out.head = head.str().str() + entry.str().str();
  } else {
    out.head = head.str().str();
  }
  for (auto &[name, value] : fileAttrs(op))
    encodeAttrEntry(tail, OpField::Attr, name, value);
  out.tail = tail.str().str() + encodeArgs(op).str().str();
  WireWriter tensor;
  tensor.message(OpField::Tensor, encodeTensor(op));
  out.tail += tensor.str();
  return out;
}

static void writePayload(const Tensor &t, llvm::raw_ostream &os) {
  if (!t.isSplat()) {
    os << t.storage().str();
    return;
  }
  std::string chunk;
  size_t element = t.storage().size(), left = t.type().numBytes();
  while (chunk.size() < std::min<size_t>(left, 1 << 16))
    chunk += t.storage().str();
  for (size_t n; left; left -= n) {
    n = std::min(left, chunk.size() / element * element);
    os.write(chunk.data(), n);
  }
}

//===-- Subgraphs -----------------------------------------------------------------===//

static const Attr *member(const Attr &dict, const char *key) {
  auto it = dict.asMap().find(key);
  return it == dict.asMap().end() ? nullptr : &it->second;
}

static WireWriter encodeSubgraph(const Attr &dict) {
  WireWriter out;
  if (const Attr *name = member(dict, "name"))
    out.bytes(SubgraphField::Name, name->asString());
  if (const Attr *ops = member(dict, "ops"))
    for (const Attr &op : ops->asList())
      out.bytes(SubgraphField::Op, op.asString());
  if (const Attr *attrs = member(dict, "attrs"))
    for (auto &[name, value] : attrs->asMap())
      encodeAttrEntry(out, SubgraphField::Attr, name, value);
  if (const Attr *children = member(dict, "children"))
    for (const Attr &child : children->asList())
      out.message(SubgraphField::Child, encodeSubgraph(child));
  return out;
}

static WireWriter encodeRoot(const Graph &g) {
  WireWriter out;
  out.bytes(SubgraphField::Name, "root");
  for (const Op &op : g.ops())
    out.bytes(SubgraphField::Op, opName(op));
  if (const Attr *attrs = g.attr("root_attrs"))
    for (auto &[name, value] : attrs->asMap())
      encodeAttrEntry(out, SubgraphField::Attr, name, value);
  if (const Attr *children = g.attr("subgraphs"))
    for (const Attr &child : children->asList())
      out.message(SubgraphField::Child, encodeSubgraph(child));
  return out;
}

static bool isGraphAttr(llvm::StringRef name) { return name != "root_attrs" && name != "subgraphs" && name != "op_defs"; }

//===-- Checks --------------------------------------------------------------------===//

namespace {
class Preflight {
public:
  Preflight(const Graph &g, DiagEngine &diags) : g(g), diags(diags) {}

  Status run() {
    if (failed(verify(g, diags)))
      return failure();
    if (g.ops().empty())
      error({}, "an xmodel cannot hold an empty graph");
    for (Value *in : g.inputs())
      error({in->name(), 0}, "input is not an xir.data op: run lower-to-xir first");
    llvm::StringSet<> names;
    for (const Op &op : g.ops())
      if (checkOp(op) && !names.insert(opName(op)).second)
        error(op.loc(), fmt::format("two ops are named '{}'", opName(op)));
    checkGraphAttrs(names);
    return good ? success() : failure();
  }

private:
  bool error(Location loc, std::string message) {
    diags.error(std::move(loc), std::move(message));
    return good = false;
  }

  bool checkOp(const Op &op) {
    if (!op.isXir() && !op.isConst())
      return error(op.loc(), fmt::format("{} has no XIR form: run lower-to-xir first", op.name().str()));
    if (op.numResults() != 1)
      return error(op.loc(), fmt::format("{} has {} results, an XIR op has one", op.name().str(), op.numResults()));
    const Type &type = op.result()->type();
    if (!type.isStatic() || fileDataType(type.elemType()).first == Unknown)
      return error(op.loc(), fmt::format("the type {} cannot be written", type.str()));
    for (int64_t d : type.shape())
      if (d > INT32_MAX)
        return error(op.loc(), fmt::format("the shape {} cannot be written", shapeStr(type.shape())));
    for (auto &[name, value] : op.attrs())
      if (!isOurs(name) && !isEncodable(value))
        return error(op.loc(), fmt::format("attribute '{}' is of a kind that an xmodel does not have", name));
    if (const Attr *attrs = op.attr("tensor_attrs"))
      return checkAttrs(*attrs, op.loc(), "tensor_attrs");
    return true;
  }

  bool checkAttrs(const Attr &dict, const Location &loc, const char *what) {
    if (!dict.is(AttrKind::Dict))
      return error(loc, fmt::format("{} is not a dictionary", what));
    for (auto &[name, value] : dict.asMap())
      if (!isEncodable(value))
        return error(loc, fmt::format("{}: '{}' is of a kind that an xmodel does not have", what, name));
    return true;
  }

  void checkGraphAttrs(const llvm::StringSet<> &opNames) {
    for (auto &[name, value] : g.attrs())
      if (isGraphAttr(name) && !isEncodable(value))
        error({}, fmt::format("graph attribute '{}' is of a kind that an xmodel does not have", name));
    if (const Attr *attrs = g.attr("root_attrs"))
      checkAttrs(*attrs, {}, "root_attrs");
    if (const Attr *children = g.attr("subgraphs"))
      checkSubgraphs(*children, opNames, 0);
  }

  bool checkSubgraphs(const Attr &list, const llvm::StringSet<> &opNames, unsigned depth) {
    if (!list.is(AttrKind::List) || depth > 32)
      return error({}, "graph attribute 'subgraphs' is not a list of subgraphs");
    for (const Attr &dict : list.asList()) {
      const Attr *name = dict.is(AttrKind::Dict) ? member(dict, "name") : nullptr;
      if (!name || !name->is(AttrKind::String))
        return error({}, "a subgraph has no name");
      const Attr *ops = member(dict, "ops"), *attrs = member(dict, "attrs"), *children = member(dict, "children");
      if (ops && !ops->isStringList())
        return error({}, fmt::format("subgraph '{}': its ops are not a list of names", name->asString()));
      if (ops)
        for (const std::string &op : ops->asStrings())
          if (!opNames.count(op))
            return error({}, fmt::format("subgraph '{}' names an op that does not exist: '{}'", name->asString(), op));
      if ((attrs && !checkAttrs(*attrs, {}, "subgraph attributes")) ||
          (children && !children->asList().empty() && !checkSubgraphs(*children, opNames, depth + 1)))
        return false;
    }
    return true;
  }

  const Graph &g;
  DiagEngine &diags;
  bool good = true;
};
} // namespace

Status dpuopt::checkExportable(const Graph &g, DiagEngine &diags) { return Preflight(g, diags).run(); }

Status dpuopt::exportXmodel(const Graph &g, llvm::StringRef path, DiagEngine &diags) {
  if (failed(checkExportable(g, diags)))
    return failure();
  return writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    WireWriter top;
    auto flush = [&] {
      os << top.str();
      top.clear();
    };
    top.bytes(GraphField::Name, g.name());
    for (const Op &op : g.ops()) {
      EncodedOp e = encodeOp(op);
      top.bytesHeader(GraphField::Op, e.head.size() + e.payloadBytes + e.tail.size());
      flush();
      os << e.head;
      if (e.payload)
        writePayload(*e.payload, os);
      os << e.tail;
    }
    top.message(GraphField::Root, encodeRoot(g));
    for (auto &[name, value] : g.attrs())
      if (isGraphAttr(name))
        encodeAttrEntry(top, GraphField::Attr, name, value);
    if (const Attr *defs = g.attr("op_defs"))
      for (const Attr &def : defs->asList())
        top.bytes(GraphField::OpDef, def.asBytes().str());
    flush();
    return success();
  });
}
