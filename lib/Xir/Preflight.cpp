//===- Preflight.cpp - everything libxir would abort on ------------------------------===//
//
// The verifier knows the table of operators (required arguments, attributes and their
// kinds). What is checked here is what else makes a file unreadable: names, text,
// shapes, types, values that libxir's shape inference stops at, the subgraph tree.
//
//===----------------------------------------------------------------------===//
#include "AttrCodec.h"
#include "DataTypes.h"
#include "FileOp.h"
#include "Parameters.h"
#include "Schema.h"
#include "Subgraphs.h"
#include "dpuopt/IR/Verifier.h"
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/Xir/Xir.h"
#include "llvm/ADT/StringSet.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::xmodel;

namespace {
class Preflight {
public:
  Preflight(const Graph &g, DiagEngine &diags) : g(g), diags(diags) {}

  Status run() {
    if (failed(verify(g, diags)))
      return failure();
    if (g.ops().empty())
      error({}, "an xmodel needs at least one op: the graph is empty");
    for (Value *in : g.inputs())
      error({in->name(), 0}, "the input is not an xir.data op: run lower-to-xir first");
    llvm::StringSet<> seen;
    for (const Op &op : g.ops()) {
      if (!checkOp(op))
        continue;
      names.push_back(opName(op));
      if (!seen.insert(names.back()).second)
        error(op, fmt::format("two ops are named '{}'", names.back()));
    }
    if (good) {
      checkSize();
      checkGraph();
    }
    return good ? success() : failure();
  }

private:
  bool error(Location loc, std::string message) {
    diags.error(std::move(loc), std::move(message));
    return good = false;
  }
  bool error(const Op &op, std::string message) {
    Location loc = op.loc();
    if (loc.node.empty() && op.numResults())
      loc.node = op.result()->name();
    return error(std::move(loc), std::move(message));
  }

  bool checkOp(const Op &op) {
    if (!op.isXir() && !op.isConst())
      return error(op, fmt::format("{} has no XIR form: run lower-to-xir first", op.name().str()));
    if (op.numResults() != 1)
      return error(op, fmt::format("{} has {} results, an XIR op has one", op.name().str(), op.numResults()));
    if (op.getBool(OffTable))
      for (const XirProblem &p : xirProblems(op))
        if (p.fatal)
          return error(op, fmt::format("libxir would not read this op again: {} {}", opType(op), p.text));
    return checkOurAttrs(op) && checkName(op) && checkType(op) && checkAttrs(op) && checkArgs(op);
  }

  /// The attributes of ours that the writer relies on.
  bool checkOurAttrs(const Op &op) {
    for (const char *list : {"absent_attrs", "arg_names", "empty_args", "tensor_fix"})
      if (const Attr *a = op.attr(list); a && !a->isStringList())
        return error(op, fmt::format("attribute '{}' must be a list of strings", list));
    if (const Attr *a = op.attr("tensor_attrs"); a && !a->is(AttrKind::Dict))
      return error(op, "attribute 'tensor_attrs' must be a dictionary");
    if (const Attr *a = op.attr("tensor_type"); a && (!a->is(AttrKind::String) || !ElemType::parse(a->asString())))
      return error(op, "attribute 'tensor_type' must name an element type");
    return true;
  }

  bool checkName(const Op &op) {
    if (opName(op).empty() || opType(op).empty())
      return error(op, "an XIR op needs a name and a type");
    if (!isUtf8(opName(op)) || !isUtf8(op.result()->name()) || !isUtf8(opType(op)))
      return error(op, "the name must be UTF-8 text");
    return true;
  }

  bool checkType(const Op &op) {
    const Type &type = op.result()->type();
    if (!type.isStatic())
      return error(op, fmt::format("the shape must be known, the type is {}", type.str()));
    for (int64_t d : type.shape())
      if (d < 1 || d > INT32_MAX)
        return error(op,
                     fmt::format("every dimension must be in 1..2147483647, the shape is {}", shapeStr(type.shape())));
    if (!fileTypeOf(type.elemType()) || !fileTypeOf(tensorElem(op)))
      return error(op, fmt::format("an xmodel has no data type for {}", type.elemType().str()));
    if (op.isOneOf("xir.fix", "xir.float2fix") && !type.isFix())
      return error(op, fmt::format("the result must have a fix point, the type is {}", type.str()));
    static const llvm::StringRef sources[] = {"const", "const-fix", "data", "data-fix"};
    if (llvm::is_contained(sources, opType(op)))
      return checkSource(op, type);
    return true;
  }

  /// `shape` and `data_type` are all that libxir knows of these.
  bool checkSource(const Op &op, const Type &type) {
    if (type.rank() == 0)
      return error(op, "a source needs at least one dimension");
    AttrMap attrs = fileAttrs(op);
    auto shape = attrs.find("shape"), dataType = attrs.find("data_type");
    if (shape == attrs.end() || !shape->second.isIntList() ||
        llvm::makeArrayRef(shape->second.asInts()) != type.shape())
      return error(op, fmt::format("attribute 'shape' must be the result's shape {}", shapeStr(type.shape())));
    std::optional<ElemType> named;
    if (dataType != attrs.end() && dataType->second.is(AttrKind::String))
      named = parseDataTypeName(dataType->second.asString());
    ElemType have = tensorElem(op);
    have.fixPoint = 0;
    if (named != have)
      return error(op, fmt::format("attribute 'data_type' must be {}", dataTypeName(have)));
    return true;
  }

