//===- Wire.h - the protobuf wire format, read and written in place -------===//
//
// A pull reader over bytes that are already in memory (mapped), and a writer.
// Neither knows any schema: lib/Onnx and lib/Xir say what the field numbers
// mean. Length-delimited fields are returned as views, so a 100 MB weight is
// never copied. Malformed input makes ok() false and ends the iteration; it
// cannot read out of bounds. (protobuf encoding spec, proto2/proto3.)
//
//===----------------------------------------------------------------------===//
#ifndef DPUOPT_SUPPORT_WIRE_H
#define DPUOPT_SUPPORT_WIRE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <string>
#include <vector>

namespace dpuopt {

/// Iterates over the fields of one message:
///   for (WireReader r(bytes); r.next();) switch (r.field()) { ... }
///   if (!r.ok()) -> truncated or malformed
class WireReader {
public:
  enum WireType : uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

  explicit WireReader(llvm::StringRef message) : cur(message.bytes_begin()), end(message.bytes_end()) {}
  explicit WireReader(llvm::ArrayRef<uint8_t> message) : cur(message.begin()), end(message.end()) {}

  /// Advances to the next field; false at the end or on malformed input.
  bool next();
  bool ok() const { return good; }

  uint32_t field() const { return fieldNumber; }
  WireType type() const { return wireType; }

  /// The current field's value; the wrong wire type yields 0 / empty and clears ok().
  uint64_t u64();
  int64_t i64() { return static_cast<int64_t>(u64()); }
  int32_t i32() { return static_cast<int32_t>(u64()); }
  uint32_t u32() { return static_cast<uint32_t>(u64()); }
  bool boolean() { return u64() != 0; }
  float f32();
  double f64();
  llvm::StringRef bytes(); ///< string, bytes, sub-message or packed list

  /// Appends a repeated scalar field whether it is packed or not.
  void appendVarints(std::vector<int64_t> &out);
  void appendVarints(std::vector<uint64_t> &out);
  void appendFloats(std::vector<float> &out);
  void appendDoubles(std::vector<double> &out);

private:
  bool readVarint(uint64_t &value);
  bool fail() {
    good = false;
    return false;
  }

  const uint8_t *cur, *end;
  uint32_t fieldNumber = 0;
  WireType wireType = Varint;
  uint64_t scalar = 0;
  llvm::StringRef payload;
  bool good = true;
};

/// Appends fields to a byte string. Writes exactly what it is told, in that
/// order: determinism is the caller's order.
class WireWriter {
public:
  void varint(uint32_t field, uint64_t value); ///< int32/int64/uint/bool/enum
  void fixed32(uint32_t field, uint32_t bits);
  void fixed64(uint32_t field, uint64_t bits);
  void f32(uint32_t field, float value);
  void f64(uint32_t field, double value);
  void bytes(uint32_t field, llvm::StringRef value); ///< string, bytes
  void message(uint32_t field, const WireWriter &sub) { bytes(field, sub.str()); }
  template <class Range> void packedVarints(uint32_t field, const Range &values) {
    WireWriter sub;
    for (auto v : values)
      sub.rawVarint(static_cast<uint64_t>(static_cast<int64_t>(v)));
    bytes(field, sub.str());
  }
  void packedFloats(uint32_t field, llvm::ArrayRef<float> values);
  void packedDoubles(uint32_t field, llvm::ArrayRef<double> values);
  /// Tag and length of a bytes field whose `size` bytes the caller streams itself.
  void bytesHeader(uint32_t field, uint64_t size);
  void rawVarint(uint64_t value);

  llvm::StringRef str() const { return buffer; }
  size_t size() const { return buffer.size(); }
  void clear() { buffer.clear(); }

private:
  void tag(uint32_t field, unsigned wireType) { rawVarint(uint64_t(field) << 3 | wireType); }
  std::string buffer;
};

/// Bytes a varint takes (1 to 10).
unsigned varintSize(uint64_t value);

} // namespace dpuopt
#endif
