//===- XirOps.h - the closed list of xir.* ops ------------------------------===//
//
// One table (lib/IR/XirOps.def), from libxir 2.5's operator definitions, read by the
// verifier, the xmodel reader/writer and the docs generator.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_IR_XIROPS_H
#define DPUOPT_IR_XIROPS_H

#include "dpuopt/IR/Attr.h"
#include <vector>

namespace dpuopt {

enum class Occurrence : uint8_t { Required, Optional, Repeated, RequiredAndRepeated };
/// What an argument's element type must be: a plain float/integer, a fix point
/// (compiled `*-fix` ops), or anything. (In a quantized xmodel a "FLOAT"
/// argument may be fixed: fix ops yield reals.)
enum class ArgElem : uint8_t { Float, Fix, Int, Any };

struct XirArg {
  const char *name; ///< "input", "weights", "bias", ...
  Occurrence occurrence;
  ArgElem elem;
};
struct XirAttr {
  const char *name;
  bool required;
  AttrKind kind; ///< List: see element
  AttrKind element = AttrKind::None;
  unsigned listLength = 0; ///< 0: any
};
struct XirOpDef {
  const char *type; ///< without prefix: "conv2d-fix"
  std::vector<XirArg> args;
  std::vector<XirAttr> attrs;
  bool builtin = true; ///< false: ops of later releases libxir 2.5 does not define
};

/// Null for a type that is not in the table (custom ops).
const XirOpDef *findXirOp(llvm::StringRef type);
llvm::ArrayRef<XirOpDef> xirOps();

/// The argument each operand of an `xir.*` op belongs to. Operands are in the
/// table's argument order: every non-repeated argument has exactly one slot (null
/// when absent; trailing nulls may be left out if no argument is repeated), the
/// repeated one takes the rest: matmul(x, W, _) has inputs x, W and no bias. Custom
/// ops keep theirs in the string-list attribute `arg_names` (default: all "input").
std::vector<std::string> xirArgNames(const class Op &op);
/// Operand of an `xir.*` op by argument name (first one of a repeated argument), or null.
class Value *xirArg(const class Op &op, llvm::StringRef argument);

/// What an `xir.*` op has that its definition does not, or the other way round.
struct XirProblem {
  std::string text;
  bool fatal;            ///< does libxir stop at it? (else it does not look)
  bool argument = false; ///< about what it reads, which is never accepted
};
std::vector<XirProblem> xirProblems(const class Op &op);
/// Attribute (a bool) of ops of a foreign file that have such problems: they are kept as
/// they are, the verifier accepts their attributes, nothing executes them.
constexpr const char *OffTable = "off_table";

} // namespace dpuopt
#endif
