//===- Export.cpp - graph to .xmodel --------------------------------------------------===//
//
// Ops are encoded and written one after the other; the bytes of a constant go from the
// tensor straight to the file, so memory does not grow with the model. Attributes and
// maps are in byte order: the same graph gives the same bytes.
//
//===----------------------------------------------------------------------===//
#include "AttrCodec.h"
#include "DataTypes.h"
#include "FileOp.h"
#include "Parameters.h"
#include "Schema.h"
#include "Subgraphs.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Support/File.h"
#include "dpuopt/Xir/Xir.h"

using namespace dpuopt;
using namespace dpuopt::xmodel;

static Rope encodeTensor(const Op &op) {
  Rope out;
  out.string(TensorField::Name, op.result()->name());
  if (op.result()->type().rank())
    out.packedVarints(TensorField::Dim, op.result()->type().shape());
  FileType type = *fileTypeOf(tensorElem(op));
  if (type.dataType)
    out.varint(TensorField::DataType, static_cast<uint64_t>(type.dataType));
  out.varint(TensorField::BitWidth, static_cast<uint64_t>(type.bits));
  for (auto &[name, value] : tensorAttrs(op))
    encodeAttrEntry(out, TensorField::Attr, name, value);
  return out;
}

/// Arguments in the table's order. Equal names need not be neighbours: the first
/// decides where the argument stands.
static void encodeArgs(const Op &op, Rope &out) {
  std::vector<std::string> names = xirArgNames(op);
  std::vector<std::pair<std::string, Rope>> args;
  auto arg = [&](const std::string &name) -> Rope & {
    for (auto &[known, rope] : args)
      if (known == name)
        return rope;
    Rope &made = args.emplace_back(name, Rope()).second;
    made.string(ArgField::Name, name);
    return made;
  };
  for (unsigned i = 0; i < op.numOperands(); ++i)
    if (Value *v = op.operand(i))
      arg(isCustom(op) ? "input" : names[i]).string(ArgField::Producer, opName(*v->def()));
  for (const std::string &name : emptyArgs(op))
    arg(name);
  for (auto &[name, rope] : args)
    out.message(OpField::Arg, std::move(rope));
}

/// The attribute entry {1: "data", 2: Attr{12: Bytes{1: payload}}}.
static Rope encodeData(const Tensor &value) {
  Rope bytes, attr, entry;
  llvm::StringRef stored = value.storage().str();
  if (value.isSplat())
    bytes.splat(1, stored, static_cast<uint64_t>(value.type().numBytes()));
  else if (!stored.empty())
    bytes.bytes(1, stored);
  attr.message(AttrField::Bytes, std::move(bytes));
  entry.string(1, "data");
  entry.message(2, std::move(attr));
  return entry;
}

static Rope encodeOp(const Op &op) {
  Rope out;
  out.string(OpField::Name, opName(op));
  out.string(OpField::Type, opType(op));
  AttrMap attrs = fileAttrs(op); // big bytes in it are still the graph's own
  if (op.isConst())              // what is in the DPU's parameters is not written again
    out.message(OpField::Attr, encodeData(op.getBool(InParameters) ? Tensor() : *op.getTensor("value")));
  for (auto &[name, value] : attrs)
    encodeAttrEntry(out, OpField::Attr, name, value);
  encodeArgs(op, out);
  out.message(OpField::Tensor, encodeTensor(op));
  return out;
}

static void writeField(uint32_t field, Rope message, llvm::raw_ostream &os) {
  Rope top;
  top.message(field, std::move(message));
  top.write(os);
}

/// Are the outputs all ops without a user, in order? Then a reader of the file finds them without help.
static bool outputsAreLeaves(const Graph &g) {
  size_t next = 0;
  for (const Op &op : g.ops())
    if (llvm::all_of(op.result()->uses(), [](const Use &u) { return u.user->isReturn(); }))
      if (next == g.outputs().size() || g.outputs()[next++] != op.result())
        return false;
  return next == g.outputs().size();
}

static Attr outputOps(const Graph &g) {
  std::vector<std::string> names;
  for (const Value *v : g.outputs())
    names.push_back(opName(*v->def()));
  return Attr::strings(names);
}

/// False if the file gets larger than protobuf reads.
static bool writeGraph(const Graph &g, llvm::raw_ostream &os) {
  Rope head, tail;
  head.string(GraphField::Name, g.name());
  head.write(os);
  std::vector<std::string> names;
  for (const Op &op : g.ops()) {
    names.push_back(opName(op));
    writeField(GraphField::Op, encodeOp(op), os);
    if (os.tell() > MaxFileBytes)
      return false;
  }
  writeField(GraphField::Root, encodeRoot(names, g.attr("root_attrs"), g.attr("subgraphs")), os);
  for (auto &[name, value] : g.attrs())
    if (!isOurGraphAttr(name))
      encodeAttrEntry(tail, GraphField::Attr, name, value);
  if (!g.attr("return_ops") && !outputsAreLeaves(g))
    encodeAttrEntry(tail, GraphField::Attr, "return_ops", outputOps(g));
  if (const Attr *defs = g.attr("op_defs"))
    for (const Attr &def : defs->asList())
      tail.bytes(GraphField::OpDef, def.asBytes().str());
  tail.write(os);
  return os.tell() <= MaxFileBytes;
}

Status dpuopt::exportXmodel(const Graph &g, llvm::StringRef path, DiagEngine &diags) {
  if (failed(checkExportable(g, diags)))
    return failure();
  return writeFileAtomically(path, diags, [&](llvm::raw_pwrite_stream &os) {
    if (writeGraph(g, os))
      return success();
    return static_cast<Status>(
        diags.error("the xmodel would be larger than 2 GiB, the most that protobuf reads").file(path.str()));
  });
}
