//===- FileOp.h - how an op of ours is called in the file --------------------------===//
#ifndef DPUOPT_LIB_XIR_FILEOP_H
#define DPUOPT_LIB_XIR_FILEOP_H

#include "dpuopt/IR/Graph.h"

namespace dpuopt::xmodel {

/// Op name: the result's, unless attribute `op_name` says otherwise.
std::string opName(const Op &op);
/// Op type: without our prefix; a `const` op's by its element type or `xir_type`.
std::string opType(const Op &op);
/// Is the type in no table? libxir makes up its definition: one repeated argument
/// `input`. All operands are written as that, and `arg_names` is an attribute like any.
bool isCustom(const Op &op);
/// Arguments the file has without a producer: the optional ones that `op` lacks, which is how libxir writes every
/// op, or what attribute `empty_args` says.
std::vector<std::string> emptyArgs(const Op &op);
/// Attributes of `op` that say something about the file in our own way and are not in it.
bool isOurs(const Op &op, llvm::StringRef attribute);
/// Such names whatever the op; a file that has them cannot be kept.
bool isOurs(llvm::StringRef attribute);
/// Graph attributes that are written as something else than graph attributes.
bool isOurGraphAttr(llvm::StringRef attribute);
/// All attributes of the op as the file has them, without a constant's `data`.
AttrMap fileAttrs(const Op &op);
/// All attributes of its tensor.
AttrMap tensorAttrs(const Op &op);
/// Element type of its tensor in the file; a fix op's reals are floats there.
ElemType tensorElem(const Op &op);

} // namespace dpuopt::xmodel
#endif
