//===- XirOps.cpp - the closed list of xir.* ops ------------------------------------===//
#include "dpuopt/IR/XirOps.h"
#include "dpuopt/IR/Graph.h"
#include "dpuopt/IR/Text.h"
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

//===-- What does not fit the table --------------------------------------------------===//

static void checkArgs(const Op &op, const XirOpDef &def, std::vector<XirProblem> &out) {
  std::vector<std::string> names = xirArgNames(op);
  for (const XirArg &arg : def.args) {
    unsigned present = 0;
    for (unsigned i = 0; i < op.numOperands(); ++i)
      if (i < names.size() && names[i] == arg.name && op.operand(i))
        ++present;
    bool required = arg.occurrence == Occurrence::Required || arg.occurrence == Occurrence::RequiredAndRepeated;
    if (required && !present)
      out.push_back({std::string("argument '") + arg.name + "' is required", true, true});
  }
  if (names.size() < op.numOperands())
    out.push_back(
        {"takes at most " + std::to_string(names.size()) + " arguments, has " + std::to_string(op.numOperands()),
         true, true});
}

/// libxir looks at no kind until it infers a shape: it reads the names of modes nowhere
/// then, and takes lists of integers for lists of floats.
static bool toleratesKind(const XirAttr &want, const Attr &a) {
  bool intsForFloats = want.kind == AttrKind::List && want.element == AttrKind::F32 && a.is(AttrKind::List) &&
                       a.elementKind() == AttrKind::I32;
  bool mode = want.kind == AttrKind::String && llvm::StringRef(want.name) != "pad_mode" &&
              llvm::StringRef(want.name) != "data_type";
  return intsForFloats || mode;
}

static void checkAttr(const Op &op, const XirAttr &want, std::vector<XirProblem> &out) {
  // The fix point of these lives in the result type; const data in `value`.
  static const llvm::StringRef inType[] = {"fix_point", "bit_width", "if_signed"};
  const Attr *a = op.attr(want.name);
  std::string name = std::string("attribute '") + want.name + "'";
  if (!a) {
    bool implied = llvm::is_contained(inType, want.name) && op.numResults() == 1 && op.result()->type().isFix();
    if (want.required && !implied)
      out.push_back({name + " is required", true});
    return;
  }
  bool listOk =
      want.kind != AttrKind::List || a->elementKind() == want.element || (a->is(AttrKind::List) && a->asList().empty());
  if (a->kind() != want.kind || !listOk)
    out.push_back({name + " has the wrong kind: " + printAttr(*a), !toleratesKind(want, *a)});
  else if (want.listLength && want.kind == AttrKind::List && a->asList().size() != want.listLength)
    out.push_back(
        {name + " needs " + std::to_string(want.listLength) + " elements, has " + std::to_string(a->asList().size()),
         true});
}

std::vector<XirProblem> dpuopt::xirProblems(const Op &op) {
  std::vector<XirProblem> out;
  const XirOpDef *def = op.isXir() ? findXirOp(op.name().drop_front(4)) : nullptr;
  if (!def)
    return out; // custom op: anything goes
  checkArgs(op, *def, out);
  for (const XirAttr &a : def->attrs)
    checkAttr(op, a, out);
  return out;
}
