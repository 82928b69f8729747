//===- DataTypes.cpp - the xmodel's tensor data types and ours --------------------===//
#include "DataTypes.h"
#include "Schema.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::xmodel;

std::optional<FileType> xmodel::fileTypeOf(ElemType e) {
  int bits = static_cast<int>(e.byteSize() * 8);
  switch (e.kind) {
  case ElemKind::Fix:
    return FileType{e.isSigned ? XInt : XUInt, e.bits};
  case ElemKind::F16:
  case ElemKind::F32:
  case ElemKind::F64:
    return FileType{Float, bits};
  case ElemKind::Bool:
    return FileType{UInt, 1};
  case ElemKind::I8:
  case ElemKind::I16:
  case ElemKind::I32:
  case ElemKind::I64:
    return FileType{Int, bits};
  case ElemKind::U8:
  case ElemKind::U16:
  case ElemKind::U32:
  case ElemKind::U64:
    return FileType{UInt, bits};
  default:
    return std::nullopt;
  }
}

std::optional<ElemType> xmodel::elemTypeOf(FileType t) {
  if (t.dataType == XInt || t.dataType == XUInt) {
    if (t.bits < 1 || t.bits > 32)
      return std::nullopt;
    return ElemType::fix(static_cast<unsigned>(t.bits), 0, t.dataType == XInt);
  }
  static constexpr ElemKind plain[] = {ElemKind::F16, ElemKind::F32, ElemKind::F64, ElemKind::Bool,
                                       ElemKind::I8,  ElemKind::I16, ElemKind::I32, ElemKind::I64,
                                       ElemKind::U8,  ElemKind::U16, ElemKind::U32, ElemKind::U64};
  for (ElemKind kind : plain)
    if (FileType f = *fileTypeOf(kind); f.dataType == t.dataType && f.bits == t.bits)
      return ElemType(kind);
  return std::nullopt;
}

static const std::pair<const char *, DataType> families[] = {
    {"INT", Int}, {"UINT", UInt}, {"XINT", XInt}, {"XUINT", XUInt}, {"FLOAT", Float}};

std::string xmodel::dataTypeName(ElemType e) {
  std::optional<FileType> f = fileTypeOf(e);
  for (auto &[name, dataType] : families)
    if (f && f->dataType == dataType)
      return fmt::format("{}{}", name, f->bits);
  return "";
}

std::optional<ElemType> xmodel::parseDataTypeName(llvm::StringRef name) {
  for (auto &[family, dataType] : families) {
    int32_t bits;
    if (name.take_front(strlen(family)).equals_insensitive(family) &&
        !name.drop_front(strlen(family)).getAsInteger(10, bits))
      return elemTypeOf({dataType, bits});
  }
  return std::nullopt;
}

ElemType xmodel::defaultTensorElem(const Op &op) {
  return op.is("xir.fix") ? ElemType(ElemKind::F32) : op.result()->type().elemType();
}

std::string xmodel::defaultConstDataType(ElemType e) { return e.kind == ElemKind::F32 ? "float32" : dataTypeName(e); }

AttrMap xmodel::sourceAttrs(const Type &type) {
  return {{"data_type", Attr::string(dataTypeName(type.elemType()))}, {"shape", Attr::i32s(type.shape())}};
}

AttrMap xmodel::fixAttrs(ElemType e) {
  return {
      {"bit_width", Attr::i32(e.bits)}, {"fix_point", Attr::i32(e.fixPoint)}, {"if_signed", Attr::boolean(e.isSigned)}};
}
