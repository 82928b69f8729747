//===- Wire.cpp - the protobuf wire format, read and written in place -----===//
#include "dpuopt/Support/Wire.h"
#include "llvm/Support/Endian.h"
#include <cstring>

using namespace dpuopt;
namespace endian = llvm::support::endian;

//===-- Reader -------------------------------------------------------------===//

/// Reads one varint at `cur`; false when it runs past `end` or past 64 bits.
static bool decodeVarint(const uint8_t *&cur, const uint8_t *end, uint64_t &value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && cur != end; shift += 7) {
    uint8_t byte = *cur++;
    if (shift == 63 && byte > 1)
      return false; // bits beyond the 64th
    value |= uint64_t(byte & 0x7f) << shift;
    if (!(byte & 0x80))
      return true;
  }
  return false;
}

bool WireReader::readVarint(uint64_t &value) { return decodeVarint(cur, end, value) || fail(); }

bool WireReader::next() {
  if (!good || cur == end)
    return false;
  uint64_t tag;
  if (!readVarint(tag))
    return false;
  // Field numbers have 29 bits; 0 is reserved, and so are wire types 3, 4 (groups), 6 and 7.
  if (tag >> 32 || tag >> 3 == 0)
    return fail();
  fieldNumber = static_cast<uint32_t>(tag >> 3);
  wireType = static_cast<WireType>(tag & 7);
  size_t left = end - cur;
  switch (tag & 7) {
  case Varint:
    return readVarint(scalar);
  case Fixed64:
    if (left < 8)
      return fail();
    scalar = endian::read64le(cur);
    cur += 8;
    return true;
  case Fixed32:
    if (left < 4)
      return fail();
    scalar = endian::read32le(cur);
    cur += 4;
    return true;
  case Bytes: {
    uint64_t size;
    if (!readVarint(size) || size > static_cast<size_t>(end - cur))
      return fail();
    payload = llvm::StringRef(reinterpret_cast<const char *>(cur), size);
    cur += size;
    return true;
  }
  default:
    return fail();
  }
}

uint64_t WireReader::u64() {
  if (wireType == Varint)
    return scalar;
  fail();
  return 0;
}

float WireReader::f32() {
  if (wireType != Fixed32) {
    fail();
    return 0;
  }
  uint32_t bits = static_cast<uint32_t>(scalar);
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

double WireReader::f64() {
  if (wireType != Fixed64) {
    fail();
    return 0;
  }
  double value;
  std::memcpy(&value, &scalar, sizeof value);
  return value;
}

llvm::StringRef WireReader::bytes() {
  if (wireType == Bytes)
    return payload;
  fail();
  return "";
}

/// Appends a packed list of varints; false on malformed input.
template <class T> static bool unpackVarints(llvm::StringRef packed, std::vector<T> &out) {
  const uint8_t *p = packed.bytes_begin(), *end = packed.bytes_end();
  while (p != end) {
    uint64_t value;
    if (!decodeVarint(p, end, value))
      return false;
    out.push_back(static_cast<T>(value));
  }
  return true;
}

void WireReader::appendVarints(std::vector<int64_t> &out) {
  if (wireType == Bytes ? !unpackVarints(payload, out) : wireType != Varint)
    fail();
  else if (wireType == Varint)
    out.push_back(static_cast<int64_t>(scalar));
}

void WireReader::appendVarints(std::vector<uint64_t> &out) {
  if (wireType == Bytes ? !unpackVarints(payload, out) : wireType != Varint)
    fail();
  else if (wireType == Varint)
    out.push_back(scalar);
}

/// Appends packed little-endian numbers; false when a last one is cut off.
template <class T, class Word> static bool unpackFixed(llvm::StringRef packed, std::vector<T> &out) {
  if (packed.size() % sizeof(T))
    return false;
  size_t old = out.size(), n = packed.size() / sizeof(T);
  out.resize(old + n);
  for (size_t i = 0; i < n; ++i) {
    Word word = endian::read<Word, llvm::support::little, 1>(packed.bytes_begin() + i * sizeof(T));
    std::memcpy(&out[old + i], &word, sizeof word);
  }
  return true;
}

void WireReader::appendFloats(std::vector<float> &out) {
  if (wireType == Fixed32)
    out.push_back(f32());
  else if (wireType != Bytes || !unpackFixed<float, uint32_t>(payload, out))
    fail();
}

void WireReader::appendDoubles(std::vector<double> &out) {
  if (wireType == Fixed64)
    out.push_back(f64());
  else if (wireType != Bytes || !unpackFixed<double, uint64_t>(payload, out))
    fail();
}

//===-- Writer -------------------------------------------------------------===//

void WireWriter::rawVarint(uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    buffer.push_back(static_cast<char>(value | 0x80));
  buffer.push_back(static_cast<char>(value));
}

void WireWriter::varint(uint32_t field, uint64_t value) {
  tag(field, WireReader::Varint);
  rawVarint(value);
}

void WireWriter::fixed32(uint32_t field, uint32_t bits) {
  tag(field, WireReader::Fixed32);
  char raw[4];
  endian::write32le(raw, bits);
  buffer.append(raw, sizeof raw);
}

void WireWriter::fixed64(uint32_t field, uint64_t bits) {
  tag(field, WireReader::Fixed64);
  char raw[8];
  endian::write64le(raw, bits);
  buffer.append(raw, sizeof raw);
}

void WireWriter::f32(uint32_t field, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  fixed32(field, bits);
}

void WireWriter::f64(uint32_t field, double value) {
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  fixed64(field, bits);
}

void WireWriter::bytesHeader(uint32_t field, uint64_t size) {
  tag(field, WireReader::Bytes);
  rawVarint(size);
}

void WireWriter::bytes(uint32_t field, llvm::StringRef value) {
  bytesHeader(field, value.size());
  buffer.append(value.data(), value.size());
}

void WireWriter::packedFloats(uint32_t field, llvm::ArrayRef<float> values) {
  bytesHeader(field, values.size() * sizeof(float));
  for (float v : values) {
    uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    char raw[4];
    endian::write32le(raw, bits);
    buffer.append(raw, sizeof raw);
  }
}

void WireWriter::packedDoubles(uint32_t field, llvm::ArrayRef<double> values) {
  bytesHeader(field, values.size() * sizeof(double));
  for (double v : values) {
    uint64_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    char raw[8];
    endian::write64le(raw, bits);
    buffer.append(raw, sizeof raw);
  }
}

unsigned dpuopt::varintSize(uint64_t value) {
  unsigned size = 1;
  for (; value >= 0x80; value >>= 7)
    ++size;
  return size;
}
