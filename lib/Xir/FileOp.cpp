//===- FileOp.cpp - how an op of ours is called in the file ------------------------===//
#include "FileOp.h"
#include "DataTypes.h"
#include "dpuopt/IR/XirOps.h"

using namespace dpuopt;
using namespace dpuopt::xmodel;

std::string xmodel::opName(const Op &op) { return op.getString("op_name", op.result()->name()); }

std::string xmodel::opType(const Op &op) {
  if (!op.isConst())
    return op.name().drop_front(strlen("xir.")).str();
  return op.getString("xir_type", defaultConstType(op.result()->type().elemType()));
}

bool xmodel::isCustom(const Op &op) { return !op.isConst() && !findXirOp(opType(op)); }

std::vector<std::string> xmodel::emptyArgs(const Op &op) {
  if (const Attr *given = op.attr("empty_args"))
    return given->asStrings();
  std::vector<std::string> empty;
  const XirOpDef *def = op.isConst() ? nullptr : findXirOp(opType(op));
  if (!def)
    return empty;
  std::vector<std::string> names = xirArgNames(op);
  for (const XirArg &arg : def->args) {
    bool there = false;
    for (unsigned i = 0; i < op.numOperands(); ++i)
      there |= op.operand(i) && names[i] == arg.name;
    if (!there && arg.occurrence == Occurrence::Optional)
      empty.push_back(arg.name);
  }
  return empty;
}

bool xmodel::isOurs(llvm::StringRef name) {
  static const llvm::StringRef ours[] = {"absent_attrs", "arg_names", "empty_args",   "in_parameters",
                                         "off_table",    "op_name",   "tensor_attrs", "tensor_fix",
                                         "tensor_type",  "value",     "xir_type"};
  return llvm::is_contained(ours, name);
}

bool xmodel::isOurs(const Op &op, llvm::StringRef name) {
  return isOurs(name) && !(name == "arg_names" && isCustom(op));
}

bool xmodel::isOurGraphAttr(llvm::StringRef name) {
  return name == "op_defs" || name == "root_attrs" || name == "subgraphs";
}

AttrMap xmodel::fileAttrs(const Op &op) {
  AttrMap attrs;
  for (auto &[name, value] : op.attrs())
    if (!isOurs(op, name))
      attrs[name] = value;
  const Type &type = op.result()->type();
  const XirOpDef *def = findXirOp(opType(op));
  if (op.isConst()) {
    attrs.emplace("shape", Attr::i32s(type.shape()));
    attrs.emplace("data_type", Attr::string(defaultConstDataType(type.elemType())));
  } else if (op.isOneOf("xir.fix", "xir.float2fix")) {
    for (auto &[name, value] : fixAttrs(type.elemType()))
      attrs.emplace(name, value);
  } else if (!def || !def->builtin) { // libxir 2.5 infers nothing for these and asks for both
    const Attr *absent = op.attr("absent_attrs");
    std::vector<std::string> names = absent ? absent->asStrings() : std::vector<std::string>();
    for (auto &[name, value] : sourceAttrs(type))
      if (!llvm::is_contained(names, name))
        attrs.emplace(name, value);
  }
  return attrs;
}

AttrMap xmodel::tensorAttrs(const Op &op) {
  AttrMap attrs;
  if (const Attr *own = op.attr("tensor_attrs"))
    attrs = own->asMap();
  ElemType elem = tensorElem(op);
  if (!elem.isFix())
    return attrs;
  const Attr *some = op.attr("tensor_fix");
  std::vector<std::string> names = some ? some->asStrings() : std::vector<std::string>();
  for (auto &[name, value] : fixAttrs(elem))
    if (!some || llvm::is_contained(names, name))
      attrs.emplace(name, value);
  return attrs;
}

ElemType xmodel::tensorElem(const Op &op) {
  ElemType dflt = defaultTensorElem(op);
  std::string given = op.getString("tensor_type");
  return given.empty() ? dflt : ElemType::parse(given).value_or(dflt);
}
