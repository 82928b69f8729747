//===- TensorDecoder.cpp - TensorProto to Tensor, in place where possible -----===//
#include "TensorDecoder.h"
#include "OnnxProto.h"
#include "ShapeContext.h"
#include "dpuopt/Support/Wire.h"
#include "llvm/Support/Host.h"
#include "llvm/Support/SwapByteOrder.h"
#include <fmt/format.h>

using namespace dpuopt;
using namespace dpuopt::onnx;

/// A TensorProto taken apart; at most one of the data fields should be present.
struct TensorDecoder::Fields {
  std::vector<int64_t> dims;
  int64_t dataType = 0;
  bool segmented = false, isExternal = false, hasRaw = false;
  llvm::StringRef raw, packedFixed; ///< packedFixed: the only chunk of float_data or double_data
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<int64_t> ints; ///< int32_data, int64_data or uint64_data
  std::vector<std::string> strings;
  std::vector<std::pair<std::string, std::string>> externalData;

  bool parse(llvm::StringRef message);

private:
  void parseFixed(WireReader &r);
  bool parseExternal(llvm::StringRef entry);
};

/// Keeps one packed chunk in place; anything else is gathered into vectors.
void TensorDecoder::Fields::parseFixed(WireReader &r) {
  bool isDouble = r.field() == field::DoubleData;
  auto append = [&](WireReader &from) { isDouble ? from.appendDoubles(doubles) : from.appendFloats(floats); };
  if (r.type() == WireReader::Bytes && packedFixed.empty() && floats.empty() && doubles.empty()) {
    packedFixed = r.bytes();
    return;
  }
  if (!packedFixed.empty()) { // a second chunk: unpack the first one after all
    WireWriter again;
    again.bytes(r.field(), packedFixed);
    packedFixed = "";
    WireReader first(again.str());
    if (first.next())
      append(first);
  }
  append(r);
}

bool TensorDecoder::Fields::parseExternal(llvm::StringRef entry) {
  auto &[key, value] = externalData.emplace_back();
  WireReader r(entry);
  while (r.next())
    if (r.field() == field::Key)
      key = r.bytes().str();
    else if (r.field() == field::EntryValue)
      value = r.bytes().str();
  return r.ok();
}

bool TensorDecoder::Fields::parse(llvm::StringRef message) {
  WireReader r(message);
  bool good = true;
  while (good && r.next()) {
    switch (r.field()) {
    case field::Dims:
      r.appendVarints(dims);
      break;
    case field::DataType:
      dataType = r.i32();
      break;
    case field::Segment:
      segmented = true;
      break;
    case field::FloatData:
    case field::DoubleData:
      parseFixed(r);
      break;
    case field::Int32Data:
    case field::Int64Data:
    case field::Uint64Data:
      r.appendVarints(ints);
      break;
    case field::StringData:
      strings.push_back(r.bytes().str());
      break;
    case field::RawData:
      raw = r.bytes();
      hasRaw = !raw.empty(); // some writers add an empty one to typed data
      break;
    case field::ExternalData:
      good = parseExternal(r.bytes());
      break;
    case field::DataLocation:
      isExternal = r.u64() == 1;
      break;
    default:
      break;
    }
  }
  return good && r.ok();
}

//===-- Data -----------------------------------------------------------------------===//

Blob TensorDecoder::view(llvm::StringRef bytes) const {
  const uint8_t *begin = model.bytes().begin(), *p = bytes.bytes_begin();
  bool inside = p >= begin && p + bytes.size() <= model.bytes().end();
  return inside && !bytes.empty() ? model.slice(p - begin, bytes.size()) : Blob::copy(bytes);
}

/// Files are little-endian; a big-endian machine gets a swapped copy.
static Blob inHostOrder(Blob little, unsigned elementSize) {
  if (llvm::sys::IsLittleEndianHost || elementSize < 2)
    return little;
  auto bytes = little.mutableBytes();
  for (size_t i = 0; i + elementSize <= bytes.size(); i += elementSize)
    std::reverse(bytes.begin() + i, bytes.begin() + i + elementSize);
  return little;
}

template <class T> static Blob narrowed(llvm::ArrayRef<int64_t> ints) {
  std::vector<T> out(ints.size());
  for (size_t i = 0; i < ints.size(); ++i)
    out[i] = static_cast<T>(ints[i]);
  return Blob::adopt(std::move(out));
}

