//===- XirOps.cpp - the closed list of xir.* ops ------------------------------------===//
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/IR/Graph.h"
#include "llvm/ADT/StringMap.h"

using namespace dpuopt;

#define XIR_LIST(...) __VA_ARGS__
#define XIR_OP(type, args, attrs, builtin) {type, {XIR_LIST args}, {XIR_LIST attrs}, builtin},

llvm::ArrayRef<XirOpDef> dpuopt::xirOps() {
  static const std::vector<XirOpDef> table = {
#include "XirOps.def"
  };
  return table;
}

const XirOpDef *dpuopt::findXirOp(llvm::StringRef type) {
  static const llvm::StringMap<const XirOpDef *> byType = [] {
    llvm::StringMap<const XirOpDef *> map;
    for (const XirOpDef &def : xirOps())
      map[def.type] = &def;
    return map;
  }();
  return byType.lookup(type);
}

static bool isRepeated(const XirArg &a) {
  return a.occurrence == Occurrence::Repeated || a.occurrence == Occurrence::RequiredAndRepeated;
}

std::vector<std::string> dpuopt::xirArgNames(const Op &op) {
  const XirOpDef *def = findXirOp(op.name().startswith("xir.") ? op.name().drop_front(4) : op.name());
  if (const Attr *given = op.attr("arg_names"); given && given->isStringList())
    return given->asStrings();
  std::vector<std::string> names;
  if (!def)
    return std::vector<std::string>(op.numOperands(), "input");
  bool anyRepeated = llvm::any_of(def->args, isRepeated);
  size_t single = llvm::count_if(def->args, [](const XirArg &a) { return !isRepeated(a); });
  size_t repeats = anyRepeated && op.numOperands() > single ? op.numOperands() - single : 0;
  for (const XirArg &a : def->args)
    names.insert(names.end(), isRepeated(a) ? repeats : 1, a.name);
  return names;
}

Value *dpuopt::xirArg(const Op &op, llvm::StringRef argument) {
  std::vector<std::string> names = xirArgNames(op);
  for (size_t i = 0; i < names.size(); ++i)
    if (argument == names[i])
      return op.operand(i);
  return nullptr;
}