  bool checkAttrs(const Op &op) {
    for (auto &[name, value] : op.attrs())
      if (!isOurs(op, name) && (!isEncodable(value) || !isUtf8(name)))
        return error(op,
                     fmt::format("attribute '{}' is of a kind that an xmodel does not have, or is not UTF-8", name));
    if (const Attr *attrs = op.attr("tensor_attrs"); attrs && !areEncodable(*attrs))
      return error(op, "attribute 'tensor_attrs' holds a kind that an xmodel does not have");
    if (const Attr *mode = op.attr("pad_mode"); mode && mode->is(AttrKind::String)) {
      static const llvm::StringRef modes[] = {"FLOOR", "CEIL", "SAME", "VALID"};
      if (!llvm::is_contained(modes, mode->asString()))
        return error(op, fmt::format("pad_mode must be FLOOR, CEIL, SAME or VALID, is '{}'", mode->asString()));
    }
    const XirOpDef *def = findXirOp(opType(op));
    for (const char *window : {"kernel", "stride", "dilation"})
      if (const Attr *a = op.attr(window);
          def && a && a->isIntList() && llvm::any_of(a->asInts(), [](int64_t v) { return v < 1; }))
        return error(op, fmt::format("every element of '{}' must be at least 1", window));
    return true;
  }

  static bool areEncodable(const Attr &dict) {
    return dict.is(AttrKind::Dict) &&
           llvm::all_of(dict.asMap(), [](auto &e) { return isEncodable(e.second) && isUtf8(e.first); });
  }

  bool checkArgs(const Op &op) {
    std::vector<std::string> argNames = xirArgNames(op);
    if (argNames.size() < op.numOperands())
      return error(op,
                   fmt::format("attribute 'arg_names' names {} of {} arguments", argNames.size(), op.numOperands()));
    const XirOpDef *def = findXirOp(opType(op));
    llvm::StringMap<unsigned> count;
    for (unsigned i = 0; i < op.numOperands(); ++i)
      if (op.operand(i))
        ++count[argNames[i]];
    for (auto &entry : count) {
      std::string name = entry.first().str();
      if (def && !declares(*def, name))
        return error(op, fmt::format("{} has no argument '{}'", def->type, name));
      if (def && entry.second > 1 && !isRepeated(*def, name))
        return error(op,
                     fmt::format("argument '{}' is given {} times, {} takes it once", name, entry.second, def->type));
    }
    return true;
  }

  static bool declares(const XirOpDef &def, llvm::StringRef arg) {
    return llvm::any_of(def.args, [&](const XirArg &a) { return arg == a.name; });
  }
  static bool isRepeated(const XirOpDef &def, llvm::StringRef arg) {
    return llvm::any_of(def.args, [&](const XirArg &a) {
      return arg == a.name && (a.occurrence == Occurrence::Repeated || a.occurrence == Occurrence::RequiredAndRepeated);
    });
  }

  /// Constants alone, so that no gigabytes are written in vain.
  void checkSize() {
    uint64_t bytes = 0;
    for (const Op &op : g.ops())
      if (op.isConst() && !op.getBool(InParameters))
        bytes += static_cast<uint64_t>(op.result()->type().numBytes());
    if (bytes > MaxFileBytes)
      error({},
            fmt::format("the constants take {} bytes, an xmodel can have 2147483647: protobuf reads no more", bytes));
  }

  void checkGraph() {
    if (!isUtf8(g.name()))
      error({}, "the graph's name must be UTF-8 text");
    for (auto &[name, value] : g.attrs())
      if (!isOurGraphAttr(name) && (!isEncodable(value) || !isUtf8(name)))
        error({}, fmt::format("graph attribute '{}' is of a kind that an xmodel does not have, or is not UTF-8", name));
    if (const Attr *attrs = g.attr("root_attrs"); attrs && !areEncodable(*attrs))
      error({}, "graph attribute 'root_attrs' must be a dictionary of what an xmodel can hold");
    if (const Attr *defs = g.attr("op_defs");
        defs && (!defs->is(AttrKind::List) || defs->elementKind() != AttrKind::Bytes))
      error({}, "graph attribute 'op_defs' must be a list of bytes");
    if (const Attr *tree = g.attr("subgraphs"))
      if (std::string bad = checkSubgraphs(*tree, names); !bad.empty())
        error({}, bad);
    if (good)
      checkParameters();
  }

  /// Numbers that are in a DPU subgraph's parameters are not written with their op: they
  /// must be what is there.
  void checkParameters() {
    Parameters parameters(g.attr("subgraphs"));
    for (const Op &op : g.ops()) {
      if (!op.isConst() || !op.getBool(InParameters))
        continue;
      std::string why = "its tensor has no reg_id and ddr_addr";
      std::optional<Blob> there = parameters.find(opName(op), op.result()->type(), tensorAttrs(op), why);
      const Tensor &value = *op.getTensor("value");
      if (!there)
        error(op, fmt::format("the constant should be in its subgraph's parameters: {}", why));
      else if (!(Tensor(value.type(), *there) == value))
        error(op, "the constant is not what its subgraph's parameters have: a compiled model's numbers cannot change");
    }
  }

  const Graph &g;
  DiagEngine &diags;
  std::vector<std::string> names;
  bool good = true;
};
} // namespace

Status dpuopt::checkExportable(const Graph &g, DiagEngine &diags) { return Preflight(g, diags).run(); }