/// Numbers that were stored one varint each, as the elements they stand for
/// (halves are their bit patterns).
static Blob fromVarints(std::vector<int64_t> ints, unsigned byteSize) {
  switch (byteSize) {
  case 1:
    return narrowed<uint8_t>(ints);
  case 2:
    return narrowed<uint16_t>(ints);
  case 4:
    return narrowed<uint32_t>(ints);
  default:
    return Blob::adopt(std::move(ints));
  }
}

Result<Blob> TensorDecoder::dataOf(const Fields &f, const Type &type, const std::string &what) {
  unsigned size = type.elemType().byteSize();
  uint64_t needed = static_cast<uint64_t>(type.numBytes());
  if (f.isExternal) {
    auto blob = externalData(f.externalData, needed, what);
    return blob ? Result<Blob>(inHostOrder(*blob, size)) : failure();
  }
  if (f.hasRaw || !f.packedFixed.empty()) {
    llvm::StringRef bytes = f.hasRaw ? f.raw : f.packedFixed;
    if (bytes.size() != needed)
      return diags.error(fmt::format("{}: {} needs {} bytes, has {}", what, type.str(), needed, bytes.size()));
    return inHostOrder(view(bytes), size);
  }
  bool isFloat = type.elemType().kind == ElemKind::F32, isDouble = type.elemType().kind == ElemKind::F64;
  size_t count = isFloat ? f.floats.size() : isDouble ? f.doubles.size() : f.ints.size();
  if (count != static_cast<uint64_t>(type.numElements()))
    return diags.error(fmt::format("{}: {} needs {} elements, has {}", what, type.str(), type.numElements(), count));
  return isFloat ? Blob::adopt(f.floats) : isDouble ? Blob::adopt(f.doubles) : fromVarints(f.ints, size);
}

Result<Tensor> TensorDecoder::decode(llvm::StringRef message, const std::string &what) {
  Fields f;
  if (!f.parse(message))
    return diags.error(what + " is truncated or damaged");
  if (f.segmented)
    return diags.error(what + " is stored in segments, which is not supported");
  ElemType elem = elemTypeFromOnnx(f.dataType);
  if (elem.kind == ElemKind::None)
    return diags.error(fmt::format("{} has an unsupported element type (TensorProto data type {})", what, f.dataType));
  Type type(elem, llvm::ArrayRef<int64_t>(f.dims));
  for (int64_t d : f.dims)
    if (d < 0)
      return diags.error(fmt::format("{} has a negative dimension: {}", what, shapeStr(f.dims)));
  int64_t n = type.numElements();
  if (n < 0 || n > MaxElements)
    return diags.error(fmt::format("{} has more than {} elements: {}", what, MaxElements, shapeStr(f.dims)));
  if (elem.kind == ElemKind::String) {
    if (static_cast<int64_t>(f.strings.size()) != n)
      return diags.error(fmt::format("{}: {} needs {} strings, has {}", what, type.str(), n, f.strings.size()));
    return Tensor(type, packStrings(f.strings));
  }
  auto data = dataOf(f, type, what);
  if (!data)
    return failure();
  return Tensor(std::move(type), std::move(*data));
}

bool TensorDecoder::isDecodable(llvm::StringRef message) {
  int64_t dataType = 0;
  WireReader r(message);
  while (r.next())
    if (r.field() == field::DataType)
      dataType = r.i32();
  return elemTypeFromOnnx(dataType).kind != ElemKind::None;
}

//===-- Strings ----------------------------------------------------------------------===//

Blob onnx::packStrings(llvm::ArrayRef<std::string> strings) {
  WireWriter w;
  std::string out;
  for (const std::string &s : strings) {
    w.clear();
    w.rawVarint(s.size());
    out += w.str();
    out += s;
  }
  return Blob::copy(llvm::StringRef(out));
}

std::vector<llvm::StringRef> onnx::unpackStrings(const Blob &b) {
  std::vector<llvm::StringRef> out;
  for (llvm::StringRef rest = b.str(); !rest.empty();) {
    uint64_t size = 0;
    unsigned shift = 0;
    bool more = true;
    while (more && !rest.empty() && shift < 64) {
      uint8_t byte = rest.front();
      rest = rest.drop_front();
      size |= uint64_t(byte & 0x7f) << shift;
      shift += 7;
      more = byte & 0x80;
    }
    size = std::min<uint64_t>(size, rest.size());
    out.push_back(rest.take_front(size));
    rest = rest.drop_front(size);
  }
  return out;
}
