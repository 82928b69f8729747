//===- Schema.h - field numbers of the xmodel's protobuf messages --------------===//
//
// From facts on the file format (proto3). Attr is a oneof; vectors are messages with
// the repeated field at 1, Bytes a message with the bytes at 1, maps messages with
// the map at 1.
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_LIB_XIR_SCHEMA_H
#define DPUOPT_LIB_XIR_SCHEMA_H

#include <cstdint>

namespace dpuopt::xmodel {

namespace GraphField {
enum : uint32_t { Name = 1, Op = 5, Root = 10, Attr = 11, OpDef = 101 };
}
namespace OpField {
enum : uint32_t { Name = 1, Type = 2, Attr = 3, Arg = 4, Tensor = 5 };
}
namespace ArgField {
enum : uint32_t { Name = 1, Producer = 2 };
}
namespace TensorField {
enum : uint32_t { Name = 1, Dim = 2, DataType = 5, BitWidth = 6, Attr = 10 };
}
namespace SubgraphField {
enum : uint32_t { Name = 1, Op = 3, Attr = 5, Child = 10 };
}
namespace AttrField {
enum : uint32_t {
  Bool = 4,
  I32,
  U32,
  I64,
  U64,
  F32,
  F64,
  String,
  Bytes,
  BoolVec,
  I32Vec,
  U32Vec,
  I64Vec,
  U64Vec,
  F32Vec,
  F64Vec,
  StringVec,
  BytesVec,
  MapI32,
  MapU32,
  MapI64,
  MapU64,
  MapString,
  MapBytes,
  MapI32Vec,
  MapU32Vec,
  MapI64Vec,
  MapU64Vec,
  MapStringVec
};
}
static_assert(AttrField::Bytes == 12 && AttrField::BytesVec == 21 && AttrField::MapStringVec == 32);

/// Tensor data types.
enum DataType : int32_t { Int = 0, UInt = 1, XInt = 2, XUInt = 3, Float = 4, Unknown = 5 };

/// protobuf reads no larger message.
constexpr uint64_t MaxFileBytes = 0x7fffffff;

} // namespace dpuopt::xmodel
#endif
