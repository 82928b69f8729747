//===- DataTypes.h - the xmodel's tensor data types and ours ----------------------===//
#ifndef DPUOPT_LIB_XIR_DATATYPES_H
#define DPUOPT_LIB_XIR_DATATYPES_H

#include "dpuopt/IR/Graph.h"
#include <string>

namespace dpuopt::xmodel {

/// A data type as a file has it; the fix point is apart from it, in attributes.
struct FileType {
  int32_t dataType; ///< Schema.h
  int32_t bits;
};

/// nullopt for what a file cannot hold (none, strings, bfloat16).
std::optional<FileType> fileTypeOf(ElemType e);
/// nullopt for widths that no tensor of ours has. Fix types get fix point 0.
std::optional<ElemType> elemTypeOf(FileType t);

/// "FLOAT32", "XINT8", ... as in attribute `data_type`.
std::string dataTypeName(ElemType e);
/// Reads such a name in any case, like libxir; fix types get fix point 0.
std::optional<ElemType> parseDataTypeName(llvm::StringRef name);

//===-- What the file says by default, so that our text need not repeat it --------===//

/// The tensor's data type in the file: that of the result, except that a `fix` op's
/// tensor holds reals. Attribute `tensor_type` overrides it.
ElemType defaultTensorElem(const Op &op);
/// XIR type of a `const` op, unless attribute `xir_type` overrides it.
inline const char *defaultConstType(ElemType e) { return e.isFix() ? "const-fix" : "const"; }
/// Attribute `data_type` of a `const` op: the quantizer writes "float32", in lower case.
std::string defaultConstDataType(ElemType e);
/// Attributes shape and data_type, which libxir asks of ops it does not know.
AttrMap sourceAttrs(const Type &type);
/// Attributes bit_width, fix_point and if_signed of a fix op or a fixed-point tensor.
AttrMap fixAttrs(ElemType e);

} // namespace dpuopt::xmodel
#endif
